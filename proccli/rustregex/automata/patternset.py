"""Patterns over one domain, and searches for texts that contain their matches."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import NamedTuple

from proccli.rustregex.automata.domain import ANY_TEXT, Budget, Domain, ExceededError, Limits
from proccli.rustregex.automata.nfa import Nfa, TooLargeError
from proccli.rustregex.automata.partition import (
    Partition,
    effort,
    most_readable,
    ranges_of,
)
from proccli.rustregex.automata.reduce import reduced, relaxed
from proccli.rustregex.automata.search import Search
from proccli.rustregex.match.regex import Regex
from proccli.rustregex.match.regex import compile as compile_pattern
from proccli.rustregex.tree.nodes import Literal, Node
from proccli.rustregex.tree.shape import descendants
from proccli.rustregex.tree.unicode import perl

COUNTED_IN_RELAXED = 10
"""In a pattern that is too large, larger repetition counts than this are treated as unbounded."""


class Answer(NamedTuple):
    """Whether there is such a text, and a shortest one."""

    text: str | None
    """None: there is none, or, if undecided, none is known. If the crate may be wrong about one of
    the patterns (`Regex.may_err`), the text may not be a shortest one."""
    decided: bool = True


NONE = Answer(None)
UNDECIDED = Answer(None, decided=False)


def find_text(
    *,
    matching: Sequence[str] = (),
    avoiding: Sequence[str] = (),
    domain: Domain = ANY_TEXT,
    limits: Limits | None = None,
) -> Answer:
    """A shortest text that matches all of the patterns `matching` and none of `avoiding`.

    So a pattern is a catch-all if no text avoids it, and is useless if no text matches it.
    Raises: RegexSyntaxError.
    """
    try:
        texts = PatternSet([*matching, *avoiding], domain, limits)
    except ExceededError:
        return UNDECIDED
    return texts.find(
        [[index] for index in range(len(matching))],
        range(len(matching), len(matching) + len(avoiding)),
    )


class PatternSet:
    """Patterns over a domain, each given by its index.

    Raises: RegexSyntaxError; ExceededError if the time is over.
    """

    def __init__(
        self, patterns: Sequence[str], domain: Domain = ANY_TEXT, limits: Limits | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._domain = domain
        self._regexes = [compile_pattern(pattern) for pattern in patterns]
        # Patterns that clearly match the same texts share a number.
        self._numbers: dict[tuple[Node, str], int] = {}
        self._trees: list[Node] = []
        self._may_err: set[int] = set()
        self._number_of = [self._number(regex) for regex in self._regexes]
        self._domain_required = [
            self._number(compile_pattern(pattern)) for pattern in domain.matching
        ]
        self._domain_excluded = {
            self._number(compile_pattern(pattern)) for pattern in domain.avoiding
        }
        self._partition = Partition(self._trees, domain.characters, perl("w"))
        self._nfa = Nfa(self._partition, self.limits.points)
        self._entry_of: dict[int, int] = {}
        self._search_of: dict[int, int] = {}
        self._relaxed: set[int] = set()
        self._add_trees()
        self._literals = [self._literals_of(tree) for tree in self._trees]
        self._chars = [most_readable(members) for members in self._partition.members]
        self._efforts = [effort(char) for char in self._chars]

    def _number(self, regex: Regex) -> int:
        self._check_time()
        tree = reduced(regex.parsed.root)
        key = tree, regex.pattern if regex.may_err else ""
        if key not in self._numbers:
            self._numbers[key] = len(self._trees)
            self._trees.append(tree)
            if regex.may_err:
                self._may_err.add(self._numbers[key])
        return self._numbers[key]

    def _check_time(self) -> None:
        if self.limits.expired():
            raise ExceededError

    def _add_trees(self) -> None:
        for number, tree in enumerate(self._trees):
            self._check_time()
            with suppress(TooLargeError):
                self._entry_of[number] = self._nfa.add(tree)
                continue
            with suppress(TooLargeError):
                self._entry_of[number] = self._nfa.add(relaxed(tree, COUNTED_IN_RELAXED))
                self._relaxed.add(number)
        searches = {entry: self._nfa.add_search(entry) for entry in self._entry_of.values()}
        self._nfa.complete()
        for number, entry in self._entry_of.items():
            at_start = self._nfa.starts_only_at_start(entry)
            self._search_of[number] = entry if at_start else searches[entry]

    def _literals_of(self, tree: Node) -> int:
        """The symbols of the pattern's literals."""
        found = 0
        for node in descendants(tree):
            if isinstance(node, Literal):
                found |= self._partition.mask(ranges_of(node.char))
        return found

    def budget(self, pool: Budget | None = None, *, share: int = 1) -> Budget:
        """A new budget of the steps that one search may take, or of a share of them."""
        return Budget(self.limits.steps // share, pool, self.limits.expired)

    def matches(self, pattern: int, text: str) -> bool:
        """Whether the pattern matches in the text, according to the matcher."""
        return self._regexes[pattern].is_match(text)

    def find(
        self,
        all_of: Sequence[Collection[int]] = (),
        none_of: Collection[int] = (),
        *,
        shorter_than: int | None = None,
        budget: Budget | None = None,
    ) -> Answer:
        """A shortest text of the domain that matches one pattern of each collection in `all_of`
        and no pattern of `none_of`.

        Every text in an answer was checked with the matcher.
        """
        if self.limits.expired():
            return UNDECIDED
        budget = budget or self.budget()
        excluded = self._domain_excluded | {self._number_of[i] for i in none_of}
        groups = [{self._number_of[i] for i in group} - excluded for group in all_of]
        groups += [{number} - excluded for number in self._domain_required]
        if not all(groups):
            return NONE
        # Conditions that the automaton cannot express exactly are relaxed or left out. The texts
        # that remain include all texts asked for, and the matcher verifies the result.
        inexact = self._may_err | (set(range(len(self._trees))) - self._entry_of.keys())
        required = [group for group in groups if not group & inexact]
        avoided = excluded - inexact - self._relaxed
        most = None if shorter_than is None else shorter_than - 1
        try:
            text = self._shortest(required, avoided, most, budget)
            if text is None:
                return NONE
            if self._verified(text, all_of, none_of):
                return Answer(text)
            if self._may_err & excluded.union(*groups):
                # Most of the time the crate is right about these patterns.
                required = [group for group in groups if group <= self._entry_of.keys()]
                avoided = excluded & self._entry_of.keys() - self._relaxed
                text = self._shortest(required, avoided, most, budget)
                if text is not None and self._verified(text, all_of, none_of):
                    return Answer(text)
        except ExceededError:
            pass
        return UNDECIDED

    def _shortest(
        self, required: list[set[int]], excluded: set[int], most: int | None, budget: Budget
    ) -> str | None:
        search = Search(
            self._nfa,
            [sorted(self._search_of[number] for number in group) for group in required],
            sorted(self._entry_of[number] for number in excluded),
            self._ranked(required, excluded),
            budget,
        )
        symbols = search.shortest(at_least=self._domain.min_length, at_most=most)
        if symbols is None:
            return None
        return "".join(self._chars[symbol] for symbol in symbols)

    def _ranked(self, required: list[set[int]], excluded: set[int]) -> list[int]:
        """The symbols' efforts, less for literals of required patterns, more for excluded ones."""
        in_required, in_excluded = 0, 0
        for number in {number for group in required for number in group}:
            in_required |= self._literals[number]
        for number in excluded:
            in_excluded |= self._literals[number]
        return [
            own + (in_excluded & ~in_required & 1 << symbol != 0) - (in_required & 1 << symbol != 0)
            for symbol, own in enumerate(self._efforts)
        ]

    def _verified(
        self, text: str, all_of: Sequence[Collection[int]], none_of: Collection[int]
    ) -> bool:
        return (
            self._domain.holds(text)
            and all(any(self.matches(i, text) for i in group) for group in all_of)
            and not any(self.matches(i, text) for i in none_of)
        )
