"""The crate's lazy automaton, with the mistakes it makes about what is before a match.

A state holds the instructions that wait for the next character, look-arounds that are not
decided yet among them, and whether the last character was one of a word. Two shortcuts make it
err where a look-around asks for what is before:

- in its first state it has already decided word boundaries, from the characters around the place
  it starts from;
- whenever it is in that first state, it jumps ahead to the next literal that a match can begin
  with, and what it knew of the last character is then out of date.

It tells word characters apart in ASCII only, and gives up at any other character if the pattern
asks for Unicode word boundaries.

Source: regex 1.8.3 `dfa.rs` (start_flags, exec_at, exec_byte).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from proccli.rustregex.match.alphabet import Alphabet
from proccli.rustregex.match.program import Op, Program
from proccli.rustregex.tree.nodes import LookKind

END = ""
"""Stands for the character after the last one."""


MEMORY = 400_000
"""Instructions and edges remembered at one time."""


class GaveUpError(Exception):
    """The automaton met a character that it can't handle."""


@dataclass(slots=True, eq=False)
class _State:
    waiting: tuple[int, ...]
    word: bool
    matched: bool
    """A match ended before the last character: the automaton is one character late."""
    edges: dict[str, tuple[_State, bool]] = field(default_factory=dict)
    """By the next character: where it leads to, and whether that is where to jump from."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the match ends, or None; and how far was read to tell."""

    end: int | None
    read: int


class Automaton:
    """Runs a program without captures over a text, from one place on.

    `anywhere`: a match may begin later on. `longest`: it ends as late as possible, instead of
    where priority has it. `jump_to`: the literals of which every match begins with one.
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
        self._remembered = 0

    def run(
        self, chars: str, before: str, *, start: int = 0, alone: bool, shortest: bool = False
    ) -> Outcome:
        """What matches from `start` on, or further on, with `before` to the left of it.

        `before` is empty at the end of the text, and `alone` tells that there is no text at all.
        `shortest` is content with the first match. Raises: GaveUpError.
        """
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

    def forget(self) -> None:
        """Starts afresh. What it remembers of earlier runs can change its answer: it jumps where
        it once jumped, even if that is no longer its first state."""
        self._states.clear()
        self._remembered = 0

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
            self._remembered += len(waiting)
        return self._states[key]

    def _grow(self, state: _State, char: str, first: _State) -> tuple[_State, bool]:
        """Works out, and remembers, what follows `state`. Raises: GaveUpError."""
        if self._ascii_only and not char.isascii():
            raise GaveUpError
        if self._remembered > MEMORY:
            self.forget()
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
        self._remembered += 1
        return edge

    def _advance(self, waiting: list[int], char: str) -> tuple[list[int], bool]:
        """Where the instructions lead to over `char`, and whether one of them is a match."""
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
        """All instructions that can be reached without a character, in order of priority."""
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
    """Which hold between two characters, given whether they are word characters."""
    if left != right:
        return {LookKind.WORD, LookKind.WORD_ASCII}
    return {LookKind.NOT_WORD, LookKind.NOT_WORD_ASCII}


def _is_word(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")
