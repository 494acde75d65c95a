"""Decodes TCP option kind 253 of a segment, as TOT and agents write it.

    kind 253, length, ExID 0xDEE9, pid (4) [source IPv4 (4)] [sequence number (4)]     version 1
    kind 253, length, ExID 0xDEEA, pid (4) agent id (4)                                version 2

All in network byte order. Source: deepflowio/tcp-option-tracing tot.c:16-43, 158-168 and
ebpf/tot.bpf.c:15-28, 126-137; deepflow #11819 and #11847 for version 2, which specify the
fields but not the byte order of the agent id; network byte order is assumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from proccli.model.flows import Segment, TotOption

KIND: Final = 253
_END, _PADDING = 0, 1
_V1: Final = 0xDEE9
_V2: Final = 0xDEEA

# An IPv6 socket has no IPv4 address. The kernel keeps 127.0.0.6 (LOOPBACK4_IPV6) in that field, and
# the eBPF program reads it as the local address.
_NO_ADDRESS: Final = bytes((127, 0, 0, 6))


class DecodedOptions(NamedTuple):
    """The options of kind 253 of one segment."""

    tot: tuple[TotOption, ...]
    other: int
    """Number of options that are not TOT: another ExID, or an unknown length."""


_NO_OPTIONS: Final = DecodedOptions((), 0)


def decode_options(segment: Segment) -> DecodedOptions:
    """The decoded options of kind 253 of a segment. Never raises, whatever the bytes are."""
    if KIND not in segment.options:
        return _NO_OPTIONS
    found = [_decode(content, segment) for content in _contents(segment.options)]
    tot = tuple(option for option in found if option is not None)
    return DecodedOptions(tot, len(found) - len(tot))


def _contents(options: bytes) -> Iterator[bytes]:
    """The content (after kind and length) of each option of kind 253.

    Reads the list as the kernel does: it ends at the first option that does not fit into the list,
    or whose length is less than 2. Source: Linux net/ipv4/tcp_input.c,
    tcp_parse_options().
    """
    at, end = 0, len(options)
    while at < end:
        kind = options[at]
        if kind == _PADDING:
            at += 1
            continue
        if kind == _END or at + 1 == end:
            return
        length = options[at + 1]
        if length < 2 or at + length > end:
            return
        if kind == KIND:
            yield options[at + 2 : at + length]
        at += length


def _decode(content: bytes, segment: Segment) -> TotOption | None:
    """The decoded option; None: not TOT."""
    exid, pid, rest = _number(content[:2]), _number(content[2:6]), content[6:]
    if exid == _V2 and len(content) == 10:
        return TotOption(version=2, pid=pid, agent_id=_number(rest))
    if exid != _V1 or len(content) not in (6, 10, 14):
        return None
    if len(rest) == 8:
        address, seq = _address(rest[:4], segment), _number(rest[4:])
        return TotOption(version=1, pid=pid, address=address, seq=seq)
    if len(rest) == 4:
        return _decode_twelve_bytes(pid, rest, segment)
    return TotOption(version=1, pid=pid)


def _decode_twelve_bytes(pid: int, last: bytes, segment: Segment) -> TotOption:
    """Version 1 with 12 bytes: the last four are either the address or the sequence number.

    They are compared with those of the segment. If they equal neither, because one was translated
    on the way, the option is ambiguous.
    """
    is_seq = _number(last) == segment.seq
    is_address = last == _NO_ADDRESS or _dotted(last) == segment.source.ip
    if is_seq == is_address:
        return TotOption(version=1, pid=pid, ambiguous=True, candidate=_dotted(last))
    if is_seq:
        return TotOption(version=1, pid=pid, seq=segment.seq)
    return TotOption(version=1, pid=pid, address=_address(last, segment))


def _address(packed: bytes, segment: Segment) -> str | None:
    """The address; None for the placeholder of an IPv6 socket."""
    dotted = _dotted(packed)
    return None if packed == _NO_ADDRESS and dotted != segment.source.ip else dotted


def _number(packed: bytes) -> int:
    return int.from_bytes(packed, "big")


def _dotted(packed: bytes) -> str:
    return ".".join(map(str, packed))
