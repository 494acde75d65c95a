"""The TOT options in captures: which process sent each segment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from proccli.commands.warnings import incomplete
from proccli.model.flows import SYN, CapturedOption, Segment
from proccli.model.note import Note
from proccli.model.sockets import Endpoint
from proccli.traffic.captures.opening import Capture, open_capture
from proccli.traffic.tot.option import decode_options


@dataclass(frozen=True, slots=True, kw_only=True)
class TotSelection:
    """Filters for the listed options. Empty: all options."""

    pids: Sequence[int] = ()
    ips: Sequence[str] = ()
    """At either end, or before translation."""
    ports: Sequence[int] = ()

    def matches(self, seen: CapturedOption) -> bool:
        """Whether all filters match the option."""
        if self.pids and seen.option.pid not in self.pids:
            return False
        ends = (seen.source, seen.destination)
        if self.ports and not any(end.port in self.ports for end in ends):
            return False
        addresses = (*(end.ip for end in ends), seen.option.address)
        return not self.ips or any(address in self.ips for address in addresses)


@dataclass(slots=True, kw_only=True)
class TotRow:
    """An option, or several equal ones from the same sender to the same receiver."""

    capture: str
    seen: CapturedOption
    """The first option."""
    count: int = 1
    last_s: float | None = None
    """Time of the last option in seconds since the epoch; None: not in the capture."""


@dataclass(slots=True, kw_only=True)
class TotSummary:
    """Counts of everything in the captures, regardless of filters."""

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
    """Options of kind 253 that are not TOT."""
    decapsulated: int = 0
    fragments: int = 0
    cut: int = 0
    malformed: int = 0
    encapsulated: int = 0
    link_type: int = 0
    first_s: float | None = None
    last_s: float | None = None
    """Times of the earliest and latest TCP segment, in seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TotResult:
    """The listed options, with the counts and warnings of all captures."""

    rows: tuple[TotRow, ...]
    summary: TotSummary
    notes: tuple[Note, ...]
    incomplete: bool
    """Whether options may have been missed."""


class TotRun:
    """Reads captures one after another; summary and warnings cover what has been read so far.

    `rows` can be iterated once; memory does not grow with the number of rows.
    """

    def __init__(self, captures: Sequence[str], selection: TotSelection | None = None) -> None:
        self._captures = captures
        self._selection = selection or TotSelection()
        self._notes: list[Note] = []
        self.summary = TotSummary()

    def rows(self) -> Iterator[TotRow]:
        """Each option that the selection matches. Raises: CaptureError; SourceError."""
        for path in self._captures:
            with open_capture(path) as capture:
                for segment in capture.segments():
                    for seen in self._seen(segment):
                        if self._selection.matches(seen):
                            yield TotRow(capture=capture.name, seen=seen, last_s=seen.time_s)
                self._add(capture)

    @property
    def incomplete(self) -> bool:
        """Whether options may have been missed in what was read so far."""
        return incomplete(self._notes, {"packets"})

    @property
    def notes(self) -> Sequence[Note]:
        """Warnings about what was read so far."""
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
    """The options in captures: each of them, or with `unique` one row for equal ones.

    At most `limit` rows, which also bounds the memory. Raises: CaptureError; SourceError.
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
    if summary.tcp and not summary.options:
        yield Note.of("tot-none", syns=summary.syns, sides=None)
    if summary.ambiguous:
        yield Note.of("tot-ambiguous", options=summary.ambiguous)
    if summary.syn_ack:
        yield Note.of("tot-syn-ack", options=summary.syn_ack)


def collected(
    rows: Iterable[TotRow], *, unique: bool, limit: int | None
) -> tuple[tuple[TotRow, ...], int]:
    """At most `limit` rows, with `unique` one for all equal ones, and the number left out."""
    kept: list[TotRow] = []
    equal_rows = _EqualRows()
    more = 0
    for row in rows:
        first = equal_rows.first(row) if unique else None
        if first is not None:
            first.count += 1
            first.last_s = row.last_s
        elif limit is None or len(kept) < limit:
            kept.append(row)
            if unique:
                equal_rows.keep(row)
        else:
            more += 1
    return tuple(kept), more


_Ends: TypeAlias = frozenset[Endpoint]


class _EqualRows:
    """Finds the row of an equal option of the same connection; grows with the rows it keeps."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], TotRow] = {}
        # A SYN with another sequence number is another connection between the same ends.
        self._syns: dict[_Ends, set[int]] = {}

    def first(self, row: TotRow) -> TotRow | None:
        """The kept row that is equal to this one; None: this is the first."""
        seen = row.seen
        if _opens(seen) and seen.seq not in self._syns.get(_ends(seen), ()):
            return None
        return self._kept.get(self._key(row))

    def keep(self, row: TotRow) -> None:
        """Add a row."""
        seen = row.seen
        if _opens(seen):
            self._syns.setdefault(_ends(seen), set()).add(seen.seq)
        self._kept[self._key(row)] = row

    def _key(self, row: TotRow) -> tuple[object, ...]:
        seen, option = row.seen, row.seen.option
        return (
            row.capture,
            seen.source,
            seen.destination,
            seen.is_syn and seen.is_ack,
            len(self._syns.get(_ends(seen), ())),
            option.version,
            option.pid,
            option.address,
            option.agent_id,
            option.ambiguous,
        )


def _ends(seen: CapturedOption) -> _Ends:
    return frozenset((seen.source, seen.destination))


def _opens(seen: CapturedOption) -> bool:
    return seen.is_syn and not seen.is_ack
