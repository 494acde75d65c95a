"""pcapng files, block by block."""

from __future__ import annotations

import struct

from tests.traffic.captures.frames import ETHERNET, Frame


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A block of any kind, its body padded."""
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str = "<") -> bytes:
    """A section header, of unknown length."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(
    link: int = ETHERNET, *, order: str = "<", snaplen: int = 0, options: bytes = b""
) -> bytes:
    end = option(0, b"", order) if options else b""
    return block(1, struct.pack(order + "HHI", link, 0, snaplen) + options + end, order)


def resolution(power: int, order: str = "<") -> bytes:
    """if_tsresol."""
    return option(9, bytes((power,)), order)


def shift(seconds: int, order: str = "<") -> bytes:
    """if_tsoffset."""
    return option(14, struct.pack(order + "q", seconds), order)


def packet(
    frame: Frame,
    ticks: int,
    *,
    number: int = 0,
    order: str = "<",
    claims: int | None = None,
    comment: bytes = b"",
) -> bytes:
    """An enhanced packet block of the interface of this number."""
    size = len(frame.data) if claims is None else claims
    head = struct.pack(
        order + "5I", number, ticks >> 32, ticks & 0xFFFF_FFFF, size, len(frame.data)
    )
    options = option(1, comment, order) + option(0, b"", order) if comment else b""
    return block(6, head + frame.data + bytes(-len(frame.data) % 4) + options, order)


def simple_packet(frame: Frame, order: str = "<") -> bytes:
    """A block without a time, of the first interface."""
    return block(3, struct.pack(order + "I", len(frame.data)) + frame.data, order)


def old_packet(frame: Frame, ticks: int, *, number: int = 0, order: str = "<") -> bytes:
    """The block that was used before there were enhanced ones."""
    size = len(frame.data)
    head = (number, 0, ticks >> 32, ticks & 0xFFFF_FFFF, size, size)
    return block(2, struct.pack(order + "HH4I", *head) + frame.data, order)
