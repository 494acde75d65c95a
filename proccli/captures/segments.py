"""From a packet to the TCP segment in it."""

from __future__ import annotations

import functools
import socket
import struct
from typing import Final

from proccli.captures.ip import TCP, Carried, carried
from proccli.captures.links import start_of_ip
from proccli.captures.misses import CUT, MALFORMED, Miss, packed_in
from proccli.captures.packets import Packet
from proccli.captures.tunnels import inside
from proccli.model.flows import Segment
from proccli.model.sockets import Endpoint

MOST_TUNNELS: Final = 4
"""Packets in packets that are opened; nobody means more."""
_TCP: Final = struct.Struct("!HHIIBB")
_LEAST_HEADER: Final = 20


class Found:
    """A segment, and how it was found."""

    __slots__ = ("cut", "segment", "tunnels")

    def __init__(self, segment: Segment, *, tunnels: int, cut: bool) -> None:
        self.segment = segment
        self.tunnels = tunnels
        """How many packets it was packed in."""
        self.cut = cut
        """Whether some of its options were not captured."""


def find_segment(packet: Packet) -> Found | Miss:
    """The segment that a packet carries, also in tunnels, or why there is none.

    Never raises for anything in a packet of a link that is read.
    """
    data = packet.data
    start = start_of_ip(packet.link, data)
    end = packet.wire_bytes
    for tunnels in range(MOST_TUNNELS + 1):
        if isinstance(start, Miss):
            return start
        content = carried(start, data, end)
        if isinstance(content, Miss):
            return content
        if content.protocol == TCP:
            return _segment(packet, content, tunnels)
        start, end = inside(content, data), content.end
    return start if isinstance(start, Miss) else packed_in("tunnels in tunnels")


def _segment(packet: Packet, content: Carried, tunnels: int) -> Found | Miss:
    data, at, end = packet.data, content.at, content.end
    if at + _TCP.size > min(len(data), end):
        return CUT if end > len(data) else MALFORMED
    source_port, destination_port, seq, ack, offset, flags = _TCP.unpack_from(data, at)
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
