"""Captures, read in a test."""

from __future__ import annotations

import io
from pathlib import Path

from proccli.model.flows import Segment
from proccli.traffic.captures.opening import Capture, capture_of, open_capture


def read(path: Path) -> tuple[list[Segment], Capture]:
    """All segments of a file, to the microsecond, and what is known of it afterwards."""
    with open_capture(str(path)) as capture:
        return [to_the_microsecond(segment) for segment in capture.segments()], capture


def read_bytes(content: bytes, name: str = "x.pcap") -> tuple[list[Segment], Capture]:
    """The same of bytes."""
    capture = capture_of(io.BytesIO(content), name)
    return [to_the_microsecond(segment) for segment in capture.segments()], capture


def to_the_microsecond(segment: Segment) -> Segment:
    """The segment with its time rounded, as programs print it."""
    time_s = segment.time_s
    return segment._replace(time_s=None if time_s is None else round(time_s, 6))
