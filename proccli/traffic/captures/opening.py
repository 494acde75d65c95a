"""A capture, opened: its segments, and what of it could not be read."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Final, cast

from proccli.model.flows import Segment
from proccli.model.note import Note
from proccli.streams import GZIP_MAGIC, opened, rejoined
from proccli.traffic.captures.counts import CaptureError, Tally, notes
from proccli.traffic.captures.links import KNOWN, NoSegment
from proccli.traffic.captures.packets import MAGIC_BYTES, is_capture, packets
from proccli.traffic.captures.pcapng import ByteReader
from proccli.traffic.captures.segments import find_segment

_MOST_HEAD_BYTES: Final = 1 << 16
"""More than the header of gzip data, with a long file name in it."""


class Capture:
    """The packets of a file; they can be read once."""

    def __init__(self, reader: ByteReader, name: str) -> None:
        self._reader = reader
        self.name = name
        self.tally = Tally()
        """Counts so far; complete when `segments` has ended."""

    def segments(self) -> Iterator[Segment]:
        """The TCP segments, in the order of the file, also those inside tunnels.

        A damaged file ends where the damage is, which the tally names. Raises: CaptureError if
        there is no packet before it; OSError.
        """
        tally = self.tally
        for packet in packets(self._reader, tally):
            tally.packets += 1
            if packet.link not in KNOWN:
                tally.link_types[packet.link] += 1
                continue
            found = find_segment(packet)
            if isinstance(found, NoSegment):
                _count(found, tally)
                continue
            tally.tcp += 1
            tally.decapsulated += found.tunnels > 0
            tally.cut += found.cut
            yield found.segment
        if tally.damage is not None and not tally.packets:
            raise CaptureError(f"{self.name}: a damaged capture: {tally.damage}")

    def notes(self) -> Sequence[Note]:
        """The warnings about it, when `segments` has ended."""
        return tuple(notes(self.tally, self.name))


@contextmanager
def open_capture(path: str) -> Iterator[Capture]:
    """A capture from a file, or from stdin (`-`): pcap or pcapng, gzip or not.

    Raises: CaptureError if it is not a capture; SourceError for what can't be read, also while
    the segments are read.
    """
    with opened(path) as (file, name):
        yield capture_of(file, name)


def capture_of(file: BinaryIO, name: str) -> Capture:
    """The capture in a stream, from its current position. Raises: CaptureError; OSError."""
    reader = ByteReader(file)
    if reader.peek(len(GZIP_MAGIC)) == GZIP_MAGIC:
        # GzipFile needs nothing but read().
        reader = ByteReader(cast("BinaryIO", gzip.GzipFile(fileobj=cast("BinaryIO", reader))))
    head = reader.peek(MAGIC_BYTES)
    if not is_capture(head):
        what = reader.problem or ("not a pcap or pcapng file" if head else "empty")
        raise CaptureError(f"{name}: not a capture: {what}")
    return Capture(reader, name)


def sniffed(file: BinaryIO) -> tuple[bool, BinaryIO]:
    """Whether a stream holds a capture, gzip or not, and the stream to read it from.

    No more is waited for than needed: a pipe may give its first bytes long before the rest.

    Raises: OSError.
    """
    read = getattr(file, "read1", file.read)
    head = b""
    while len(head) < _MOST_HEAD_BYTES and len(_beginning(head)) < MAGIC_BYTES:
        more: bytes = read(_MOST_HEAD_BYTES - len(head))
        if not more:
            break
        head += more
    return is_capture(_beginning(head)), cast("BinaryIO", rejoined(head, file))


def _beginning(head: bytes) -> bytes:
    """The first bytes of the content, as far as they can be unpacked from these."""
    if not head.startswith(GZIP_MAGIC[: len(head)]) or not head:
        return head
    try:
        return zlib.decompressobj(wbits=31).decompress(head, MAGIC_BYTES)
    except zlib.error:
        return head


def _count(reason: NoSegment, tally: Tally) -> None:
    if reason.kind == "cut":
        tally.cut += 1
    elif reason.kind == "fragment":
        tally.fragments += 1
    elif reason.kind == "malformed":
        tally.malformed += 1
    elif reason.kind == "packed":
        tally.encapsulated[reason.packed_in] += 1
