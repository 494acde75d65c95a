"""Patterns over one domain, ready for questions about the texts that contain their matches."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from proccli.rustregex.automata.domain import ANY_TEXT, Budget, Domain, ExceededError, Limits
from proccli.rustregex.automata.nfa import Nfa, TooLargeError
from proccli.rustregex.automata.partition import (
    Partition,
    effort,
    most_readable,
    nodes_of,
    ranges_of,
)
from proccli.rustregex.automata.reduce import essence, relaxed
from proccli.rustregex.automata.search import Search
from proccli.rustregex.match.regex import Regex, unicode_word
from proccli.rustregex.match.regex import compile as compile_pattern
from proccli.rustregex.tree.nodes import Literal, Node

COUNTED_IN_RELAXED = 10
"""Of a pattern that is too large, repetitions are counted no further than this."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether there is such a text, and a shortest one."""

    text: str | None
    """None: there is none, or, where that isn't decided, none is known. Where the crate errs
    about one of the patterns (`Regex.may_err`), it may not be a shortest."""
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
    """A shortest text that matches all of the one and none of the other patterns.

    So a pattern is a catch-all if there is none that avoids it, and idle if none matches it.
    Raises: RegexSyntaxError.
    """
    texts = PatternSet([*matching, *avoiding], domain, limits)
    return texts.find(
        [[index] for index in range(len(matching))],
        range(len(matching), len(matching) + len(avoiding)),
    )


class PatternSet:
    """Some patterns, by their index, over a domain. Raises: RegexSyntaxError."""

    def __init__(
        self, patterns: Sequence[str], domain: Domain = ANY_TEXT, limits: Limits | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._domain = domain
        self._regexes = [compile_pattern(pattern) for pattern in patterns]
        # Patterns that match the same texts, where that is easy to see, have one number.
        self._numbers: dict[tuple[Node, str], int] = {}
        self._trees: list[Node] = []
        self._erring: set[int] = set()
        self._number_of = [self._number(regex) for regex in self._regexes]
        self._required = [self._number(compile_pattern(pattern)) for pattern in domain.matching]
        self._forbidden = {self._number(compile_pattern(pattern)) for pattern in domain.avoiding}
        self._partition = Partition(self._trees, domain.characters, unicode_word())
        self._nfa = Nfa(self._partition, self.limits.points)
        self._entry_of: dict[int, int] = {}
        self._search_of: dict[int, int] = {}
        self._relaxed: set[int] = set()
        self._add_trees()
        self._literals = [self._literals_of(tree) for tree in self._trees]
        self._chars = [most_readable(members) for members in self._partition.members]
        self._efforts = [effort(char) for char in self._chars]

    def _number(self, regex: Regex) -> int:
        tree = essence(regex.parsed.root)
        key = tree, regex.pattern if regex.may_err else ""
        if key not in self._numbers:
            self._numbers[key] = len(self._trees)
            self._trees.append(tree)
            if regex.may_err:
                self._erring.add(self._numbers[key])
        return self._numbers[key]

    def _add_trees(self) -> None:
        for number, tree in enumerate(self._trees):
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
        """The symbols that the pattern names itself."""
        found = 0
        for node in nodes_of(tree):
            if isinstance(node, Literal):
                found |= self._partition.mask(ranges_of(node.char))
        return found

    def budget(self, pool: Budget | None = None, *, share: int = 1) -> Budget:
        """A fresh one, as large as the limits allow for one search, or a part of that."""
        return Budget(self.limits.steps // share, pool)

    def matches(self, pattern: int, text: str) -> bool:
        """Whether the pattern matches in the text, says the matcher."""
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
        budget = budget or self.budget()
        unwanted = self._forbidden | {self._number_of[i] for i in none_of}
        groups = [{self._number_of[i] for i in group} - unwanted for group in all_of]
        groups += [{number} - unwanted for number in self._required]
        if not all(groups):
            return NONE
        # What an automaton does not say exactly is relaxed or left out. Each of the texts asked
        # for is among those of the weaker question, and the matcher has the last word.
        inexact = self._erring | (set(range(len(self._trees))) - self._entry_of.keys())
        wanted = [group for group in groups if not group & inexact]
        avoided = unwanted - inexact - self._relaxed
        most = None if shorter_than is None else shorter_than - 1
        try:
            text = self._shortest(wanted, avoided, most, budget)
            if text is None:
                return NONE
            if self._verified(text, all_of, none_of):
                return Answer(text)
            if self._erring & unwanted.union(*groups):
                # Mostly these patterns do match what they say.
                wanted = [group for group in groups if group <= self._entry_of.keys()]
                avoided = unwanted & self._entry_of.keys() - self._relaxed
                text = self._shortest(wanted, avoided, most, budget)
                if text is not None and self._verified(text, all_of, none_of):
                    return Answer(text)
        except ExceededError:
            pass
        return UNDECIDED

    def _shortest(
        self, wanted: list[set[int]], unwanted: set[int], most: int | None, budget: Budget
    ) -> str | None:
        search = Search(
            self._nfa,
            [sorted(self._search_of[number] for number in group) for group in wanted],
            sorted(self._entry_of[number] for number in unwanted),
            self._ranked(wanted, unwanted),
            budget,
        )
        symbols = search.shortest(at_least=self._domain.min_length, at_most=most)
        if symbols is None:
            return None
        return "".join(self._chars[symbol] for symbol in symbols)

    def _ranked(self, wanted: list[set[int]], unwanted: set[int]) -> list[int]:
        """The symbols' efforts, with the letters of wanted patterns first, of unwanted last."""
        ours, theirs = 0, 0
        for number in {number for group in wanted for number in group}:
            ours |= self._literals[number]
        for number in unwanted:
            theirs |= self._literals[number]
        return [
            own + (theirs & ~ours & 1 << symbol != 0) - (ours & 1 << symbol != 0)
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
