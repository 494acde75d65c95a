"""The steps of `doctor` as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from proccli.commands.doctor.doctor import DoctorResult
from proccli.commands.doctor.step import State, Step
from proccli.commands.scan.scan import Summary
from proccli.commands.scan.text import basis_line, hidden_text
from proccli.terminal.document import config_json, document, lines, snapshot_json, warnings_json
from proccli.terminal.lines import Line, cells, foreign, padded, plain, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.record import Json
from proccli.terminal.view import View
from proccli.text import counted

_STYLES: Final[dict[State, str]] = {"pass": "accepted", "fail": "alarm", "unknown": "unknown"}
_WORDS: Final[dict[State, str]] = {"pass": "pass", "fail": "FAIL", "unknown": "unknown"}
_GAP: Final = "  "
_LEAST: Final = 36
"""Below this width in cells, a detail is printed below its step instead of next to it."""


def doctor_text(result: DoctorResult, view: View) -> str:
    """What the agent would send, then a paragraph per step."""
    lines: list[Line] = [piece for line in _outcome(result) for piece in wrapped(line, view.width)]
    if result.host is not None and result.config is not None:
        lines += wrapped(basis_line(_Basis(result), view), view.width)
    lines.append(())
    state_width = max(len(_WORDS[step.state]) for step in result.steps)
    name_width = max(len(step.name) for step in result.steps)
    counts = [_count(step) for step in result.steps]
    count_width = max(map(len, counts))
    for step, count in zip(result.steps, counts, strict=True):
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


class _Basis:
    """A result that has a host and a configuration."""

    def __init__(self, result: DoctorResult) -> None:
        assert result.host is not None and result.config is not None  # noqa: S101, PT018 - checked by the caller
        self.host, self.config = result.host, result.config


def _outcome(result: DoctorResult) -> Iterable[Line]:
    summary, first = result.summary, result.first_failure
    if summary is None:
        yield (("It could not be determined what the agent would send.", "alarm"),)
    else:
        switched_on = result.config is None or result.config.sync_enabled
        sees_all = result.host is None or result.host.sees_all
        yield from _sent(summary, switched_on=switched_on, sees_all=sees_all)
    if first is not None:
        yield (
            ("First failed step: ", "head"),
            (f"{first.name}", "alarm"),
            (": ", ""),
            *foreign(first.detail),
        )
    else:
        yield plain("No failed step found; steps on the server cannot be checked here.")


def _sent(summary: Summary, *, switched_on: bool, sees_all: bool) -> Iterable[Line]:
    total = counted(summary.total, "process")
    more = f", and perhaps up to {summary.unknown:,} more" if summary.unknown else ""
    if summary.reported is None:
        yield ((hidden_text(summary.accepted), "unknown"),)
    elif switched_on:
        style = "head" if summary.reported or more else "alarm"
        yield ((f"The agent would send {summary.reported:,} of {total}{more}.", style),)
    else:
        least = "" if sees_all else "at least "
        yield (
            (f"The agent would send 0 of {total}. ", "alarm"),
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
    detail = wrapped(foreign(step.detail, "dim" if step.state == "pass" else ""), room)
    lines: list[Line] = [] if beside else [head]
    for number, piece in enumerate(detail):
        start: Line = head if beside and not number else plain(" " * indent)
        lines.append([*start, *piece])
    if step.hint is not None:
        arrow = f"{view.glyphs.becomes} "
        hint = wrapped(foreign(step.hint), None if room is None else max(room - len(arrow), 1))
        for number, piece in enumerate(hint):
            lines.append(
                [(" " * indent, ""), (" " * len(arrow) if number else arrow, "dim"), *piece]
            )
    return lines


def doctor_document(result: DoctorResult) -> bytes:
    """The document `proccli/doctor/v1`."""
    first = result.first_failure
    return document(
        "doctor",
        {
            "snapshot": snapshot_json(result.host) if result.host is not None else None,
            "config": config_json(result.config) if result.config is not None else None,
            "gates": [_step_json(step) for step in result.steps],
            "first_failure": first.name if first is not None else None,
            "summary": result.summary._asdict() if result.summary is not None else None,
            "warnings": warnings_json(result.notes),
        },
    )


def doctor_lines(steps: Iterable[Step]) -> bytes:
    """One line per step."""
    return lines(map(_step_json, steps))


def _step_json(step: Step) -> Json:
    return {
        "gate": step.name,
        "state": step.state,
        "removes": step.removes,
        "detail": step.detail,
        "hint": step.hint,
    }
