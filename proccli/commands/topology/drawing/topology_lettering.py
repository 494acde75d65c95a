"""Untrusted text in a drawing: its width, how it is shortened, and how it is escaped."""

from __future__ import annotations

import math
from html import escape
from typing import NamedTuple

from proccli.terminal.lines import cells, plain, shorten
from proccli.text import visible

_CELL = 0.62
"""The width of a terminal cell in ems. Fonts of one width have from 0.55 (Consolas) to 0.618
(SF Mono); wide characters, of two cells, take one em to 1.2."""

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
    return cells(plain(text)) * size.px * _CELL


def fitted(text: str, size: Size, room: float | None = None) -> str:
    """Untrusted text, made visible and shortened to the limit of its font size."""
    most = (
        size.cells if room is None else min(size.cells, math.floor(room / size.px / _CELL + 0.05))
    )
    return shorten(text, max(most, 1), ELLIPSIS)


def written(text: str) -> str:
    """Any text, escaped for elements and attributes of XML and HTML."""
    return escape(visible(text), quote=True)


def paragraphs(*lines: str) -> str:
    """Lines of any text, escaped, as the content of a `title` element."""
    return "\n".join(written(line) for line in lines if line)
