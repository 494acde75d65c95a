"""The steps of `doctor` as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, get_args

from proccli.commands.doctor.doctor import DoctorResult, DoctorTotals
from proccli.commands.doctor.step import State, Step
from proccli.commands.scan.json import SUMMARY
from proccli.commands.scan.scan import Summary
from proccli.commands.scan.text import hidden_text, hosts_line
from proccli.model.config import Config
from proccli.model.process import Host
from proccli.terminal.document import (
    CONFIG,
    Document,
    OfHost,
    Selected,
    line_pieces,
    of_host,
    snapshot_fields,
)
from proccli.terminal.lines import Line, cells, padded, plain, untrusted, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.record import Field, Record, array_of, enum, integer, nullable, text
from proccli.terminal.view import View
from proccli.text import counted

STEP = Record(
    "gate",
    Field("gate", text(), "The name of the step, always the same.", value="name"),
    Field("state", enum(*get_args(State))),
    Field(
        "removes",
        nullable(integer(0)),
        "Number of processes that this step is the first to remove; null: unknown, or not a step"
        " that processes pass one by one.",
    ),
    Field("detail", text()),
    Field("hint", nullable(text()), "What to do, or what to check on the server."),
)
"""The row is a `Step`."""


_STEP_OF_HOST = of_host(STEP)
_SNAPSHOT, _SNAPSHOTS = snapshot_fields("result.hosts")

DOCTOR = Document(
    "doctor",
    "proccli doctor --json: every step between a process and its label",
    _SNAPSHOT._replace(about="null: several sources, or the processes could not be read."),
    Field("config", nullable(CONFIG), "null: the agent would reject it.", value="result.config"),
    Field(
        "gates",
        array_of(_STEP_OF_HOST),
        "From the configuration to the server, host by host; -o jsonl prints one of these a line.",
        value="shown",
    ),
    Field(
        "first_failure",
        nullable(text()),
        "The first step that fails on any host.",
        value="result.first_failure",
    ),
    Field(
        "summary",
        nullable(SUMMARY),
        "As in scan; null: the processes could not be read.",
        value="result.summary",
    ),
    _SNAPSHOTS,
    notes="result.notes",
)

_STYLES: Final[dict[State, str]] = {"pass": "accepted", "fail": "error", "unknown": "unknown"}
_WORDS: Final[dict[State, str]] = {"pass": "pass", "fail": "FAIL", "unknown": "unknown"}
_WORST: Final[tuple[State, ...]] = ("fail", "unknown", "pass")
_GAP: Final = "  "
_LEAST: Final = 36
"""Below this width in cells, a detail is printed below its step instead of next to it."""


def doctor_text(result: DoctorResult, view: View) -> str:
    """What the agent would send, then a paragraph per step."""
    hosts = [] if result.host is None else [result.host]
    first = result.first_failure
    outcome = _outcome(result.summary, result.config, hosts, first)
    return _text(outcome, result.config, hosts, result.steps, view)


def hosts_text(totals: DoctorTotals, rows: Sequence[OfHost], view: View) -> str:
    """What the agents of several hosts would send, then a paragraph per step for all hosts."""
    steps = tuple(_merged(rows))
    first = next((step for step in steps if step.state == "fail"), None)
    outcome = _outcome(totals.summary, totals.config, totals.hosts, first)
    return _text(outcome, totals.config, totals.hosts, steps, view)


_RESULTS = 3
"""Maximum number of different results of a step that are shown for several hosts."""


def _merged(rows: Iterable[OfHost]) -> Iterator[Step]:
    """Each step of all hosts as one: the worst state, and the results with that state."""
    by_name: dict[str, list[OfHost]] = {}
    for row in rows:
        by_name.setdefault(row.row.name, []).append(row)
    for name, steps in by_name.items():
        state = min((row.row.state for row in steps), key=_WORST.index)
        worst = [row for row in steps if row.row.state == state]
        results: dict[tuple[str, str | None], list[str]] = {}
        for host, step in worst:
            results.setdefault((step.detail, step.hint), []).append(host or "")
        frequent = sorted(results.items(), key=lambda result: -len(result[1]))
        parts = [
            detail if len(hosts) == len(steps) else f"{_some(hosts, len(steps))}: {detail}"
            for (detail, _), hosts in frequent[:_RESULTS]
        ]
        if more := sum(len(hosts) for _, hosts in frequent[_RESULTS:]):
            parts.append(f"{more:,} more with other results")
        removed = [row.row.removes for row in steps if row.row.removes is not None]
        (_, hint), _ = frequent[0]
        yield Step(
            name=name,
            state=state,
            removes=sum(removed) if removed else None,
            detail="; ".join(parts),
            hint=hint,
        )


def _some(hosts: Sequence[str], of_all: int) -> str:
    if len(hosts) == 1:
        return hosts[0]
    return f"{len(hosts):,} of {of_all:,} hosts, e.g. {hosts[0]}"


def _text(
    outcome: Iterable[Line],
    config: Config | None,
    hosts: Sequence[Host],
    steps: Sequence[Step],
    view: View,
) -> str:
    lines: list[Line] = [piece for line in outcome for piece in wrapped(line, view.width)]
    if hosts and config is not None:
        lines += wrapped(hosts_line(hosts, config, view), view.width)
    lines.append(())
    state_width = max(len(_WORDS[step.state]) for step in steps)
    name_width = max(len(step.name) for step in steps)
    counts = [_count(step) for step in steps]
    count_width = max(map(len, counts))
    for step, count in zip(steps, counts, strict=True):
        head: Line = [
            *padded(((_WORDS[step.state], _STYLES[step.state]),), state_width),
            (_GAP, ""),
            *padded(((step.name, "name"),), name_width),
            (_GAP, ""),
            *padded(plain(count), count_width, right=True),
            (_GAP, ""),
        ]
        lines += _paragraph(head, step, view)
    return paint(lines, view)


def _outcome(
    summary: Summary | None, config: Config | None, hosts: Sequence[Host], first: Step | None
) -> Iterable[Line]:
    if summary is None:
        yield (("It could not be determined what the agent would send.", "error"),)
    else:
        switched_on = config is None or config.sync_enabled
        sees_all = all(host.sees_all for host in hosts)
        agent = "agent" if len(hosts) < 2 else "agents"
        yield from _sent(summary, agent, switched_on=switched_on, sees_all=sees_all)
    if first is not None:
        yield (
            ("First failed step: ", "head"),
            (f"{first.name}", "error"),
            (": ", ""),
            *untrusted(first.detail),
        )
    else:
        yield plain("No failed step found; steps on the server cannot be checked here.")


def _sent(summary: Summary, agent: str, *, switched_on: bool, sees_all: bool) -> Iterable[Line]:
    total = counted(summary.total, "process")
    more = f", and perhaps up to {summary.unknown:,} more" if summary.unknown else ""
    if summary.reported is None:
        yield ((hidden_text(summary.accepted), "unknown"),)
    elif switched_on:
        style = "head" if summary.reported or more else "error"
        yield ((f"The {agent} would send {summary.reported:,} of {total}{more}.", style),)
    else:
        least = "" if sees_all else "at least "
        yield (
            (f"The {agent} would send 0 of {total}. ", "error"),
            (f"With sync enabled, it would send {least}{summary.accepted:,}{more}.", ""),
        )


def _count(step: Step) -> str:
    return f"-{step.removes:,}" if step.removes else ""


def _paragraph(head: Line, step: Step, view: View) -> list[Line]:
    """The detail next to its step, or below it if the line is too narrow; then the hint."""
    indent = cells(head)
    beside = view.width is None or view.width - indent >= _LEAST
    if not beside:
        indent = 4
    room = None if view.width is None else max(view.width - indent, 1)
    detail = wrapped(untrusted(step.detail, "dim" if step.state == "pass" else ""), room)
    lines: list[Line] = [] if beside else [head]
    for number, piece in enumerate(detail):
        start: Line = head if beside and not number else plain(" " * indent)
        lines.append([*start, *piece])
    if step.hint is not None:
        arrow = f"{view.glyphs.becomes} "
        hint = wrapped(untrusted(step.hint), None if room is None else max(room - len(arrow), 1))
        for number, piece in enumerate(hint):
            lines.append(
                [(" " * indent, ""), (" " * len(arrow) if number else arrow, "dim"), *piece]
            )
    return lines


def doctor_document(result: DoctorResult) -> bytes:
    """The document `proccli/doctor/v1`."""
    totals = DoctorTotals(result.config)
    if result.host is not None:
        totals.hosts.append(result.host)
    totals.add(result)
    return DOCTOR.render(Selected(totals, _rows(result)))


def hosts_pieces(totals: DoctorTotals, rows: Iterable[OfHost]) -> Iterator[bytes]:
    """The document of several sources; `totals` are complete when the last row has been read."""
    return DOCTOR.pieces(Selected(totals, iter(rows)))


def doctor_lines(result: DoctorResult) -> Iterator[bytes]:
    """One line per step."""
    return step_lines(_rows(result))


def step_lines(rows: Iterable[OfHost]) -> Iterator[bytes]:
    """One line per step and host."""
    return line_pieces(map(_STEP_OF_HOST.line, rows))


def _rows(result: DoctorResult) -> Iterator[OfHost]:
    host = None if result.host is None else result.host.name
    return (OfHost(host, step) for step in result.steps)
