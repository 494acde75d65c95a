"""Finds a shortest text that contains matches of some patterns and none of others.

The search is breadth first over the states that a prefix leads to. For each pattern that must match
(required), one thread is followed: guessing it is enough. For the patterns that must not match
(excluded), all threads are followed at once. A state is skipped if an earlier one, reached by a
prefix that is not longer, has the same required threads and a subset of the excluded ones: whatever
can follow this state can follow the earlier one. This prunes the thread sets, whose number is
exponential at worst, and still finds a shortest text.

Source: M. De Wulf, L. Doyen, T. Henzinger, J.-F. Raskin, "Antichains: A New Algorithm for Checking
Universality of Finite Automata" (2006).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TypeAlias

from proccli.rustregex.automata.domain import Budget
from proccli.rustregex.automata.nfa import MATCHED, Nfa, Options


@dataclass(slots=True, eq=False)
class _Prefix:
    """A text read so far; its symbols are found by going back."""

    effort: int
    wanted: Wanted
    before: int
    unwanted: Unwanted
    parent: _Prefix | None = None
    symbol: int = -1

    def symbols(self) -> tuple[int, ...]:
        found: list[int] = []
        prefix = self
        while prefix.parent is not None:
            found.append(prefix.symbol)
            prefix = prefix.parent
        return tuple(reversed(found))


class Search:
    """One question: which text leads each of `wanted` to a match and none of `unwanted`?

    `wanted` has, for each condition, the points one of which has to lead to a match (search
    points, see `Nfa.add_search`); `unwanted` the entries of patterns. `efforts` ranks the
    symbols: among shortest texts, one of least effort is found.
    """

    def __init__(
        self,
        nfa: Nfa,
        wanted: Sequence[Sequence[int]],
        unwanted: Sequence[int],
        efforts: Sequence[int],
        budget: Budget,
    ) -> None:
        self._start_kind = nfa.partition.start_kind
        self._wanted = WantedThreads(nfa, wanted, budget)
        self._unwanted = UnwantedThreads(nfa, unwanted, budget)
        self._efforts = efforts
        self._budget = budget
        self._easiest_of: dict[int, int] = {}
        self._met: defaultdict[tuple[Wanted, int], list[Unwanted]] = defaultdict(list)

    def shortest(self, *, at_least: int, at_most: int | None) -> tuple[int, ...] | None:
        """The symbols of such a text with a length in these bounds; None: there is none.

        Raises: ExceededError.
        """
        level = [_Prefix(0, wanted, self._start_kind, 0) for wanted in self._wanted.first()]
        length = 0
        while level:
            if at_most is not None:
                left = at_most - length
                level = [prefix for prefix in level if self._wanted.within(prefix.wanted, left)]
            # What has too few characters to end must not stand for what has enough.
            if length >= at_least:
                level = self._kept(level)
                for prefix in level:
                    if self._may_end(prefix):
                        return prefix.symbols()
            level = self._longer(level)
            length += 1
        return None

    def _may_end(self, prefix: _Prefix) -> bool:
        return self._wanted.may_end(prefix.wanted, prefix.before) and self._unwanted.may_end(
            prefix.unwanted, prefix.before
        )

    def _longer(self, level: list[_Prefix]) -> list[_Prefix]:
        """All prefixes with one symbol more, of each state the one of least effort."""
        best: dict[tuple[Wanted, int, Unwanted], _Prefix] = {}
        for prefix in level:
            row = self._unwanted.row(prefix.unwanted, prefix.before)
            for before, choices, symbols in self._wanted.onward(prefix.wanted, prefix.before):
                self._budget.spend(len(row.classes) * (1 + len(choices)))
                for unwanted, alike in row.classes:
                    if not alike & symbols:
                        continue
                    symbol = self._easiest(alike & symbols)
                    effort = prefix.effort + self._efforts[symbol]
                    for wanted in choices:
                        key = wanted, before, unwanted
                        known = best.get(key)
                        if known is None or effort < known.effort:
                            best[key] = _Prefix(effort, wanted, before, unwanted, prefix, symbol)
        return list(best.values())

    def _easiest(self, symbols: int) -> int:
        """The symbol of least effort."""
        symbol = self._easiest_of.get(symbols)
        if symbol is None:
            symbol = min(bits(symbols), key=self._efforts.__getitem__)
            self._easiest_of[symbols] = symbol
        return symbol

    def _kept(self, prefixes: list[_Prefix]) -> list[_Prefix]:
        """Those that none met before makes superfluous, by their effort."""
        prefixes.sort(key=lambda prefix: (prefix.effort, prefix.unwanted.bit_count()))
        kept: list[_Prefix] = []
        for prefix in prefixes:
            unwanted = prefix.unwanted
            met = self._met[prefix.wanted, prefix.before]
            freest = self._met[self._wanted.all_matched, prefix.before]
            wide = 1 + unwanted.bit_length() // WIDE
            self._budget.spend(5 + (len(met) + len(freest)) * wide // 4)
            if any(less & unwanted == less for less in met):
                continue
            if met is not freest and any(less & unwanted == less for less in freest):
                continue
            met[:] = [more for more in met if unwanted & more != unwanted]
            met.append(unwanted)
            kept.append(prefix)
        return kept


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


Unwanted: TypeAlias = int
"""A set of threads, a bit each. Those that start at every place anew are in all of them, and
so are left out."""

WIDE = 1024
"""Bits; longer masks count as more work."""

MOST_ROWS = 5_000
"""Remembered at one time, to bound memory."""


@dataclass(slots=True)
class Row:
    """What reading a symbol does to a set of threads."""

    matching: int
    """The symbols on which one of them matches; the end of the text is one."""
    after: list[Unwanted]
    """By symbol: the threads that are left."""
    classes: list[tuple[Unwanted, int]]
    """The same the other way round: the threads that are left, and by which symbols they are and
    none matches."""


class UnwantedThreads:
    """`entries` are the points at which the patterns start, wherever in the text."""

    def __init__(self, nfa: Nfa, entries: Sequence[int], budget: Budget) -> None:
        self._nfa = nfa
        self._entries = entries
        self._budget = budget
        self._bit_of: dict[int, int] = {}
        self._points: list[int] = []
        self._fresh: dict[int, Row] = {}
        self._rows: dict[tuple[Unwanted, int], Row] = {}

    def row(self, threads: Unwanted, before: int) -> Row:
        """What can happen to these threads. Raises: ExceededError."""
        key = threads, before
        row = self._rows.get(key)
        if row is None:
            if len(self._rows) >= MOST_ROWS:
                self._rows.clear()
            points = [self._points[bit] for bit in bits(threads)]
            row = self._rows[key] = self._read(self._start(before), points, before)
        return row

    def may_end(self, threads: Unwanted, before: int) -> bool:
        """Whether none matches if the text ends here."""
        return not self.row(threads, before).matching & self._nfa.partition.end

    def _start(self, before: int) -> Row:
        """What the threads that start here do."""
        row = self._fresh.get(before)
        if row is None:
            nothing = Row(0, [0] * len(self._nfa.partition.members), [])
            row = self._fresh[before] = self._read(nothing, self._entries, before)
        return row

    def _read(self, base: Row, points: Sequence[int], before: int) -> Row:
        """`base` with what the threads at some points add to it."""
        matching = base.matching
        after = base.after.copy()
        work = len(after)
        for point in points:
            steps = self._nfa.steps(point, before)
            matching |= steps.matching
            for read, to in steps.moves:
                bit = self._bit(to)
                for symbol in bits(read):
                    after[symbol] |= bit
                work += 2 * read.bit_count()
            work += 1
        self._budget.spend(work * (1 + len(self._points) // WIDE))
        alike: dict[Unwanted, int] = {}
        for symbol, threads in enumerate(after):
            if not matching >> symbol & 1:
                alike[threads] = alike.get(threads, 0) | 1 << symbol
        return Row(matching, after, list(alike.items()))

    def _bit(self, point: int) -> int:
        number = self._bit_of.get(point)
        if number is None:
            number = self._bit_of[point] = len(self._points)
            self._points.append(point)
        return 1 << number


def bits(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
