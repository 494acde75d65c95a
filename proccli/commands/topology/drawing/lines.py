"""Lines of a drawing: their paths, widths, and label positions."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from proccli.commands.topology.drawing.layout import outwards
from proccli.commands.topology.drawing.layout.boxes import Point
from proccli.commands.topology.drawing.topology_lettering import LABEL, Size, width
from proccli.commands.topology.vertices import Link
from proccli.text import counted

HEAD = 8.0
"""Length of an arrowhead in pixels."""
_PORTS = 2
_TRIES = (0.5, 0.36, 0.64, 0.24, 0.76)
_CELL = 64.0


class Rect(NamedTuple):
    """Left, top, right and bottom."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Rect) -> bool:
        """Whether they have a point in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def thickness(connections: int) -> float:
    """Line width in pixels: one more for five times as many connections."""
    return round(min(1.2 + math.log(max(connections, 1), 5), 7), 1)


def link_label(link: Link) -> str:
    """The ports and the number of connections of a link: `:5432 ×4`."""
    ports = link.ports
    protocols = {protocol for protocol, _ in ports}
    if len(ports) > _PORTS:
        text = counted(len(ports), "port")
        text += f"/{protocols.pop()}" if protocols == {"udp"} else ""
    else:
        text = " ".join(
            f":{port}" if protocol == "tcp" else f":{port}/{protocol}" for protocol, port in ports
        )
    return text if link.connections == 1 else f"{text} ×{link.connections:,}"


def path(route: Sequence[Point]) -> str:
    """The SVG path along a route, up to the arrowhead."""
    first = route[0]
    parts = [f"M{_n(first.x)} {_n(first.y)}"]
    pairs = list(zip(route[::2], route[1::2], strict=True))
    for at, (start, end) in enumerate(pairs):
        if at:
            parts.append(f"L{_n(start.x)} {_n(start.y)}")
        one, other = _controls(start, end)
        last = _before_head(start, end) if at == len(pairs) - 1 else end
        parts.append(
            f"C{_n(one.x)} {_n(one.y)} {_n(other.x)} {_n(other.y)} {_n(last.x)} {_n(last.y)}"
        )
    return "".join(parts)


def head(route: Sequence[Point], line: float) -> str:
    """The SVG path of the arrowhead: lines always end horizontally."""
    start, end = route[-2:]
    back = _before_head(start, end).x
    half = 3.4 + line / 2
    return f"M{_n(end.x)} {_n(end.y)}L{_n(back)} {_n(end.y - half)}V{_n(end.y + half)}Z"


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _before_head(start: Point, end: Point) -> Point:
    return Point(end.x - HEAD if start.x < end.x else end.x + HEAD, end.y)


def _controls(start: Point, end: Point) -> tuple[Point, Point]:
    if start.x == end.x:  # within a layer: outwards and back
        out = start.x + outwards(start, end)
        return Point(out, start.y), Point(out, end.y)
    bend = (end.x - start.x) / 2
    return Point(start.x + bend, start.y), Point(end.x - bend, end.y)


def _at(start: Point, end: Point, t: float) -> Point:
    one, other = _controls(start, end)
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    points = (start, one, other, end)
    return Point(
        round(sum(w * p.x for w, p in zip(weights, points, strict=True)), 1),
        round(sum(w * p.y for w, p in zip(weights, points, strict=True)), 1),
    )


class Room:
    """The occupied areas of a drawing."""

    def __init__(self, taken: Iterable[Rect]) -> None:
        self._cells: dict[tuple[int, int], list[Rect]] = defaultdict(list)
        for rect in taken:
            self.take(rect)

    def take(self, rect: Rect) -> None:
        """Mark an area as occupied."""
        for cell in _cells_of(rect):
            self._cells[cell].append(rect)

    def is_free(self, rect: Rect) -> bool:
        """Whether an area is free."""
        near = (other for cell in _cells_of(rect) for other in self._cells.get(cell, ()))
        return not any(rect.meets(other) for other in near)


def _cells_of(rect: Rect) -> Iterable[tuple[int, int]]:
    for column in range(int(rect.left // _CELL), int(rect.right // _CELL) + 1):
        for row in range(int(rect.top // _CELL), int(rect.bottom // _CELL) + 1):
            yield column, row


class Label(NamedTuple):
    """A text centred at `at`."""

    at: Point
    text: str
    is_crowded: bool
    """There is no free area for it: it is shown only when its line is selected."""


def placed_label(
    text: str, route: Sequence[Point], room: Room, *, is_wanted: bool = True, size: Size = LABEL
) -> Label:
    """The label of a line in a free area, on the first bend of the line if possible."""
    wide, high = width(text, size), size.px * 1.3
    bends = list(zip(route[::2], route[1::2], strict=True))
    spots = [_at(*bend, t) for bend in (bends[0], *bends[:0:-1]) for t in _TRIES]
    for spot in spots if is_wanted else ():
        rect = Rect(spot.x - wide / 2, spot.y - high / 2, spot.x + wide / 2, spot.y + high / 2)
        if room.is_free(rect):
            room.take(rect)
            return Label(spot, text, is_crowded=False)
    return Label(spots[0], text, is_crowded=True)
