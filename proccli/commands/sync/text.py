"""A cycle of `sync` as text: the changes, then the summary."""

from __future__ import annotations

from collections.abc import Sequence

from proccli.commands.scan.text import basis_line
from proccli.commands.sync.sync import SyncResult
from proccli.model.sockets import SyncedProcess
from proccli.terminal.lines import Line, head, plain, untrusted, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.view import View
from proccli.terminal.words import rfc3339
from proccli.text import counted

_SHOWN = 20
"""Maximum number of listed processes per kind of change."""


def sync_text(result: SyncResult, view: View) -> str:
    """The changes, then the summary."""
    shown = _changes(result, view)
    if shown:
        shown.append(())
    for line in (basis_line(result, view), _time_and_digest(result), *_summary(result)):
        shown.extend(wrapped(line, view.width))
    return paint(shown, view)


def _changes(result: SyncResult, view: View) -> list[Line]:
    changes = result.changes
    if changes is None:
        return []
    first = result.before is None
    return [
        *([] if first else _named("-", changes.removed, "dropped", view)),
        *_named("+", changes.added, "accepted", view),
        *_named("~", changes.changed, "warning", view),
    ]


def _named(sign: str, processes: Sequence[SyncedProcess], style: str, view: View) -> list[Line]:
    listed = [_process_line(sign, process, style, view) for process in processes[:_SHOWN]]
    if len(processes) > _SHOWN:
        listed.append(((f"{sign} and {len(processes) - _SHOWN:,} more", style),))
    return listed


def _process_line(sign: str, process: SyncedProcess, style: str, view: View) -> Line:
    beginning = f"{sign} {process.pid:>7}  "
    spans = [(beginning, style), *untrusted(process.name, "name")]
    if process.process_name != process.name:
        came_from = f"  {view.glyphs.came_from} {process.process_name}"
        spans += untrusted(came_from, "dim")
    for key, value in process.os_app_tags or ():
        spans += untrusted(f"  {key}={value}", "tag")
    return _cut(spans, view)


def _cut(spans: list[tuple[str, str]], view: View) -> Line:
    if view.width is None:
        return spans
    room, kept = view.width, list[tuple[str, str]]()
    for whole, style in spans:
        fitting = head(whole, room)
        kept.append((fitting, style))
        if fitting != whole:
            break
        room -= len(fitting)
    return kept


def _time_and_digest(result: SyncResult) -> Line:
    when = rfc3339(result.host.taken_at_ns // 1_000_000_000) or "at an unknown time"
    digest = f"digest {result.digest}" if result.digest else "digest unknown"
    return ((f"{when}, {digest}", "dim"),)


def _summary(result: SyncResult) -> list[Line]:
    if not result.enabled:
        key = result.config.key("sync_enabled")
        return [((f"The agent would send nothing: {key} is false.", "error"),)]
    processes = counted(len(result.processes), "process")
    sockets = counted(len(result.sockets), "socket")
    least = "at least " if result.incomplete else ""
    report = f"The agent would report {least}{processes} and {sockets}."
    summary: list[Line] = [((report, "head"),)]
    changes = result.changes
    if changes is None:
        return [*summary, plain("No state: changes are not reported.")]
    if result.before is None:
        return [*summary, plain("First run with this state: everything is new.")]
    if not result.changed:
        summary.append(plain("No changes since the last run."))
    else:
        what = (
            f"{len(changes.added):,} added, {len(changes.removed):,} removed,"
            f" {len(changes.changed):,} changed; sockets: {changes.sockets_added:,} added,"
            f" {changes.sockets_removed:,} removed."
        )
        summary.append(plain(f"Changes since the last run: processes: {what}"))
    if result.agent_sends:
        summary.append(plain(f"Agent {result.config.agent} would send its processes now."))
    elif result.agent_sends is None:
        summary.append(
            plain(
                f"Whether agent {result.config.agent} would send its processes now is not known:"
                " that depends on what it read and published before."
            )
        )
    elif changes.changed or result.changed:
        summary.append(
            plain(
                f"Agent {result.config.agent} would not send its processes now:"
                " it detects only new and ended pids."
            )
        )
    return summary
