"""The input of a layout: boxes, wires and distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


class Box(NamedTuple):
    """A rectangle to place; sizes in pixels."""

    width: float
    height: float
    group: str | None = None
    """Boxes of one group in one layer are adjacent, inside a frame. None: no frame."""
    kind: str | None = None
    """Boxes of one kind are put into the same layer if possible. None: no kind."""


class Wire(NamedTuple):
    """A connection from one box to another, by their numbers."""

    source: int
    target: int
    weight: float = 1.0
    """Wires with a higher weight are less likely to lead back to the left."""


class Point(NamedTuple):
    """A position in pixels from the left and the top."""

    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spacing:
    """Distances in pixels."""

    box: float = 12
    """Between boxes of one frame."""
    block: float = 22
    """Between frames, and around boxes without a frame."""
    trunk: float = 10
    """Between two lines that pass through a layer."""
    frame: float = 10
    """From a frame to its boxes."""
    header: float = 24
    """Above the first box of a frame, for its title."""
    layer: float = 150
    """Minimum between two layers."""


Wires: TypeAlias = Sequence[Wire]
