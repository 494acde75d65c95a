"""What the first bytes of a file tell, before anything is loaded that can read it."""

from __future__ import annotations

from typing import Final

PCAPNG: Final = b"\x0a\x0d\x0d\x0a"
PCAP: Final = frozenset(
    bytes.fromhex(magic)
    for magic in (
        "a1b2c3d4",  # microseconds, from a big-endian machine
        "d4c3b2a1",
        "a1b23c4d",  # nanoseconds
        "4d3cb2a1",
    )
)
MAGIC_BYTES: Final = 4


def is_capture(head: bytes) -> bool:
    """Whether a file that begins so is a capture; of a gzip file, whether its content is.

    A text file never begins with one of these. `head` has at least `MAGIC_BYTES` of the file,
    unless that is shorter.
    """
    magic = head[:MAGIC_BYTES]
    return magic == PCAPNG or magic in PCAP
