"""The reference for matching: runs a program with all its threads, in order of priority.

All threads of the program advance together, one character at a time, in order of priority, as in
the crate's Pike VM. The effect of a step depends only on the threads and on the characters to both
sides, not on the position, so it is computed once and cached: a deterministic automaton is built
while the text is read, with a list of moves for the captures on each edge.

Bound: a cached step takes a dictionary look-up, and a move for each thread whose captures change;
a step that is not cached takes time proportional to the program's size. The cache is cleared
whenever it has `MEMORY` entries, so it never grows beyond that.

Source: regex 1.8.3 `pikevm.rs` (priorities), `dfa.rs` (the idea of the cache); V. Laurikari,
"NFAs with Tagged Transitions" (2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

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
from proccli.rustregex.match.program import Op, Program
from proccli.rustregex.tree.nodes import LookKind

MEMORY = 400_000
"""The most threads and edges in the cache, about 50 MB."""

Slots = tuple[int | None, ...]


class Edge(NamedTuple):
    """What happens at a position, given the state and the character that follows."""

    state: State
    moves: tuple[tuple[int, tuple[int, ...]], ...] | None
    """For each thread of `state`: the thread it continues (-1: it starts here) and the slots that
    are saved here. None: no thread changes."""
    match: tuple[int, tuple[int, ...]] | None
    """The thread that matches here, and the slots that it saves here."""


class State:
    """Threads between two characters, each given by its instruction, in order of priority.

    `before` is the kind (bits) of the character to the left, as far as the program tests it;
    `searching`: a new thread may still start.
    """

    __slots__ = ("before", "edges", "searching", "threads")

    def __init__(self, threads: tuple[int, ...], before: int, searching: bool) -> None:
        self.threads = threads
        self.before = before
        self.searching = searching
        self.edges: dict[str, Edge] = {}


class Simulation:
    """Runs one program, and caches the steps that it computed."""

    def __init__(self, program: Program, alphabet: Alphabet, *, longest: bool = False) -> None:
        self.program = program
        self._longest = longest
        self._alphabet = alphabet
        looks = set(program.looks)
        self._bits: list[tuple[int, int]] = []
        for ranges, bit, kinds in (
            (NEWLINE, NEWLINE_BIT, {LookKind.START_LINE, LookKind.END_LINE}),
            (alphabet.word, WORD_BIT, {LookKind.WORD, LookKind.NOT_WORD}),
            (ASCII_WORD, ASCII_WORD_BIT, {LookKind.WORD_ASCII, LookKind.NOT_WORD_ASCII}),
        ):
            if looks & kinds:
                self._bits.append((1 << alphabet.bit_of[ranges], bit))
        self._looks_around = bool(looks)
        self._empty: Slots = (None,) * program.slots
        self._states: dict[tuple[tuple[int, ...], int, bool], State] = {}
        self._cached = 0

    def is_match(self, text: str) -> bool:
        """Whether the program matches anywhere."""
        state = self._begin(text, 0)
        for at in range(len(text) + 1):
            char = text[at : at + 1]
            edge = state.edges.get(char) or self._grow(state, char)
            if edge.match is not None:
                return True
            state = edge.state
            if not state.searching and not state.threads:
                return False
        return False

    def end(self, text: str, start: int) -> int | None:
        """The end of the leftmost match from `start` on."""
        state = self._begin(text, start)
        found = None
        for at in range(start, len(text) + 1):
            char = text[at : at + 1]
            edge = state.edges.get(char) or self._grow(state, char)
            if edge.match is not None:
                found = at
            state = edge.state
            if not state.threads and not state.searching:
                break
        return found

    def reach(self, chars: str, before: str, after: str) -> int:
        """The length of the longest match in `chars` that begins at their start.

        Only for a program that is known to match there. `before` and `after` are the characters
        on both sides, empty at the ends of the text.
        """
        state = self.state((0,), self.kind(before), searching=False)
        found = 0
        for at, char in enumerate(chars):
            edge = state.edges.get(char) or self._grow(state, char)
            if edge.match is not None:
                found = at
            state = edge.state
            if not state.threads:
                return found
        return len(chars) if self.edge(state, after).match is not None else found

    def slots(self, text: str, start: int, end: int) -> Slots:
        """The positions that the match of text[start:end] saves: start and end of group 0, of
        group 1, and so on; None for a group that did not participate."""
        state = self.state((0,), self.kind(text[start - 1] if start else END), searching=False)
        slots: list[Slots] = [self._empty]
        for at in range(start, end):
            char = text[at]
            edge = state.edges.get(char) or self._grow(state, char)
            if edge.moves is not None:
                slots = [self._saved(slots[thread], saves, at) for thread, saves in edge.moves]
            state = edge.state
        match = self.edge(state, text[end : end + 1]).match
        if match is None:
            raise ValueError(f"no match at {start}..{end}")
        thread, saves = match
        return self._saved(slots[thread], saves, end)

    @staticmethod
    def _saved(slots: Slots, saves: Sequence[int], at: int) -> Slots:
        if not saves:
            return slots
        changed = list(slots)
        for slot in saves:
            changed[slot] = at
        return tuple(changed)

    def _begin(self, text: str, start: int) -> State:
        before = self.kind(text[start - 1] if start else END)
        return self.state((), before, searching=start == 0 or not self.program.anchored)

    def kind(self, char: str) -> int:
        """The kind of a character, or of an end of the text, as look-arounds test it."""
        if char == END:
            return START
        if char == MASKED:
            return UNKNOWN
        symbol = self._alphabet.symbol(ord(char))
        return sum(bit for mask, bit in self._bits if symbol & mask)

    def state(self, threads: tuple[int, ...], before: int, *, searching: bool) -> State:
        """The state with these threads, each of them at the beginning of its instruction."""
        key = (threads, before if self._looks_around else 0, searching)
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = State(*key)
            self._cached += len(threads)
        return state

    def edge(self, state: State, char: str) -> Edge:
        """What happens in `state` if `char` follows."""
        return state.edges.get(char) or self._grow(state, char)

    def _grow(self, state: State, char: str) -> Edge:
        if self._cached > MEMORY:
            self._states.clear()
            self._cached = 0
            state.edges.clear()
        edge = state.edges[char] = self._edge(state, char)
        self._cached += 1 + len(edge.moves or ())
        return edge

    def _edge(self, state: State, char: str) -> Edge:
        program = self.program
        ops, x, y = program.op, program.x, program.y
        after = self.kind(char)
        holds = self._holding(state.before, after)
        symbol = self._alphabet.symbol(ord(char)) if len(char) == 1 else 0
        seen: set[int] = set()
        threads: dict[int, tuple[int, tuple[int, ...]]] = {}
        matched: tuple[int, tuple[int, ...]] | None = None
        starts = [(-1, 0)] if state.searching else []
        for source, origin in [*enumerate(state.threads), *starts]:
            stack: list[tuple[int, tuple[int, ...]]] = [(origin, ())]
            while stack:
                pc, saves = stack.pop()
                if pc in seen:
                    continue
                seen.add(pc)
                op = ops[pc]
                if op == Op.SET:
                    if symbol >> y[pc] & 1:
                        threads.setdefault(x[pc], (source, saves))
                elif op == Op.SPLIT:
                    stack.append((y[pc], saves))
                    stack.append((x[pc], saves))
                elif op == Op.SAVE:
                    stack.append((x[pc], (*saves, y[pc]) if y[pc] < program.slots else saves))
                elif op == Op.LOOK:
                    if y[pc] in holds:
                        stack.append((x[pc], saves))
                else:
                    matched = (source, saves)
                    if not self._longest:
                        break
            if matched and not self._longest:
                break
        searching = state.searching and matched is None and not program.anchored and len(char) == 1
        following = self.state(tuple(threads), after, searching=searching)
        moves = tuple(threads.values())
        stays = following.threads and all(
            source == place and not saves for place, (source, saves) in enumerate(moves)
        )
        same = len(moves) == len(state.threads) and (stays or not moves)
        return Edge(following, None if same else moves, matched)

    def _holding(self, before: int, after: int) -> frozenset[int]:
        """The look-arounds of the program that hold between these two kinds."""
        if not self._looks_around or (before | after) & UNKNOWN:
            return frozenset()
        return frozenset(
            number for number, kind in enumerate(self.program.looks) if holds(kind, before, after)
        )
