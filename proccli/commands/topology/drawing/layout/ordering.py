"""The order within each layer, so that few lines cross."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from proccli.commands.topology.drawing.layout.boxes import Box, Wires

SWEEPS = 10
"""Passes over all layers; after that, hardly anything improves."""
_PATIENCE = 4
"""Passes without an improvement before it ends."""


@dataclass(slots=True, kw_only=True)
class Items:
    """Boxes, and the places where lines pass through a layer between their ends.

    All lines to one box share these: there are fewer to draw and to cross, and as they lead
    nowhere else, nothing is lost.
    """

    layer: list[int]
    """Of each item: the boxes first, by their numbers, then the places."""
    group: list[str | None]
    chains: list[tuple[int, ...]]
    """The items of each wire from its lower layer to its higher one; empty for one within a
    layer."""
    left: list[dict[int, float]]
    """Of each item those to the left of it that it is joined to, with the number of wires."""
    right: list[dict[int, float]]


def items(boxes: Sequence[Box], wires: Wires, layer: Sequence[int]) -> Items:
    """The boxes in their layers, and what lies between them."""
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
    """The items of each layer from top to bottom. Those of one group stand together."""
    rows: list[list[int]] = [[] for _ in range(max(given.layer, default=-1) + 1)]
    for item in _as_met(given):
        rows[given.layer[item]].append(item)
    rows = [_in_blocks(row, {item: at for at, item in enumerate(row)}, given.group) for row in rows]
    best, fewest = [list(row) for row in rows], crossings(rows, given)
    idle = 0
    for sweep in range(SWEEPS):
        if not fewest or idle >= _PATIENCE:
            break
        _sweep(rows, given, to_right=sweep % 2 == 0)
        found = crossings(rows, given)
        idle += 1
        if found < fewest:
            best, fewest, idle = [list(row) for row in rows], found, 0
    return best


def _as_met(given: Items) -> list[int]:
    """All items, as a walk along the lines meets them: what is joined starts out close."""
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
    """Sort each layer by the mean place of what its items are joined to in the one before."""
    joined = given.left if to_right else given.right
    steps = range(1, len(rows)) if to_right else range(len(rows) - 2, -1, -1)
    for at in steps:
        before = rows[at - 1 if to_right else at + 1]
        place = {item: float(number) for number, item in enumerate(before)}
        # An item that is joined to nothing there stays where it is.
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
    """The row sorted by the means, and what belongs together by the mean of all of it."""
    blocks: dict[str | int, list[int]] = {}
    for item in row:
        name = group[item]
        blocks.setdefault(item if name is None else f"in {name}", []).append(item)
    sorted_blocks = sorted(
        blocks.values(), key=lambda block: sum(means[item] for item in block) / len(block)
    )
    return [item for block in sorted_blocks for item in sorted(block, key=means.__getitem__)]


def crossings(rows: Sequence[Sequence[int]], given: Items) -> int:
    """How often two lines between neighbouring layers cross.

    After Barth, Mutzel and Jünger, "Simple and Efficient Bilayer Cross Counting".
    """
    total = 0
    for row, following in pairwise(rows):
        place = {item: at for at, item in enumerate(following)}
        ends = [end for item in row for end in sorted(place[other] for other in given.right[item])]
        total += inversions(ends)
    return total


def inversions(numbers: Sequence[int]) -> int:
    """Pairs of which the greater comes first."""
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
