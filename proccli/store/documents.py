"""Documents of `proccli sync`, checked and ready to be loaded.

A file may hold several documents, a line each or indented. The lists of a document are checked a
column at a time, which takes a tenth of the time that a check of each element takes; only what
fails there is read again for a message that names the place.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from functools import lru_cache
from ipaddress import IPv4Address
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from proccli.errors import Location, RecordingError, SourceError
from proccli.model.process import MAX_PID, MAX_U32
from proccli.sources.recording.lines import has_more_elements
from proccli.sources.recording.sync_document import (
    MAX_SYNC_BYTES,
    MAX_SYNC_ELEMENTS,
    SCHEMA,
    parse_sync_output,
)
from proccli.store.schema import PROTOCOLS, ROLES, RULE_UNKNOWN
from proccli.streams import BadLine, opened, read_line, unpacked
from proccli.text import visible

_U16: Final = 2**16 - 1
_I32: Final = 2**31 - 1
_LATEST_S: Final = MAX_U32
"""The last second that a time of ClickHouse can express."""
_RECORDING: Final = re.compile(rb'\{"type"\s*:\s*"header"\s*,\s*"format"\s*:\s*"proccli-recording"')
_NO_DOCUMENT: Final = "not the output of proccli sync"
_A_RECORDING: Final = f"a recording, {_NO_DOCUMENT} (-c agent.yaml says what its agent would send)"
_BEGINNING: Final = re.compile(rb'\s*\{\s*"schema"\s*:')
_PROTOCOLS: Final = {name: number for number, name in enumerate(PROTOCOLS)}
_ROLES: Final = {name: number for number, name in enumerate(ROLES)}
_NETNS: Final = itemgetter("netns_idx")
_NO_NAMESPACE: Final = 1 << 40
"""Stands for the agent's number of a namespace that is not known."""
_FEW_BYTES: Final = 1 << 20
"""A text of this size has less than `MAX_SYNC_ELEMENTS` values."""


class Document(NamedTuple):
    """A document, as it is loaded."""

    network: str
    host: str
    taken_at_s: int
    content: int
    """A hash of what it says; equal for the same document in another layout."""
    processes: int
    sockets: int
    row: bytes
    """The row of the staging table: a line of JSON."""
    source: str
    """The file, and the line in it."""

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells documents of a store apart."""
        return self.network, self.host, self.taken_at_s


class Refused(NamedTuple):
    """A file, or the rest of one, that is not loaded."""

    source: str
    problem: str


def files_of(paths: Sequence[str]) -> Iterator[str]:
    """The files of these operands: a directory stands for its *.jsonl, *.json and their *.gz."""
    for path in paths:
        if path != "-" and Path(path).is_dir():
            inside = sorted(Path(path).iterdir())
            yield from (str(one) for one in inside if _is_document(one.name))
        else:
            yield path


def _is_document(name: str) -> bool:
    return name.removesuffix(".gz").endswith((".jsonl", ".json")) and not name.startswith(".")


def read_documents(path: str, network: str) -> Iterator[Document | Refused]:
    """The documents of a file, and what of it can't be loaded, which is the last element."""
    try:
        with opened(path) as (file, name):
            for line, text in _texts(unpacked(file), name):
                if not text.strip():
                    continue
                try:
                    yield _document(text, name, line, network)
                except RecordingError as error:
                    yield refused(error, name)
    except SourceError as error:
        yield refused(error, "<stdin>" if path == "-" else path)


def documents_in(text: bytes, name: str, network: str) -> Iterator[Document | Refused]:
    """The documents in a text that stands for a file of this name."""
    try:
        for line, one in _texts(io.BytesIO(text), name):
            yield _document(one, name, line, network)
    except RecordingError as error:
        yield refused(error, name)


def is_recording(path: str) -> bool:
    """Whether a file begins as a recording does; False for one that can't be read, or stdin."""
    if path == "-":
        return False
    try:
        with opened(path) as (file, _):
            return bool(_RECORDING.match(read_line(unpacked(file), 1 << 20)))
    except (SourceError, BadLine):
        return False


def refused(error: SourceError, name: str) -> Refused:
    """Why a file of this name is not loaded."""
    place = str(error.at) if error.at else name
    return Refused(place, error.problem if error.at else str(error))


def _texts(file: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    """The text of each document, with its line. One begins where a line begins with a brace."""
    begun, line, waiting, size = 1, 0, list[bytes](), 0
    try:
        while text := read_line(file, MAX_SYNC_BYTES):
            line += 1
            if text.startswith(b"{") and waiting:
                yield begun, b"".join(waiting)
                waiting, size = [], 0
            if not waiting:
                begun = line
                if not _BEGINNING.match(text) and text.strip() not in (b"", b"{"):
                    problem = _A_RECORDING if _RECORDING.match(text) else _NO_DOCUMENT
                    raise RecordingError(problem, Location(name, line, 1))
            waiting.append(text)
            size += len(text)
            if size > MAX_SYNC_BYTES:
                raise BadLine(f"document exceeds {MAX_SYNC_BYTES >> 20} MiB")  # noqa: TRY301
    except BadLine as error:
        raise RecordingError(str(error), Location(name, line + 1, 1)) from error
    if waiting:
        yield begun, b"".join(waiting)
    elif not line:
        raise RecordingError("the file is empty", Location(name, 1, 1))


def _document(text: bytes, name: str, line: int, network: str) -> Document:
    at = Location(name, line, 1)
    if len(text) > _FEW_BYTES and has_more_elements(text, MAX_SYNC_ELEMENTS):
        raise RecordingError(f"more than {MAX_SYNC_ELEMENTS:,} values in a document", at)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else "not JSON"
        raise RecordingError(f"not JSON, or cut short: {what}", at) from error
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise RecordingError(f"its schema is not {SCHEMA}", at)
    source = f"{name}:{line}"
    try:
        return loadable(value, network, source)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordingError(_what_is_wrong(text) or f"{error}", at) from error


def _what_is_wrong(text: bytes) -> str | None:
    """What the slower reader of one document says; None: it finds nothing."""
    try:
        parse_sync_output(text, "")
    except RecordingError as error:
        return error.problem
    return None


def loadable(value: Mapping[str, Any], network: str, source: str) -> Document:
    """Raises: KeyError, TypeError, ValueError, AttributeError if anything is not as it should."""
    snapshot, config = value["snapshot"], value["config"]
    if snapshot["host"] is None:
        raise ValueError("the host has no name")
    host = _text(snapshot["host"])
    taken_at_s = _seconds(snapshot["taken_at"])
    processes, sockets = value["processes"], value["sockets"]
    if type(processes) is not list or type(sockets) is not list:
        raise TypeError("processes and sockets are not lists")
    columns = _process_columns(processes)
    left_out = value.get("left_out")
    row = {
        "network": network,
        "host": host,
        "taken_at": taken_at_s,
        "proccli": _text_or_none(value.get("proccli")),
        "host_id": _text_or_none(snapshot.get("host_id")),
        "boot_time": _boot_time(snapshot.get("boot_time")),
        "addresses": [_address(ip) for ip in snapshot.get("addresses") or () if ":" not in ip],
        "agent": _text(config["agent"]),
        "dialect": _text(config["dialect"]),
        "via": _text(config["via"]),
        "config_file": _text_or_none(config["file"]),
        "config_sha256": _text_or_none(config.get("sha256")),
        "rules": _number(config["rules"]),
        "enabled": _flag(value["enabled"]),
        "redacted": _flag(snapshot["redacted"]),
        "digest": _text_or_none(value["digest"]),
        "processes": len(processes),
        "sockets": len(sockets),
        "left_out_known": int(left_out is not None),
        "left_out_reasons": [_text(reason) for reason in left_out or {}],
        "left_out_counts": [_number(count) for count in (left_out or {}).values()],
        "warnings": [_text(warning["code"]) for warning in value["warnings"]],
        **columns,
        **_end_columns(sockets, columns),
    }
    said = _encode(row)
    # A hash that does not depend on the name of the file.
    content = int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "big")
    named = _encode({"document": content, "source": visible(source)})
    return Document(
        network=network,
        host=host,
        taken_at_s=taken_at_s,
        content=content,
        processes=len(processes),
        sockets=len(sockets),
        row=b"%s, %s\n" % (named[:-1], said[1:]),
        source=source,
    )


def _encode(row: Mapping[str, Any]) -> bytes:
    """A line of JSON. Raises: ValueError: an engine refuses a lone surrogate, with all documents
    of the same insert; `sync` never writes one."""
    try:
        return json.dumps(row, ensure_ascii=False, check_circular=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text contains a lone surrogate") from error


def _process_columns(processes: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    columns = {
        f"p.{name}": _texts_of([process[key] for process in processes])
        for name, key in (
            ("gprocess", "name"),
            ("process_name", "process_name"),
            ("cmdline", "cmdline"),
            ("user", "user"),
        )
    }
    pids = _numbers([process["pid"] for process in processes], 1, MAX_PID)
    if len(set(pids)) < len(pids):
        raise ValueError("two processes have the same pid")
    tags = [process["os_app_tags"] for process in processes]
    containers = [process["container_id"] for process in processes]
    rules = [process.get("rule") for process in processes]
    return columns | {
        "p.pid": pids,
        "p.rule": _numbers([RULE_UNKNOWN if n is None else n for n in rules], RULE_UNKNOWN, _I32),
        "p.start_time": _numbers([process["start_time"] for process in processes], 0, MAX_U32),
        "p.netns": _numbers([process["netns_id"] or 0 for process in processes], 0, MAX_U32),
        "p.container_known": [int(one is not None) for one in containers],
        "p.container_id": _texts_of([one or "" for one in containers]),
        "p.tags_known": [int(one is not None) for one in tags],
        "p.tag_keys": [_texts_of([tag["key"] for tag in one or ()]) for one in tags],
        "p.tag_values": [_texts_of([tag["value"] for tag in one or ()]) for one in tags],
    }


def _end_columns(
    sockets: Sequence[Mapping[str, Any]], processes: Mapping[str, list[Any]]
) -> dict[str, list[Any]]:
    names = dict(zip(processes["p.pid"], processes["p.gprocess"], strict=True))
    inodes = dict(zip(processes["p.pid"], processes["p.netns"], strict=True))
    roles = [_ROLES[socket["role"]] for socket in sockets]
    pids = [
        socket["pid_1" if role else "pid_0"] for socket, role in zip(sockets, roles, strict=True)
    ]
    server_ips = list(map(_address, [socket["ip_1"] for socket in sockets]))
    numbers = [_NO_NAMESPACE if one is None else one for one in map(_NETNS, sockets)]
    _numbers(numbers, 0, _NO_NAMESPACE)
    return {
        "e.protocol": [_PROTOCOLS[socket["protocol"]] for socket in sockets],
        "e.role": roles,
        "e.client_ip": list(map(_address, [socket["ip_0"] for socket in sockets])),
        "e.client_port": _numbers([socket["port_0"] for socket in sockets], 0, _U16),
        "e.server_ip": server_ips,
        "e.server_port": _numbers([socket["port_1"] for socket in sockets], 0, _U16),
        "e.netns": _namespaces(numbers, [inodes[pid] for pid in pids]),
        "e.pid": pids,
        "e.gprocess": [names[pid] for pid in pids],
    }


def _namespaces(numbers: Sequence[int], inodes: Sequence[int]) -> list[int]:
    """A number for the network namespace of each end, equal in all documents where possible.

    The agent counts namespaces anew in each cycle, so the inode number stands for them, if it is
    known and belongs to one namespace only; otherwise the agent's number, negative.
    """
    of: dict[int, set[int]] = {}
    for number, inode in set(zip(numbers, inodes, strict=True)):
        of.setdefault(number, set()).add(inode)
    single = {number: next(iter(some)) for number, some in of.items() if len(some) == 1}
    times: dict[int, int] = {}
    for some in of.values():
        for inode in some:
            times[inode] = times.get(inode, 0) + 1
    stable = {
        number: inode
        for number, inode in single.items()
        if inode and times[inode] == 1 and number != _NO_NAMESPACE
    }
    return [stable.get(number, -number - 1) for number in numbers]


@lru_cache(1 << 16)
def _address(ip: str) -> int:
    return int(IPv4Address(_text(ip)))


@lru_cache(64)
def _seconds(text: str) -> int:
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    seconds = int(moment.timestamp())
    if not 0 < seconds <= _LATEST_S:
        raise ValueError(f"the time {text} is not between 1970 and 2106")
    return seconds


def _boot_time(value: object) -> int:
    if value is None:
        return 0
    return _number(value) if isinstance(value, int) else _seconds(_text(value))


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError(f"{value!r:.40} is not text")
    return value


def _text_or_none(value: object) -> str:
    return "" if value is None else _text(value)


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MAX_U32:
        raise TypeError(f"{value!r:.40} is not a number")
    return value


def _flag(value: object) -> int:
    if type(value) is not bool:
        raise TypeError(f"{value!r:.40} is not true or false")
    return int(value)


def _texts_of(values: list[Any]) -> list[str]:
    if not set(map(type, values)) <= {str}:
        raise TypeError("not text")
    return values


def _numbers(values: list[Any], low: int, high: int) -> list[int]:
    if not set(map(type, values)) <= {int} or (
        values and not low <= min(values) <= max(values) <= high
    ):
        raise ValueError(f"not a number from {low} to {high}")
    return values
