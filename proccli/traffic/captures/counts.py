"""Counts of what a capture contains and of what could not be read, and the warnings about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from proccli.errors import ProccliError
from proccli.model.note import Note


class CaptureError(ProccliError):
    """A file is not a capture, or is damaged from the start."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts over the packets so far. Complete after the last segment."""

    packets: int = 0
    tcp: int = 0
    """Segments whose header was captured at least up to its flags."""
    decapsulated: int = 0
    """Of these: found inside a tunnel."""
    cut: int = 0
    """TCP headers, or those before them, of which not all was captured. A segment whose options
    alone were cut counts in `tcp`, too."""
    fragments: int = 0
    """Further fragments of IP packets: only the first has the TCP header."""
    malformed: int = 0
    """IP or TCP headers that contradict themselves, packet blocks of no known interface."""
    encapsulated: Counter[str] = field(default_factory=Counter)
    """Packets that may carry segments which are not read, by their encapsulation."""
    link_types: Counter[int] = field(default_factory=Counter)
    """Packets of links that are not read, by LINKTYPE number."""
    damage: str | None = None
    """Where and how the file is damaged: nothing after that was read."""

    @property
    def incomplete(self) -> bool:
        """Whether there may be segments, or options, that were not seen."""
        return bool(
            self.cut or self.malformed or self.encapsulated or self.link_types or self.damage
        )


def notes(tally: Tally, name: str) -> Iterator[Note]:
    """The warnings about a capture with this name."""
    if tally.damage is not None:
        yield Note.of("capture-damaged", file=name, problem=tally.damage)
    if tally.cut:
        yield Note.of("capture-cut", file=name, headers=tally.cut)
    if tally.malformed:
        yield Note.of("capture-malformed", file=name, packets=tally.malformed)
    if tally.encapsulated:
        kinds = tuple(tally.encapsulated.most_common())
        yield Note.of("capture-encapsulated", file=name, kinds=kinds)
    for link, count in sorted(tally.link_types.items()):
        yield Note.of("capture-link-type", file=name, packets=count, link_type=link)
