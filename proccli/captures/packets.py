"""The packets of a capture, as scapy reads them, and where it is damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final, NamedTuple

from proccli.captures.blocks import SECTION, Blocks, Section
from proccli.captures.library import Readers
from proccli.captures.magic import MAGIC_BYTES, PCAPNG
from proccli.captures.octets import Octets
from proccli.captures.tally import Tally

MOST_PACKET_BYTES: Final = 262_144
"""More than libpcap captures of any network packet: a length beyond it is damage."""
_SCAPY_KEEPS: Final = 65_535
"""Bytes of a packet that scapy hands out."""


class Packet(NamedTuple):
    """A packet as it was captured."""

    time_s: float | None
    """Seconds since the epoch; None: not recorded."""
    link: int
    """LINKTYPE of its first header."""
    wire_bytes: int
    """How long it was, also where less was captured."""
    data: bytes


def packets(octets: Octets, readers: Readers, tally: Tally) -> Iterator[Packet]:
    """All packets up to the end, or to the damage that `tally` then tells."""
    if octets.peek(MAGIC_BYTES) == PCAPNG:
        return _of_pcapng(octets, readers.pcapng, tally)
    return _of_pcap(octets, readers.pcap, tally)


class _Records:
    """A pcap file as a stream, for scapy, which reads whatever a damaged length asks for."""

    def __init__(self, octets: Octets) -> None:
        self._octets = octets

    def read(self, size: int) -> bytes:
        return self._octets.read(size) if size <= MOST_PACKET_BYTES else b""


def _of_pcap(octets: Octets, reader: Callable[[Any], Any], tally: Tally) -> Iterator[Packet]:
    try:
        records = reader(_Records(octets))
    except Exception as error:
        tally.damage = f"{octets.problem or error}"
        return
    link, ticks = records.linktype & 0xFFFF, 1e9 if records.nano else 1e6
    while True:
        at = octets.offset
        read = next(records, None)
        if read is None:
            break
        data, told = read
        if told.caplen > MOST_PACKET_BYTES:
            tally.damage = f"a packet of {told.caplen:,} bytes at byte {at:,}"
            return
        if len(data) < min(told.caplen, _SCAPY_KEEPS):
            break
        yield Packet(told.sec + told.usec / ticks, link, told.wirelen, data)
    if octets.problem is not None or octets.offset > at:
        tally.damage = f"{octets.problem or 'cut short'} in the packet at byte {at:,}"


def _of_pcapng(octets: Octets, reader: Callable[[Any], Any], tally: Tally) -> Iterator[Packet]:
    blocks = Blocks(octets)
    header = blocks.next()
    while header is not None and header.kind == SECTION:
        section = Section(blocks, header)
        yield from _of_section(section, reader, tally)
        header = section.following
    if blocks.problem is not None:
        tally.damage = blocks.problem


def _of_section(section: Section, reader: Callable[[Any], Any], tally: Tally) -> Iterator[Packet]:
    read = 0
    packets = _fearless(section, reader)
    for data, told in packets:
        read += 1
        time_s = None
        if told.tshigh is not None:
            time_s = ((told.tshigh << 32) | told.tslow) / told.tsresol + section.offset_s
        yield Packet(time_s, told.linktype, told.wirelen, data)
    tally.packets += section.packets - read
    tally.malformed += section.packets - read


def _fearless(section: Section, reader: Callable[[Any], Any]) -> Iterator[Any]:
    """What scapy makes of a section. A block that it stumbles over is left out."""
    blocks: Any = None
    while not section.ended:
        with suppress(Exception):
            if blocks is None:
                blocks = reader(section)
            yield from blocks
        section.skip()
