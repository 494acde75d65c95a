"""The output of an earlier `proccli sync`: one document, or several, of which the last is used."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from operator import itemgetter
from typing import Any, Final, TypeVar

from proccli.errors import Location, RecordingError
from proccli.model.process import MAX_PID, MAX_U32, NS_PER_S
from proccli.model.sockets import Protocol, SocketRole, SyncedProcess, SyncedSocket
from proccli.sources.recording.format import Checked, canonical_ipv4
from proccli.sources.recording.lines import has_more_elements

SCHEMA: Final = "proccli/sync/v1"
ONE_DOCUMENT: Final = "keep only the last document; it is the one that counts"
_BEGINNING: Final = re.compile(rb'\s*\{\s*"schema"\s*:\s*"proccli/sync/')
"""Its schema is its first key, also in the output of jq."""

MAX_SYNC_BYTES: Final = 64 << 20
"""A document of 5,000 processes with 100,000 sockets has half as much."""
MAX_SYNC_ELEMENTS: Final = 3_000_000

_Word = TypeVar("_Word")
_U16 = 2**16 - 1
_PROTOCOLS: Final[dict[str, Protocol]] = {"tcp": "tcp", "udp": "udp"}
_ROLES: Final[dict[str, SocketRole]] = {"client": "client", "server": "server"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOutput:
    """What one agent would have sent."""

    host: str | None
    taken_at_ns: int
    enabled: bool
    redacted: bool
    """Whether its command lines have masks."""
    processes: tuple[SyncedProcess, ...]
    sockets: tuple[SyncedSocket, ...]
    left_out: dict[str, int]
    """Connection ends that are not sent, by reason; empty also in documents of older versions."""


def is_sync_output(head: bytes) -> bool:
    """Whether a text with these first bytes is output of `proccli sync`."""
    return _BEGINNING.match(head) is not None


def parse_sync_output(text: bytes, name: str) -> SyncOutput:
    """The last document of a text. Raises: RecordingError."""
    value, line = _last_document(text, name)
    document = Checked(value, Location(name, line, 1), "the document")
    if document.text("schema") != SCHEMA:
        raise document.wrong(f"its schema is not {SCHEMA}")
    snapshot = document.part("snapshot")
    if snapshot is None:
        raise document.wrong("snapshot is null")
    processes = tuple(map(_process, document.parts("processes")))
    sockets = tuple(_sockets(document.items("sockets"), document))
    if len(pids := {process.pid for process in processes}) < len(processes):
        raise document.wrong("two processes have the same pid")
    for socket in sockets:
        if (pid := socket.pid_0 if socket.role == "client" else socket.pid_1) not in pids:
            raise document.wrong(f"a socket of pid {pid}, which is not one of its processes")
    return SyncOutput(
        host=snapshot.text("host", or_null=True),
        taken_at_ns=_time(snapshot),
        enabled=document.flag("enabled"),
        redacted=snapshot.flag("redacted"),
        processes=processes,
        sockets=sockets,
        left_out=_left_out(value, document),
    )


def _left_out(value: object, document: Checked) -> dict[str, int]:
    counts = value.get("left_out") if isinstance(value, dict) else None
    if counts is None:
        return {}
    checked = Checked(counts, document.at, "left_out")
    return {checked.as_text(name, name): checked.integer(name, high=MAX_U32) for name in counts}


def _last_document(text: bytes, name: str) -> tuple[object, int]:
    """The value, and the line that it begins in."""
    if has_more_elements(text, MAX_SYNC_ELEMENTS):
        problem = f"more than {MAX_SYNC_ELEMENTS:,} values in a sync output"
        raise RecordingError(problem, Location(name, 1, 1), hint=ONE_DOCUMENT)
    try:
        decoded = text.decode()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise RecordingError("not UTF-8 text", Location(name, line, 1)) from error
    decoder = json.JSONDecoder()
    value: object = None
    start = at = 0
    while (at := _past_blanks(decoded, at)) < len(decoded):
        start = at
        try:
            value, at = decoder.raw_decode(decoded, at)
        except json.JSONDecodeError as error:
            place = Location(name, error.lineno, error.colno)
            raise RecordingError(f"not JSON, or cut short: {error.msg}", place) from error
        except (ValueError, RecursionError) as error:
            place = Location(name, decoded.count("\n", 0, start) + 1, 1)
            raise RecordingError("not JSON of a sync output", place) from error
    return value, decoded.count("\n", 0, start) + 1


def _past_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _time(snapshot: Checked) -> int:
    text = snapshot.text("taken_at")
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise snapshot.wrong("taken_at is not a time like 2026-01-02T03:04:05Z") from error
    return int(moment.timestamp()) * NS_PER_S


def _process(part: Checked) -> SyncedProcess:
    tags = part.parts_or_null("os_app_tags")
    return SyncedProcess(
        name=part.text("name"),
        pid=part.integer("pid", low=1, high=MAX_PID),
        process_name=part.text("process_name"),
        cmdline=part.text("cmdline"),
        user=part.text("user"),
        start_time=part.integer("start_time", high=MAX_U32),
        os_app_tags=None if tags is None else tuple(map(_tag, tags)),
        netns_id=part.integer("netns_id", high=MAX_U32, or_null=True),
        container_id=part.text("container_id", or_null=True),
        starttime_ticks=None,
    )


def _tag(part: Checked) -> tuple[str, str]:
    return part.text("key"), part.text("value")


def _sockets(values: Sequence[object], document: Checked) -> Iterator[SyncedSocket]:
    for number, value in enumerate(values):
        socket = _as_written(value)
        yield socket or _socket(Checked(value, document.at, f"sockets[{number}]"))


def _as_written(value: object) -> SyncedSocket | None:
    """A socket exactly as `sync` writes it; None for what `_socket` has to look at.

    A fleet has a million of them, and this takes a quarter of the time.
    """
    try:
        role, protocol, pid_0, ip_0, port_0, pid_1, ip_1, port_1, netns_idx = _socket_values(value)
        pid, other = (pid_0, pid_1) if role == "client" else (pid_1, pid_0)
        if (
            other is None
            and type(pid) is type(port_0) is type(port_1) is type(netns_idx) is int
            and type(ip_0) is type(ip_1) is str
            and 1 <= pid <= MAX_PID
            and 0 <= port_0 <= _U16
            and 0 <= port_1 <= _U16
            and 0 <= netns_idx <= MAX_U32
        ):
            return SyncedSocket(
                _PROTOCOLS[protocol],
                _ROLES[role],
                pid_0,
                canonical_ipv4(ip_0),
                port_0,
                pid_1,
                canonical_ipv4(ip_1),
                port_1,
                netns_idx,
            )
    except (TypeError, LookupError, ValueError):  # no object, a key is missing, no address
        pass
    return None


_socket_values: Final[Callable[[Any], Any]] = itemgetter(
    "role", "protocol", "pid_0", "ip_0", "port_0", "pid_1", "ip_1", "port_1", "netns_idx"
)


def _socket(part: Checked) -> SyncedSocket:
    role = _one_of(part, "role", _ROLES)
    return SyncedSocket(
        protocol=_one_of(part, "protocol", _PROTOCOLS),
        role=role,
        pid_0=part.integer("pid_0", low=1, high=MAX_PID, or_null=role != "client"),
        ip_0=part.ipv4("ip_0"),
        port_0=part.integer("port_0", high=_U16),
        pid_1=part.integer("pid_1", low=1, high=MAX_PID, or_null=role != "server"),
        ip_1=part.ipv4("ip_1"),
        port_1=part.integer("port_1", high=_U16),
        netns_idx=part.integer("netns_idx", high=MAX_U32, or_null=True),
    )


def _one_of(part: Checked, name: str, known: Mapping[str, _Word]) -> _Word:
    word = part.text(name)
    if word not in known:
        raise part.wrong(f"{name} is not one of {', '.join(known)}")
    return known[word]
