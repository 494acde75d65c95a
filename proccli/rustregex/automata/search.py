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
from itertools import product
from math import prod
from typing import NamedTuple, TypeAlias

from proccli.rustregex.automata.domain import Budget
from proccli.rustregex.automata.nfa import MATCHED, Nfa, Options

Required: TypeAlias = tuple[int, ...]
"""The thread of each pattern that must match, as its point."""

Move: TypeAlias = tuple[int, tuple[Required, ...], int]
"""The kind of the symbols that are read, the possible points after them, and these symbols."""

Excluded: TypeAlias = int
"""A set of threads, one bit for each. The threads that start at every position are in all of these
sets, and therefore left out."""

WIDE = 1024
"""A number of bits; longer masks count as more steps."""

MOST_ROWS = 5_000
"""The most rows in the cache, to limit memory."""


class _Prefix(NamedTuple):
    """The state after reading a text. Its last symbol is `symbol`, the others are in `parent`."""

    effort: int
    required: Required
    before: int
    excluded: Excluded
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
    """One search for a text that leads all of `required` to a match and none of `excluded`.

    `required` has, for each condition, the points one of which must lead to a match (search points,
    see `Nfa.add_search`); `excluded` has the first points of patterns. `efforts` ranks the symbols:
    of all shortest texts, one of least effort is found.
    """

    def __init__(
        self,
        nfa: Nfa,
        required: Sequence[Sequence[int]],
        excluded: Sequence[int],
        efforts: Sequence[int],
        budget: Budget,
    ) -> None:
        self._start_kind = nfa.partition.start_kind
        self._required = RequiredThreads(nfa, required, budget)
        self._excluded = ExcludedThreads(nfa, excluded, budget)
        self._efforts = efforts
        self._budget = budget
        self._easiest_of: dict[int, int] = {}
        self._visited: defaultdict[tuple[Required, int], list[Excluded]] = defaultdict(list)

    def shortest(self, *, at_least: int, at_most: int | None) -> tuple[int, ...] | None:
        """The symbols of a shortest text with a length within these bounds; None: there is none.

        Raises: ExceededError.
        """
        level = [_Prefix(0, required, self._start_kind, 0) for required in self._required.first()]
        length = 0
        while level:
            if at_most is not None:
                left = at_most - length
                level = [prefix for prefix in level if self._required.within(prefix.required, left)]
            # A prefix that is too short to end must not replace one that is long enough.
            if length >= at_least:
                level = self._kept(level)
                for prefix in level:
                    if self._may_end(prefix):
                        return prefix.symbols()
            level = self._longer(level)
            length += 1
        return None

    def _may_end(self, prefix: _Prefix) -> bool:
        return self._required.may_end(prefix.required, prefix.before) and self._excluded.may_end(
            prefix.excluded, prefix.before
        )

    def _longer(self, level: list[_Prefix]) -> list[_Prefix]:
        """All prefixes that are one symbol longer; for each state, the one of least effort."""
        best: dict[tuple[Required, int, Excluded], _Prefix] = {}
        for prefix in level:
            row = self._excluded.row(prefix.excluded, prefix.before)
            for before, choices, symbols in self._required.onward(prefix.required, prefix.before):
                self._budget.spend(len(row.classes) * (1 + len(choices)))
                for excluded, alike in row.classes:
                    if not alike & symbols:
                        continue
                    symbol = self._easiest(alike & symbols)
                    effort = prefix.effort + self._efforts[symbol]
                    for required in choices:
                        key = required, before, excluded
                        known = best.get(key)
                        if known is None or effort < known.effort:
                            best[key] = _Prefix(effort, required, before, excluded, prefix, symbol)
        return list(best.values())

    def _easiest(self, symbols: int) -> int:
        """The symbol of least effort."""
        symbol = self._easiest_of.get(symbols)
        if symbol is None:
            symbol = min(bits(symbols), key=self._efforts.__getitem__)
            self._easiest_of[symbols] = symbol
        return symbol

    def _kept(self, prefixes: list[_Prefix]) -> list[_Prefix]:
        """The prefixes that no earlier one makes redundant, sorted by effort."""
        prefixes.sort(key=lambda prefix: (prefix.effort, prefix.excluded.bit_count()))
        kept: list[_Prefix] = []
        for prefix in prefixes:
            excluded = prefix.excluded
            visited = self._visited[prefix.required, prefix.before]
            matched = self._visited[self._required.all_matched, prefix.before]
            wide = 1 + excluded.bit_length() // WIDE
            self._budget.spend(5 + (len(visited) + len(matched)) * wide // 4)
            if any(less & excluded == less for less in visited):
                continue
            if visited is not matched and any(less & excluded == less for less in matched):
                continue
            visited[:] = [more for more in visited if excluded & more != excluded]
            visited.append(excluded)
            kept.append(prefix)
        return kept


class RequiredThreads:
    """The threads of required patterns. For each condition, one starts at one of its `starts`."""

    def __init__(self, nfa: Nfa, starts: Sequence[Sequence[int]], budget: Budget) -> None:
        self._nfa = nfa
        self._partition = nfa.partition
        self._starts = starts
        self._budget = budget
        self._moves: dict[tuple[Required, int], list[Move]] = {}
        self.all_matched: Required = (MATCHED,) * len(starts)

    def first(self) -> Iterator[Required]:
        """The possible threads before anything is read."""
        return product(*map(self._simplified, self._starts))

    def may_end(self, required: Required, before: int) -> bool:
        """Whether all of them match if the text ends here."""
        end = self._partition.end
        return all(
            point == MATCHED or self._nfa.steps(point, before).matching & end for point in required
        )

    def within(self, required: Required, length: int) -> bool:
        """Whether they may all match within `length` more characters."""
        distance = self._nfa.distance
        return length >= 0 and all(distance.get(point, length + 1) <= length for point in required)

    def onward(self, required: Required, before: int) -> list[Move]:
        """The moves of all threads together. Raises: ExceededError."""
        key = required, before
        moves = self._moves.get(key)
        if moves is None:
            moves = self._moves[key] = []
            for options, together in self._together(required, before):
                self._budget.spend(4 * prod(map(len, options)))
                choices = tuple(product(*options))
                moves += [
                    (kind, choices, symbols)
                    for kind, of_kind in self._partition.of_kind.items()
                    if (symbols := together & of_kind)
                ]
        return moves

    def _simplified(self, points: Sequence[int]) -> list[int]:
        simplified = [MATCHED if self._nfa.always_matches(point) else point for point in points]
        return [MATCHED] if MATCHED in simplified else simplified

    def _together(self, required: Required, before: int) -> list[tuple[list[Options], int]]:
        """The points to which each thread can continue, and the symbols on which all of them do."""
        ways: list[tuple[list[Options], int]] = [([], self._partition.symbols)]
        for point in required:
            alone = self._nfa.ways(point, before)
            self._budget.spend(4 + len(ways) * len(alone))
            ways = [
                ([*options, more], symbols)
                for options, held in ways
                for more, read in alone
                if (symbols := held & read)
            ]
        return ways


class Row(NamedTuple):
    """How a set of threads continues."""

    matching: int
    """The symbols (including the end of the text) on which one of them matches."""
    after: list[Excluded]
    """By symbol: the threads that remain."""
    classes: list[tuple[Excluded, int]]
    """The same by threads: the threads that remain, and the symbols on which they do and none
    matches."""


class ExcludedThreads:
    """The threads of excluded patterns. `entries` are their first points, at any position."""

    def __init__(self, nfa: Nfa, entries: Sequence[int], budget: Budget) -> None:
        self._nfa = nfa
        self._entries = entries
        self._budget = budget
        self._bit_of: dict[int, int] = {}
        self._points: list[int] = []
        self._fresh: dict[int, Row] = {}
        self._rows: dict[tuple[Excluded, int], Row] = {}

    def row(self, threads: Excluded, before: int) -> Row:
        """How these threads can continue. Raises: ExceededError."""
        key = threads, before
        row = self._rows.get(key)
        if row is None:
            if len(self._rows) >= MOST_ROWS:
                self._rows.clear()
            points = [self._points[bit] for bit in bits(threads)]
            row = self._rows[key] = self._read(self._start(before), points, before)
        return row

    def may_end(self, threads: Excluded, before: int) -> bool:
        """Whether none of them matches if the text ends here."""
        return not self.row(threads, before).matching & self._nfa.partition.end

    def _start(self, before: int) -> Row:
        """How the threads that start here continue."""
        row = self._fresh.get(before)
        if row is None:
            nothing = Row(0, [0] * len(self._nfa.partition.members), [])
            row = self._fresh[before] = self._read(nothing, self._entries, before)
        return row

    def _read(self, base: Row, points: Sequence[int], before: int) -> Row:
        """The row `base` with the threads at some points added."""
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
        alike: dict[Excluded, int] = {}
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
    """The positions of the bits that are set."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
