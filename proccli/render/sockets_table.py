"""Sockets as a table: a line for each hold on one, and what the agent would send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from proccli.jobs.sockets import SocketsResult
from proccli.model import Endpoint, Socket, SocketReason, SocketStatus
from proccli.render.grid import Column, grid
from proccli.render.paint import paint
from proccli.render.scan_summary import basis_line
from proccli.render.spans import Line, joined, plain, shorten, wrapped
from proccli.render.view import View
from proccli.render.words import counted, duration

_SKIPPED: dict[SocketReason, str] = {
    "process-not-accepted": "not accepted",
    "unreadable": "unreadable",
    "no-owner": "another's",
    "listening": "listening",
    "not-established": "not established",
    "min-lifetime": "too young",
    "udp-unconnected": "unconnected",
    "ipv6": "IPv6",
}
_UNDECIDED: dict[SocketReason, str] = {
    "process-not-accepted": "process unknown",
    "unreadable": "unreadable",
    "no-owner": "owner unknown",
    "min-lifetime": "age unknown",
}
_STYLES: dict[SocketStatus, str] = {
    "synced": "accepted",
    "skipped": "skipped",
    "undecided": "unknown",
}


def sockets_table(result: SocketsResult, shown: Sequence[Socket], view: View) -> str:
    """The chosen sockets, and what all of them came to."""
    lines = grid(shown, _columns(shown, view), view)
    if lines:
        lines.append(())
    for line in (basis_line(result, view), _total_line(result, len(shown)), _verdict_line(result)):
        lines.extend(wrapped(line, view.width))
    return paint(lines, view)


def _columns(shown: Sequence[Socket], view: View) -> list[Column[Socket]]:
    """Only columns that have something to say about these sockets."""
    mark = view.glyphs.ellipsis
    columns: list[Column[Socket]] = [
        Column(title="PID", cell=lambda socket, _: plain(str(socket.pid)), right=True),
        Column(title="NAME", cell=lambda socket, room: _name_cell(socket, room, mark), least=8),
        Column(title="", cell=lambda socket, _: _protocol_cell(socket)),
        Column(
            title="LOCAL",
            cell=lambda socket, room: _end_cell(socket.row.local, room, mark),
            least=21,
        ),
    ]
    if any(socket.role is not None for socket in shown):
        columns += [
            Column(title="", cell=lambda socket, _: _direction_cell(socket, view)),
            Column(
                title="REMOTE", cell=lambda socket, room: _remote_cell(socket, room, mark), least=21
            ),
        ]
    if any(socket.peer is not None for socket in shown):
        columns.append(
            Column(
                title="PEER",
                cell=lambda socket, room: _peer_cell(socket, room, mark),
                least=10,
                spare=1,
            )
        )
    if any(socket.age_s is not None for socket in shown):
        columns.append(
            Column(title="AGE", cell=lambda socket, _: _age_cell(socket), right=True, spare=2)
        )
    columns.append(Column(title="SYNC", cell=lambda socket, _: _outcome_cell(socket)))
    return columns


def _name_cell(socket: Socket, room: int | None, mark: str) -> Line:
    if socket.gprocess is None:
        return ((shorten(socket.process_name or "?", room, mark), "dim"),)
    return ((shorten(socket.gprocess, room, mark) or '""', "name"),)


def _protocol_cell(socket: Socket) -> Line:
    """`tcp`, or `tcp6` as netstat has it."""
    return plain(socket.row.protocol + ("6" if socket.row.family == "ipv6" else ""))


def _end_cell(end: Endpoint, room: int | None, mark: str) -> Line:
    ip = f"[{end.ip}]" if ":" in end.ip else end.ip
    return ((shorten(f"{ip}:{end.port}", room, mark), ""),)


def _direction_cell(socket: Socket, view: View) -> Line:
    """From the client to the server."""
    if socket.role is None:
        return ()
    return plain(view.glyphs.becomes if socket.role == "client" else view.glyphs.came_from)


def _remote_cell(socket: Socket, room: int | None, mark: str) -> Line:
    return () if socket.role is None else _end_cell(socket.row.remote, room, mark)


def _peer_cell(socket: Socket, room: int | None, mark: str) -> Line:
    peer = socket.peer
    if peer is None:
        return ()
    if peer.gprocess is None:
        return ((str(peer.pid), "dim"),)
    return ((shorten(f"{peer.pid} {peer.gprocess}", room, mark), ""),)


def _age_cell(socket: Socket) -> Line:
    return () if socket.age_s is None else ((duration(socket.age_s), "dim"),)


def _outcome_cell(socket: Socket) -> Line:
    """`synced`, or why not, or what it hangs on."""
    style = _STYLES[socket.status]
    if socket.reason is None:
        return ((socket.status, style),)
    words = _SKIPPED if socket.status == "skipped" else _UNDECIDED
    return ((words.get(socket.reason, socket.reason), style),)


def _total_line(result: SocketsResult, shown: int) -> Line:
    summary = result.summary
    total: list[tuple[str, str]] = [(counted(summary.total, "socket"), "head")]
    if shown < summary.total:
        total = [(f"{shown:,} of {summary.total:,} sockets shown", "head")]
    counts: tuple[tuple[SocketStatus, int], ...] = (
        ("synced", summary.synced),
        ("skipped", summary.skipped),
        ("undecided", summary.undecided),
    )
    parts = [_status_part(result, status, number) for status, number in counts if number]
    return [*total, *([(": ", "head")] if parts else []), *joined(parts, ", ")]


def _status_part(result: SocketsResult, status: SocketStatus, number: int) -> Line:
    words = _SKIPPED if status == "skipped" else _UNDECIDED
    reasons = Counter(
        words.get(socket.reason, socket.reason)
        for socket in result.sockets
        if socket.status == status and socket.reason is not None
    )
    part = [(f"{number:,} {status}", _STYLES[status])]
    if reasons:
        detail = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
        part.append((f" ({detail})", "dim"))
    return part


def _verdict_line(result: SocketsResult) -> Line:
    synced, undecided = result.summary.synced, result.summary.undecided
    if not result.config.sync_enabled:
        return (
            ("The agent would send nothing: os-proc-sync-enabled is false. ", "alarm"),
            (f"Switched on, it would send {counted(synced, 'socket')}.", ""),
        )
    return (
        (f"The agent would send {counted(synced, 'socket')}", "head"),
        (f", and perhaps up to {undecided:,} more." if undecided else ".", "head"),
    )
