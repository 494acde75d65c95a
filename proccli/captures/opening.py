"""A capture, opened: its segments, and what could not be had of it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Final, cast

from proccli.captures.library import Readers, readers
from proccli.captures.links import KNOWN
from proccli.captures.magic import MAGIC_BYTES, is_capture
from proccli.captures.misses import Miss
from proccli.captures.octets import Octets
from proccli.captures.packets import packets
from proccli.captures.segments import find_segment
from proccli.captures.tally import CaptureError, Tally, notices
from proccli.model.config import Notice
from proccli.model.flows import Segment
from proccli.recording.lines import opened

_GZIP: Final = b"\x1f\x8b"


class Capture:
    """The packets of a file, which can be gone through once."""

    def __init__(self, octets: Octets, name: str, library: Readers) -> None:
        self._octets = octets
        self._library = library
        self.name = name
        self.tally = Tally()
        """What was seen so far; complete when `segments` has ended."""

    def segments(self) -> Iterator[Segment]:
        """The TCP segments, in the order of the file, also those inside tunnels.

        A damaged file ends where the damage is, which the tally tells. Raises: CaptureError if
        there is no packet before it; OSError.
        """
        tally = self.tally
        for packet in packets(self._octets, self._library, tally):
            tally.packets += 1
            if packet.link not in KNOWN:
                tally.link_types[packet.link] += 1
                continue
            found = find_segment(packet)
            if isinstance(found, Miss):
                _count(found, tally)
                continue
            tally.tcp += 1
            tally.decapsulated += found.tunnels > 0
            tally.cut += found.cut
            yield found.segment
        if tally.damage is not None and not tally.packets:
            raise CaptureError(f"{self.name}: a damaged capture: {tally.damage}")

    def notices(self) -> Sequence[Notice]:
        """What there is to say about it, when `segments` has ended."""
        return tuple(notices(self.tally, self.name))


@contextmanager
def open_capture(path: str) -> Iterator[Capture]:
    """A capture from a file, or from stdin (`-`): pcap or pcapng, gzip or not.

    Raises: CaptureError if it is none, or scapy is not installed; SourceError for what can't be
    read, also while the capture is gone through.
    """
    with opened(path) as (file, name):
        yield capture_of(file, name)


def capture_of(file: BinaryIO, name: str) -> Capture:
    """The capture that a stream holds, from where it stands. Raises: CaptureError; OSError."""
    octets = Octets(file)
    if octets.peek(len(_GZIP)) == _GZIP:
        # GzipFile asks for no more than read().
        octets = Octets(cast("BinaryIO", gzip.GzipFile(fileobj=cast("BinaryIO", octets))))
    head = octets.peek(MAGIC_BYTES)
    if not is_capture(head):
        what = octets.problem or ("not a pcap or pcapng file" if head else "empty")
        raise CaptureError(f"{name}: not a capture: {what}")
    return Capture(octets, name, readers())


def _count(miss: Miss, tally: Tally) -> None:
    if miss.kind == "cut":
        tally.cut += 1
    elif miss.kind == "fragment":
        tally.fragments += 1
    elif miss.kind == "malformed":
        tally.malformed += 1
    elif miss.kind == "packed":
        tally.encapsulated[miss.packed_in] += 1
