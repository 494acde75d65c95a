"""The layer of each box: targets of wires are further right if possible."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Sequence

from proccli.commands.topology.drawing.layout.boxes import Box, Wire, Wires

FEWEST = 16
"""Number of boxes that always fit into a layer, so that small drawings need no second column."""
_SHORTEST = 8
"""Number of layers that is always allowed."""
_INSIDE = 0.3
"""If the share of wires between boxes of one kind is higher, kinds are ignored."""


def layers(boxes: Sequence[Box], wires: Wires) -> list[int]:
    """The layer of each box, from 0; no layer is empty.

    Boxes of one kind share a layer, unless too many wires would be within layers then. A layer with
    too many boxes is split into several next to each other; very long chains are compressed. Wires
    lead to higher layers, except those that close a cycle and those within a kind.
    """
    classes = _classes(boxes, wires)
    layer_of = _longest(max(classes, default=-1) + 1, _between(classes, wires))
    layer = [layer_of[of_one] for of_one in classes]
    size = math.sqrt(len(boxes))
    layer = _compressed(layer, max(_SHORTEST, math.ceil(1.5 * size)))
    return _split(layer, max(FEWEST, math.ceil(2 * size)))


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
    """The wires between classes, one for each pair of classes."""
    weights: Counter[tuple[int, int]] = Counter()
    for source, target, _ in wires:
        weights[classes[source], classes[target]] += 1
    return [Wire(source, target, weight) for (source, target), weight in weights.items()]


def _longest(number: int, wires: Wires) -> list[int]:
    """The layer of each box: one after the last of its sources.

    A box with more targets than sources is put right before its first target instead, so that
    wires are short.
    """
    order = acyclic_order(number, wires)
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


def _compressed(layer: Sequence[int], most: int) -> list[int]:
    """The layers, with neighbours merged if there are more than `most`."""
    used = {old: new for new, old in enumerate(sorted(set(layer)))}
    squeeze = min(1.0, most / max(len(used), 1))
    return [math.floor(used[old] * squeeze) for old in layer]


def _split(layer: Sequence[int], most: int) -> list[int]:
    """The layers, split into several if they have more than `most` boxes."""
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


def acyclic_order(number: int, wires: Wires) -> list[int]:
    """The boxes, by number, in an order in which few and light wires lead back.

    Boxes without sources are added at the left, boxes without targets at the right; if there are
    neither, the box whose outgoing wires exceed its incoming ones most is added at the left.
    Without cycles, no wire leads back.

    After Eades, Lin and Smyth, "A fast and effective heuristic for the feedback arc set problem"
    (1993).
    """
    order = _Order(number, wires)
    while not order.is_done():
        order.take_ends()
        order.take_best()
    return [*order.left, *reversed(order.right)]


class _Order:
    """An order that grows from both ends."""

    def __init__(self, number: int, wires: Wires) -> None:
        self.left: list[int] = []
        self.right: list[int] = []
        self._outgoing: list[dict[int, float]] = [{} for _ in range(number)]
        self._incoming: list[dict[int, float]] = [{} for _ in range(number)]
        for source, target, weight in wires:
            if source != target:
                self._outgoing[source][target] = self._outgoing[source].get(target, 0.0) + weight
                self._incoming[target][source] = self._incoming[target].get(source, 0.0) + weight
        self._surplus = [
            sum(out.values()) - sum(in_.values())
            for out, in_ in zip(self._outgoing, self._incoming, strict=True)
        ]
        self._gone = [False] * number
        self._sources = [one for one in range(number) if not self._incoming[one]]
        self._sinks = [
            one for one in range(number) if self._incoming[one] and not self._outgoing[one]
        ]
        self._heap = [(-surplus, one) for one, surplus in enumerate(self._surplus)]
        heapq.heapify(self._heap)

    def is_done(self) -> bool:
        return len(self.left) + len(self.right) == len(self._gone)

    def take_ends(self) -> None:
        """Add all boxes that have no sources or no targets left."""
        while self._sources or self._sinks:
            waiting, side = (
                (self._sources, self.left) if self._sources else (self._sinks, self.right)
            )
            one = heapq.heappop(waiting)
            if not self._gone[one]:
                self._take(one)
                side.append(one)

    def take_best(self) -> None:
        """Add the box with the largest surplus of outgoing wires."""
        while self._heap:
            negative, one = heapq.heappop(self._heap)
            # A box that has changed since is in the heap again, with its new surplus.
            if not self._gone[one] and negative == -self._surplus[one]:
                self._take(one)
                self.left.append(one)
                return

    def _take(self, one: int) -> None:
        self._gone[one] = True
        for target, weight in self._outgoing[one].items():
            self._incoming[target].pop(one, None)
            self._changed(target, weight)
            if not self._incoming[target]:
                heapq.heappush(self._sources, target)
        for source, weight in self._incoming[one].items():
            self._outgoing[source].pop(one, None)
            self._changed(source, -weight)
            if not self._outgoing[source]:
                heapq.heappush(self._sinks, source)

    def _changed(self, one: int, by: float) -> None:
        if not self._gone[one]:
            self._surplus[one] += by
            heapq.heappush(self._heap, (-self._surplus[one], one))
