"""What a stream can display: its width, characters and colours."""

from __future__ import annotations

from typing import NamedTuple


class Glyphs(NamedTuple):
    """The few non-ASCII characters that proccli prints; `ASCII` has their replacements."""

    ellipsis: str = "…"
    came_from: str = "←"
    becomes: str = "→"
    dot: str = "·"


_READABLE = 110

UNICODE = Glyphs()
ASCII = Glyphs(ellipsis="...", came_from="<-", becomes="->", dot="|")


class View(NamedTuple):
    """How to render for one stream."""

    width: int | None = None
    """Width in cells; None without a terminal: then nothing is shortened or wrapped."""
    colour: bool = False
    glyphs: Glyphs = UNICODE

    @property
    def margin(self) -> int | None:
        """Column at which right-aligned text ends; limited, so that lines stay readable."""
        return None if self.width is None else min(self.width, _READABLE)
