"""A cycle of `sync` as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from proccli.commands.scan.text import basis_line
from proccli.commands.sync.sync import Changes, SyncResult
from proccli.model.sockets import SyncedProcess, SyncedSocket
from proccli.terminal.document import config_json, document, lines, snapshot_json, warnings_json
from proccli.terminal.lines import Line, foreign, head, plain, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.record import Json
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
        *_named("~", changes.changed, "warn", view),
    ]


def _named(sign: str, processes: Sequence[SyncedProcess], style: str, view: View) -> list[Line]:
    listed = [_process_line(sign, process, style, view) for process in processes[:_SHOWN]]
    if len(processes) > _SHOWN:
        listed.append(((f"{sign} and {len(processes) - _SHOWN:,} more", style),))
    return listed


def _process_line(sign: str, process: SyncedProcess, style: str, view: View) -> Line:
    beginning = f"{sign} {process.pid:>7}  "
    spans = [(beginning, style), *foreign(process.name, "name")]
    if process.process_name != process.name:
        came_from = f"  {view.glyphs.came_from} {process.process_name}"
        spans += foreign(came_from, "dim")
    for key, value in process.os_app_tags or ():
        spans += foreign(f"  {key}={value}", "tag")
    return _cut(spans, view)


def _cut(spans: list[tuple[str, str]], view: View) -> Line:
    if view.width is None:
        return spans
    room, kept = view.width, list[tuple[str, str]]()
    for text, style in spans:
        fitting = head(text, room)
        kept.append((fitting, style))
        if fitting != text:
            break
        room -= len(fitting)
    return kept


def _time_and_digest(result: SyncResult) -> Line:
    when = rfc3339(result.host.taken_at_ns // 1_000_000_000) or "at an unknown time"
    digest = f"digest {result.digest}" if result.digest else "digest unknown"
    return ((f"{when}, {digest}", "dim"),)


def _summary(result: SyncResult) -> list[Line]:
    if not result.enabled:
        return [(("The agent would send nothing: os-proc-sync-enabled is false.", "error"),)]
    processes = counted(len(result.processes), "process")
    sockets = counted(len(result.sockets), "socket")
    summary: list[Line] = [((f"The agent would report {processes} and {sockets}.", "head"),)]
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
    elif changes.changed or result.changed:
        summary.append(
            plain(
                f"Agent {result.config.agent} would not send its processes now:"
                " it detects only new and ended pids."
            )
        )
    return summary


def sync_document(result: SyncResult) -> bytes:
    """The document `proccli/sync/v1`."""
    return document("sync", _parts(result))


def sync_line(result: SyncResult) -> bytes:
    """The same document on one line."""
    return lines([{"schema": "proccli/sync/v1", **_parts(result)}])


def _parts(result: SyncResult) -> Json:
    return {
        "snapshot": snapshot_json(result.host),
        "config": config_json(result.config),
        "enabled": result.enabled,
        "digest": result.digest,
        "changed": result.changed,
        "agent_sends": result.agent_sends,
        "processes": [_process_json(process) for process in result.processes],
        "sockets": [_socket_json(socket) for socket in result.sockets],
        "changes": None if result.changes is None else _changes_json(result.changes),
        "warnings": warnings_json(result.notes),
    }


def _process_json(process: SyncedProcess) -> Json:
    tags = process.os_app_tags
    return {
        "name": process.name,
        "pid": process.pid,
        "process_name": process.process_name,
        "cmdline": process.cmdline,
        "user": process.user,
        "start_time": process.start_time,
        "os_app_tags": None
        if tags is None
        else [{"key": key, "value": value} for key, value in tags],
        "netns_id": process.netns_id,
        "container_id": process.container_id,
    }


def _socket_json(socket: SyncedSocket) -> Json:
    return {
        "protocol": socket.protocol,
        "role": socket.role,
        "pid_0": socket.pid_0,
        "ip_0": socket.ip_0,
        "port_0": socket.port_0,
        "pid_1": socket.pid_1,
        "ip_1": socket.ip_1,
        "port_1": socket.port_1,
        "netns_idx": socket.netns_idx,
    }


def _changes_json(changes: Changes) -> Json:
    return {
        "processes": {
            "added": [process.pid for process in changes.added],
            "removed": [process.pid for process in changes.removed],
            "changed": [process.pid for process in changes.changed],
        },
        "sockets": {"added": changes.sockets_added, "removed": changes.sockets_removed},
    }
