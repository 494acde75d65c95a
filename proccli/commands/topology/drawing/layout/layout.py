"""The whole layout: positions of the boxes, frames around groups, routes of the wires."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from proccli.commands.topology.drawing.layout.boxes import Box, Point, Spacing, Wires
from proccli.commands.topology.drawing.layout.layering import layers
from proccli.commands.topology.drawing.layout.ordering import Items, items, ordered
from proccli.commands.topology.drawing.layout.placing import placed

BESIDE = 9
"""Distance in pixels from the middle of a box at which wires leave and arrive: below the middle if
they lead back, above it if they are within a layer."""
_SLOPE = 0.4
"""Horizontal pixels per vertical pixel of a line, up to twice the usual distance of layers."""
_LOOP = 5
"""Half the distance of the two ends of a wire from a box to itself."""


class Spot(NamedTuple):
    """A placed box: its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float
    layer: int

    @property
    def middle(self) -> float:
        """The y coordinate of its middle."""
        return self.y + self.height / 2


class Frame(NamedTuple):
    """A frame around the boxes of a group in one layer."""

    group: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All coordinates, in pixels from 0 to `width` and `height`."""

    spots: tuple[Spot, ...]
    """The boxes, in their order."""
    frames: tuple[Frame, ...]
    routes: tuple[tuple[Point, ...], ...]
    """The wires, from source to target: a line curves from the first point to the second, is
    straight to the third, curves to the fourth, and so on. A wire within a layer has two points at
    its right side, and bends outwards between them."""
    width: float
    height: float


def laid_out(
    boxes: Sequence[Box], wires: Wires, spacing: Spacing, room: Sequence[float] = ()
) -> Layout:
    """The layout of a graph. `room` has the width of each wire's label, if there are labels."""
    given = items(boxes, wires, layers(boxes, wires))
    rows = ordered(given)
    middle = placed(rows, given, boxes, spacing)
    columns = _columns(rows, given, boxes, spacing, (middle, room))
    spots = tuple(
        Spot(
            x=columns[layer].left,
            y=round(middle[at] - box.height / 2, 1),
            width=columns[layer].width,
            height=box.height,
            layer=layer,
        )
        for at, (box, layer) in enumerate(zip(boxes, given.layer, strict=False))
    )
    frames = tuple(_frames(rows, given, spots, spacing))
    routes = tuple(
        _route([_Stop(item, columns[given.layer[item]], middle[item]) for item in chain], wire[0])
        if chain
        else _within(spots[wire.source], spots[wire.target])
        for wire, chain in zip(wires, given.chains, strict=True)
    )
    return Layout(
        spots=spots,
        frames=frames,
        routes=routes,
        width=max([columns[-1].right + spacing.frame if columns else 0.0, *_reaches(routes, room)]),
        height=_lowest(spots, frames, routes),
    )


def outwards(start: Point, end: Point) -> float:
    """Distance of the control points of a line within a layer from its boxes."""
    return 26 + min(abs(end.y - start.y) / 4, 60)


def _reaches(routes: Sequence[Sequence[Point]], room: Sequence[float]) -> Iterator[float]:
    """The rightmost x coordinate of each line within a layer, including its label."""
    for at, (start, *_, end) in enumerate(routes):
        if start.x == end.x:
            label = room[at] / 2 if room else 0.0
            yield round(start.x + 0.75 * outwards(start, end) + label, 1)


class _Column(NamedTuple):
    left: float
    right: float

    @property
    def width(self) -> float:
        return round(self.right - self.left, 1)


def _columns(
    rows: Sequence[Sequence[int]],
    given: Items,
    boxes: Sequence[Box],
    spacing: Spacing,
    between: tuple[Sequence[float], Sequence[float]],
) -> list[_Column]:
    """The columns: as wide as the widest box, with wider gaps for long labels and steep lines."""
    middle, room = between
    gaps = [spacing.layer] * len(rows)
    for at, chain in enumerate(given.chains):
        for one, other in pairwise(chain):
            rise = abs(middle[one] - middle[other])
            layer = given.layer[one]
            gaps[layer] = max(gaps[layer], min(rise * _SLOPE, spacing.layer * 2))
        if chain and room:
            layer = given.layer[chain[0]]
            gaps[layer] = max(gaps[layer], room[at] + spacing.layer / 2)
    columns: list[_Column] = []
    left = spacing.frame
    for row, gap in zip(rows, gaps, strict=True):
        width = max((boxes[item].width for item in row if item < len(boxes)), default=0.0)
        columns.append(_Column(round(left, 1), round(left + width, 1)))
        left += width + gap
    return columns


def _frames(
    rows: Sequence[Sequence[int]], given: Items, spots: Sequence[Spot], spacing: Spacing
) -> Iterator[Frame]:
    found: dict[tuple[int, str], list[Spot]] = {}
    for layer, row in enumerate(rows):
        for item in row:
            group = given.group[item]
            if group is not None:
                found.setdefault((layer, group), []).append(spots[item])
    for (_, group), inside in found.items():
        first, last = inside[0], inside[-1]
        top, bottom = first.y - spacing.header, last.y + last.height + spacing.frame
        yield Frame(
            group=group,
            x=round(first.x - spacing.frame, 1),
            y=round(top, 1),
            width=round(first.width + 2 * spacing.frame, 1),
            height=round(bottom - top, 1),
        )


class _Stop(NamedTuple):
    item: int
    column: _Column
    y: float


def _route(stops: Sequence[_Stop], source: int) -> tuple[Point, ...]:
    """The points of a wire through its stops, which are ordered from left to right."""
    backwards = stops[0].item != source
    points = []
    for at, stop in enumerate(stops):
        is_end = at in (0, len(stops) - 1)
        y = round(stop.y + (BESIDE if backwards and is_end else 0), 1)
        points += [Point(stop.column.left, y), Point(stop.column.right, y)]
    points = points[1:-1]
    return tuple(reversed(points)) if backwards else tuple(points)


def _within(source: Spot, target: Spot) -> tuple[Point, ...]:
    """The points of a wire within a layer, at the right side of both boxes."""
    apart = _LOOP if source == target else 0
    right = round(source.x + source.width, 1)
    return (
        Point(right, round(source.middle - BESIDE - apart, 1)),
        Point(right, round(target.middle - BESIDE + apart, 1)),
    )


def _lowest(
    spots: Iterable[Spot], frames: Iterable[Frame], routes: Iterable[Sequence[Point]]
) -> float:
    ends = [spot.y + spot.height for spot in spots]
    ends += [frame.y + frame.height for frame in frames]
    ends += [point.y for route in routes for point in route]
    return round(max(ends, default=0.0), 1)
