"""The patterns that must not match: all their threads at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from proccli.rustregex.automata.limits import Budget
from proccli.rustregex.automata.nfa import Nfa

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
