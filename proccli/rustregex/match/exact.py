"""Searches that give what the pattern means, by the faster of two engines.

The translated pattern first runs on the backtracking engine of the module `regex`, with a time
limit. If that would report other spans than the crate, or takes too long, an automaton reads the
text instead. The answer is the same either way; only the time differs.
"""

from __future__ import annotations

from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING

from proccli.rustregex.match.alphabet import Alphabet, Substitution
from proccli.rustregex.match.translate import (
    QUICK_WAYS,
    SAFE_WAYS,
    longest_text,
    needs_automaton,
    translate,
)
from proccli.rustregex.tree.nodes import Node, Repeat, Span
from proccli.rustregex.tree.shape import required_literals, required_runs
from proccli.rustregex.tree.simplify import Captures

if TYPE_CHECKING:
    import regex

    from proccli.rustregex.match.automaton import Automaton
    from proccli.rustregex.match.spans import SpanFinder

TIME_LIMIT_S = 0.2
"""How much longer than an automaton the backtracking engine may take with one pattern, in all
searches together; from then on an automaton reads the texts."""

AUTOMATON_S = 0.2e-6
SEARCH_S = 5e-6
"""About the times that an automaton takes for a character, and for each search in a text."""

LONG_RUN = 1000
"""The length of a run of one set from which on it is faster to search for the run first."""

Spans = tuple[Span | None, ...]


class Exact:
    """One pattern's exact engine. All positions are character offsets."""

    def __init__(
        self,
        root: Node,
        captures: Captures,
        alphabet: Alphabet,
        *,
        time_limit_s: float = TIME_LIMIT_S,
    ) -> None:
        self._root = root
        self._groups = len(captures.names)
        self._alphabet = alphabet
        backtracks = time_limit_s > 0 and captures.complete and not needs_automaton(root)
        self._backtracks = backtracks
        self._literals = required_literals(root)
        self.time_left = time_limit_s
        self._time_for_text = 0.0
        # Both remember the last text, because finding all matches searches the same one repeatedly.
        self._substituted = ("", "")
        self._text_with_runs = ("", False)

    @property
    def is_slow(self) -> bool:
        """Whether the backtracking engine has taken too long."""
        return self.time_left <= 0

    def is_match(self, text: str) -> bool:
        """Whether the pattern matches anywhere."""
        for literal in self._literals:
            if literal not in text:
                return False
        if self._runs and not self._has_runs(text):
            return False
        if self._backtracks:
            try:
                return self._backtrack(text, 0) is not None
            except TimeoutError:
                pass
        return self.automaton.is_match(text)

    def search(self, text: str, start: int) -> Spans | None:
        """The spans of the leftmost match from `start` on, and of its groups."""
        for literal in self._literals:
            if text.find(literal, start) < 0:
                return None
        if self._runs and not self._has_runs(text):
            return None
        if self._backtracks:
            try:
                found = self._backtrack(text, start)
            except TimeoutError:
                pass
            else:
                if found is None:
                    return None
                return tuple([None if span[0] < 0 else span for span in found.regs])
        return self.finder.search(text, start)

    def _has_runs(self, text: str) -> bool:
        """Whether the text has all the long runs that a match needs.

        Without this check both engines would try `a{300000}` at each of as many positions.
        """
        if text is not self._text_with_runs[0]:
            self._text_with_runs = (text, self._find_runs(text))
        return self._text_with_runs[1]

    def _find_runs(self, text: str) -> bool:
        for pattern, least in self._runs:
            runs = pattern.finditer(self._substitute(text))
            if not any(run.end() - run.start() >= least for run in runs):
                return False
        return True

    def _substitute(self, text: str) -> str:
        """The text in the form that translated patterns need."""
        if text.isascii():
            return text
        if text is not self._substituted[0]:
            self._substituted = (text, text.translate(self._substitution))
        return self._substituted[1]

    def _backtrack(self, text: str, start: int) -> regex.Match[str] | None:
        if not text.isascii():
            text = self._substitute(text)
        length = len(text)
        if length <= self._quick_length:
            return self._pattern.search(text, start)
        if not start:
            self._time_for_text = AUTOMATON_S * length
        self._time_for_text += SEARCH_S
        began = perf_counter()
        try:
            if length <= self._safe_length:
                return self._pattern.search(text, start)
            return self._pattern.search(text, start, timeout=self._time_for_text + self.time_left)
        finally:
            self._account_for(perf_counter() - began)

    def _account_for(self, taken: float) -> None:
        self._time_for_text -= taken
        if self._time_for_text < 0:
            self.time_left += self._time_for_text
            self._time_for_text = 0.0
            if self.time_left <= 0:
                # Similar texts are likely to follow, and would take too long again.
                self._backtracks = False

    @cached_property
    def automaton(self) -> Automaton:
        # Most patterns never need one: a start of proccli does not wait for these modules.
        from proccli.rustregex.match.automaton import Automaton

        return Automaton(self._root, self._alphabet)

    @cached_property
    def finder(self) -> SpanFinder:
        from proccli.rustregex.match.spans import SpanFinder

        return SpanFinder(self._root, self._groups, self._alphabet)

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
        import regex

        return regex.compile(translate(node, self._alphabet), regex.V0)

    @cached_property
    def _safe_length(self) -> int:
        """The length of the longest text on which a search needs no time limit."""
        return longest_text(self._root, SAFE_WAYS)

    @cached_property
    def _quick_length(self) -> int:
        """The length of the longest text on which a search need not be timed."""
        return longest_text(self._root, QUICK_WAYS)

    @cached_property
    def _substitution(self) -> Substitution:
        return Substitution(self._alphabet)
