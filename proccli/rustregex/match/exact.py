"""Searches that give what the pattern means, by the faster of two engines.

The translated pattern first runs on the backtracking engine of the module `regex`, with a time
limit. If that would report other spans than the crate, or takes too long, the simulation runs
instead. The answer is the same either way; only the time differs.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from proccli.rustregex.match.alphabet import Alphabet, Substitution
from proccli.rustregex.match.translate import longest_safe_text, needs_simulation, translate
from proccli.rustregex.tree.charset import Ranges
from proccli.rustregex.tree.nodes import Node, Repeat, Span
from proccli.rustregex.tree.shape import required_literal, required_runs
from proccli.rustregex.tree.simplify import Captures

if TYPE_CHECKING:
    import regex

    from proccli.rustregex.match.automaton import Automaton
    from proccli.rustregex.match.spans import SpanFinder

TIME_LIMIT_S = 0.2
"""The time limit of the backtracking engine for one search; after it the simulation runs."""

LONG_RUN = 1000
"""The length of a run of one set from which on it is faster to search for the run first."""

Spans = tuple[Span | None, ...]


class Exact:
    """One pattern's exact engine. All positions are character offsets."""

    def __init__(self, root: Node, captures: Captures, alphabet: Alphabet, word: Ranges) -> None:
        self._root = root
        self._groups = len(captures.names)
        self._alphabet = alphabet
        self._word = word
        self._backtracks = captures.complete and not needs_simulation(root)
        self._literal = required_literal(root)
        # Both remember the last text, because finding all matches searches the same one repeatedly.
        self._substituted = ("", "")
        self._text_with_runs = ("", False)

    def is_match(self, text: str) -> bool:
        """Whether the pattern matches anywhere."""
        if self._literal not in text or (self._runs and not self._has_runs(text)):
            return False
        if self._backtracks:
            try:
                return self._backtrack(text, 0) is not None
            except TimeoutError:
                self._backtracks = False
        return self.automaton.is_match(text)

    def search(self, text: str, start: int) -> Spans | None:
        """The spans of the leftmost match from `start` on, and of its groups."""
        if text.find(self._literal, start) < 0 or (self._runs and not self._has_runs(text)):
            return None
        if self._backtracks:
            try:
                found = self._backtrack(text, start)
            except TimeoutError:
                # Similar texts are likely to follow, and would take too long again.
                self._backtracks = False
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
        if len(text) <= self._safe_length:
            return self._pattern.search(text, start)
        return self._pattern.search(text, start, timeout=TIME_LIMIT_S)

    @cached_property
    def automaton(self) -> Automaton:
        # Most patterns never need one: a start of proccli does not wait for these modules.
        from proccli.rustregex.match.automaton import Automaton

        return Automaton(self._root, self._alphabet, self._word)

    @cached_property
    def finder(self) -> SpanFinder:
        from proccli.rustregex.match.spans import SpanFinder

        return SpanFinder(self._root, self._groups, self._alphabet, self._word)

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

        return regex.compile(translate(node, self._alphabet, self._word), regex.V0)

    @cached_property
    def _safe_length(self) -> int:
        return longest_safe_text(self._root)

    @cached_property
    def _substitution(self) -> Substitution:
        return Substitution(self._alphabet)
