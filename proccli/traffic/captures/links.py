"""Where the IP packet begins in a captured frame, or why none can be read.

Source: www.tcpdump.org/linktypes.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

IPV4: Final = 0x0800
IPV6: Final = 0x86DD
_TAGS: Final = frozenset({0x8100, 0x88A8, 0x9100})
"""A VLAN, and the outer one of two."""
_PACKED: Final = {0x8847: "MPLS", 0x8848: "MPLS", 0x8864: "PPPoE", 0x88E5: "MACsec"}


class NoSegment(NamedTuple):
    """Why a packet has no TCP segment that can be read."""

    kind: Literal["not-tcp", "cut", "fragment", "malformed", "packed"]
    packed_in: str = ""


NOT_TCP: Final = NoSegment("not-tcp")
CUT: Final = NoSegment("cut")
FRAGMENT: Final = NoSegment("fragment")
MALFORMED: Final = NoSegment("malformed")


def packed_in(what: str) -> NoSegment:
    """The packet may carry a segment inside an encapsulation that is not read."""
    return NoSegment("packed", what)


class Start(NamedTuple):
    """Where an IP packet begins."""

    protocol: int
    """`IPV4` or `IPV6`."""
    at: int


def start_of_ip(link: int, data: bytes) -> Start | NoSegment:
    """Where the IP packet begins. Raises: KeyError for a link that is not read."""
    return _LINKS[link](data)


def after_type(data: bytes, type_at: int, at: int) -> Start | NoSegment:
    """The packet of the Ethernet type at `type_at`; it begins `at` or after VLAN tags there."""
    kind = int.from_bytes(data[type_at : type_at + 2], "big")
    while kind in _TAGS:
        kind = int.from_bytes(data[at + 2 : at + 4], "big")
        at += 4
    if kind in (IPV4, IPV6):
        return Start(kind, at)
    if at > len(data):
        return CUT
    return packed_in(_PACKED[kind]) if kind in _PACKED else NOT_TCP


def ethernet(data: bytes, at: int = 0) -> Start | NoSegment:
    """Where the IP packet begins in an Ethernet frame, with or without VLAN tags."""
    return after_type(data, at + 12, at + 14)


def _by_version(data: bytes, at: int) -> Start | NoSegment:
    if at >= len(data):
        return CUT
    version = data[at] >> 4
    if version == 4:
        return Start(IPV4, at)
    return Start(IPV6, at) if version == 6 else NOT_TCP


def _bare(data: bytes) -> Start | NoSegment:
    return _by_version(data, 0)


def _loopback(data: bytes) -> Start | NoSegment:
    # BSD's address family comes first; IPv6 has three numbers there, in the capturing machine's
    # byte order, so the version in the packet decides.
    return _by_version(data, 4)


def _cooked(data: bytes) -> Start | NoSegment:
    return after_type(data, 14, 16)


def _cooked_2(data: bytes) -> Start | NoSegment:
    return after_type(data, 0, 20)


_LINKS: Final[Mapping[int, Callable[[bytes], Start | NoSegment]]] = {
    0: _loopback,
    1: ethernet,
    12: _bare,  # DLT_RAW, of systems that write their own number for it into files
    14: _bare,
    101: _bare,
    108: _loopback,
    113: _cooked,
    228: _bare,
    229: _bare,
    276: _cooked_2,
}
KNOWN: Final = frozenset(_LINKS)
"""The LINKTYPE numbers that are read."""
