"""The bytes of a capture and, for a pcapng file, its blocks.

Source: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final, NamedTuple

from proccli.streams import gzip_errors, gzip_problem

MOST_BLOCK_BYTES: Final = 16 << 20
"""As in libpcap."""

SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_LEAST_BYTES: Final = {
    SECTION: 28,
    INTERFACE: 20,
    OLD_PACKET: 32,
    SIMPLE_PACKET: 16,
    PACKET: 32,
}
"""The kinds that are needed to read packets, with the least length of each."""
_BYTE_ORDERS: Final = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_MAJOR_VERSION: Final = 1
_CHUNK_BYTES: Final = 1 << 18


class ByteReader:
    """A stream that never raises for damaged gzip data: it ends there, and `problem` says why.

    Everything before the damage is returned.
    """

    def __init__(self, file: BinaryIO) -> None:
        # read1 returns what a pipe has now, so a running tcpdump can be followed. Not every
        # stream has it.
        self._more = getattr(file, "read1", file.read)
        self._chunk = b""
        self._at = 0
        self._before = 0
        self.problem: str | None = None

    @property
    def offset(self) -> int:
        """How many bytes were read, after unpacking."""
        return self._before + self._at

    def peek(self, size: int) -> bytes:
        """The next bytes, fewer at the end, without reading them."""
        self._fill(size)
        return self._chunk[self._at : self._at + size]

    def read(self, size: int) -> bytes:
        """The next bytes, fewer at the end."""
        at = self._at
        end = at + size
        if end > len(self._chunk):
            self._fill(size)
            at, end = self._at, self._at + size
        data = self._chunk[at:end]
        self._at = at + len(data)
        return data

    def _fill(self, size: int) -> None:
        pieces = [self._chunk[self._at :]]
        wanted = size - len(pieces[0])
        while wanted > 0:
            piece = self._next()
            if not piece:
                break
            pieces.append(piece)
            wanted -= len(piece)
        self._before += self._at
        self._at = 0
        self._chunk = b"".join(pieces)

    def _next(self) -> bytes:
        if self.problem is not None:
            return b""
        try:
            piece: bytes = self._more(_CHUNK_BYTES)
        except gzip_errors() as error:
            self.problem = gzip_problem(error)
            return b""
        return piece


class Block(NamedTuple):
    """A whole block with both its lengths, and the byte order of its section: `<` or `>`."""

    kind: int
    order: str
    content: bytes

    def numbers(self, form: str, at: int) -> tuple[int, ...]:
        """Numbers `at` bytes from the beginning of the block; `form` is one of struct."""
        return struct.unpack_from(self.order + form, self.content, at)


class Blocks:
    """The blocks of a file, one after another; `problem` says why there are no more."""

    def __init__(self, reader: ByteReader) -> None:
        self._reader = reader
        self._order = "<"
        self.problem: str | None = None

    def next(self) -> Block | None:
        """The next section header, interface or packet; None at the end."""
        while self.problem is None:
            at = self._reader.offset
            try:
                block = self._whole()
            except _Damaged as damage:
                self.problem = f"{self._reader.problem or damage} at byte {at:,}"
                break
            if block is None or block.kind in _LEAST_BYTES:
                return block
        return None

    def _whole(self) -> Block | None:
        """The next block of any kind. Raises: _Damaged."""
        head = self._reader.read(8)
        if not head and self._reader.problem is None:
            return None
        if head[:4] == SECTION.to_bytes(4, "big"):
            # The same in both byte orders: the order follows after the length.
            order = _BYTE_ORDERS.get(self._reader.peek(4))
            if order is None:
                raise _Damaged("no section header")
            self._order = order
        if len(head) < 8:
            raise _Damaged("cut short")
        kind, length = struct.unpack(self._order + "II", head)
        if not 12 <= length <= MOST_BLOCK_BYTES or length % 4:
            raise _Damaged(f"a block of {length:,} bytes")
        rest = self._reader.read(length - 8)
        if len(rest) < length - 8:
            raise _Damaged("cut short")
        if rest[-4:] != head[4:]:
            raise _Damaged("a block whose two lengths differ")
        block = Block(kind, self._order, head + rest)
        if length < _LEAST_BYTES.get(kind, 0) or not _holds_its_packet(block):
            raise _Damaged("a block that is too short")
        if kind == SECTION and block.numbers("H", 12) != (_MAJOR_VERSION,):
            raise _Damaged("a section of an unknown version of pcapng")
        return block


class _Damaged(Exception):  # noqa: N818 - a finding
    """The next block can't be read."""


def _holds_its_packet(block: Block) -> bool:
    """Whether the data fit into the block that announces their length."""
    if block.kind not in (PACKET, OLD_PACKET):
        return True
    (captured,) = block.numbers("I", 20)
    return 32 + captured <= len(block.content)
