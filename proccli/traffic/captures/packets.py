"""The packets of a pcap or pcapng file, up to its end or to where it is damaged.

Source: draft-ietf-opsawg-pcap; draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from proccli.traffic.captures.counts import Tally
from proccli.traffic.captures.pcapng import (
    INTERFACE,
    PACKET,
    SECTION,
    SIMPLE_PACKET,
    Block,
    Blocks,
    ByteReader,
)

MOST_PACKET_BYTES: Final = 262_144
"""The most that libpcap captures of a network packet: a greater length is damage."""
MAGIC_BYTES: Final = 4
_PCAPNG: Final = b"\x0a\x0d\x0d\x0a"
_PCAP: Final = {
    0xA1B2C3D4: (1e6, "IIII"),
    0xA1B23C4D: (1e9, "IIII"),
    # Alexey Kuznetzov's pcap: interface, protocol and packet type follow in each record.
    0xA1B2CD34: (1e6, "IIII8x"),
}
"""For each magic number: ticks in a second, and the header of a record."""
_TSRESOL, _TSOFFSET = 9, 14
_LINK: Final = 0xFFFF
"""LINKTYPE in the header of a pcap file; the other bits describe checksums."""


class Packet(NamedTuple):
    """A packet as it was captured."""

    time_s: float | None
    """Seconds since the epoch; None: not recorded."""
    link: int
    """LINKTYPE of its first header."""
    wire_bytes: int
    """Its whole length, also where less was captured."""
    data: bytes


def is_capture(head: bytes) -> bool:
    """Whether a file with these first bytes is a capture; of a gzip file, give its content.

    A text file never begins with one of these. `head` has at least `MAGIC_BYTES` of the file,
    unless that is shorter.
    """
    return head[:MAGIC_BYTES] == _PCAPNG or _byte_order(head) is not None


def packets(reader: ByteReader, tally: Tally) -> Iterator[Packet]:
    """All packets up to the end, or to the damage that `tally` then names."""
    if reader.peek(MAGIC_BYTES) == _PCAPNG:
        return _of_pcapng(reader, tally)
    return _of_pcap(reader, tally)


def _byte_order(head: bytes) -> str | None:
    """`<` or `>` for the magic number of a pcap file; None where it is none."""
    magic = head[:MAGIC_BYTES]
    if int.from_bytes(magic, "little") in _PCAP:
        return "<"
    return ">" if int.from_bytes(magic, "big") in _PCAP else None


def _of_pcap(reader: ByteReader, tally: Tally) -> Iterator[Packet]:
    header = reader.read(24)
    if len(header) < 24:
        tally.damage = f"{reader.problem or 'cut short'} in the file header"
        return
    order = _byte_order(header) or "<"
    magic, link = struct.unpack(order + "I16xI", header)
    ticks_per_s, form = _PCAP[magic]
    link &= _LINK
    record = struct.Struct(order + form)
    while True:
        at = reader.offset
        head = reader.read(record.size)
        if len(head) < record.size:
            break
        seconds, ticks, captured, wire_bytes = record.unpack(head)
        if captured > MOST_PACKET_BYTES:
            tally.damage = f"a packet of {captured:,} bytes at byte {at:,}"
            return
        data = reader.read(captured)
        if len(data) < captured:
            break
        yield Packet(seconds + ticks / ticks_per_s, link, wire_bytes, data)
    if reader.problem is not None or reader.offset > at:
        tally.damage = f"{reader.problem or 'cut short'} in the packet at byte {at:,}"


_MOST_HEADERS: Final = 100_000
"""Section headers and interfaces of a file: their blocks hold no packet, and cost as much."""


class _Interface(NamedTuple):
    """The fields of an interface block that apply to its packets."""

    link: int
    most_bytes: int | None
    """The snapshot length; None: unlimited."""
    ticks_per_s: int
    offset_s: int
    """To be added to all times."""


def _of_pcapng(reader: ByteReader, tally: Tally) -> Iterator[Packet]:
    blocks = Blocks(reader)
    interfaces: list[_Interface] = []
    headers = 0
    while (block := blocks.next()) is not None:
        headers += block.kind in (SECTION, INTERFACE)
        if headers > _MOST_HEADERS:
            tally.damage = f"more than {_MOST_HEADERS:,} section headers and interfaces"
            return
        if block.kind == SECTION:
            interfaces = []  # each section numbers its own
        elif block.kind == INTERFACE:
            interfaces.append(_interface(block))
        elif (packet := _packet(block, interfaces)) is not None:
            yield packet
        else:
            tally.packets += 1
            tally.malformed += 1
    tally.damage = blocks.problem


def _packet(block: Block, interfaces: list[_Interface]) -> Packet | None:
    """The packet in a block; None if its interface is unknown."""
    if block.kind == SIMPLE_PACKET:
        if not interfaces:
            return None
        interface = interfaces[0]
        (wire_bytes,) = block.numbers("I", 8)
        captured = wire_bytes
        if interface.most_bytes is not None:
            captured = min(captured, interface.most_bytes)
        return Packet(None, interface.link, wire_bytes, block.content[12:-4][:captured])
    # The obsolete kind has 16 bits for the interface, and a count of lost packets after them.
    form = "IIIII" if block.kind == PACKET else "HxxIIII"
    number, high, low, captured, wire_bytes = block.numbers(form, 8)
    if number >= len(interfaces):
        return None
    interface = interfaces[number]
    time_s = ((high << 32) | low) / interface.ticks_per_s + interface.offset_s
    return Packet(time_s, interface.link, wire_bytes, block.content[28 : 28 + captured])


def _interface(block: Block) -> _Interface:
    link, most_bytes = block.numbers("HxxI", 8)
    ticks_per_s, offset_s = 10**6, 0
    for code, at, length in _options(block, 16):
        if code == _TSRESOL and length == 1:
            (resolution,) = block.numbers("B", at)
            ticks_per_s = (2 if resolution & 0x80 else 10) ** (resolution & 0x7F)
        elif code == _TSOFFSET and length == 8:
            (offset_s,) = block.numbers("q", at)
    return _Interface(link, most_bytes or None, ticks_per_s, offset_s)


def _options(block: Block, at: int) -> Iterator[tuple[int, int, int]]:
    """Code, place and length of each option from `at` on, up to one that the block cuts off."""
    end = len(block.content) - 4
    while at + 4 <= end:
        code, length = block.numbers("HH", at)
        at += 4
        if code == 0 or at + length > end:
            break
        yield code, at, length
        at += length + -length % 4
