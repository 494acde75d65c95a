"""What is known of the current run before, and apart from, its command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Colour: TypeAlias = Literal["auto", "always", "never"]


@dataclass(slots=True)
class Invocation:
    """The one object that changes while options are read: errors look at it, whenever they come."""

    arguments: Sequence[str]
    debug: bool = False
    colour: Colour = "auto"
