"""A shortest text that contains matches of some patterns and none of others.

Breadth first over what reading a prefix leads to. Of the patterns that must match, one thread
each is followed: guessing it is enough. Of those that must not, all threads at once. A
state is left out if one was met before, after a prefix no longer, that has the same threads of the
first sort and only some of the second: whatever can follow here can follow there. That takes the
edge off the number of thread sets, which is exponential at worst, and it keeps a shortest text.

Source: M. De Wulf, L. Doyen, T. Henzinger, J.-F. Raskin, "Antichains: A New Algorithm for Checking
Universality of Finite Automata" (2006).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from proccli.rustregex.automata.nfa import MATCHED, Nfa


class ExceededError(Exception):
    """The budget is used up before the answer is known."""


@dataclass(slots=True)
class Budget:
    """How much work is left, in elementary steps; a million take about a second."""

    left: int
    pool: Budget | None = None
    """What is spent here is spent there, too."""

    def spend(self, steps: int) -> None:
        """Raises: ExceededError when nothing is left."""
        if self.pool is not None:
            self.pool.spend(steps)
        self.left -= steps
        if self.left < 0:
            raise ExceededError


Wanted: TypeAlias = tuple[int, ...]
"""A point for each pattern that must match."""

Unwanted: TypeAlias = int
"""The threads of all patterns that must not match, a bit each."""


@dataclass(slots=True, eq=False)
class _Prefix:
    """A text read so far; the symbols are found by going back."""

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


@dataclass(slots=True)
class _Row:
    """What reading a symbol does to a set of unwanted threads."""

    matching: int
    """The symbols on which one of them matches."""
    after: list[Unwanted]
    """By symbol: the threads that are left."""
    classes: list[tuple[Unwanted, int]]
    """The same the other way round: by which symbols those threads are left and none matches."""


Options: TypeAlias = tuple[int, ...]
"""Points, to any of which a thread can go."""

_Group: TypeAlias = tuple[int, tuple[Wanted, ...], int]
"""What is to the left after reading, where the wanted threads then are, and by which symbols."""


class Search:
    """One question: which text leads each of `wanted` to a match and none of `unwanted`?

    `wanted` has, for each condition, the points at which one of its patterns may start (search
    points, see `Nfa.add_search`); `unwanted` the patterns' entries. `efforts` ranks the symbols:
    among shortest texts, one of least effort is found.
    """

    def __init__(
        self,
        nfa: Nfa,
        wanted: Sequence[Sequence[int]],
        unwanted: Sequence[int],
        efforts: Sequence[int],
        budget: Budget,
    ) -> None:
        self._nfa = nfa
        self._partition = nfa.partition
        self._wanted = wanted
        self._entries = unwanted
        self._efforts = efforts
        self._budget = budget
        self._easiest_of: dict[int, int] = {}
        self._bit_of: dict[int, int] = {}
        self._points: list[int] = []
        self._fresh: dict[int, _Row] = {}
        self._rows: dict[tuple[Unwanted, int], _Row] = {}
        self._ways: dict[tuple[int, int], list[tuple[Options, int]]] = {}
        self._groups: dict[tuple[Wanted, int], list[_Group]] = {}
        self._met: defaultdict[tuple[Wanted, int], list[Unwanted]] = defaultdict(list)
        self._all_matched: Wanted = (MATCHED,) * len(wanted)

    def shortest(self, *, at_least: int, at_most: int | None) -> tuple[int, ...] | None:
        """The symbols of such a text with a length in these bounds; None: there is none.

        Raises: ExceededError.
        """
        start = self._partition.start_kind
        level = [_Prefix(0, wanted, start, 0) for wanted in product(*self._wanted_points())]
        length = 0
        if at_most is not None:
            level = [prefix for prefix in level if self._within(prefix, at_most)]
        while level:
            if length >= at_least:
                for prefix in level:
                    if self._may_end(prefix):
                        return prefix.symbols()
            length += 1
            longer = self._longer(level)
            if at_most is not None:
                longer = [prefix for prefix in longer if self._within(prefix, at_most - length)]
            level = self._kept(longer, remember=length >= at_least)
        return None

    def _wanted_points(self) -> Iterator[list[int]]:
        for points in self._wanted:
            landed = [MATCHED if self._nfa.always_matches(point) else point for point in points]
            yield [MATCHED] if MATCHED in landed else landed

    def _within(self, prefix: _Prefix, left: int) -> bool:
        """Whether that many more characters may be enough."""
        distance = self._nfa.distance
        return left >= 0 and all(distance.get(point, left + 1) <= left for point in prefix.wanted)

    def _may_end(self, prefix: _Prefix) -> bool:
        end = self._partition.end
        for point in prefix.wanted:
            if point != MATCHED and not self._nfa.steps(point, prefix.before).matching & end:
                return False
        return not self._row(prefix.unwanted, prefix.before).matching & end

    def _longer(self, level: list[_Prefix]) -> list[_Prefix]:
        """All prefixes with one symbol more, of each state the one of least effort."""
        best: dict[tuple[Wanted, int, Unwanted], _Prefix] = {}
        for prefix in level:
            row = self._row(prefix.unwanted, prefix.before)
            for before, choices, symbols in self._onward(prefix.wanted, prefix.before):
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

    def _kept(self, prefixes: list[_Prefix], *, remember: bool) -> list[_Prefix]:
        """Those that none met before makes superfluous."""
        prefixes.sort(key=lambda prefix: (prefix.effort, prefix.unwanted.bit_count()))
        if not remember:
            return prefixes
        kept: list[_Prefix] = []
        for prefix in prefixes:
            unwanted = prefix.unwanted
            met = self._met[prefix.wanted, prefix.before]
            freest = self._met[self._all_matched, prefix.before]
            self._budget.spend(1 + (len(met) + len(freest) >> 2))
            if any(less & unwanted == less for less in met):
                continue
            if met is not freest and any(less & unwanted == less for less in freest):
                continue
            met[:] = [more for more in met if unwanted & more != unwanted]
            met.append(unwanted)
            kept.append(prefix)
        return kept

    def _onward(self, wanted: Wanted, before: int) -> list[_Group]:
        key = wanted, before
        groups = self._groups.get(key)
        if groups is None:
            groups = [
                (kind, tuple(product(*options)), symbols)
                for options, together in self._together(wanted, before)
                for kind, of_kind in self._partition.of_kind.items()
                if (symbols := together & of_kind)
            ]
            self._groups[key] = groups
            self._budget.spend(1 + 2 * len(groups))
        return groups

    def _together(self, wanted: Wanted, before: int) -> Iterator[tuple[list[Options], int]]:
        """Where each of the threads can go, and by which symbols all of them can go there."""
        ways: list[tuple[list[Options], int]] = [([], self._partition.symbols)]
        for point in wanted:
            alone = self._alone(point, before)
            self._budget.spend(len(ways) * len(alone))
            ways = [
                ([*options, more], symbols)
                for options, held in ways
                for more, read in alone
                if (symbols := held & read)
            ]
        return iter(ways)

    def _alone(self, point: int, before: int) -> list[tuple[Options, int]]:
        """Where one thread can go, and by which symbols; symbols that do the same are together."""
        key = point, before
        ways = self._ways.get(key)
        if ways is None:
            ways = self._ways[key] = list(self._split(point, before))
            self._budget.spend(1 + len(ways))
        return ways

    def _split(self, point: int, before: int) -> Iterator[tuple[Options, int]]:
        if point == MATCHED:
            yield (MATCHED,), self._partition.symbols
            return
        steps = self._nfa.steps(point, before)
        if matching := steps.matching & self._partition.symbols:
            yield (MATCHED,), matching
        parts: list[tuple[Options, int]] = []
        for read, to in steps.moves:
            new = read
            for index, (options, held) in enumerate(parts):
                if both := held & read:
                    parts[index] = ((*options, to), both)
                    if held & ~read:
                        parts.append((options, held & ~read))
                    new &= ~both
            if new:
                parts.append(((to,), new))
        yield from parts

    def _row(self, unwanted: Unwanted, before: int) -> _Row:
        key = unwanted, before
        row = self._rows.get(key)
        if row is None:
            fresh = self._fresh.get(before)
            if fresh is None:
                nothing = _Row(0, [0] * len(self._efforts), [])
                fresh = self._fresh[before] = self._read(nothing, self._entries, before)
            row = self._rows[key] = self._read(
                fresh, [self._points[bit] for bit in bits(unwanted)], before
            )
        return row

    def _read(self, base: _Row, points: Sequence[int], before: int) -> _Row:
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
        # Operations on long masks take time in proportion to their length.
        self._budget.spend(work * (1 + len(self._points) // 4096))
        alike: dict[Unwanted, int] = {}
        for symbol, threads in enumerate(after):
            if not matching >> symbol & 1:
                alike[threads] = alike.get(threads, 0) | 1 << symbol
        return _Row(matching, after, list(alike.items()))

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
