"""Patterns over one domain, ready for questions about the texts that contain their matches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from proccli.rustregex.automata.domain import ANY_TEXT, Domain
from proccli.rustregex.automata.essence import essence, relaxed
from proccli.rustregex.automata.nfa import Nfa, TooLargeError
from proccli.rustregex.automata.partition import Partition, nodes_of, ranges_of
from proccli.rustregex.automata.readable import effort, most_readable
from proccli.rustregex.automata.search import Budget, ExceededError, Search
from proccli.rustregex.nodes import Literal, Node
from proccli.rustregex.regex import Regex, unicode_word
from proccli.rustregex.regex import compile as compile_pattern

COUNTED_IN_RELAXED = 10
"""Of a pattern that is too large, repetitions are counted no further than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may be spent before an answer is "unknown"."""

    steps: int = 1_000_000
    """Work of one search; a million take half a second to a second."""
    total: int = 5_000_000
    """Work of all searches for a list of rules, or for a comparison of two."""
    points: int = 20_000
    """Size of one pattern's automaton: about its length with counted repetitions written out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether there is such a text, and a shortest one."""

    text: str | None
    """None: there is none, or, where that isn't decided, none is known."""
    decided: bool = True


NONE = Answer(None)
UNDECIDED = Answer(None, decided=False)


class PatternSet:
    """Some patterns, by their index, over a domain. Raises: RegexSyntaxError."""

    def __init__(
        self, patterns: Sequence[str], domain: Domain = ANY_TEXT, limits: Limits | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._domain = domain
        self._regexes = [compile_pattern(pattern) for pattern in patterns]
        numbers: dict[Node, int] = {}
        """Of patterns that match the same texts, where that is easy to see, one is enough."""

        def number(regex: Regex) -> int:
            return numbers.setdefault(essence(regex.parsed.root), len(numbers))

        self._number_of = [number(regex) for regex in self._regexes]
        self._required = [number(compile_pattern(pattern)) for pattern in domain.matching]
        self._forbidden = {number(compile_pattern(pattern)) for pattern in domain.avoiding}
        self._partition = Partition(numbers, domain.characters, unicode_word())
        self._nfa = Nfa(self._partition, self.limits.points)
        self._entry_of: dict[int, int] = {}
        self._exact_of: dict[int, int] = {}
        self._search_of: dict[int, int] = {}
        self._add(numbers)
        self._literals = [self._literals_of(tree) for tree in numbers]
        self._chars = [most_readable(members) for members in self._partition.members]
        self._efforts = [effort(char) for char in self._chars]

    def _add(self, trees: Mapping[Node, int]) -> None:
        for tree, number in trees.items():
            with suppress(TooLargeError):
                self._entry_of[number] = self._exact_of[number] = self._nfa.add(tree)
                continue
            with suppress(TooLargeError):
                self._entry_of[number] = self._nfa.add(relaxed(tree, COUNTED_IN_RELAXED))
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

    def budget(self, pool: Budget | None = None) -> Budget:
        """A fresh one, as large as the limits allow for one search."""
        return Budget(self.limits.steps, pool)

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
        least = self._domain.min_length
        most = None if shorter_than is None else shorter_than - 1
        unwanted = self._forbidden | {self._number_of[i] for i in none_of}
        groups = [{self._number_of[i] for i in group} - unwanted for group in all_of]
        groups += [{number} - unwanted for number in self._required]
        if not all(groups):
            return NONE
        # Patterns that are too large are relaxed or left out. Each of the texts asked for is
        # among those of the weaker question, and the matcher has the last word.
        wanted = [group for group in groups if group <= self._search_of.keys()]
        try:
            search = self._search(wanted, unwanted & self._exact_of.keys(), budget)
            symbols = search.shortest(at_least=least, at_most=most)
        except ExceededError:
            return UNDECIDED
        if symbols is None:
            return NONE
        text = "".join(self._chars[symbol] for symbol in symbols)
        return Answer(text) if self._verified(text, all_of, none_of) else UNDECIDED

    def _search(self, wanted: list[set[int]], unwanted: set[int], budget: Budget) -> Search:
        return Search(
            self._nfa,
            [sorted(self._search_of[number] for number in group) for group in wanted],
            sorted(self._exact_of[number] for number in unwanted),
            self._ranked(wanted, unwanted),
            budget,
        )

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
