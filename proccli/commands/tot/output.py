"""TOT options as a table: the process that sent each, and translated addresses."""

from __future__ import annotations

from collections.abc import Sequence

from proccli.commands.tot.tot import TotResult, TotSummary
from proccli.commands.tot.tot_words import kind_of_segment, moment
from proccli.commands.tot.totrows import TotRow
from proccli.model.sockets import Endpoint
from proccli.terminal.lines import Line, cells, joined, plain, shorten, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.table import Column, grid
from proccli.terminal.view import View
from proccli.text import counted

_DAY = len("2026-01-02T")
_LEAST_ENDS = len("10.100.0.5:41000 -> 192.0.2.99:8080")
"""Minimum useful width in cells for two addresses."""
_PORTS_ALONE = 24
"""Minimum width in cells for addresses; below, only the ports are shown."""


def tot_table(result: TotResult, view: View) -> str:
    """The selected options, and a summary of all captures."""
    lines = grid(result.rows, _columns(result.rows, view), view)
    if lines:
        lines.append(())
    for line in _summary_lines(result):
        lines.extend(wrapped(line, view.width))
    return paint(lines, view)


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
        parts.append((("in a SYN-ACK", "warn"),))
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
    summary = result.summary
    lines = [_read_line(summary), _found_line(result)]
    return [line for line in lines if line]


def _read_line(summary: TotSummary) -> Line:
    parts = [plain(counted(summary.packets, "packet"))]
    parts.append(plain(f"{counted(summary.tcp, 'TCP segment')}"))
    if summary.tcp:
        parts.append(plain(f"{summary.syns:,} with SYN"))
    if summary.decapsulated:
        parts.append(plain(f"{summary.decapsulated:,} in tunnels"))
    missing = summary.cut + summary.malformed + summary.encapsulated + summary.link_type
    if missing:
        parts.append(((f"{missing:,} not parsed", "warn"),))
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
        if summary.tcp and not summary.syns:
            text = f"{text}; most are in SYN segments, and the capture has none"
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
