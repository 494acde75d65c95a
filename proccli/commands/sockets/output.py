"""Sockets as a table and as JSON: one line or object per socket that a process holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from proccli.commands.scan.text import hosts_line
from proccli.commands.sockets.sockets import SocketsResult, SocketsTotals
from proccli.model.sockets import (
    AgeSource,
    Endpoint,
    Family,
    Protocol,
    Socket,
    SocketReason,
    SocketRole,
    SocketStatus,
)
from proccli.terminal.document import (
    CONFIG,
    END,
    Document,
    OfHost,
    Selected,
    line_pieces,
    of_host,
    snapshot_fields,
)
from proccli.terminal.lines import Line, joined, plain, shorten, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.record import Field, Record, array_of, enum, integer, nullable, text
from proccli.terminal.table import Column, grid, host_grid
from proccli.terminal.view import View
from proccli.terminal.words import duration
from proccli.text import counted, visible

SOCKET = Record(
    "socket",
    Field("pid", integer(), title="PID"),
    Field("gprocess", nullable(text()), "null unless the process is accepted.", title="NAME"),
    Field("protocol", enum(*get_args(Protocol)), value="row.protocol"),
    Field(
        "family",
        enum(*get_args(Family)),
        "An IPv4 address mapped into IPv6 is shown as IPv4, with the family ipv6.",
        value="row.family",
    ),
    Field(
        "state",
        text(),
        "The kernel's name; UNCONNECTED for a UDP socket without a peer.",
        value="row.state",
    ),
    Field("local", END, value="row.local"),
    Field("remote", END, value="row.remote"),
    Field("role", nullable(enum(*get_args(SocketRole))), "null if it is not connected."),
    Field(
        "netns",
        nullable(integer()),
        "Inode number of the network namespace whose table contains the socket.",
    ),
    Field("inode", integer(), value="row.inode"),
    Field("fd", integer()),
    Field(
        "age_s",
        nullable(integer(0)),
        "Seconds for which it has existed, at least; null: not known, but long enough.",
        title="AGE",
    ),
    Field(
        "age_source",
        enum(*get_args(AgeSource)),
        "fd-ctime: the ctime of /proc/PID/fd/N; observed: an earlier sample of this run; state: an"
        " earlier run of sync; unknown: not known.",
    ),
    Field(
        "status",
        enum(*get_args(SocketStatus)),
        "undecided: what the reason names could not be determined.",
        title="SYNC",
    ),
    Field(
        "reason",
        nullable(enum(*get_args(SocketReason))),
        "The first that applies, in the agent's order; null if it is synced.",
    ),
    Field(
        "peer",
        nullable(Record("peer", Field("pid", integer()), Field("gprocess", nullable(text())))),
        "The process at the remote end, if that is on this machine.",
    ),
)
"""The row is a `Socket`."""

_SOCKET_OF_HOST = of_host(SOCKET)
_SNAPSHOT, _SNAPSHOTS = snapshot_fields("result.hosts")

SOCKETS = Document(
    "sockets",
    "proccli sockets --json: each socket, and whether the agent sends it",
    _SNAPSHOT,
    Field("config", CONFIG, value="result.config"),
    Field(
        "sockets",
        array_of(_SOCKET_OF_HOST),
        "The selected sockets, host by host, by pid, then fd; -o jsonl prints one of these a line.",
        value="shown",
    ),
    Field(
        "summary",
        Record(
            "summary",
            Field("total", integer(0)),
            Field("synced", integer(0)),
            Field("skipped", integer(0)),
            Field("undecided", integer(0)),
            about="Counts over all sockets, shown or not.",
        ),
        value="result.summary",
    ),
    _SNAPSHOTS,
    notes="result.notes",
)

_SKIPPED: dict[SocketReason, str] = {
    "no-socket-sync": "not read",
    "process-not-accepted": "not accepted",
    "unreadable": "unreadable",
    "no-owner": "other owner",
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
_OPEN: dict[SocketReason, str] = {
    "process-not-accepted": "process?",
    "unreadable": "unreadable",
    "no-owner": "owner?",
    "min-lifetime": "age?",
}
_ALIGNED = len("255.255.255.255:65535")
"""Maximum width in cells to which local addresses are padded."""
_WIDE = 120
"""Minimum width of a terminal on which they are padded."""
_LEAST_ENDS = 20
"""Minimum width in cells for two addresses; below, only their ports are shown."""
_LEAST_PEER = 10
"""Minimum width in cells for a peer; below, it is left out."""

_STYLES: dict[SocketStatus, str] = {
    "synced": "accepted",
    "skipped": "skipped",
    "undecided": "unknown",
}


def sockets_document(result: SocketsResult, shown: Sequence[Socket]) -> Iterator[bytes]:
    """The document `proccli/sockets/v1`, in pieces; the summary counts all sockets."""
    host = result.host.name
    return SOCKETS.pieces(Selected(result.totals, (OfHost(host, socket) for socket in shown)))


def sockets_pieces(totals: SocketsTotals, rows: Iterable[OfHost]) -> Iterator[bytes]:
    """The document of several sources; `totals` are complete when the last row has been read."""
    return SOCKETS.pieces(Selected(totals, iter(rows)))


def sockets_lines(rows: Iterable[OfHost]) -> Iterator[bytes]:
    """A line of JSON for each socket, in pieces."""
    return line_pieces(map(_SOCKET_OF_HOST.line, rows))


def sockets_table(result: SocketsResult, shown: Sequence[Socket], view: View) -> str:
    """The selected sockets, and a summary of all."""
    return _table(result.totals, grid(shown, _columns(shown, view), view), len(shown), view)


def hosts_table(totals: SocketsTotals, rows: Sequence[OfHost], view: View) -> str:
    """The selected sockets of several hosts, and a summary of all."""
    return _table(
        totals,
        host_grid(rows, _columns([row.row for row in rows], view), view),
        len(rows),
        view,
    )


def _table(totals: SocketsTotals, body: list[Line], shown: int, view: View) -> str:
    if body:
        body.append(())
    about = hosts_line(totals.hosts, totals.config, view)
    for line in (about, _total_line(totals, shown), _sent_line(totals)):
        body.extend(wrapped(line, view.width))
    return paint(body, view)


def _columns(shown: Sequence[Socket], view: View) -> list[Column[Socket]]:
    """The columns that are not empty for these sockets."""
    mark = view.glyphs.ellipsis
    columns: list[Column[Socket]] = [
        Column(
            title=SOCKET.title("pid"), cell=lambda socket, _: plain(str(socket.pid)), right=True
        ),
        Column(
            title=SOCKET.title("gprocess"),
            cell=lambda socket, room: _name_cell(socket, room, mark),
            least=10,
        ),
        Column(title=SOCKET.title("status"), cell=lambda socket, _: _sync_cell(socket)),
    ]
    if any(socket.age_s is not None for socket in shown):
        columns.append(
            Column(
                title=SOCKET.title("age_s"),
                cell=lambda socket, _: _age_cell(socket),
                right=True,
                spare=1,
            )
        )
    in_line = view.width is None or view.width >= _WIDE
    local = max((len(_written(socket.row.local)) for socket in shown if in_line), default=0)
    columns.append(
        Column(
            title="SOCKET",
            cell=lambda socket, room: _socket_cell(socket, room, view, min(local, _ALIGNED)),
            least=41,
        )
    )
    return columns


def _name_cell(socket: Socket, room: int | None, mark: str) -> Line:
    if socket.gprocess is None:
        return ((shorten(socket.process_name or "?", room, mark), "dim"),)
    return ((shorten(socket.gprocess, room, mark) or '""', "name"),)


def _sync_cell(socket: Socket) -> Line:
    """`synced`, or why it is not sent, or what is unknown about it."""
    style = _STYLES[socket.status]
    if socket.reason is None:
        return ((socket.status, style),)
    if socket.reason == "not-established":
        return ((socket.row.state, style),)
    words = _SKIPPED if socket.status == "skipped" else _OPEN
    return ((words.get(socket.reason, socket.reason), style),)


def _age_cell(socket: Socket) -> Line:
    return () if socket.age_s is None else ((duration(socket.age_s), "dim"),)


def _socket_cell(socket: Socket, room: int | None, view: View, local_width: int) -> Line:
    """The protocol, both ends with an arrow from client to server, and the peer process.

    If the room is small, the peer is shortened first, and then left out.
    """
    row, mark = socket.row, view.glyphs.ellipsis
    # As netstat has it: tcp6 also where an IPv4 address is mapped into IPv6.
    protocol = f"{row.protocol}{'6' if row.family == 'ipv6' else '':<2}"
    local, remote, arrow, peer = _written(row.local), "", "", ""
    if socket.role is not None:
        remote = _written(row.remote)
        arrow = f" {view.glyphs.becomes if socket.role == 'client' else view.glyphs.came_from} "
        local = f"{local:<{local_width}}"
    if socket.peer is not None:
        peer = f"  {socket.peer.pid} {socket.peer.gprocess or ''}".rstrip()
    if room is not None:
        left = room - len(protocol) - len(local) - len(arrow) - len(remote)
        peer = shorten(peer, left, mark) if left >= _LEAST_PEER else ""
        if left < 0:
            local, remote = _ends(local, remote, room - len(protocol) - len(arrow), mark)
    return ((protocol, "dim"), (local, ""), (arrow, ""), (remote, ""), (visible(peer), "dim"))


def _ends(local: str, remote: str, room: int, mark: str) -> tuple[str, str]:
    """Both ends in `room` cells: the longer one is shortened first, finally both to their ports."""
    local = local.rstrip()
    if len(local) + len(remote) <= room:
        return local, remote
    if remote and room < _LEAST_ENDS:
        return local[local.rindex(":") :], remote[remote.rindex(":") :]
    for_local = min(len(local), max(room // 2, room - len(remote)))
    local = shorten(local, for_local, mark)
    return local, shorten(remote, room - len(local), mark)


def _written(end: Endpoint) -> str:
    return f"[{end.ip}]:{end.port}" if ":" in end.ip else f"{end.ip}:{end.port}"


def _total_line(result: SocketsTotals, shown: int) -> Line:
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


def _status_part(result: SocketsTotals, status: SocketStatus, number: int) -> Line:
    words = _SKIPPED if status == "skipped" else _UNDECIDED
    reasons: Counter[str] = Counter()
    for (of_status, reason), sockets in result.reasons.items():
        if of_status == status and reason is not None:
            reasons[words.get(reason, reason)] += sockets
    part = [(f"{number:,} {status}", _STYLES[status])]
    if reasons:
        detail = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
        part.append((f" ({detail})", "dim"))
    return part


def _sent_line(result: SocketsTotals) -> Line:
    synced, undecided = result.summary.synced, result.summary.undecided
    agent = "agent" if len(result.hosts) == 1 else "agents"
    if not result.config.sync_enabled:
        least = "at least " if result.hidden else ""
        return (
            (
                f"The agent would send nothing: {result.config.key('sync_enabled')} is false. ",
                "error",
            ),
            (f"With sync enabled, it would send {least}{counted(synced, 'socket')}.", ""),
        )
    if result.hidden:
        text = f"The agent would send at least {counted(synced, 'socket')}; others are hidden."
        if not synced:
            text = "It is unknown which sockets the agent would send: some are hidden."
        return ((text, "unknown"),)
    return (
        (f"The {agent} would send {counted(synced, 'socket')}", "head"),
        (f", and perhaps up to {undecided:,} more." if undecided else ".", "head"),
    )
