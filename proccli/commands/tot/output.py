"""TOT options as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from proccli.commands.tot.tot import TotResult, TotRow, TotSummary
from proccli.model.flows import CapturedOption
from proccli.model.sockets import Endpoint
from proccli.terminal.document import END, MOMENT, Document, lines
from proccli.terminal.lines import Line, cells, joined, plain, shorten, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.record import (
    Field,
    Record,
    array_of,
    boolean,
    enum,
    integer,
    itself,
    nullable,
    text,
)
from proccli.terminal.table import Column, grid
from proccli.terminal.view import View
from proccli.terminal.words import moment
from proccli.text import counted

_FLAGS: Final = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
_U32 = integer(0, 2**32 - 1)

OPTION = Record(
    "option",
    Field(
        "time",
        nullable(MOMENT),
        "By the clock of the capturing machine; null: not recorded.",
        value="seen.time_s",
    ),
    Field("src", END, value="seen.source"),
    Field("dst", END, value="seen.destination"),
    Field(
        "flags",
        array_of(enum(*_FLAGS)),
        "Of the segment.",
        value=lambda row: flag_names(row.seen.flags),
    ),
    Field("packet_seq", _U32, "The segment's own sequence number, as captured.", value="seen.seq"),
    Field("version", enum(1, 2), value="seen.option.version"),
    Field(
        "pid",
        _U32,
        "In the pid namespace of the sender's host; 0: the kernel itself sent the segment.",
        value="seen.option.pid",
    ),
    Field(
        "address",
        nullable(text()),
        "Version 1: the source address before any translation; null: not present, or not certain.",
        value="seen.option.address",
    ),
    Field(
        "seq",
        nullable(_U32),
        "Version 1: the sequence number before any translation; null: not present, or not certain.",
        value="seen.option.seq",
    ),
    Field(
        "agent_id",
        nullable(_U32),
        "Version 2: the agent that added the option.",
        value="seen.option.agent_id",
    ),
    Field(
        "ambiguous",
        boolean(),
        "Version 1 of 12 bytes whose last four may be an address or a sequence number, and are not"
        " the segment's own.",
        value="seen.option.ambiguous",
    ),
    Field(
        "translated",
        nullable(boolean()),
        "Whether the address differs from the segment's source; null: not known.",
        value="seen.translated",
    ),
    Field("capture", text(), "The file, as it was given."),
    Field(
        "count",
        integer(1),
        "Number of equal options that are shown as this one (--unique); it has the values of the"
        " first.",
    ),
    Field("last_time", nullable(MOMENT), "Time of the last of these.", value="last_s"),
)
"""The row is a `TotRow`."""

SUMMARY = Record(
    "summary",
    Field("packets", integer(0)),
    Field("tcp", integer(0), "TCP segments."),
    Field("syns", integer(0), "Of these: with SYN."),
    Field("with_option", integer(0), "Of these: with a TOT option."),
    Field("options", integer(0), "TOT options."),
    Field("v1", integer(0), value=lambda summary: summary.versions[1]),
    Field("v2", integer(0), value=lambda summary: summary.versions[2]),
    Field("kernel", integer(0), "With pid 0."),
    Field("syn_ack", integer(0), "In a SYN-ACK, which the kernel sends, whichever process runs."),
    Field("translated", integer(0)),
    Field("ambiguous", integer(0)),
    Field("other_253", integer(0), "Options of kind 253 that are not TOT."),
    Field("decapsulated", integer(0), "TCP segments that were found inside tunnels."),
    Field(
        "fragments",
        integer(0),
        "Further fragments of IP packets; only the first one has the TCP header.",
    ),
    Field("first_time", nullable(MOMENT), "Of the TCP segments.", value="first_s"),
    Field("last_time", nullable(MOMENT), "Of the TCP segments.", value="last_s"),
    Field(
        "unreadable",
        Record(
            "",
            Field("cut", integer(0), "TCP headers that were not captured completely."),
            Field("malformed", integer(0), "Packets with invalid headers."),
            Field("encapsulated", integer(0), "Packets in tunnels that are not supported."),
            Field("link_type", integer(0), "Packets of link types that are not supported."),
        ),
        value=itself,
    ),
    about="Counts over everything in the captures, regardless of filters.",
)
"""The row is a `TotSummary`."""

TOT = Document(
    "tot",
    "proccli tot --json: TOT options in captures, and the processes that they name",
    Field(
        "options",
        array_of(OPTION),
        "The selected options, as they were captured; -o jsonl prints one of these a line.",
        value="rows",
    ),
    Field("summary", SUMMARY),
)

_DAY = len("2026-01-02T")
_LEAST_ENDS = len("10.100.0.5:41000 -> 192.0.2.99:8080")
"""Minimum useful width in cells for two addresses."""
_PORTS_ALONE = 24
"""Minimum width in cells for addresses; below, only the ports are shown."""


def tot_table(result: TotResult, view: View) -> str:
    """The selected options, and a summary of all captures."""
    shown = grid(result.rows, _columns(result.rows, view), view)
    if shown:
        shown.append(())
    for line in _summary_lines(result):
        shown.extend(wrapped(line, view.width))
    return paint(shown, view)


def _columns(rows: Sequence[TotRow], view: View) -> list[Column[TotRow]]:
    """The columns that are not empty for these options."""
    mark = view.glyphs.ellipsis
    one_day = len({_day(row.seen.time_s) for row in rows}) == 1
    columns: list[Column[TotRow]] = [
        Column(
            title="TIME",
            cell=lambda row, room: ((_time(row.seen.time_s, one_day, room), "dim"),),
            least=len("03:04:05" if one_day else "01-02 03:04:05"),
            spare=2,
        ),
        Column(title="PID", cell=lambda row, _: _pid_cell(row), right=True),
    ]
    if any(row.count > 1 for row in rows):
        columns.append(
            Column(title="COUNT", cell=lambda row, _: plain(f"{row.count:,}"), right=True, spare=1)
        )
    else:
        columns.append(Column(title="SEGMENT", cell=lambda row, _: _segment_cell(row), spare=1))
    columns.append(
        Column(
            title=f"FROM {view.glyphs.becomes} TO",
            cell=lambda row, room: _ends_cell(row, room, view),
            least=_LEAST_ENDS,
        )
    )
    if len({row.capture for row in rows}) > 1:
        columns.append(
            Column(
                title="CAPTURE",
                cell=lambda row, room: ((shorten(row.capture, room, mark), "dim"),),
                least=10,
                spare=3,
            )
        )
    columns.append(
        Column(
            title="OPTION",
            cell=lambda row, room: _option_cell(row, room, mark),
            least=len("v1, from 255.255.255.255"),
        )
    )
    return columns


def _day(seconds: float | None) -> str:
    return (moment(seconds) or "")[:_DAY]


def _time(seconds: float | None, one_day: bool, room: int | None) -> str:
    """The time, as exact as there is room for; without the day if all are on one day."""
    whole = moment(seconds)
    if whole is None:
        return "?"
    day, time = whole[:_DAY], whole[_DAY:-1]
    forms = (time,) if one_day else (whole, f"{day[5:-1]} {time}")
    for form in forms:
        if room is None or len(form) <= room:
            return form
    return forms[-1].partition(".")[0]


def _pid_cell(row: TotRow) -> Line:
    pid = row.seen.option.pid
    return ((str(pid), "name" if pid else "dim"),)


def _segment_cell(row: TotRow) -> Line:
    return plain(kind_of_segment(row.seen))


def _ends_cell(row: TotRow, room: int | None, view: View) -> Line:
    """Both ends; if there is too little room, addresses are shortened in the middle."""
    arrow = f" {view.glyphs.becomes} "
    source, destination = _written(row.seen.source), _written(row.seen.destination)
    mark = view.glyphs.ellipsis
    if room is not None and room < _PORTS_ALONE:
        ports = arrow.join(text[text.rindex(":") :] for text in (source, destination))
        return plain(shorten(ports, room, mark))
    if room is not None and len(source) + len(arrow) + len(destination) > room:
        left = room - len(arrow)
        for_source = min(len(source), max(left // 2, left - len(destination)))
        source = shorten(source, for_source, mark)
        destination = shorten(destination, left - len(source), mark)
    return ((source, ""), (arrow, "dim"), (destination, ""))


def _written(end: Endpoint) -> str:
    return f"[{end.ip}]:{end.port}" if ":" in end.ip else f"{end.ip}:{end.port}"


def _option_cell(row: TotRow, room: int | None, mark: str) -> Line:
    seen, option = row.seen, row.seen.option
    parts: list[Line] = [((f"v{option.version}", "dim"),)]
    if not option.pid:
        parts.append((("kernel", "dim"),))
    if seen.is_syn and seen.is_ack:
        parts.append((("in a SYN-ACK", "warning"),))
    if option.agent_id is not None:
        parts.append(plain(f"agent {option.agent_id}"))
    if seen.translated and option.address is not None:
        parts.append((("from ", ""), (option.address, "tag")))
    if option.ambiguous:
        parts.append((("ambiguous", "unknown"),))
    line = joined(parts, ", ")
    if room is None or cells(line) <= room:
        return line
    return ((shorten("".join(text for text, _ in line), room, mark), ""),)


def _summary_lines(result: TotResult) -> list[Line]:
    return [line for line in (_read_line(result.summary), _found_line(result)) if line]


def _read_line(summary: TotSummary) -> Line:
    parts = [plain(counted(summary.packets, "packet"))]
    parts.append(plain(f"{counted(summary.tcp, 'TCP segment')}"))
    if summary.tcp:
        parts.append(plain(f"{summary.syns:,} with SYN"))
    if summary.decapsulated:
        parts.append(plain(f"{summary.decapsulated:,} in tunnels"))
    missing = summary.cut + summary.malformed + summary.encapsulated + summary.link_type
    if missing:
        parts.append(((f"{missing:,} not parsed", "warning"),))
    day, last = _day(summary.first_s), _day(summary.last_s)
    if day:
        days = day[:-1] if day == last else f"{day[:-1]} to {last[:-1]}"
        parts.append(plain(f"{days} (UTC)"))
    return joined(parts, ", ")


def _found_line(result: TotResult) -> Line:
    summary = result.summary
    other = f"{counted(summary.other_253, 'other option')} of kind 253"
    if not summary.options:
        text = "No TOT options found"
        if summary.other_253:
            return ((f"{text}, but {other}.", "head"),)
        return ((f"{text}.", "head"),)
    parts: list[str] = [
        f"{summary.versions[version]:,} of version {version}"
        for version in (1, 2)
        if summary.versions[version]
    ]
    remarks = (
        (summary.translated, "with a translated address"),
        (summary.kernel, "from the kernel"),
        (summary.syn_ack, "in a SYN-ACK"),
        (summary.ambiguous, "ambiguous"),
    )
    parts.extend(f"{number:,} {remark}" for number, remark in remarks if number)
    total = counted(summary.options, "TOT option")
    listed = sum(row.count for row in result.rows)
    if listed < summary.options:
        total = f"{listed:,} of {summary.options:,} shown. {total}"
    line: list[tuple[str, str]] = [(total, "head"), (f": {', '.join(parts)}", "")]
    if summary.other_253:
        line.append((f"; {other}", ""))
    return line


def tot_document(result: TotResult) -> bytes:
    """The document `proccli/tot/v1`; its summary counts all options, regardless of filters."""
    return TOT.render(result)


def tot_lines(rows: Iterable[TotRow]) -> bytes:
    """A line for each option."""
    return lines(map(OPTION.line, rows))


def flag_names(flags: int) -> list[str]:
    """Names of the flags that are set, such as `SYN` and `ACK`, in the order of their bits."""
    return [name for bit, name in enumerate(_FLAGS) if flags >> bit & 1]


def kind_of_segment(seen: CapturedOption) -> str:
    """The kind of segment: `SYN`, `SYN-ACK`, `PSH`, or all of its flags."""
    names = flag_names(seen.flags)
    if seen.is_syn:
        return "SYN-ACK" if seen.is_ack else "SYN"
    return "PSH" if "PSH" in names else " ".join(names) or "-"
