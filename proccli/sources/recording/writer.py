"""Writing a recording."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO

from proccli import __version__
from proccli.errors import OutputError
from proccli.model.note import Note
from proccli.model.process import Environment, FieldError, Process, SourceKind, TagTable
from proccli.model.sockets import NetTables
from proccli.model.source import Source
from proccli.sources.recording.format import (
    FORMAT,
    MAX_LINE_BYTES,
    MAX_LINE_ELEMENTS,
    MAX_RECORDING_BYTES,
    VERSION,
    encode_bytes,
    encode_cmdline,
    encode_error,
    encode_time,
)
from proccli.sources.recording.lines import has_more_elements
from proccli.sources.recording.sockets import NetWriter, encode_sockets, further_sockets

_LIMITS = "docs/recording.md lists the limits"

# One encoder for all lines, and ASCII alone: what a process calls itself must not reach a
# terminal through `zcat`.
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a recording holds."""

    processes: int
    users: int
    sockets: int
    rows: int
    """Of socket tables."""
    masked_values: int
    masked_processes: int


def _text_or_code(note: Note) -> str:
    return note.text or note.code


def write_recording(
    out: BinaryIO,
    source: Source,
    *,
    compress: bool = False,
    tags: TagTable | None = None,
    environment: Environment | None = None,
    names: Collection[str] = (),
    message: Callable[[Note], str] = _text_or_code,
    kind: SourceKind | None = None,
    tables: Mapping[int, NetTables] = MappingProxyType({}),
) -> Written:
    """Write what a source shows, one process at a time; the last line has the counts returned.

    `tags` and `environment` were read together with the processes; None: not read. Of the
    environment, only the variables `names` are written. Secrets are masked by the source
    (`masking.MaskedSource`). `message` words the warnings of the source. `kind` is what was
    recorded, if it is not the kind of the source: a live machine that another host has read.
    `tables` are socket tables that were read with the processes, by the inode number of their
    network namespace; a live machine's are not read again.

    Raises: SourceError; OutputError for more than a reader takes; OSError where `out` can't be
    written.
    """
    header = _header(source, tags, _environment(environment, names), message)
    header = {**header, "kind": kind or source.host.kind}
    if not compress:
        return _write(out, source, header, tables)
    # No file name in the gzip header: it would be that of the temporary file.
    with gzip.GzipFile(filename="", mode="wb", fileobj=out, compresslevel=6) as packed:
        return _write(packed, source, header, tables)


def _write(
    out: BinaryIO | gzip.GzipFile,
    source: Source,
    header: Mapping[str, object],
    tables: Mapping[int, NetTables],
) -> Written:
    roots: set[int] = set()
    nets = NetWriter(source, tables)
    processes = sockets = masked_values = masked_processes = size = 0

    def put(line: Mapping[str, object]) -> None:
        nonlocal size
        encoded = _encode(line).encode("ascii") + b"\n"
        size += len(encoded)
        # A file that could not be read again must not be written.
        if (
            len(encoded) > MAX_LINE_BYTES
            or size > MAX_RECORDING_BYTES
            or has_more_elements(encoded, MAX_LINE_ELEMENTS)
        ):
            raise OutputError("this is more than a recording may hold", hint=_LIMITS)
        out.write(encoded)

    put(header)
    for pid in source.pids():
        process = source.read(pid)
        inode = process.root_inode
        users = None if inode is None else source.users(process)
        if users is not None and inode is not None and inode not in roots:
            roots.add(inode)
            put({"type": "users", "root_inode": inode, "names": users})
        found = source.socket_fds(pid)
        line = _process(process, has_users=users is not None)
        put({**line, **encode_sockets(found), "net": nets.number(process)})
        for more in (*further_sockets(pid, found), *nets.ready()):
            put(more)
        processes += 1
        sockets += 0 if isinstance(found, FieldError) else len(found)
        masked_values += len(process.masked_spans)
        masked_processes += bool(process.masked_spans)
    for net in nets.lines():
        put(net)
    written = Written(
        processes=processes,
        users=len(roots),
        sockets=sockets,
        rows=nets.rows,
        masked_values=masked_values,
        masked_processes=masked_processes,
    )
    put(
        {
            "type": "end",
            "processes": written.processes,
            "users": written.users,
            "sockets": written.sockets,
            "rows": written.rows,
            "masked_values": written.masked_values,
            "masked_processes": written.masked_processes,
        }
    )
    return written


def _header(
    source: Source,
    tags: TagTable | None,
    environment: Mapping[str, object] | None,
    message: Callable[[Note], str],
) -> Mapping[str, object]:
    host = source.host
    return {
        "type": "header",
        "format": FORMAT,
        "version": VERSION,
        "proccli": __version__,
        "taken_at": encode_time(host.taken_at_ns),
        "watched_since": (
            None if host.observed_since_ns is None else encode_time(host.observed_since_ns)
        ),
        "host": None if host.name is None else _encodable(host.name),
        "kind": host.kind,
        "proc_root": _encodable(host.proc_root),
        "boot_time_s": host.boot_time_s,
        "ticks_per_s": host.ticks_per_s,
        "privileged": host.privileged,
        "sees_all": host.sees_all,
        "redacted": host.redacted,
        "notices": [
            {"code": note.code, "message": _encodable(message(note))} for note in source.notes
        ],
        "environment": environment,
        "tags": _tags(tags),
    }


def _encodable(text: str) -> str:
    """The text with lone surrogates, which stand for bytes of a file name, as escapes."""
    return text.encode(errors="backslashreplace").decode()


def _environment(
    environment: Environment | None, names: Collection[str]
) -> Mapping[str, object] | None:
    if environment is None:
        return None
    return {
        "origin": environment.origin,
        "values": dict(_known(environment, names)),
    }


def _known(environment: Environment, names: Collection[str]) -> Iterator[tuple[str, str | None]]:
    """The variables that are known, null for those known to be unset."""
    for name in names:
        if name in environment.values:
            yield name, environment.values[name]
        elif environment.complete or name in environment.unset:
            yield name, None


def _tags(tags: TagTable | None) -> Mapping[str, object] | None:
    if tags is None:
        return None
    return {
        "origin": _encodable(tags.origin),
        "known": tags.known,
        "entries": [
            {"pid": pid, "tags": [{"key": key, "value": value} for key, value in pairs]}
            for pid, pairs in tags.entries.items()
        ],
    }


def _process(process: Process, *, has_users: bool) -> Mapping[str, object]:
    cmdline = process.cmdline
    return {
        "type": "process",
        "pid": process.pid,
        "ppid": process.ppid,
        "comm": process.comm,
        "status_name": process.status_name,
        "cmdline": None if cmdline is None else encode_cmdline(cmdline),
        "holes": process.masked_spans,
        "proofs": sorted(process.mask_safe),
        "exe": process.exe,
        "exe_base64": None if process.exe_bytes is None else encode_bytes(process.exe_bytes),
        "uid": process.uid,
        "starttime_ticks": process.starttime_ticks,
        "netns": process.netns,
        "cgroup": process.cgroup,
        "root_inode": process.root_inode,
        "users": has_users,
        "errors": [encode_error(error) for error in process.errors],
    }
