"""Lines and texts of a drawing: paths, text widths, label positions, escaping."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from proccli.commands.topology.drawing.layout import outwards
from proccli.commands.topology.drawing.layout.boxes import Point
from proccli.terminal.lines import cells, plain, shorten
from proccli.text import visible

HEAD = 8.0
"""Length of an arrowhead in pixels."""
_TRIES = (0.5, 0.36, 0.64, 0.24, 0.76)
_CELL = 64.0
_CELL_EM = 0.62
"""The width of a terminal cell in ems. Monospaced fonts have 0.55 (Consolas) to 0.618 (SF Mono);
wide characters, of two cells, have 1 to 1.2 ems."""

ELLIPSIS = "…"


class Size(NamedTuple):
    """A font size, and the longest text that is written in it."""

    px: float
    cells: int


NAME = Size(13, 30)
NOTE = Size(11, 38)
LABEL = Size(11, 30)


def width(text: str, size: Size) -> float:
    """The maximum width of a safe text in pixels."""
    return cells(plain(text)) * size.px * _CELL_EM


def fitted(text: str, size: Size, room: float | None = None) -> str:
    """Untrusted text, made visible and shortened to the limit of its font size."""
    most = (
        size.cells
        if room is None
        else min(size.cells, math.floor(room / size.px / _CELL_EM + 0.05))
    )
    return shorten(text, max(most, 1), ELLIPSIS)


def written(text: str) -> str:
    """Any text, escaped for elements and attributes of XML and HTML."""
    return escape(visible(text), quote=True)


def paragraphs(*lines: str) -> str:
    """Lines of any text, escaped, as the content of a `title` element."""
    return "\n".join(written(line) for line in lines if line)


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
