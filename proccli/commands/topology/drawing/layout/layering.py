"""The layer of each box: what it leads to stands further right, as far as that can be."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from proccli.commands.topology.drawing.layout.boxes import Box, Wire, Wires
from proccli.commands.topology.drawing.layout.cycles import in_a_row

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
