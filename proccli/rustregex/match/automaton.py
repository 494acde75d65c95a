"""A deterministic automaton over sets of positions, built while a text is read.

The effect of a character depends only on the set, on the kinds of the characters to both sides, and
on the character itself, so each step is computed once and cached. A cached step takes a dictionary
look-up; any other takes a few operations on integers for each node of the tree (see `positions`).
The cache is cleared whenever it has `MEMORY` entries, so it never grows beyond that.

Source: regex 1.8.3 `dfa.rs` (the idea of the cache).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from proccli.rustregex.match.alphabet import (
    ASCII_WORD,
    ASCII_WORD_BIT,
    END,
    MASKED,
    NEWLINE,
    NEWLINE_BIT,
    START,
    UNKNOWN,
    WORD_BIT,
    Alphabet,
    holds,
)
from proccli.rustregex.match.positions import Positions, Sets
from proccli.rustregex.tree.nodes import LookKind, Node
from proccli.rustregex.tree.shape import is_anchored, mirrored

MEMORY = 3_000_000
"""The most machine words in the cache, about 50 MB."""


class State:
    """What is known between two characters.

    `sets`: the positions that read the last character; `beside`: its kind (bits), as far as the
    pattern tests it; `searching`: a match may still begin (backward: end).
    """

    __slots__ = ("beside", "edges", "searching", "sets", "steps")

    def __init__(self, sets: Sets, beside: int, searching: bool) -> None:
        self.sets = sets
        self.beside = beside
        self.searching = searching
        self.edges: dict[str, Edge] = {}
        self.steps: dict[int, Step] = {}
        """For `spans`: by a thread's instruction and by what is to its left, what it does."""


Step: TypeAlias = tuple[int, tuple[int, ...]]
"""The instruction after the character that a thread reads (-1: its match ends before it), and the
slots that it saves before it."""

Edge: TypeAlias = tuple[State, bool]
"""The state after a character, and whether a match ends before it (backward: begins after it)."""


class Automaton:
    """Reads texts forward, or backward from their ends."""

    def __init__(self, root: Node, alphabet: Alphabet, *, backward: bool = False) -> None:
        self.positions = Positions(root, alphabet, backward=backward)
        self._alphabet = alphabet
        self._backward = backward
        self._anchored = is_anchored(mirrored(root) if backward else root)
        self._bits: list[tuple[int, int]] = []
        looks = set(self.positions.looks)
        for ranges, bit, kinds in (
            (NEWLINE, NEWLINE_BIT, {LookKind.START_LINE, LookKind.END_LINE}),
            (alphabet.word, WORD_BIT, {LookKind.WORD, LookKind.NOT_WORD}),
            (ASCII_WORD, ASCII_WORD_BIT, {LookKind.WORD_ASCII, LookKind.NOT_WORD_ASCII}),
        ):
            if looks & kinds:
                self._bits.append((1 << alphabet.bit_of[ranges], bit))
        self._states: dict[tuple[Sets, int, bool], State] = {}
        self._cached = 0
        self.work = 0
        """Characters read, and machine words computed; for tests."""

    def is_match(self, text: str) -> bool:
        """Whether the pattern matches anywhere. Only for reading forward."""
        state = self.begin()
        for at in range(len(text) + 1):
            char = text[at : at + 1]
            state, matched = state.edges.get(char) or self._grow(state, char)
            if matched:
                self.work += at
                return True
            if not state.searching and not any(state.sets):
                break
        self.work += at
        return False

    def begin(self) -> State:
        """The state at the end of the text at which the reading begins."""
        return self.state(self.positions.empty, START, searching=True)

    def kind(self, char: str) -> int:
        """The kind of a character, or of an end of the text, as look-arounds test it."""
        if char == END:
            return START
        if char == MASKED:
            return UNKNOWN
        symbol = self._alphabet.symbol(ord(char))
        return sum(bit for mask, bit in self._bits if symbol & mask)

    def state(self, sets: Sets, beside: int, *, searching: bool) -> State:
        """The state with these positions."""
        key = (sets, beside if self.positions.looks else 0, searching)
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = State(*key)
            self._cached += len(sets) + self.positions.words
        return state

    def edge(self, state: State, char: str) -> Edge:
        """What happens in `state` if `char` follows."""
        return state.edges.get(char) or self._grow(state, char)

    def held(self, left: int, right: int) -> frozenset[LookKind]:
        """The look-arounds of the pattern that hold between these two kinds."""
        looks = self.positions.looks
        if not looks or (left | right) & UNKNOWN:
            return frozenset()
        return frozenset(kind for kind in looks if holds(kind, left, right))

    def possible(self, lefts: Iterable[int], rights: Iterable[int]) -> frozenset[LookKind]:
        """The look-arounds that can hold between one of these kinds and one of those."""
        return frozenset(
            look
            for look in self.positions.looks
            if any(holds(look, left, right) for left in lefts for right in rights)
        )

    def _grow(self, state: State, char: str) -> Edge:
        if self._cached > MEMORY:
            self._states.clear()
            self._cached = 0
            state.edges.clear()
        edge = state.edges[char] = self._edge(state, char)
        self._cached += 4
        self.work += self.positions.words
        return edge

    def _edge(self, state: State, char: str) -> Edge:
        beside = self.kind(char)
        left, right = (beside, state.beside) if self._backward else (state.beside, beside)
        places, matched = self.positions.advance(
            state.sets, self.held(left, right), start=state.searching
        )
        if len(char) == 1:
            sets = self.positions.read(places, self._alphabet.symbol(ord(char)))
        else:
            sets = self.positions.empty
        searching = state.searching and not self._anchored and len(char) == 1
        return self.state(sets, beside, searching=searching), matched
