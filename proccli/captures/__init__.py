"""Captures: the TCP segments of pcap and pcapng files, and of what tcpdump writes into a pipe."""

from proccli.captures.opening import Capture, capture_of, open_capture, sniffed
from proccli.captures.packets import MAGIC_BYTES, is_capture
from proccli.captures.tally import CaptureError, Tally

__all__ = [
    "MAGIC_BYTES",
    "Capture",
    "CaptureError",
    "Tally",
    "capture_of",
    "is_capture",
    "open_capture",
    "sniffed",
]
