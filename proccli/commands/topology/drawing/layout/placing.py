"""The vertical position of each item: near its neighbours in other layers, without overlaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from proccli.commands.topology.drawing.layout.boxes import Box, Spacing
from proccli.commands.topology.drawing.layout.ordering import Items

_ROUNDS = 8
_STRAIGHT = 6.0
"""Weight of keeping long lines straight, relative to keeping boxes near their neighbours."""


def placed(
    rows: Sequence[Sequence[int]], given: Items, boxes: Sequence[Box], spacing: Spacing
) -> list[float]:
    """The y coordinate of the middle of each item; the topmost element begins at 0."""
    middle = [0.0] * len(given.layer)
    gaps = [_gaps(row, given, boxes, spacing) for row in rows]
    bound = [_bound(row, given) for row in rows]
    for row, apart in zip(rows, gaps, strict=True):
        _put(row, place_in_order([0.0] * len(row), [1.0] * len(row), apart), middle)
    both = [{**left, **right} for left, right in zip(given.left, given.right, strict=True)]
    for round_ in range(_ROUNDS):
        last = round_ >= _ROUNDS - 2
        joined = both if last else (given.left, given.right)[round_ % 2]
        steps = range(len(rows)) if round_ % 2 == 0 else range(len(rows) - 1, -1, -1)
        for at in steps:
            row = rows[at]
            wanted = [_wanted(item, joined[item], middle, len(boxes)) for item in row]
            weights = [
                1.0 + sum(joined[item].values()) * (1 if item < len(boxes) else _STRAIGHT)
                for item in row
            ]
            _put(row, place_in_order(wanted, weights, gaps[at], bound[at]), middle)
    top = min((_top(row[0], given, boxes, spacing, middle) for row in rows if row), default=0.0)
    return [value - top for value in middle]


def _put(row: Sequence[int], values: Sequence[float], middle: list[float]) -> None:
    for item, value in zip(row, values, strict=True):
        middle[item] = value


def _wanted(item: int, joined: Mapping[int, float], middle: Sequence[float], boxes: int) -> float:
    """The mean position of the neighbours; without any, the current position."""
    total = value = 0.0
    for other, weight in joined.items():
        pull = weight * (_STRAIGHT if item >= boxes and other >= boxes else 1.0)
        total += pull
        value += pull * middle[other]
    return value / total if total else middle[item]


def _top(
    item: int, given: Items, boxes: Sequence[Box], spacing: Spacing, middle: Sequence[float]
) -> float:
    height = boxes[item].height if item < len(boxes) else 0.0
    return middle[item] - height / 2 - (spacing.header if given.group[item] is not None else 0.0)


def _gaps(row: Sequence[int], given: Items, boxes: Sequence[Box], spacing: Spacing) -> list[float]:
    """Minimum distances between the middle of each item and that of the one above it."""
    return [_gap(one, other, given, boxes, spacing) for one, other in pairwise(row)]


def _bound(row: Sequence[int], given: Items) -> list[bool]:
    """Whether each item is in the same frame as the one above it: frames have no gaps."""
    groups = [given.group[item] for item in row]
    return [one is not None and one == other for one, other in pairwise(groups)]


def _gap(one: int, other: int, given: Items, boxes: Sequence[Box], spacing: Spacing) -> float:
    number = len(boxes)
    halves = sum(boxes[item].height for item in (one, other) if item < number) / 2
    above, below = given.group[one], given.group[other]
    if one >= number and other >= number:
        return spacing.trunk
    if above is not None and above == below:
        return halves + spacing.box
    around = spacing.block if one < number and other < number else spacing.block * 0.7
    around += spacing.frame if above is not None else 0.0
    around += spacing.header if below is not None else 0.0
    return halves + around


def place_in_order(
    wanted: Sequence[float],
    weights: Sequence[float],
    gaps: Sequence[float],
    bound: Sequence[bool] = (),
) -> list[float]:
    """Positions as near as possible to the wanted ones, in this order, at least `gaps` apart.

    A `bound` item is exactly one gap after the previous one. Minimizes the weighted sum of squared
    distances: after subtracting the gaps, this is an isotonic regression, solved by pooling
    adjacent violators.
    """
    shifts = [0.0]
    for gap in gaps:
        shifts.append(shifts[-1] + gap)
    pools: list[_Pool] = []
    for block in _blocks(wanted, weights, shifts, bound):
        pools.append(block)
        while len(pools) > 1 and pools[-2].mean > pools[-1].mean:
            below = pools.pop()
            pools.append(pools.pop().with_(below))
    values = [pool.mean for pool in pools for _ in range(pool.members)]
    return [value + shift for value, shift in zip(values, shifts, strict=False)]


class _Pool(NamedTuple):
    """Items that move together."""

    mean: float
    weight: float
    members: int

    def with_(self, other: _Pool) -> _Pool:
        weight = self.weight + other.weight
        mean = (self.mean * self.weight + other.mean * other.weight) / weight
        return _Pool(mean, weight, self.members + other.members)


def _blocks(
    wanted: Sequence[float],
    weights: Sequence[float],
    shifts: Sequence[float],
    bound: Sequence[bool],
) -> list[_Pool]:
    blocks: list[_Pool] = []
    for at, (goal, weight) in enumerate(zip(wanted, weights, strict=True)):
        one = _Pool(goal - shifts[at], weight, 1)
        if at and bound and bound[at - 1]:
            blocks[-1] = blocks[-1].with_(one)
        else:
            blocks.append(one)
    return blocks
