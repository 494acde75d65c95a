"""Runs a program in time linear in the text.

All threads of the program advance together, one character at a time, in order of priority, as in
the crate's Pike VM; what a step does to the threads depends only on which threads there are, on
the characters to both sides and not on positions, so it is worked out once and remembered: a
deterministic automaton grows while the text is read, with a list of moves for the captures on
each edge.

Bound: a remembered step costs a dictionary look-up, and a move for each thread whose captures
change; a step that is not remembered costs time proportional to the program's size. The memory
is emptied whenever it holds `MEMORY` entries, so no pattern makes it grow beyond that.

Source: regex 1.8.3 `pikevm.rs` (priorities), `dfa.rs` (the idea of the cache); V. Laurikari,
"NFAs with Tagged Transitions" (2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from proccli.rustregex.match.alphabet import ASCII_WORD, NEWLINE, Alphabet, Ranges
from proccli.rustregex.match.program import Op, Program
from proccli.rustregex.match.sides import (
    ASCII_WORD_BIT,
    END,
    HOLE,
    MASKED,
    NEWLINE_BIT,
    START,
    WORD_BIT,
    holds,
)
from proccli.rustregex.tree.nodes import LookKind

MEMORY = 400_000
"""Threads and edges remembered at one time, some 50 MB."""

Slots = tuple[int | None, ...]


@dataclass(slots=True)
class Edge:
    """What happens at a position, given the state and the character that follows."""

    state: State
    moves: tuple[tuple[int, tuple[int, ...]], ...] | None
    """For each thread of `state`: the thread it continues (-1: it starts here) and the slots that
    are saved here. None: all threads stay as they are."""
    match: tuple[int, tuple[int, ...]] | None
    """The thread that matches here, likewise."""


@dataclass(slots=True, eq=False)
class State:
    """Threads between two characters, by the instruction they stand at, best first."""

    threads: tuple[int, ...]
    before: int
    """What is to the left (bits), as far as the program asks."""
    searching: bool
    """Whether a new thread may still start."""
    edges: dict[str, Edge] = field(default_factory=dict)


class Simulation:
    """One program with all that was learned about it while it ran."""

    def __init__(
        self, program: Program, alphabet: Alphabet, word: Ranges, *, longest: bool = False
    ) -> None:
        self.program = program
        self._longest = longest
        self._alphabet = alphabet
        wanted = set(program.looks)
        self._bits: list[tuple[int, int]] = []
        for ranges, bit, kinds in (
            (NEWLINE, NEWLINE_BIT, {LookKind.START_LINE, LookKind.END_LINE}),
            (word, WORD_BIT, {LookKind.WORD, LookKind.NOT_WORD}),
            (ASCII_WORD, ASCII_WORD_BIT, {LookKind.WORD_ASCII, LookKind.NOT_WORD_ASCII}),
        ):
            if wanted & kinds:
                self._bits.append((1 << alphabet.bit_of[ranges], bit))
        self._looks_around = bool(wanted)
        self._empty: Slots = (None,) * program.slots
        self._states: dict[tuple[tuple[int, ...], int, bool], State] = {}
        self._remembered = 0

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
        """Where the leftmost match from `start` on ends."""
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
        """How many of `chars` the longest match takes that begins with the first of them.

        For a program that is known to match there. `before` and `after` are the characters on
        both sides, empty at the ends of the text.
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
        group 1, and so on, with None for a group that took no part."""
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
        """What look-arounds see of a character, or of an end of the text."""
        if char == END:
            return START
        if char == MASKED:
            return HOLE
        symbol = self._alphabet.symbol(ord(char))
        return sum(bit for mask, bit in self._bits if symbol & mask)

    def state(self, threads: tuple[int, ...], before: int, *, searching: bool) -> State:
        """The state of these threads, none of them further than this instruction."""
        key = (threads, before if self._looks_around else 0, searching)
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = State(*key)
            self._remembered += len(threads)
        return state

    def edge(self, state: State, char: str) -> Edge:
        """What happens in `state` before `char`."""
        return state.edges.get(char) or self._grow(state, char)

    def _grow(self, state: State, char: str) -> Edge:
        if self._remembered > MEMORY:
            self._states.clear()
            self._remembered = 0
            state.edges.clear()
        edge = state.edges[char] = self._edge(state, char)
        self._remembered += 1 + len(edge.moves or ())
        return edge

    def _edge(self, state: State, char: str) -> Edge:  # noqa: C901 - a case an instruction
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
        """Which of the program's look-arounds hold between these two sides."""
        if not self._looks_around or (before | after) & HOLE:
            return frozenset()
        return frozenset(
            number for number, kind in enumerate(self.program.looks) if holds(kind, before, after)
        )
