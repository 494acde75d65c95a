"""What is to be laid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


class Box(NamedTuple):
    """Something with a size, in pixels."""

    width: float
    height: float
    group: str | None = None
    """Boxes of one group that share a layer stand together, in a frame. None: no frame."""
    kind: str | None = None
    """Boxes of one kind are likely to belong into one layer. None: it is of no kind."""


class Wire(NamedTuple):
    """From one box to another, by their numbers."""

    source: int
    target: int
    weight: float = 1.0
    """The heavier, the less it should lead back."""


class Point(NamedTuple):
    """Pixels from the left and the top."""

    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spacing:
    """Pixels between things."""

    box: float = 12
    """Between boxes of one frame."""
    block: float = 22
    """Between frames, and around boxes that have none."""
    trunk: float = 10
    """Between two lines that pass through a layer."""
    frame: float = 10
    """From a frame to its boxes."""
    header: float = 24
    """Above the first box of a frame, for its title."""
    layer: float = 150
    """Between two layers, at least."""


Wires: TypeAlias = Sequence[Wire]
