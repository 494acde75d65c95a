"""Whether a stream holds a capture, told without taking anything from it."""

from __future__ import annotations

import zlib
from typing import BinaryIO, Final, cast

from proccli.captures.magic import MAGIC_BYTES, is_capture
from proccli.recording.lines import rejoined

_GZIP: Final = b"\x1f\x8b"
_MOST_BYTES: Final = 1 << 16
"""A gzip header with a long file name is shorter."""


def sniffed(file: BinaryIO) -> tuple[bool, BinaryIO]:
    """Whether it holds a capture, gzip or not, and the stream to read it from. Raises: OSError.

    It waits for no more than it needs: a pipe may give its first bytes long before the rest.
    """
    read = getattr(file, "read1", file.read)
    head = b""
    while len(head) < _MOST_BYTES and len(_beginning(head)) < MAGIC_BYTES:
        more: bytes = read(_MOST_BYTES - len(head))
        if not more:
            break
        head += more
    return is_capture(_beginning(head)), cast("BinaryIO", rejoined(head, file))


def _beginning(head: bytes) -> bytes:
    """The first bytes of the content, as far as they can be unpacked from these."""
    if not head.startswith(_GZIP[: len(head)]) or not head:
        return head
    try:
        return zlib.decompressobj(wbits=31).decompress(head, MAGIC_BYTES)
    except zlib.error:
        return head
