"""Sockets as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from proccli.commands.sockets.sockets import SocketsResult
from proccli.model.sockets import Socket
from proccli.terminal.document import (
    Json,
    config_json,
    document,
    lines,
    snapshot_json,
    warnings_json,
)


def sockets_document(result: SocketsResult, shown: Sequence[Socket]) -> bytes:
    """The document `proccli/sockets/v1` with the chosen sockets; the summary counts all."""
    summary = result.summary
    return document(
        "sockets",
        {
            "snapshot": snapshot_json(result.host),
            "config": config_json(result.config),
            "sockets": [_socket_json(socket) for socket in shown],
            "summary": {
                "total": summary.total,
                "synced": summary.synced,
                "skipped": summary.skipped,
                "undecided": summary.undecided,
            },
            "warnings": warnings_json(result.notes),
        },
    )


def sockets_lines(shown: Sequence[Socket]) -> bytes:
    """A line for each of the chosen sockets."""
    return lines(_socket_json(socket) for socket in shown)


def _socket_json(socket: Socket) -> Json:
    row, peer = socket.row, socket.peer
    return {
        "pid": socket.pid,
        "gprocess": socket.gprocess,
        "protocol": row.protocol,
        "family": row.family,
        "state": row.state,
        "local": {"ip": row.local.ip, "port": row.local.port},
        "remote": {"ip": row.remote.ip, "port": row.remote.port},
        "role": socket.role,
        "netns": socket.netns,
        "inode": row.inode,
        "fd": socket.fd,
        "age_s": socket.age_s,
        "age_source": socket.age_source,
        "status": socket.status,
        "reason": socket.reason,
        "peer": None if peer is None else {"pid": peer.pid, "gprocess": peer.gprocess},
    }
