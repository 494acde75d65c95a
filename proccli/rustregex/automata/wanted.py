"""The patterns that must match: one thread each, and where reading a symbol can take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import TypeAlias

from proccli.rustregex.automata.limits import Budget
from proccli.rustregex.automata.nfa import MATCHED, Nfa, Options

Wanted: TypeAlias = tuple[int, ...]
"""A point for each pattern that must match."""

Group: TypeAlias = tuple[int, tuple[Wanted, ...], int]
"""What is to the left after reading, where the threads then can be, and by which symbols."""


class WantedThreads:
    """`starts` has, for each condition, the points one of which a thread starts at."""

    def __init__(self, nfa: Nfa, starts: Sequence[Sequence[int]], budget: Budget) -> None:
        self._nfa = nfa
        self._partition = nfa.partition
        self._starts = starts
        self._budget = budget
        self._groups: dict[tuple[Wanted, int], list[Group]] = {}
        self.all_matched: Wanted = (MATCHED,) * len(starts)

    def first(self) -> Iterator[Wanted]:
        """Where the threads can be before anything is read."""
        return product(*map(self._settled, self._starts))

    def may_end(self, wanted: Wanted, before: int) -> bool:
        """Whether all match if the text ends here."""
        end = self._partition.end
        return all(
            point == MATCHED or self._nfa.steps(point, before).matching & end for point in wanted
        )

    def within(self, wanted: Wanted, length: int) -> bool:
        """Whether so many more characters may be enough."""
        distance = self._nfa.distance
        return length >= 0 and all(distance.get(point, length + 1) <= length for point in wanted)

    def onward(self, wanted: Wanted, before: int) -> list[Group]:
        """Where the threads can go. Raises: ExceededError."""
        key = wanted, before
        groups = self._groups.get(key)
        if groups is None:
            groups = self._groups[key] = []
            for options, together in self._together(wanted, before):
                self._budget.spend(4 * prod(map(len, options)))
                choices = tuple(product(*options))
                groups += [
                    (kind, choices, symbols)
                    for kind, of_kind in self._partition.of_kind.items()
                    if (symbols := together & of_kind)
                ]
        return groups

    def _settled(self, points: Sequence[int]) -> list[int]:
        settled = [MATCHED if self._nfa.always_matches(point) else point for point in points]
        return [MATCHED] if MATCHED in settled else settled

    def _together(self, wanted: Wanted, before: int) -> list[tuple[list[Options], int]]:
        """Where each of the threads can go, and by which symbols all of them can go there."""
        ways: list[tuple[list[Options], int]] = [([], self._partition.symbols)]
        for point in wanted:
            alone = self._nfa.ways(point, before)
            self._budget.spend(4 + len(ways) * len(alone))
            ways = [
                ([*options, more], symbols)
                for options, held in ways
                for more, read in alone
                if (symbols := held & read)
            ]
        return ways
