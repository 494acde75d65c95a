"""TOT options as a table and as JSON."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from proccli.commands.tot.tot import TotResult, TotRow, TotSummary
from proccli.model.flows import CapturedOption
from proccli.model.sockets import Endpoint
from proccli.terminal.document import document, lines, warnings_json
from proccli.terminal.lines import Line, cells, joined, plain, shorten, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.record import Json
from proccli.terminal.table import Column, grid
from proccli.terminal.view import View
from proccli.text import counted

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, and the Z is ours
_FLAGS: Final = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
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
    return document(
        "tot",
        {
            "options": [_option_json(row) for row in result.rows],
            "summary": _summary_json(result.summary),
            "warnings": warnings_json(result.notes),
        },
    )


def tot_lines(rows: Iterable[TotRow]) -> bytes:
    """A line for each option."""
    return lines(_option_json(row) for row in rows)


def _option_json(row: TotRow) -> Json:
    seen, option = row.seen, row.seen.option
    return {
        "time": moment(seen.time_s),
        "src": _end_json(seen.source),
        "dst": _end_json(seen.destination),
        "flags": flag_names(seen.flags),
        "packet_seq": seen.seq,
        "version": option.version,
        "pid": option.pid,
        "address": option.address,
        "seq": option.seq,
        "agent_id": option.agent_id,
        "ambiguous": option.ambiguous,
        "translated": seen.translated,
        "capture": row.capture,
        "count": row.count,
        "last_time": moment(row.last_s),
    }


def _end_json(end: Endpoint) -> Json:
    return {"ip": end.ip, "port": end.port}


def _summary_json(summary: TotSummary) -> Json:
    return {
        "packets": summary.packets,
        "tcp": summary.tcp,
        "syns": summary.syns,
        "with_option": summary.with_option,
        "options": summary.options,
        "v1": summary.versions[1],
        "v2": summary.versions[2],
        "kernel": summary.kernel,
        "syn_ack": summary.syn_ack,
        "translated": summary.translated,
        "ambiguous": summary.ambiguous,
        "other_253": summary.other_253,
        "decapsulated": summary.decapsulated,
        "fragments": summary.fragments,
        "first_time": moment(summary.first_s),
        "last_time": moment(summary.last_s),
        "unreadable": {
            "cut": summary.cut,
            "malformed": summary.malformed,
            "encapsulated": summary.encapsulated,
            "link_type": summary.link_type,
        },
    }


def moment(seconds: float | None) -> str | None:
    """`2026-01-02T03:04:05.000006Z`; None if unknown or outside the years 1 to 9999."""
    if seconds is None:
        return None
    second, microsecond = divmod(round(seconds * 1e6), 1_000_000)
    written = _to_the_second(second)
    return None if written is None else f"{written}.{microsecond:06}Z"


@functools.lru_cache(maxsize=1_000)
def _to_the_second(seconds: int) -> str | None:
    try:
        return (_EPOCH + timedelta(seconds=seconds)).isoformat()
    except OverflowError:
        return None


def flag_names(flags: int) -> list[str]:
    """Names of the flags that are set, such as `SYN` and `ACK`, in the order of their bits."""
    return [name for bit, name in enumerate(_FLAGS) if flags >> bit & 1]


def kind_of_segment(seen: CapturedOption) -> str:
    """The kind of segment: `SYN`, `SYN-ACK`, `PSH`, or all of its flags."""
    names = flag_names(seen.flags)
    if seen.is_syn:
        return "SYN-ACK" if seen.is_ack else "SYN"
    return "PSH" if "PSH" in names else " ".join(names) or "-"
