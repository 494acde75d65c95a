"""What the other end can show: how wide it is, in which characters, and whether in colour."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """The few characters of ours that are not ASCII, and what stands for them elsewhere."""

    ellipsis: str = "…"
    came_from: str = "←"
    becomes: str = "→"
    dot: str = "·"


_READABLE = 110

UNICODE = Glyphs()
ASCII = Glyphs(ellipsis="...", came_from="<-", becomes="->", dot="|")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How to write for one stream."""

    width: int | None = None
    """Cells in a line; None off a terminal, where nothing is shortened or wrapped."""
    colour: bool = False
    glyphs: Glyphs = UNICODE

    @property
    def margin(self) -> int | None:
        """Where a remark at the right ends: not farther than an eye can follow a line."""
        return None if self.width is None else min(self.width, _READABLE)
