"""Foreign text in a drawing: how wide it is, what is left of it, and how it is written down."""

from __future__ import annotations

import math
from html import escape
from typing import NamedTuple

from proccli.render.spans import cells, plain, shorten
from proccli.textsafe import visible

_CELL = 0.62
"""The width of a terminal cell in ems. Fonts of one width have from 0.55 (Consolas) to 0.618
(SF Mono); wide characters, of two cells, take one em to 1.2."""

ELLIPSIS = "…"


class Size(NamedTuple):
    """A size of letters, and the longest text that is written in it."""

    px: float
    cells: int


NAME = Size(13, 30)
NOTE = Size(11, 38)
LABEL = Size(11, 30)


def width(text: str, size: Size) -> float:
    """Pixels that a safe text takes at most."""
    return cells(plain(text)) * size.px * _CELL


def fitted(text: str, size: Size, room: float | None = None) -> str:
    """Somebody else's text, made visible, and shortened to what such letters may take."""
    most = (
        size.cells if room is None else min(size.cells, math.floor(room / size.px / _CELL + 0.05))
    )
    return shorten(text, max(most, 1), ELLIPSIS)


def written(text: str) -> str:
    """Any text, safe between tags and in quotes of XML and HTML."""
    return escape(visible(text), quote=True)


def paragraphs(*lines: str) -> str:
    """Lines of any text as the content of a `title`."""
    return "\n".join(written(line) for line in lines if line)
