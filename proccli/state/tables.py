"""A `Memory` as rows of SQLite tables, and back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from proccli.model.sockets import SocketKey, SyncedProcess, SyncedSocket
from proccli.state.memory import Memory

APPLICATION_ID: Final = 0x70726363  # "prcc", in the header: file(1) shows it
VERSION: Final = 1

SCHEMA: Final[Mapping[str, str]] = {
    "meta": "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
    "process": "CREATE TABLE process (pid INTEGER PRIMARY KEY, sent TEXT)",
    "socket": "CREATE TABLE socket (sent TEXT PRIMARY KEY, times INTEGER) WITHOUT ROWID",
    "sighting": "CREATE TABLE sighting (pid INTEGER, fd INTEGER, inode INTEGER,"
    " starttime_ticks INTEGER, first_seen_ns INTEGER,"
    " PRIMARY KEY (pid, fd, inode, starttime_ticks)) WITHOUT ROWID",
}
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "meta": ("name",),
    "process": ("pid",),
    "socket": ("sent",),
    "sighting": ("pid", "fd", "inode", "starttime_ticks"),
}
"""The columns by which a row is found, the first ones of each table."""

Row: TypeAlias = tuple[Any, ...]
_UNKNOWN_TICKS = -1
_I64 = 1 << 63


class Malformed(Exception):  # noqa: N818 - a finding
    """What a table holds is nothing that we wrote."""


def rows_of(memory: Memory) -> Mapping[str, set[Row]]:
    """The rows of each table."""
    meta = {
        "host": memory.host,
        "boot_id": memory.boot_id,
        "boot_time_s": memory.boot_time_s,
        "config": memory.config,
        "enabled": memory.enabled,
        "digest": memory.digest,
        "told": sorted(memory.told),
        "written_to": memory.written_to,
        "looked_at_ns": memory.looked_at_ns,
        "looked_as": memory.looked_as,
    }
    return {
        "meta": {(name, json.dumps(value)) for name, value in meta.items()},
        "process": {(process.pid, _process_text(process)) for process in memory.processes},
        "socket": set(Counter(json.dumps(socket) for socket in memory.sockets).items()),
        "sighting": {
            (pid, fd, inode, _UNKNOWN_TICKS if ticks is None else ticks, seen_ns)
            for (pid, ticks, fd, inode), seen_ns in memory.first_seen_ns.items()
            if max(ticks or 0, inode, seen_ns) < _I64
        },
    }


def memory_of(rows: Mapping[str, Iterable[Row]]) -> Memory | None:
    """The memory in the tables; None where they are empty. Raises: Malformed."""
    try:
        return _memory_of(rows)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Malformed(str(error)) from error


def _memory_of(rows: Mapping[str, Iterable[Row]]) -> Memory | None:
    meta = {_text(name): json.loads(_text(value)) for name, value in rows["meta"]}
    if not meta:
        return None
    return Memory(
        host=_typed(meta["host"], str, None),
        boot_id=_typed(meta["boot_id"], str, None),
        boot_time_s=_typed(meta["boot_time_s"], int, None),
        config=_typed(meta["config"], str),
        enabled=_typed(meta["enabled"], bool),
        digest=_typed(meta["digest"], str, None),
        processes=tuple(_process(pid, _text(sent)) for pid, sent in sorted(rows["process"])),
        sockets=tuple(_sockets(rows["socket"])),
        told=frozenset(_typed(one, str) for one in _typed(meta["told"], list)),
        written_to=_typed(meta["written_to"], str, None),
        looked_at_ns=_typed(meta["looked_at_ns"], int, None),
        looked_as=_typed(meta["looked_as"], str),
        first_seen_ns=dict(_sighting(row) for row in rows["sighting"]),
    )


def _process_text(process: SyncedProcess) -> str:
    tags = process.os_app_tags
    return json.dumps(
        {
            "name": process.name,
            "process_name": process.process_name,
            "cmdline": process.cmdline,
            "user": process.user,
            "start_time": process.start_time,
            "os_app_tags": tags,
            "netns_id": process.netns_id,
            "container_id": process.container_id,
            "starttime_ticks": process.starttime_ticks,
        }
    )


def _process(pid: object, text: str) -> SyncedProcess:
    sent = _typed(json.loads(text), dict)
    tags = _typed(sent["os_app_tags"], list, None)
    return SyncedProcess(
        pid=_typed(pid, int),
        name=_typed(sent["name"], str),
        process_name=_typed(sent["process_name"], str),
        cmdline=_typed(sent["cmdline"], str),
        user=_typed(sent["user"], str),
        start_time=_typed(sent["start_time"], int),
        os_app_tags=None
        if tags is None
        else tuple((_typed(key, str), _typed(value, str)) for key, value in tags),
        netns_id=_typed(sent["netns_id"], int),
        container_id=_typed(sent["container_id"], str),
        starttime_ticks=_typed(sent["starttime_ticks"], int, None),
    )


_SOCKET_TYPES = (str, str, (int, None), str, int, (int, None), str, int, int)


def _sockets(rows: Iterable[Row]) -> Iterable[SyncedSocket]:
    for text, times in sorted(rows):
        values = _typed(json.loads(_text(text)), list)
        for value, kind in zip(values, _SOCKET_TYPES, strict=True):
            _typed(value, *(kind if isinstance(kind, tuple) else (kind,)))
        for _ in range(min(_typed(times, int), 1 << 16)):
            yield SyncedSocket(*values)


def _sighting(row: Row) -> tuple[SocketKey, int]:
    pid, fd, inode, ticks, seen_ns = (_typed(value, int) for value in row)
    return (pid, None if ticks == _UNKNOWN_TICKS else ticks, fd, inode), seen_ns


def _text(value: object) -> str:
    # Text comes as bytes: the module's own decoding would raise what a full disk raises.
    return bytes(_typed(value, bytes)).decode()


def _typed(value: Any, *kinds: type | None) -> Any:
    """The value, of exactly one of these types. Raises: TypeError."""
    if (None if value is None else type(value)) not in kinds:
        raise TypeError(f"{type(value).__name__} where there should be another type")
    return value
