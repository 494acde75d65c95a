"""The order of the boxes within each layer, so that few lines cross."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from proccli.commands.topology.drawing.layout.boxes import Box, Wires

SWEEPS = 10
"""Maximum number of passes over all layers; more hardly improve anything."""
_MAX_IDLE_SWEEPS = 4
"""Passes without an improvement after which to stop."""


@dataclass(slots=True, kw_only=True)
class Items:
    """Boxes, and the points where lines pass through the layers between their ends.

    All lines to the same box share these points, so that fewer lines are drawn and cross.
    """

    layer: list[int]
    """The layer of each item: first the boxes, by their numbers, then the points."""
    group: list[str | None]
    chains: list[tuple[int, ...]]
    """The items of each wire, from its lower layer to its higher one; empty within a layer."""
    left: list[dict[int, float]]
    """The neighbours of each item in the layer to the left, with the number of wires."""
    right: list[dict[int, float]]


def items(boxes: Sequence[Box], wires: Wires, layer: Sequence[int]) -> Items:
    """The boxes in their layers, and the points of the lines between them."""
    layers = list(layer)
    passes: dict[tuple[int, int, bool], int] = {}
    chains: list[tuple[int, ...]] = []
    for source, target, _ in wires:
        backwards = layers[source] > layers[target]
        low, high = (target, source) if backwards else (source, target)
        chain = [low]
        for between in range(layers[low] + 1, layers[high]):
            key = (target, between, backwards)
            if key not in passes:
                passes[key] = len(layers)
                layers.append(between)
            chain.append(passes[key])
        chains.append((*chain, high) if layers[low] != layers[high] else ())
    left: list[dict[int, float]] = [defaultdict(float) for _ in layers]
    right: list[dict[int, float]] = [defaultdict(float) for _ in layers]
    for chain_of_one in chains:
        for one, other in pairwise(chain_of_one):
            right[one][other] += 1
            left[other][one] += 1
    groups = [box.group for box in boxes] + [None] * (len(layers) - len(boxes))
    return Items(layer=layers, group=groups, chains=chains, left=left, right=right)


def ordered(given: Items) -> list[list[int]]:
    """The items of each layer from top to bottom; those of one group are adjacent."""
    rows: list[list[int]] = [[] for _ in range(max(given.layer, default=-1) + 1)]
    for item in _connected_order(given):
        rows[given.layer[item]].append(item)
    rows = [_in_blocks(row, {item: at for at, item in enumerate(row)}, given.group) for row in rows]
    best, fewest = [list(row) for row in rows], crossings(rows, given)
    idle = 0
    for sweep in range(SWEEPS):
        if not fewest or idle >= _MAX_IDLE_SWEEPS:
            break
        _sweep(rows, given, to_right=sweep % 2 == 0)
        found = crossings(rows, given)
        idle += 1
        if found < fewest:
            best, fewest, idle = [list(row) for row in rows], found, 0
    return best


def _connected_order(given: Items) -> list[int]:
    """All items in depth-first order along the lines, so that connected items start close."""
    met: dict[int, None] = {}
    for start in sorted(range(len(given.layer)), key=lambda item: (given.layer[item], item)):
        waiting = [start]
        while waiting:
            item = waiting.pop()
            if item not in met:
                met[item] = None
                waiting.extend(sorted(given.right[item], reverse=True))
    return list(met)


def _sweep(rows: list[list[int]], given: Items, *, to_right: bool) -> None:
    """Sort each layer by the mean position of the neighbours in the previous layer."""
    joined = given.left if to_right else given.right
    steps = range(1, len(rows)) if to_right else range(len(rows) - 2, -1, -1)
    for at in steps:
        before = rows[at - 1 if to_right else at + 1]
        place = {item: float(number) for number, item in enumerate(before)}
        # An item without neighbours there keeps its position.
        scale = len(before) / max(len(rows[at]), 1)
        means = {
            item: _mean(joined[item], place, number * scale) for number, item in enumerate(rows[at])
        }
        rows[at] = _in_blocks(rows[at], means, given.group)


def _mean(joined: Mapping[int, float], place: Mapping[int, float], otherwise: float) -> float:
    total = sum(joined.values())
    if not total:
        return otherwise
    return sum(place[item] * weight for item, weight in joined.items()) / total


def _in_blocks(
    row: Sequence[int], means: Mapping[int, float], group: Sequence[str | None]
) -> list[int]:
    """The row sorted by the means; a group is sorted by the mean of its items."""
    blocks: dict[str | int, list[int]] = {}
    for item in row:
        name = group[item]
        blocks.setdefault(item if name is None else f"in {name}", []).append(item)
    sorted_blocks = sorted(
        blocks.values(), key=lambda block: sum(means[item] for item in block) / len(block)
    )
    return [item for block in sorted_blocks for item in sorted(block, key=means.__getitem__)]


def crossings(rows: Sequence[Sequence[int]], given: Items) -> int:
    """The number of crossings of lines between adjacent layers.

    After Barth, Mutzel and Jünger, "Simple and Efficient Bilayer Cross Counting".
    """
    total = 0
    for row, following in pairwise(rows):
        place = {item: at for at, item in enumerate(following)}
        ends = [end for item in row for end in sorted(place[other] for other in given.right[item])]
        total += inversions(ends)
    return total


def inversions(numbers: Sequence[int]) -> int:
    """The number of pairs in which the greater number comes first."""
    size = max(numbers, default=0) + 1
    tree = [0] * (size + 1)
    found = 0
    for seen, number in enumerate(numbers):
        not_greater, at = 0, number + 1
        while at:
            not_greater += tree[at]
            at &= at - 1
        found += seen - not_greater
        at = number + 1
        while at <= size:
            tree[at] += 1
            at += at & -at
    return found
