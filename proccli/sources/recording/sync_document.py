"""The output of an earlier `proccli sync`: one document, or several, of which the last is used."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from itertools import repeat
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeVar, cast

from proccli.errors import Location, RecordingError
from proccli.model.process import MAX_PID, MAX_U32, NS_PER_S
from proccli.model.sockets import Protocol, SocketRole, SyncedProcess
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


class SyncedConnections(NamedTuple):
    """The connections that one agent would have sent: a column for each field."""

    protocols: Sequence[Protocol] = ()
    roles: Sequence[SocketRole] = ()
    client_ips: Sequence[str] = ()
    client_ports: Sequence[int] = ()
    server_ips: Sequence[str] = ()
    server_ports: Sequence[int] = ()
    netns: Sequence[int | None] = ()
    """The agent's numbers of the network namespaces; None: it sends none."""
    pids: Sequence[int] = ()
    """Of the agent's own side; a document has none for the remote end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOutput:
    """What one agent would have sent."""

    host: str | None
    taken_at_ns: int
    enabled: bool
    redacted: bool
    """Whether its command lines have masks."""
    processes: tuple[SyncedProcess, ...]
    sockets: SyncedConnections
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
    processes = _processes(document.items("processes"), document)
    sockets = _sockets(document.items("sockets"), document)
    if len(pids := {process.pid for process in processes}) < len(processes):
        raise document.wrong("two processes have the same pid")
    if unknown := set(sockets.pids) - pids:
        pid = next(pid for pid in sockets.pids if pid in unknown)
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
    if len(text) > MAX_SYNC_ELEMENTS and has_more_elements(text, MAX_SYNC_ELEMENTS):
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
    try:
        return _seconds(snapshot.text("taken_at")) * NS_PER_S
    except ValueError as error:
        raise snapshot.wrong("taken_at is not a time like 2026-01-02T03:04:05Z") from error


@lru_cache(64)
def _seconds(text: str) -> int:
    """Raises: ValueError."""
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    return int(moment.timestamp())


# A fleet has a million sockets. To check a list column by column takes a tenth of the time that a
# check of each element takes. What is not exactly as `sync` writes it is read again, one by one,
# by code that accepts more and names what is wrong.


def _processes(values: Sequence[object], document: Checked) -> tuple[SyncedProcess, ...]:
    try:
        return tuple(_process_columns(values))
    except _NOT_AS_WRITTEN:
        return tuple(
            _process(Checked(value, document.at, f"processes[{number}]"))
            for number, value in enumerate(values)
        )


def _sockets(values: Sequence[object], document: Checked) -> SyncedConnections:
    try:
        return _socket_columns(values)
    except _NOT_AS_WRITTEN:
        rows = [
            _socket(Checked(value, document.at, f"sockets[{number}]"))
            for number, value in enumerate(values)
        ]
        return SyncedConnections(*zip(*rows, strict=True))


_NOT_AS_WRITTEN: Final = (TypeError, LookupError, ValueError)
"""Not an object; a key is missing; not such a value."""
_process_values: Final[Callable[[Any], tuple[Any, ...]]] = itemgetter(
    "name",
    "pid",
    "process_name",
    "cmdline",
    "user",
    "start_time",
    "os_app_tags",
    "netns_id",
    "container_id",
)
_socket_values: Final[Callable[[Any], tuple[Any, ...]]] = itemgetter(
    "role", "protocol", "pid_0", "ip_0", "port_0", "pid_1", "ip_1", "port_1", "netns_idx"
)


def _process_columns(values: Sequence[object]) -> Iterator[SyncedProcess]:
    """The processes. Raises: TypeError, LookupError, ValueError if they are not as written."""
    if not values:
        return iter(())
    columns = zip(*map(_process_values, values), strict=True)
    names, pids, process_names, cmdlines, users, starts, tags, netns, containers = columns
    for texts in (names, process_names, cmdlines, users):
        _require_texts(texts)
    _require_numbers(pids, 1, MAX_PID)
    _require_numbers(starts, 0, MAX_U32)
    _require_numbers([number for number in netns if number is not None], 0, MAX_U32)
    _require_texts([text for text in containers if text is not None])
    pairs = [None if some is None else _tag_pairs(some) for some in tags]
    return map(
        SyncedProcess,
        names,
        pids,
        process_names,
        cmdlines,
        users,
        starts,
        pairs,
        netns,
        containers,
        repeat(None),
    )


def _tag_pairs(tags: object) -> tuple[tuple[str, str], ...]:
    if type(tags) is not list:
        raise TypeError
    pairs = tuple((tag["key"], tag["value"]) for tag in tags)
    _require_texts([text for pair in pairs for text in pair])
    return pairs


def _socket_columns(values: Sequence[object]) -> SyncedConnections:
    """The sockets. Raises: TypeError, LookupError, ValueError if they are not as written."""
    if not values:
        return SyncedConnections()
    columns = zip(*map(_socket_values, values), strict=True)
    roles, protocols, pids_0, ips_0, ports_0, pids_1, ips_1, ports_1, netns = columns
    pids = [
        pid_0 if role == "client" else pid_1
        for role, pid_0, pid_1 in zip(roles, pids_0, pids_1, strict=True)
    ]
    _require_numbers(pids, 1, MAX_PID)
    if pids_0.count(None) + pids_1.count(None) != len(pids):
        raise ValueError("a pid at the remote end")
    _require_numbers(ports_0, 0, _U16)
    _require_numbers(ports_1, 0, _U16)
    _require_numbers(netns, 0, MAX_U32)
    ips = {*ips_0, *ips_1}
    _require_texts(ips)
    canonical = {ip: canonical_ipv4(ip) for ip in ips}
    return SyncedConnections(
        protocols=tuple(map(_PROTOCOLS.__getitem__, protocols)),
        roles=tuple(map(_ROLES.__getitem__, roles)),
        client_ips=tuple(map(canonical.__getitem__, ips_0)),
        client_ports=ports_0,
        server_ips=tuple(map(canonical.__getitem__, ips_1)),
        server_ports=ports_1,
        netns=netns,
        pids=tuple(pids),
    )


def _require_texts(values: Collection[object]) -> None:
    """Raises: TypeError, UnicodeEncodeError."""
    if not set(map(type, values)) <= {str}:
        raise TypeError
    "".join(cast("Collection[str]", values)).encode()  # not with a lone surrogate


def _require_numbers(values: Sequence[Any], low: int, high: int) -> None:
    """Raises: TypeError, ValueError."""
    if not set(map(type, values)) <= {int}:
        raise TypeError
    if values and not low <= min(values) <= max(values) <= high:
        raise ValueError


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


def _socket(part: Checked) -> tuple[object, ...]:
    """A row of `SyncedConnections`."""
    role = _one_of(part, "role", _ROLES)
    protocol = _one_of(part, "protocol", _PROTOCOLS)
    pid_0 = part.integer("pid_0", low=1, high=MAX_PID, or_null=role != "client")
    pid_1 = part.integer("pid_1", low=1, high=MAX_PID, or_null=role != "server")
    return (
        protocol,
        role,
        part.ipv4("ip_0"),
        part.integer("port_0", high=_U16),
        part.ipv4("ip_1"),
        part.integer("port_1", high=_U16),
        part.integer("netns_idx", high=MAX_U32, or_null=True),
        pid_0 if role == "client" else pid_1,
    )


def _one_of(part: Checked, name: str, known: Mapping[str, _Word]) -> _Word:
    word = part.text(name)
    if word not in known:
        raise part.wrong(f"{name} is not one of {', '.join(known)}")
    return known[word]
