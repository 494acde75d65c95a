"""Packets inside packets: what a tunnel carries, where that can be told by the packet alone.

VXLAN and Geneve are known by their ports, and believed only if their own headers look like it.
"""

from __future__ import annotations

from typing import Final

from proccli.captures.ip import Carried
from proccli.captures.links import IPV4, IPV6, Start, behind_type, ethernet
from proccli.captures.misses import CUT, NOT_TCP, Miss, packed_in

_IPV4, _UDP, _IPV6, _GRE = 4, 17, 41, 47
_PACKED: Final = {50: "IPsec", 51: "IPsec", 97: "EtherIP", 115: "L2TP", 137: "MPLS"}
_VXLAN: Final = frozenset({4789, 8472})
"""IANA's, and the one that Linux and flannel use unless told otherwise."""
_GENEVE: Final = 6081
_ETHERNET: Final = 0x6558
"""As an Ethernet type: a whole frame follows."""
_CHECKSUM, _ROUTING, _KEY, _SEQUENCE, _VERSION = 0x8000, 0x4000, 0x2000, 0x1000, 0x0007


def inside(packet: Carried, data: bytes) -> Start | Miss:
    """Where the packet begins that a packet carries, if it carries one."""
    protocol, at = packet.protocol, packet.at
    if protocol == _UDP:
        return _in_udp(data, at)
    if protocol == _IPV4:
        return Start(IPV4, at)
    if protocol == _IPV6:
        return Start(IPV6, at)
    if protocol == _GRE:
        return _in_gre(data, at)
    return packed_in(_PACKED[protocol]) if protocol in _PACKED else NOT_TCP


def _in_udp(data: bytes, at: int) -> Start | Miss:
    port = int.from_bytes(data[at + 2 : at + 4], "big")
    at += 8
    if port in _VXLAN and data[at : at + 4] == b"\x08\0\0\0":
        return ethernet(data, at + 8)
    if port == _GENEVE and data[at : at + 1] < b"\x40":
        options = (data[at] & 0x3F) * 4 if at < len(data) else 0
        return _typed(data, at + 2, at + 8 + options)
    return NOT_TCP


def _in_gre(data: bytes, at: int) -> Start | Miss:
    """Source: RFC 2784, RFC 2890."""
    flags = int.from_bytes(data[at : at + 2], "big")
    if flags & (_ROUTING | _VERSION):
        return packed_in("GRE")
    optional = sum(4 for flag in (_CHECKSUM, _KEY, _SEQUENCE) if flags & flag)
    return _typed(data, at + 2, at + 4 + optional)


def _typed(data: bytes, type_at: int, at: int) -> Start | Miss:
    if at > len(data):
        return CUT
    if int.from_bytes(data[type_at : type_at + 2], "big") == _ETHERNET:
        return ethernet(data, at)
    return behind_type(data, type_at, at)
