"""Settings of the current run that do not depend on its command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

Colour: TypeAlias = Literal["auto", "always", "never"]


class Invocation:
    """Settings that error messages need; filled in while options are parsed."""

    __slots__ = ("arguments", "colour", "debug")

    def __init__(
        self, arguments: Sequence[str], *, debug: bool = False, colour: Colour = "auto"
    ) -> None:
        self.arguments = arguments
        self.debug = debug
        self.colour: Colour = colour
