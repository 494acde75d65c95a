"""What was seen in a capture, and what of it could not be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from proccli.errors import ProccliError
from proccli.model.config import Notice


class CaptureError(ProccliError):
    """A file is not a capture, or is damaged from the start."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts over the packets so far. Complete when the last segment is out."""

    packets: int = 0
    tcp: int = 0
    """Segments whose header was captured at least up to its flags."""
    decapsulated: int = 0
    """Of these: found inside a tunnel."""
    cut: int = 0
    """TCP headers, or those before them, of which not all was captured. A segment whose options
    alone were cut counts in `tcp`, too."""
    fragments: int = 0
    """Further fragments of IP packets: what they are pieces of was told by the first."""
    malformed: int = 0
    """IP or TCP headers that contradict themselves, packet blocks of no known interface."""
    encapsulated: Counter[str] = field(default_factory=Counter)
    """Packets that may carry segments which are not looked at, by what they are packed in."""
    link_types: Counter[int] = field(default_factory=Counter)
    """Packets of links that are not read, by LINKTYPE number."""
    damage: str | None = None
    """Where and how the file is damaged: nothing behind that was read."""

    @property
    def incomplete(self) -> bool:
        """Whether there may be segments, or options, that were not seen."""
        return bool(
            self.cut or self.malformed or self.encapsulated or self.link_types or self.damage
        )


def notices(tally: Tally, name: str) -> Iterator[Notice]:
    """What there is to say about a capture of this name."""
    if tally.damage is not None:
        message = f"{name}: {tally.damage}; only what is before that was read"
        yield Notice(code="capture-damaged", message=message)
    if tally.cut:
        message = (
            f"{name}: {_headers(tally.cut)} cut off by the capture's snapshot length, and options"
            " may be missing (capture with -s 0)"
        )
        yield Notice(code="capture-cut", message=message)
    if tally.malformed:
        message = f"{name}: {_packets(tally.malformed)} with headers that make no sense"
        yield Notice(code="capture-malformed", message=message)
    if tally.encapsulated:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in tally.encapsulated.most_common())
        message = f"{name}: what is packed in other packets is not looked at: {kinds}"
        yield Notice(code="capture-encapsulated", message=message)
    for link, count in sorted(tally.link_types.items()):
        message = f"{name}: {_packets(count)} of link type {link}, which is not read"
        yield Notice(code="capture-link-type", message=message)


def _headers(number: int) -> str:
    return "1 TCP header was" if number == 1 else f"{number:,} TCP headers were"


def _packets(number: int) -> str:
    return "1 packet" if number == 1 else f"{number:,} packets"
