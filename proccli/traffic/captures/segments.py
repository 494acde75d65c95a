"""From a packet to the TCP segment in it: link, IP headers, tunnels, TCP header.

VXLAN and Geneve are recognised by their ports, and only if their own headers are valid.
"""

from __future__ import annotations

import functools
import socket
import struct
from typing import Final, NamedTuple

from proccli.model.flows import Segment
from proccli.model.sockets import Endpoint
from proccli.traffic.captures.links import (
    CUT,
    FRAGMENT,
    IPV4,
    IPV6,
    MALFORMED,
    NOT_TCP,
    NoSegment,
    Start,
    after_type,
    ethernet,
    packed_in,
    start_of_ip,
)
from proccli.traffic.captures.packets import Packet

MOST_TUNNELS: Final = 4
"""How many packets within packets are opened; real traffic has fewer."""
_TCP_HEADER: Final = struct.Struct("!HHIIBB")
_LEAST_HEADER: Final = 20
_TCP: Final = 6
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _OPTIONS = 0, 43, 44, 51, 60
_MOBILITY, _HOST_IDENTITY, _SHIM6 = 135, 139, 140
_EXTENSIONS: Final = frozenset({_HOP_BY_HOP, _ROUTING, _OPTIONS, _MOBILITY, _HOST_IDENTITY, _SHIM6})
_V4: Final = struct.Struct("!BxHxxHxB")
_IP_IN_IP, _UDP, _IPV6_IN_IP, _GRE = 4, 17, 41, 47
_PACKED: Final = {50: "IPsec", 51: "IPsec", 97: "EtherIP", 115: "L2TP", 137: "MPLS"}
_VXLAN: Final = frozenset({4789, 8472})
"""IANA's, and the one that Linux and flannel use by default."""
_GENEVE: Final = 6081
_ETHERNET: Final = 0x6558
"""As an Ethernet type: a whole frame follows."""
_GRE_CHECKSUM, _GRE_KEY, _GRE_SEQUENCE = 0x8000, 0x2000, 0x1000
_GRE_ROUTING, _GRE_VERSION = 0x4000, 0x0007


class Found:
    """A segment, and how it was found."""

    __slots__ = ("cut", "segment", "tunnels")

    def __init__(self, segment: Segment, *, tunnels: int, cut: bool) -> None:
        self.segment = segment
        self.tunnels = tunnels
        """How many packets it was packed in."""
        self.cut = cut
        """Whether some of its options were not captured."""


def find_segment(packet: Packet) -> Found | NoSegment:
    """The segment that a packet carries, also in tunnels, or why there is none.

    Never raises for anything in a packet of a link that is read.
    """
    data = packet.data
    start = start_of_ip(packet.link, data)
    end = packet.wire_bytes
    for tunnels in range(MOST_TUNNELS + 1):
        if isinstance(start, NoSegment):
            return start
        content = _carried(start, data, end)
        if isinstance(content, NoSegment):
            return content
        if content.protocol == _TCP:
            return _segment(packet, content, tunnels)
        start, end = _inside(content, data), content.end
    return start if isinstance(start, NoSegment) else packed_in("tunnels in tunnels")


def _segment(packet: Packet, content: _Carried, tunnels: int) -> Found | NoSegment:
    data, at, end = packet.data, content.at, content.end
    if at + _TCP_HEADER.size > min(len(data), end):
        return CUT if end > len(data) else MALFORMED
    source_port, destination_port, seq, ack, offset, flags = _TCP_HEADER.unpack_from(data, at)
    header = (offset >> 4) * 4
    if header < _LEAST_HEADER or at + header > end:
        return MALFORMED
    segment = Segment(
        packet.time_s,
        _endpoint(content.source, source_port),
        _endpoint(content.destination, destination_port),
        flags,
        seq,
        ack,
        end - at - header,
        data[at + _LEAST_HEADER : at + header],
    )
    return Found(segment, tunnels=tunnels, cut=at + header > len(data))


@functools.lru_cache(maxsize=1 << 16)
def _endpoint(address: bytes, port: int) -> Endpoint:
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    return Endpoint(socket.inet_ntop(family, address), port)


class _Carried(NamedTuple):
    """What follows the headers of an IP packet."""

    protocol: int
    source: bytes
    destination: bytes
    at: int
    end: int
    """Where it ends, possibly after what was captured."""


def _carried(start: Start, data: bytes, end: int) -> _Carried | NoSegment:
    """What the IP packet carries; `end` is that of the frame, used if the header has no length."""
    if start.protocol == IPV4:
        return _v4(data, start.at, end)
    return _v6(data, start.at, end)


def _v4(data: bytes, at: int, end: int) -> _Carried | NoSegment:
    if at + 20 > len(data):
        return CUT
    first, total, fragment, protocol = _V4.unpack_from(data, at)
    header = (first & 0x0F) * 4
    # A length of 0: a segment that the network card splits later (TSO).
    if first >> 4 != 4 or header < 20 or 0 < total < header:
        return MALFORMED
    if fragment & 0x1FFF:
        return FRAGMENT
    return _Carried(
        protocol,
        data[at + 12 : at + 16],
        data[at + 16 : at + 20],
        at + header,
        at + total if total else end,
    )


def _v6(data: bytes, at: int, end: int) -> _Carried | NoSegment:
    if at + 40 > len(data):
        return CUT
    if data[at] >> 4 != 6:
        return MALFORMED
    length = int.from_bytes(data[at + 4 : at + 6], "big")
    protocol = data[at + 6]
    source, destination = data[at + 8 : at + 24], data[at + 24 : at + 40]
    at += 40
    # 0: a jumbogram, longer than 16 bits can express.
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
    return _Carried(protocol, source, destination, at, end)


def _inside(packet: _Carried, data: bytes) -> Start | NoSegment:
    """Where the packet begins that a packet carries, if it carries one."""
    protocol, at = packet.protocol, packet.at
    if protocol == _UDP:
        return _in_udp(data, at)
    if protocol == _IP_IN_IP:
        return Start(IPV4, at)
    if protocol == _IPV6_IN_IP:
        return Start(IPV6, at)
    if protocol == _GRE:
        return _in_gre(data, at)
    return packed_in(_PACKED[protocol]) if protocol in _PACKED else NOT_TCP


def _in_udp(data: bytes, at: int) -> Start | NoSegment:
    port = int.from_bytes(data[at + 2 : at + 4], "big")
    at += 8
    if port in _VXLAN and data[at : at + 4] == b"\x08\0\0\0":
        return ethernet(data, at + 8)
    if port == _GENEVE and data[at : at + 1] < b"\x40":
        options = (data[at] & 0x3F) * 4 if at < len(data) else 0
        return _typed(data, at + 2, at + 8 + options)
    return NOT_TCP


def _in_gre(data: bytes, at: int) -> Start | NoSegment:
    """Source: RFC 2784, RFC 2890."""
    flags = int.from_bytes(data[at : at + 2], "big")
    if flags & (_GRE_ROUTING | _GRE_VERSION):
        return packed_in("GRE")
    optional = sum(4 for flag in (_GRE_CHECKSUM, _GRE_KEY, _GRE_SEQUENCE) if flags & flag)
    return _typed(data, at + 2, at + 4 + optional)


def _typed(data: bytes, type_at: int, at: int) -> Start | NoSegment:
    if at > len(data):
        return CUT
    if int.from_bytes(data[type_at : type_at + 2], "big") == _ETHERNET:
        return ethernet(data, at)
    return after_type(data, type_at, at)
