"""What an IP packet carries, and where."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from proccli.captures.links import IPV4, Start
from proccli.captures.misses import CUT, FRAGMENT, MALFORMED, Miss

TCP: Final = 6
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _OPTIONS = 0, 43, 44, 51, 60
_MOBILITY, _HOST_IDENTITY, _SHIM6 = 135, 139, 140
_EXTENSIONS: Final = frozenset({_HOP_BY_HOP, _ROUTING, _OPTIONS, _MOBILITY, _HOST_IDENTITY, _SHIM6})
_V4: Final = struct.Struct("!BxHxxHxB")


class Carried(NamedTuple):
    """What follows the headers of an IP packet."""

    protocol: int
    source: bytes
    destination: bytes
    at: int
    end: int
    """Where it ends, which may be behind what was captured."""


def carried(start: Start, data: bytes, end: int) -> Carried | Miss:
    """What the IP packet carries; `end` is that of the frame, where the header doesn't tell."""
    if start.protocol == IPV4:
        return _v4(data, start.at, end)
    return _v6(data, start.at, end)


def _v4(data: bytes, at: int, end: int) -> Carried | Miss:
    if at + 20 > len(data):
        return CUT
    first, total, fragment, protocol = _V4.unpack_from(data, at)
    header = (first & 0x0F) * 4
    # A length of 0 is a segment as large as the network card cuts it up itself.
    if first >> 4 != 4 or header < 20 or 0 < total < header:
        return MALFORMED
    if fragment & 0x1FFF:
        return FRAGMENT
    return Carried(
        protocol,
        data[at + 12 : at + 16],
        data[at + 16 : at + 20],
        at + header,
        at + total if total else end,
    )


def _v6(data: bytes, at: int, end: int) -> Carried | Miss:
    if at + 40 > len(data):
        return CUT
    if data[at] >> 4 != 6:
        return MALFORMED
    length = int.from_bytes(data[at + 4 : at + 6], "big")
    protocol = data[at + 6]
    source, destination = data[at + 8 : at + 24], data[at + 24 : at + 40]
    at += 40
    # 0 is one that is longer than such a number can tell.
    end = at + length if length else end
    while protocol in _EXTENSIONS or protocol in (_FRAGMENT, _AUTHENTICATION):
        if at + 8 > min(len(data), end):
            return CUT if end > len(data) else MALFORMED
        following, units = data[at], data[at + 1]
        if protocol == _FRAGMENT:
            if int.from_bytes(data[at + 2 : at + 4], "big") & 0xFFF8:
                return FRAGMENT
            at += 8
        else:
            at += (units + 2) * 4 if protocol == _AUTHENTICATION else (units + 1) * 8
        protocol = following
    return Carried(protocol, source, destination, at, end)
