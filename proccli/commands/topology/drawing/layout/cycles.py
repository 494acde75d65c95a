"""Which wires go backwards, so that the others have no cycle."""

from __future__ import annotations

import heapq

from proccli.commands.topology.drawing.layout.boxes import Wires


def in_a_row(number: int, wires: Wires) -> list[int]:
    """The numbers from 0 in an order in which few and light wires lead back.

    Those that nothing leads to are taken from the left, those that lead nowhere from the right,
    else the one that gives most and takes least. Without cycles, nothing leads back.

    After Eades, Lin and Smyth, "A fast and effective heuristic for the feedback arc set problem"
    (1993).
    """
    row = _Row(number, wires)
    while not row.is_done():
        row.take_ends()
        row.take_best()
    return [*row.left, *reversed(row.right)]


class _Row:
    """A row that grows from both ends."""

    def __init__(self, number: int, wires: Wires) -> None:
        self.left: list[int] = []
        self.right: list[int] = []
        self._gives: list[dict[int, float]] = [{} for _ in range(number)]
        self._takes: list[dict[int, float]] = [{} for _ in range(number)]
        for source, target, weight in wires:
            if source != target:
                self._gives[source][target] = self._gives[source].get(target, 0.0) + weight
                self._takes[target][source] = self._takes[target].get(source, 0.0) + weight
        self._surplus = [
            sum(gives.values()) - sum(takes.values())
            for gives, takes in zip(self._gives, self._takes, strict=True)
        ]
        self._gone = [False] * number
        self._sources = [one for one in range(number) if not self._takes[one]]
        self._sinks = [one for one in range(number) if self._takes[one] and not self._gives[one]]
        self._heap = [(-surplus, one) for one, surplus in enumerate(self._surplus)]
        heapq.heapify(self._heap)

    def is_done(self) -> bool:
        return len(self.left) + len(self.right) == len(self._gone)

    def take_ends(self) -> None:
        """Everything that nothing is left to lead to, or that leads nowhere any more."""
        while self._sources or self._sinks:
            waiting, row = (
                (self._sources, self.left) if self._sources else (self._sinks, self.right)
            )
            one = heapq.heappop(waiting)
            if not self._gone[one]:
                self._take(one)
                row.append(one)

    def take_best(self) -> None:
        while self._heap:
            worth, one = heapq.heappop(self._heap)
            # What has changed since stands in the heap once more, with its new worth.
            if not self._gone[one] and worth == -self._surplus[one]:
                self._take(one)
                self.left.append(one)
                return

    def _take(self, one: int) -> None:
        self._gone[one] = True
        for target, weight in self._gives[one].items():
            self._takes[target].pop(one, None)
            self._changed(target, weight)
            if not self._takes[target]:
                heapq.heappush(self._sources, target)
        for source, weight in self._takes[one].items():
            self._gives[source].pop(one, None)
            self._changed(source, -weight)
            if not self._gives[source]:
                heapq.heappush(self._sinks, source)

    def _changed(self, one: int, by: float) -> None:
        if not self._gone[one]:
            self._surplus[one] += by
            heapq.heappush(self._heap, (-self._surplus[one], one))
