"""The content of a recording, in one line."""

from __future__ import annotations

from proccli.commands.record.record import RecordResult
from proccli.text import counted

_SHOWN = 10


def record_message(result: RecordResult, *, redact: bool) -> str:
    """`recorded 142 processes, masked 7 values in 5 processes; …`, after the path."""
    what = counted(result.processes, "process")
    if not redact:
        return f"{_place(result.path)}: recorded {what}, secrets not masked"
    if not result.masked_values:
        return f"{_place(result.path)}: recorded {what}, no secrets found"
    masked = (
        f"masked {counted(result.masked_values, 'value')}"
        f" in {counted(result.masked_processes, 'process')}"
    )
    return f"{_place(result.path)}: recorded {what}, {masked}; {_outcomes(result.changed_pids)}"


def _place(path: str) -> str:
    return "standard output" if path == "-" else path


def _outcomes(changed: tuple[int, ...]) -> str:
    if not changed:
        return "masking changes no outcome"
    pids = ", ".join(str(pid) for pid in changed[:_SHOWN])
    more = f" and {len(changed) - _SHOWN:,} more" if len(changed) > _SHOWN else ""
    return f"masking makes {counted(len(changed), 'outcome')} unknown: pid {pids}{more}"
