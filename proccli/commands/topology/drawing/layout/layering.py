"""The layer of each box: what it leads to stands further right, as far as that can be."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Sequence

from proccli.commands.topology.drawing.layout.boxes import Box, Wire, Wires

FEWEST = 16
"""Boxes that a layer may always hold, so that small drawings need no second column."""
_SHORTEST = 8
"""Layers that a drawing may always have."""
_INSIDE = 0.3
"""The share of wires between boxes of one kind from which kinds say nothing about layers."""


def layers(boxes: Sequence[Box], wires: Wires) -> list[int]:
    """The layer of each box, from 0, none of them empty.

    Boxes of one kind share a layer, unless too many wires would then stay within it. A layer with
    too many boxes becomes several, side by side; very long chains are pushed together. Wires
    lead to higher layers, but for those that close a cycle and those within a kind.
    """
    classes = _classes(boxes, wires)
    layer_of = _longest(max(classes, default=-1) + 1, _between(classes, wires))
    layer = [layer_of[of_one] for of_one in classes]
    size = math.sqrt(len(boxes))
    layer = _pushed_together(layer, max(_SHORTEST, math.ceil(1.5 * size)))
    return _side_by_side(layer, max(FEWEST, math.ceil(2 * size)))


def _classes(boxes: Sequence[Box], wires: Wires) -> list[int]:
    """The number of each box's kind."""
    names = [box.kind if box.kind is not None else number for number, box in enumerate(boxes)]
    inside = sum(
        wire.source != wire.target and names[wire.source] == names[wire.target] for wire in wires
    )
    if inside > _INSIDE * len(wires):
        return list(range(len(boxes)))
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return [numbers[name] for name in names]


def _between(classes: Sequence[int], wires: Wires) -> list[Wire]:
    """The wires from class to class, those of one pair as one."""
    weights: Counter[tuple[int, int]] = Counter()
    for source, target, _ in wires:
        weights[classes[source], classes[target]] += 1
    return [Wire(source, target, weight) for (source, target), weight in weights.items()]


def _longest(number: int, wires: Wires) -> list[int]:
    """Each right behind the last that leads to it; one that leads to more than lead to it moves
    up to the first of those, so that wires are short."""
    order = in_a_row(number, wires)
    place = {one: at for at, one in enumerate(order)}
    after: list[list[int]] = [[] for _ in range(number)]
    before: list[list[int]] = [[] for _ in range(number)]
    for source, target, _ in wires:
        if source != target:
            low, high = sorted((source, target), key=place.__getitem__)
            after[low].append(high)
            before[high].append(low)
    layer = [0] * number
    for one in order:
        layer[one] = max((layer[other] + 1 for other in before[one]), default=0)
    for one in reversed(order):
        if len(after[one]) > len(before[one]):
            layer[one] = min(layer[other] for other in after[one]) - 1
    return layer


def _pushed_together(layer: Sequence[int], most: int) -> list[int]:
    """At most so many layers: neighbours become one."""
    used = {old: new for new, old in enumerate(sorted(set(layer)))}
    squeeze = min(1.0, most / max(len(used), 1))
    return [math.floor(used[old] * squeeze) for old in layer]


def _side_by_side(layer: Sequence[int], most: int) -> list[int]:
    """At most so many boxes in a layer: what is too much stands in another one beside it."""
    held = Counter(layer)
    first, columns = {}, 0
    for old in sorted(held):
        first[old] = columns
        columns += math.ceil(held[old] / most)
    share = {old: math.ceil(number / math.ceil(number / most)) for old, number in held.items()}
    seen: Counter[int] = Counter()
    result = []
    for old in layer:
        result.append(first[old] + seen[old] // share[old])
        seen[old] += 1
    return result


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
