"""Why there is no TCP segment to be had from a packet."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple


class Miss(NamedTuple):
    """Why a packet tells of no segment."""

    kind: Literal["not-tcp", "cut", "fragment", "malformed", "packed"]
    packed_in: str = ""


NOT_TCP: Final = Miss("not-tcp")
CUT: Final = Miss("cut")
FRAGMENT: Final = Miss("fragment")
MALFORMED: Final = Miss("malformed")


def packed_in(what: str) -> Miss:
    """It may carry a segment, inside something that is not looked into."""
    return Miss("packed", what)
