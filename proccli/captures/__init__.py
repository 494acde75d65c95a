"""Captures: the TCP segments of pcap and pcapng files, and of what tcpdump writes into a pipe.

The files are read by scapy, of the extra `proccli[pcap]`, which is loaded when one is opened.
"""

from proccli.captures.magic import MAGIC_BYTES, is_capture
from proccli.captures.opening import Capture, capture_of, open_capture
from proccli.captures.sniffing import sniffed
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
