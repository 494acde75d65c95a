"""The TOT options in captures: which process sent what, as the segments themselves say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from proccli.commands.tot.totrows import TotRow, collected
from proccli.commands.warnings import incomplete
from proccli.model.flows import SYN, CapturedOption, Segment
from proccli.model.note import Note
from proccli.traffic.captures.opening import Capture, open_capture
from proccli.traffic.tot.option import decode_options


@dataclass(frozen=True, slots=True, kw_only=True)
class TotSelection:
    """Which options to list. Empty: all of them."""

    pids: Sequence[int] = ()
    ips: Sequence[str] = ()
    """At either end, or before translation."""
    ports: Sequence[int] = ()

    def wants(self, seen: CapturedOption) -> bool:
        """Whether it is one of the chosen ones."""
        if self.pids and seen.option.pid not in self.pids:
            return False
        ends = (seen.source, seen.destination)
        if self.ports and not any(end.port in self.ports for end in ends):
            return False
        addresses = (*(end.ip for end in ends), seen.option.address)
        return not self.ips or any(address in self.ips for address in addresses)


@dataclass(slots=True, kw_only=True)
class TotSummary:
    """Counts over all that the captures hold, chosen or not."""

    packets: int = 0
    tcp: int = 0
    syns: int = 0
    with_option: int = 0
    """Segments with a TOT option."""
    options: int = 0
    versions: Counter[int] = field(default_factory=Counter)
    kernel: int = 0
    """Options with pid 0."""
    syn_ack: int = 0
    translated: int = 0
    ambiguous: int = 0
    other_253: int = 0
    """Options of kind 253 that are no TOT."""
    decapsulated: int = 0
    fragments: int = 0
    cut: int = 0
    malformed: int = 0
    encapsulated: int = 0
    link_type: int = 0
    first_s: float | None = None
    last_s: float | None = None
    """Of the TCP segments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TotResult:
    """What captures say, as a whole."""

    rows: tuple[TotRow, ...]
    summary: TotSummary
    notes: tuple[Note, ...]
    incomplete: bool
    """Whether there may be options that were not seen."""


class TotRun:
    """A walk through captures, one after another. Summary and warnings are those of what was read.

    `rows` can be gone through once, and keeps nothing of what it has handed out.
    """

    def __init__(self, captures: Sequence[str], selection: TotSelection | None = None) -> None:
        self._captures = captures
        self._selection = selection or TotSelection()
        self._notes: list[Note] = []
        self.summary = TotSummary()

    def rows(self) -> Iterator[TotRow]:
        """Each option that was chosen. Raises: CaptureError; SourceError."""
        for path in self._captures:
            with open_capture(path) as capture:
                for segment in capture.segments():
                    for seen in self._seen(segment):
                        if self._selection.wants(seen):
                            yield TotRow(capture=capture.name, seen=seen, last_s=seen.time_s)
                self._add(capture)

    @property
    def incomplete(self) -> bool:
        """Whether there may be options in what was read so far that were not seen."""
        return incomplete(self._notes, {"packets"})

    @property
    def notes(self) -> Sequence[Note]:
        """What there is to say about what was read so far."""
        return (*self._notes, *_remarks(self.summary))

    def _seen(self, segment: Segment) -> Iterator[CapturedOption]:
        summary = self.summary
        summary.syns += bool(segment.flags & SYN)
        self._take_time(segment.time_s)
        found = decode_options(segment)
        summary.other_253 += found.other
        summary.with_option += bool(found.tot)
        for option in found.tot:
            seen = CapturedOption(
                time_s=segment.time_s,
                source=segment.source,
                destination=segment.destination,
                flags=segment.flags,
                seq=segment.seq,
                option=option,
            )
            summary.options += 1
            summary.versions[option.version] += 1
            summary.kernel += option.pid == 0
            summary.syn_ack += seen.is_syn and seen.is_ack
            summary.translated += bool(seen.translated)
            summary.ambiguous += option.ambiguous
            yield seen

    def _take_time(self, time_s: float | None) -> None:
        summary = self.summary
        if time_s is not None:
            if summary.first_s is None or time_s < summary.first_s:
                summary.first_s = time_s
            if summary.last_s is None or time_s > summary.last_s:
                summary.last_s = time_s

    def _add(self, capture: Capture) -> None:
        tally, summary = capture.tally, self.summary
        summary.packets += tally.packets
        summary.tcp += tally.tcp
        summary.decapsulated += tally.decapsulated
        summary.fragments += tally.fragments
        summary.cut += tally.cut
        summary.malformed += tally.malformed
        summary.encapsulated += tally.encapsulated.total()
        summary.link_type += tally.link_types.total()
        self._notes.extend(capture.notes())


def tot(
    captures: Sequence[str],
    selection: TotSelection | None = None,
    *,
    unique: bool = False,
    limit: int | None = None,
) -> TotResult:
    """What captures say: each option, or with `unique` one line for those that are alike.

    With a `limit`, memory is bounded by it. Raises: CaptureError; SourceError.
    """
    run = TotRun(captures, selection)
    rows, more = collected(run.rows(), unique=unique, limit=limit)
    notes = list(run.notes)
    if more:
        notes.append(Note.of("tot-limit", options=more, limit=limit))
    return TotResult(
        rows=rows,
        summary=run.summary,
        notes=tuple(notes),
        incomplete=run.incomplete,
    )


def _remarks(summary: TotSummary) -> Iterator[Note]:
    if summary.ambiguous:
        yield Note.of("tot-ambiguous", options=summary.ambiguous)
    if summary.syn_ack:
        yield Note.of("tot-syn-ack", options=summary.syn_ack)
