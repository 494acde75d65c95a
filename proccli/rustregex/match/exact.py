"""Searches without mistakes, by whichever of two engines is faster for a pattern.

The translated pattern runs on the backtracking engine of the module `regex` first, under a time
limit. Where that would report other spans than the crate, or takes too long, the simulation
answers. The answer is the same either way; only the time differs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import regex

from proccli.rustregex.match.alphabet import Alphabet, Ranges, Substitution
from proccli.rustregex.match.budget import longest_safe_text
from proccli.rustregex.match.program import compile_program
from proccli.rustregex.match.simulate import Simulation
from proccli.rustregex.match.translate import needs_simulation, translate
from proccli.rustregex.tree.nodes import Node, Repeat, Span
from proccli.rustregex.tree.shape import mirrored, required_literal, required_runs
from proccli.rustregex.tree.simplify import Captures

TIME_LIMIT_S = 0.2
"""How long the backtracking engine may take for one search before the simulation takes over."""

LONG_RUN = 1000
"""Characters of one set in a row, from which on it pays to look for them first."""

Spans = tuple[Span | None, ...]


class Exact:
    """One pattern's exact engine. All positions are character offsets."""

    def __init__(self, root: Node, captures: Captures, alphabet: Alphabet, word: Ranges) -> None:
        self._root = root
        self._groups = len(captures.names)
        self._alphabet = alphabet
        self._word = word
        self._backtracks = captures.complete and not needs_simulation(root)
        self._needle = required_literal(root)
        # A walk over the matches asks for the same text again and again.
        self._seen = ("", "")
        self._ran = ("", False)

    def is_match(self, text: str) -> bool:
        """Whether the pattern matches anywhere."""
        if self._needle not in text or (self._runs and not self._has_runs(text)):
            return False
        if self._backtracks:
            try:
                return self._backtrack(text, 0) is not None
            except TimeoutError:
                self._backtracks = False
        return self.simulation.is_match(text)

    def search(self, text: str, start: int) -> Spans | None:
        """The spans of the leftmost match from `start` on, and of its groups."""
        if text.find(self._needle, start) < 0 or (self._runs and not self._has_runs(text)):
            return None
        if self._backtracks:
            try:
                found = self._backtrack(text, start)
            except TimeoutError:
                # A text like the one that took too long will come again.
                self._backtracks = False
            else:
                if found is None:
                    return None
                return tuple([None if span[0] < 0 else span for span in found.regs])
        return self._simulate(text, start)

    def _simulate(self, text: str, start: int) -> Spans | None:
        span = _simulated_span(self.simulation, lambda: self._backward, text, start)
        if span is None or self._groups == 1:
            return span and (span,)
        slots = self.simulation.slots(text, *span)
        pairs = zip(slots[::2], slots[1::2], strict=True)
        return tuple([None if a is None or b is None else (a, b) for a, b in pairs])

    def _has_runs(self, text: str) -> bool:
        """Whether the text has all the long runs that a match needs: what `a{300000}` would have
        either engine try from each of as many starts."""
        if text is not self._ran[0]:
            self._ran = (text, self._look_for_runs(text))
        return self._ran[1]

    def _look_for_runs(self, text: str) -> bool:
        for pattern, least in self._runs:
            runs = pattern.finditer(self._see(text))
            if not any(run.end() - run.start() >= least for run in runs):
                return False
        return True

    def _see(self, text: str) -> str:
        """The text as translated patterns want it."""
        if text.isascii():
            return text
        if text is not self._seen[0]:
            self._seen = (text, text.translate(self._substitution))
        return self._seen[1]

    def _backtrack(self, text: str, start: int) -> regex.Match[str] | None:
        if not text.isascii():
            text = self._see(text)
        if len(text) <= self._safe_length:
            return self._pattern.search(text, start)
        return self._pattern.search(text, start, timeout=TIME_LIMIT_S)

    @cached_property
    def simulation(self) -> Simulation:
        program = compile_program(self._root, self._groups, self._alphabet)
        return Simulation(program, self._alphabet, self._word)

    @cached_property
    def _backward(self) -> Simulation:
        return _backward(self._root, self._alphabet, self._word)

    @cached_property
    def _pattern(self) -> regex.Pattern[str]:
        return self._compiled(self._root)

    @cached_property
    def _runs(self) -> list[tuple[regex.Pattern[str], int]]:
        return [
            (self._compiled(Repeat(one, 1, None, greedy=True)), least)
            for one, least in required_runs(self._root, LONG_RUN)
        ]

    def _compiled(self, node: Node) -> regex.Pattern[str]:
        return regex.compile(translate(node, self._alphabet, self._word), regex.V0)

    @cached_property
    def _safe_length(self) -> int:
        return longest_safe_text(self._root)

    @cached_property
    def _substitution(self) -> Substitution:
        return Substitution(self._alphabet)


def simulated_span(root: Node, alphabet: Alphabet, word: Ranges, text: str) -> Span | None:
    """Where a tree first matches, by the simulation alone: for a tree that is asked but once."""
    if required_literal(root) not in text:
        return None
    forward = Simulation(compile_program(root, 1, alphabet), alphabet, word)
    return _simulated_span(forward, lambda: _backward(root, alphabet, word), text, 0)


def _simulated_span(
    forward: Simulation, backward: Callable[[], Simulation], text: str, start: int
) -> Span | None:
    """The end by priority, then the start as the furthest one back: so no thread needs to carry
    the position that it started from."""
    end = forward.end(text, start)
    if end is None:
        return None
    before = text[start - 1] if start else ""
    return (end - backward().reach(text[start:end][::-1], text[end : end + 1], before), end)


def _backward(root: Node, alphabet: Alphabet, word: Ranges) -> Simulation:
    return Simulation(compile_program(mirrored(root), 1, alphabet), alphabet, word, longest=True)
