"""The steps of `doctor` as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

from proccli.commands.doctor.doctor import DoctorResult
from proccli.commands.doctor.step import State, Step
from proccli.commands.scan.json import SUMMARY
from proccli.commands.scan.scan import Summary
from proccli.commands.scan.text import basis_line, hidden_text
from proccli.terminal.document import CONFIG, SNAPSHOT, Document, lines
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


def _name_of_first_failure(result: DoctorResult) -> str | None:
    first = result.first_failure
    return first.name if first is not None else None


DOCTOR = Document(
    "doctor",
    "proccli doctor --json: every step between a process and its label",
    Field(
        "snapshot",
        nullable(SNAPSHOT),
        "null: the processes could not be read.",
        value="host",
    ),
    Field("config", nullable(CONFIG), "null: the agent would reject it."),
    Field(
        "gates",
        array_of(STEP),
        "From the configuration to the server; -o jsonl prints one of these a line.",
        value="steps",
    ),
    Field(
        "first_failure",
        nullable(text()),
        "The first step that fails.",
        value=_name_of_first_failure,
    ),
    Field("summary", nullable(SUMMARY), "As in scan; null if snapshot is null."),
)

_STYLES: Final[dict[State, str]] = {"pass": "accepted", "fail": "error", "unknown": "unknown"}
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
        yield (("It could not be determined what the agent would send.", "error"),)
    else:
        switched_on = result.config is None or result.config.sync_enabled
        sees_all = result.host is None or result.host.sees_all
        yield from _sent(summary, switched_on=switched_on, sees_all=sees_all)
    if first is not None:
        yield (
            ("First failed step: ", "head"),
            (f"{first.name}", "error"),
            (": ", ""),
            *untrusted(first.detail),
        )
    else:
        yield plain("No failed step found; steps on the server cannot be checked here.")


def _sent(summary: Summary, *, switched_on: bool, sees_all: bool) -> Iterable[Line]:
    total = counted(summary.total, "process")
    more = f", and perhaps up to {summary.unknown:,} more" if summary.unknown else ""
    if summary.reported is None:
        yield ((hidden_text(summary.accepted), "unknown"),)
    elif switched_on:
        style = "head" if summary.reported or more else "error"
        yield ((f"The agent would send {summary.reported:,} of {total}{more}.", style),)
    else:
        least = "" if sees_all else "at least "
        yield (
            (f"The agent would send 0 of {total}. ", "error"),
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
    return DOCTOR.render(result)


def doctor_lines(steps: Iterable[Step]) -> bytes:
    """One line per step."""
    return lines(map(STEP.line, steps))
