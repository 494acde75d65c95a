"""What was recorded, as messages, as a table of the hosts that failed, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, get_args

from proccli.commands.record.record import HostRecord, RecordedHosts, RecordResult
from proccli.model.codes import HostFailure
from proccli.terminal.document import Document, lines
from proccli.terminal.lines import Line, shorten, untrusted
from proccli.terminal.paint import paint
from proccli.terminal.record import (
    Field,
    Record,
    array_of,
    boolean,
    enum,
    integer,
    nullable,
    text,
)
from proccli.terminal.table import Column, grid
from proccli.terminal.view import View
from proccli.text import counted, listed, visible

_SHOWN: Final = 10

FAILURE = Record("failure", Field("reason", enum(*get_args(HostFailure))), Field("detail", text()))
"""The row is a `Failure`."""


def _of_result(name: str) -> Field:
    kind = nullable(text()) if name == "path" else nullable(integer(0))
    return Field(
        name,
        kind,
        value=lambda host: None if host.result is None else getattr(host.result, name),
    )


def _changed(host: HostRecord) -> tuple[int, ...]:
    return () if host.result is None else host.result.changed_pids


def _incomplete(host: HostRecord) -> bool | None:
    return None if host.result is None else host.result.incomplete


HOST = Record(
    "recorded",
    Field("host", nullable(text()), "As it was written; null: no other host was asked."),
    _of_result("path"),
    Field(
        "interpreter", nullable(text()), "What ran the collector; null: nothing, or this machine."
    ),
    _of_result("processes"),
    _of_result("masked_values"),
    _of_result("masked_processes"),
    Field(
        "changed_pids", array_of(integer(1)), "Processes that masks make unknown.", value=_changed
    ),
    Field(
        "incomplete",
        nullable(boolean()),
        "Whether the agent would know more than the recording; null if it failed.",
        value=_incomplete,
    ),
    Field("failure", nullable(FAILURE), "null: it was recorded."),
)
"""The row is a `HostRecord`."""

RECORD = Document(
    "record",
    "proccli record --json: what was recorded of each host, and why others failed",
    Field("hosts", array_of(HOST), "-o jsonl prints one of these a line."),
    Field("skipped", integer(0), "Hosts left out by --missing."),
)


def record_document(result: RecordedHosts) -> bytes:
    """The document `proccli/record/v1`."""
    return RECORD.render(result)


def record_lines(result: RecordedHosts) -> bytes:
    """One line per host."""
    return lines(map(HOST.line, result.hosts))


def failures_text(failed: Sequence[HostRecord], view: View) -> str:
    """A table of the hosts that failed, by reason, and what they or ssh say; empty without any."""
    order = get_args(HostFailure)
    rows = sorted(failed, key=lambda host: order.index(_reason(host)))
    return paint(grid(rows, _columns(view), view), view)


def _columns(view: View) -> list[Column[HostRecord]]:
    mark = view.glyphs.ellipsis

    def cut(content: str, style: str, room: int | None) -> Line:
        return untrusted(shorten(visible(content), room, mark), style)

    return [
        Column(title="HOST", cell=lambda host, room: cut(host.host or "", "name", room), least=16),
        Column(title="REASON", cell=lambda host, _: ((_reason(host), "error"),)),
        Column(title="DETAIL", cell=lambda host, room: cut(_detail(host), "", room), least=20),
    ]


def _reason(host: HostRecord) -> HostFailure:
    return "failed" if host.failure is None else host.failure.reason


def _detail(host: HostRecord) -> str:
    return "" if host.failure is None else host.failure.detail


def hosts_message(folder: str, result: RecordedHosts, *, redact: bool) -> str:
    """`DIR: recorded 297 of 300 hosts, 54,321 processes, masked …`."""
    recorded = result.recorded
    what = [f"recorded {len(recorded):,} of {counted(len(result.hosts), 'host')}"]
    if result.skipped:
        what[0] += f" ({result.skipped:,} were there already)"
    if not recorded:
        return f"{folder}: {what[0]}"
    what.append(counted(sum(one.processes for one in recorded), "process"))
    if not redact:
        return f"{folder}: {', '.join(what)}, secrets not masked"
    values = sum(one.masked_values for one in recorded)
    what.append(f"masked {counted(values, 'value')}" if values else "no secrets found")
    return f"{folder}: {', '.join(what)}{_effect(result)}"


def _effect(result: RecordedHosts) -> str:
    changed = [
        (host.host or "", len(host.result.changed_pids))
        for host in result.hosts
        if host.result is not None and host.result.changed_pids
    ]
    if not changed:
        return ""
    names = listed([name for name, _ in changed[:_SHOWN]])
    more = f" and {len(changed) - _SHOWN:,} more" if len(changed) > _SHOWN else ""
    total = sum(number for _, number in changed)
    return f"; masking makes {counted(total, 'outcome')} unknown on {names}{more}"


def record_message(
    result: RecordResult, *, redact: bool, with_config: bool = True, host: str | None = None
) -> str:
    """`recorded 142 processes, masked 7 values in 5 processes; …`, after the path."""
    place = "standard output" if result.path == "-" else result.path
    of_host = "" if host is None else f" of {host}"
    what = f"{place}: recorded {counted(result.processes, 'process')}{of_host}"
    if not redact:
        return f"{what}, secrets not masked"
    masked = []
    if result.masked_values:
        masked.append(
            f"{counted(result.masked_values, 'value')}"
            f" in {counted(result.masked_processes, 'process')}"
        )
    if result.masked_variables:
        masked.append(
            f"the value of {listed([visible(f'%{name}%') for name in result.masked_variables])}"
        )
    if not masked:
        return f"{what}, no secrets found"
    effect = _outcomes(result.changed_pids)
    if not with_config:
        effect += " under the agent's defaults (give -c, or rules may be undecided later)"
    return f"{what}, masked {listed(masked)}; {effect}"


def _outcomes(changed: tuple[int, ...]) -> str:
    if not changed:
        return "masking changes no outcome"
    pids = ", ".join(str(pid) for pid in changed[:_SHOWN])
    more = f" and {len(changed) - _SHOWN:,} more" if len(changed) > _SHOWN else ""
    return f"masking makes {counted(len(changed), 'outcome')} unknown: pid {pids}{more}"
