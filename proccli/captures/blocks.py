"""The blocks of a pcapng file: whole ones, and only those that tell packets.

scapy reads what is in them; it would not say where a file is damaged, and take the interfaces of
one section for those of the next.

Source: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from proccli.captures.octets import Octets

MOST_BLOCK_BYTES: Final = 16 << 20
"""As libpcap has it."""

SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_TOLD: Final = {SECTION: 28, INTERFACE: 20, OLD_PACKET: 32, SIMPLE_PACKET: 16, PACKET: 32}
"""The kinds that tell packets, and how long one is at least."""
_BYTE_ORDERS: Final = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_TSOFFSET: Final = 14


class Block(NamedTuple):
    """A block, whole, and the byte order of its section: `<` or `>`."""

    kind: int
    order: str
    content: bytes

    def numbers(self, form: str, at: int) -> tuple[int, ...]:
        """Numbers in the block, `form` as struct has it, `at` from its beginning."""
        return struct.unpack_from(self.order + form, self.content, at)


class Blocks:
    """The blocks of a file, one after another; `problem` says why there are no more."""

    def __init__(self, octets: Octets) -> None:
        self._octets = octets
        self._order = "<"
        self.at = 0
        """Where the latest begins."""
        self.problem: str | None = None

    def next(self) -> Block | None:
        """The next one that matters; None at the end."""
        while self.problem is None:
            self.at = self._octets.offset
            try:
                block = self._whole()
            except _Damaged as damage:
                self.problem = f"{self._octets.problem or damage} at byte {self.at:,}"
                break
            if block is None or block.kind in _TOLD:
                return block
        return None

    def _whole(self) -> Block | None:
        """The next block of any kind. Raises: _Damaged."""
        head = self._octets.read(8)
        if not head and self._octets.problem is None:
            return None
        if head[:4] == SECTION.to_bytes(4, "big"):
            # The same in both byte orders: which one holds comes right behind the length.
            order = _BYTE_ORDERS.get(self._octets.peek(4))
            if order is None:
                raise _Damaged("no section header")
            self._order = order
        if len(head) < 8:
            raise _Damaged("cut short")
        kind, length = struct.unpack(self._order + "II", head)
        if not 12 <= length <= MOST_BLOCK_BYTES or length % 4:
            raise _Damaged(f"a block of {length:,} bytes")
        rest = self._octets.read(length - 8)
        if len(rest) < length - 8:
            raise _Damaged("cut short")
        if rest[-4:] != head[4:]:
            raise _Damaged("a block whose two lengths differ")
        block = Block(kind, self._order, head + rest)
        if length < _TOLD.get(kind, 0) or not _holds_its_packet(block):
            raise _Damaged("a block that is too short")
        return block


class _Damaged(Exception):  # noqa: N818 - what is the case
    """There is no next block to be had."""


def _holds_its_packet(block: Block) -> bool:
    """Whether as much data as it announces fits into it."""
    if block.kind not in (PACKET, OLD_PACKET):
        return True
    (captured,) = block.numbers("I", 20)
    return 32 + captured <= len(block.content)


class Section:
    """The blocks of one section as a stream, for scapy. It ends with the section."""

    def __init__(self, blocks: Blocks, header: Block) -> None:
        self._blocks = blocks
        self._content = header.content
        self._at = 0
        self._offsets_s: list[int] = []
        self.packets = 0
        """Blocks with packets, so far."""
        self.offset_s = 0
        """What is to be added to the time of the latest packet (if_tsoffset of its interface)."""
        self.ended = False
        self.following: Block | None = None
        """The header of the section behind this one, when it has ended."""

    def read(self, size: int) -> bytes:
        """The next bytes of the block, or of the next one; nothing at the end of the section."""
        if self._at >= len(self._content) and not self.ended:
            self._content, self._at = self._next(), 0
        data = self._content[self._at : self._at + size]
        self._at += len(data)
        return data

    def skip(self) -> None:
        """Leave the rest of the block out."""
        self._at = len(self._content)

    def _next(self) -> bytes:
        block = self._blocks.next()
        if block is None or block.kind == SECTION:
            self.ended, self.following = True, block
            return b""
        if block.kind == INTERFACE:
            self._offsets_s.append(_tsoffset(block))
            return _with_a_snaplen(block)
        self.packets += 1
        self.offset_s = 0
        if block.kind != SIMPLE_PACKET:
            (interface,) = block.numbers("I" if block.kind == PACKET else "H", 8)
            if interface < len(self._offsets_s):
                self.offset_s = self._offsets_s[interface]
        return block.content


def _tsoffset(interface: Block) -> int:
    """Seconds that the times of this interface leave out, which scapy doesn't know of."""
    at = 16
    while at + 4 <= len(interface.content) - 4:
        code, length = interface.numbers("HH", at)
        if code == _TSOFFSET and length == 8 and at + 12 <= len(interface.content) - 4:
            (seconds,) = interface.numbers("q", at + 4)
            return seconds
        if code == 0:
            break
        at += 4 + length + -length % 4
    return 0


def _with_a_snaplen(interface: Block) -> bytes:
    """The block, unlimited written as a large number: scapy takes 0 for "nothing of the packet"."""
    content = interface.content
    return content if content[12:16] != bytes(4) else content[:12] + b"\xff" * 4 + content[16:]
