"""The crate's lazy DFA, with its wrong answers about what is before a match.

A state contains the instructions that wait for the next character, including look-arounds that are
not decided yet, and whether the last character was a word character. Two shortcuts give wrong
answers where a look-around tests what is before:

- in its first state it has already decided word boundaries, from the characters around the
  position that it starts from;
- whenever it is in that first state, it jumps ahead to the next literal that a match can begin
  with, and what it knows of the last character is then out of date.

It recognizes word characters in ASCII only, and gives up at any other character if the pattern
contains Unicode word boundaries.

Source: regex 1.8.3 `dfa.rs` (start_flags, exec_at, exec_byte).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from proccli.rustregex.match.alphabet import END, Alphabet
from proccli.rustregex.match.program import Op, Program
from proccli.rustregex.tree.nodes import LookKind

MEMORY = 400_000
"""The most instructions and edges in the cache."""

MOST_GROWTH = 10 * MEMORY
"""The most instructions in all states that one run computes; beyond it the crate gives up, too."""


class GaveUpError(Exception):
    """The DFA read a character that it cannot handle, or needs too many states."""


class _State:
    """`matched`: a match ended before the last character (the DFA is one character late)."""

    __slots__ = ("edges", "matched", "waiting", "word")

    def __init__(self, waiting: tuple[int, ...], word: bool, matched: bool) -> None:
        self.waiting = waiting
        self.word = word
        self.matched = matched
        # By the next character: the next state, and whether it is the one to jump from.
        self.edges: dict[str, tuple[_State, bool]] = {}


class Outcome(NamedTuple):
    """Where the match ends (None: no match), and how far the text was read to find out."""

    end: int | None
    read: int


NO_END, GAVE_UP = -1, -2


class _Trace:
    """The states of the latest run of `LazyDfa.end` from `low` to `high`, and its result."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.states: list[_State | None] = [None] * (len(text) + 1)
        self.low, self.high = 0, -1
        self.end = NO_END


class LazyDfa:
    """Runs a program without captures over a text, from one position on.

    `anywhere`: a match may begin later on. `longest`: it ends as late as possible, instead of
    by priority. `jump_to`: literals; every match begins with one of them.
    """

    def __init__(
        self,
        program: Program,
        alphabet: Alphabet,
        *,
        anywhere: bool = False,
        longest: bool = False,
        jump_to: Iterable[str] = (),
    ) -> None:
        size = len(program.op)
        self._op: list[int] = [*program.op, Op.SPLIT]
        self._x = [*program.x, 0]
        self._y = [*program.y, size + 1]
        self._any, self._first = size + 1, size if anywhere else 0
        self._looks = program.looks
        self._ascii_only = bool({LookKind.WORD, LookKind.NOT_WORD} & set(program.looks))
        self._alphabet = alphabet
        self._longest = longest
        literals = "|".join(map(re.escape, jump_to))
        self._next_literal = re.compile(literals).search if literals else None
        self._states: dict[tuple[tuple[int, ...], bool, bool], _State] = {}
        self._cached = 0
        self._grown = 0
        self._trace: _Trace | None = None

    def run(
        self, chars: str, before: str, *, start: int = 0, alone: bool, shortest: bool = False
    ) -> Outcome:
        """The match at `start`, or later on, with `before` to the left of it.

        `before` is empty at the end of the text, and `alone` means that there is no text at all.
        `shortest` stops at the first match. Raises: GaveUpError.
        """
        self._grown = 0
        state = first = self._start(before, chars[start : start + 1], alone=alone)
        jumps = True
        if not state.waiting:
            return Outcome(None, start)
        end, at = None, start
        while at < len(chars):
            if self._next_literal and jumps:
                found = self._next_literal(chars, at)
                if not found:
                    return Outcome(None, len(chars))
                at = found.start()
            state, jumps = state.edges.get(chars[at]) or self._grow(state, chars[at], first)
            at += 1
            if state.matched:
                end = at - 1
                if shortest:
                    return Outcome(end, at)
            elif not state.waiting:
                return Outcome(end, at)
        if self._grow(state, END, first)[0].matched:
            end = len(chars)
        return Outcome(end, len(chars))

    def end(self, chars: str, before: str, start: int) -> int | None:
        """The end of the match at `start`, or later on; for a search in the middle of a text.

        A run that reaches the state of the previous one at the same place ends as that one did, so
        that all searches in a text together take little longer than one. Raises: GaveUpError.
        """
        if self._next_literal:
            return self.run(chars, before, start=start, alone=False).end
        previous = self._trace if self._trace and self._trace.text is chars else _Trace(chars)
        self._trace = trace = previous
        state = first = self._start(before, chars[start : start + 1], alone=False)
        low, high, earlier = trace.low, trace.high, trace.end
        trace.low, trace.end = start, GAVE_UP
        states, length = trace.states, len(chars)
        end, at = NO_END, start
        try:
            while state.waiting or state.matched:
                if low <= at <= high and states[at] is state:
                    trace.high = high
                    end = earlier if earlier >= at or earlier == GAVE_UP else end
                    break
                states[at] = state
                trace.high = at
                if at == length:
                    if self._grow(state, END, first)[0].matched:
                        end = length
                    break
                char = chars[at]
                state = (state.edges.get(char) or self._grow(state, char, first))[0]
                if state.matched:
                    end = at
                at += 1
        except GaveUpError:
            end = GAVE_UP
        trace.end = end
        if end == GAVE_UP:
            raise GaveUpError
        return None if end == NO_END else end

    def clear(self) -> None:
        """Clear the cache, which can change the answer: the DFA jumps where it jumped in an
        earlier run, even if that is no longer its first state."""
        self._states.clear()
        self._cached = self._grown = 0
        self._trace = None

    def _start(self, before: str, after: str, *, alone: bool) -> _State:
        word = _is_word(before)
        held = _word_looks(word, _is_word(after))
        if not before:
            held |= {LookKind.START_TEXT, LookKind.START_LINE}
        if before == "\n":
            held.add(LookKind.START_LINE)
        if alone:
            held |= {LookKind.END_TEXT, LookKind.END_LINE}
        return self._state(self._follow([self._first], held), word=word, matched=False)

    def _state(self, reached: list[int], *, word: bool, matched: bool) -> _State:
        waiting: list[int] = []
        for pc in reached:
            op = self._op[pc] if pc != self._any else Op.SET
            if op not in (Op.SAVE, Op.SPLIT):
                waiting.append(pc)
            if op == Op.MATCH and not self._longest:
                break
        key = (tuple(waiting), word, matched)
        if key not in self._states:
            self._states[key] = _State(*key)
            self._cached += len(waiting)
        return self._states[key]

    def _grow(self, state: _State, char: str, first: _State) -> tuple[_State, bool]:
        """Compute and cache what follows `state`. Raises: GaveUpError."""
        if self._ascii_only and not char.isascii():
            raise GaveUpError
        self._grown += len(state.waiting)
        if self._grown > MOST_GROWTH:
            raise GaveUpError
        if self._cached > MEMORY:
            self._states.clear()
            self._cached = 0
            first.edges.clear()
            self._states[first.waiting, first.word, first.matched] = first
        word = _is_word(char)
        held = _word_looks(state.word, word)
        if char == END:
            held |= {LookKind.END_TEXT, LookKind.END_LINE}
        elif char == "\n":
            held.add(LookKind.END_LINE)
        after = {LookKind.START_LINE} if char == "\n" else set()
        targets, matched = self._advance(self._follow(state.waiting, held), char)
        following = self._state(self._follow(targets, after), word=word, matched=matched)
        edge = state.edges[char] = (following, following is first)
        self._cached += 1
        return edge

    def _advance(self, waiting: list[int], char: str) -> tuple[list[int], bool]:
        """The instructions after `char`, and whether one of these is a match."""
        symbol = self._alphabet.symbol(ord(char)) if char else 0
        targets: list[int] = []
        matched = False
        for pc in waiting:
            if pc == self._any:
                if char:
                    targets.append(self._first)
            elif self._op[pc] == Op.SET:
                if symbol >> self._y[pc] & 1:
                    targets.append(self._x[pc])
            elif self._op[pc] == Op.MATCH:
                matched = True
                if not self._longest:
                    break
        return targets, matched

    def _follow(self, origins: Iterable[int], held: set[LookKind]) -> list[int]:
        """All instructions that are reached without reading a character, in order of priority."""
        reached: dict[int, None] = {}
        for origin in origins:
            pending = [origin]
            while pending:
                pc = pending.pop()
                if pc in reached:
                    continue
                reached[pc] = None
                if pc == self._any:
                    continue
                match self._op[pc]:
                    case Op.SPLIT:
                        pending += self._y[pc], self._x[pc]
                    case Op.SAVE:
                        pending.append(self._x[pc])
                    case Op.LOOK if self._looks[self._y[pc]] in held:
                        pending.append(self._x[pc])
        return list(reached)


def _word_looks(left: bool, right: bool) -> set[LookKind]:
    """The word look-arounds that hold between two characters: word characters or not."""
    if left != right:
        return {LookKind.WORD, LookKind.WORD_ASCII}
    return {LookKind.NOT_WORD, LookKind.NOT_WORD_ASCII}


def _is_word(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")
