"""Settings of the current run that do not depend on its command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Colour: TypeAlias = Literal["auto", "always", "never"]


@dataclass(slots=True)
class Invocation:
    """Settings that error messages need; filled in while options are parsed."""

    arguments: Sequence[str]
    debug: bool = False
    colour: Colour = "auto"
