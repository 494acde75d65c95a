"""A cycle of `sync` as JSON."""

from __future__ import annotations

from proccli.commands.sync.sync import SyncResult
from proccli.commands.sync.syncchanges import Changes
from proccli.model.sockets import SyncedProcess, SyncedSocket
from proccli.terminal.document import config_json, document, lines, snapshot_json, warnings_json
from proccli.terminal.record import Json


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
