"""Finds all matches in a text, and their groups, in time linear in the text.

The text is read twice. Backward, an automaton computes for each place in the text which positions
in the pattern can read the next character and reach a match from there; this also gives the places
where a match begins. Forward, a single thread runs the program from such a place: of the ways that
it can continue it takes the one with the highest priority, among those that reach a match. That is
the way of the thread that wins in the crate's Pike VM, which runs all threads at once.

The sets for all places may be too large to store, so the first reading stores one in `BLOCK`, and
those between are computed again where a match is.

Sources: A. Frisch and L. Cardelli, "Greedy Regular Expression Matching" (2004), for the two
readings; regex 1.8.3 `pikevm.rs`, for the priorities.
"""

from __future__ import annotations

from functools import cached_property

from proccli.rustregex.match.alphabet import END, KINDS, Alphabet
from proccli.rustregex.match.automaton import Automaton, State, Step
from proccli.rustregex.match.positions import Place
from proccli.rustregex.match.program import Op, Program, compile_program
from proccli.rustregex.tree.nodes import LookKind, Node, Span

BLOCK = 1024
"""The number of characters from one stored state to the next."""

MOST_STATES = 64
"""The number of states that a thread receives at once."""


class SpanFinder:
    """Finds the matches of one pattern. `groups`: how many to report, the match included."""

    def __init__(self, root: Node, groups: int, alphabet: Alphabet) -> None:
        self._root = root
        self._groups = groups
        self._alphabet = alphabet
        self.automaton = Automaton(root, alphabet, backward=True)
        self._scan: Scan | None = None
        self.work = 0
        """Instructions run and characters read, for tests."""

    def search(self, text: str, start: int) -> tuple[Span | None, ...] | None:
        """The spans of the leftmost match from `start` on, and of its groups."""
        # Finding all matches searches the same text repeatedly.
        if self._scan is None or self._scan.text is not text:
            self._scan = Scan(self.automaton, text)
        begin = self._scan.starts.find(1, start)
        return None if begin < 0 else self._spans(self._scan, begin)

    def _spans(self, scan: Scan, begin: int) -> tuple[Span | None, ...]:
        slots: list[int | None] = [None] * (2 * self._groups)
        before = self._kind_before(scan.text, begin)
        pc, at = 0, begin
        while pc >= 0:
            for state in scan.states_from(at):
                key = pc * KINDS + before
                step = state.steps.get(key)
                if step is None:
                    held = self.automaton.held(before, state.beside)
                    step = state.steps[key] = self._step(state, pc, held)
                pc, saves = step
                for slot in saves:
                    slots[slot] = at
                if pc < 0:
                    break
                before = state.beside
                at += 1
        self.work += at - begin
        pairs = zip(slots[::2], slots[1::2], strict=True)
        return tuple([None if a is None or b is None else (a, b) for a, b in pairs])

    def _kind_before(self, text: str, at: int) -> int:
        if not self.automaton.positions.looks:
            return 0
        return self.automaton.kind(text[at - 1] if at else END)

    def _step(self, state: State, pc: int, held: frozenset[LookKind]) -> Step:
        """The way with the highest priority that reaches a match."""
        program, places, sets = self._program, self._places, state.sets
        seen: set[int] = set()
        pending: list[tuple[int, tuple[int, ...]]] = [(pc, ())]
        while pending:
            pc, saves = pending.pop()
            if pc in seen:
                continue
            seen.add(pc)
            x, y = program.x[pc], program.y[pc]
            match program.op[pc]:
                case Op.SET:
                    run, bit = places[pc]
                    if sets[run] >> bit & 1:
                        self.work += len(seen)
                        return x, saves
                case Op.SPLIT:
                    pending.append((y, saves))
                    pending.append((x, saves))
                case Op.SAVE:
                    pending.append((x, (*saves, y) if y < program.slots else saves))
                case Op.LOOK:
                    if program.looks[y] in held:
                        pending.append((x, saves))
                case Op.MATCH:
                    self.work += len(seen)
                    return -1, saves
        raise AssertionError("no way to a match")

    @cached_property
    def _program(self) -> Program:
        return compile_program(self._root, self._groups, self._alphabet)

    @cached_property
    def _places(self) -> dict[int, Place]:
        readers = (pc for pc, op in enumerate(self._program.op) if op == Op.SET)
        return dict(zip(readers, self.automaton.positions.places(), strict=True))


class Scan:
    """A text that was read backward. `starts[i]` is 1 if a match begins at offset i."""

    def __init__(self, automaton: Automaton, text: str) -> None:
        self.text = text
        self.starts = bytearray(len(text) + 1)
        self._automaton = automaton
        self._stored: list[State] = []
        self._states: list[State] = []
        self._block = -1
        self._read()

    def states_from(self, at: int) -> list[State]:
        """The states before the character at `at` and before some following ones; `at` is at or
        after the start of a match."""
        block, place = divmod(len(self.text) - at, BLOCK)
        if block != self._block:
            self._read_block(block)
        return self._states[place : place - MOST_STATES if place > MOST_STATES else None : -1]

    def _read(self) -> None:
        automaton, text, starts = self._automaton, self.text, self.starts
        state = automaton.begin()
        end = len(text)
        while end > 0:
            self._stored.append(state)
            begin = max(end - BLOCK, 0)
            at = end
            for char in reversed(text[begin:end]):
                state, matched = state.edges.get(char) or automaton.edge(state, char)
                if matched:
                    starts[at] = 1
                at -= 1
            automaton.work += end - begin
            if not state.searching and not any(state.sets):
                return
            end = begin
        if len(self._stored) * BLOCK <= len(text):
            self._stored.append(state)
        if automaton.edge(state, END)[1]:
            starts[0] = 1

    def _read_block(self, block: int) -> None:
        state = self._stored[block]
        states = [state]
        end = len(self.text) - block * BLOCK
        for char in reversed(self.text[max(end - BLOCK + 1, 0) : end]):
            state = self._automaton.edge(state, char)[0]
            states.append(state)
        self._automaton.work += len(states)
        self._states, self._block = states, block
