"""Sockets and socket tables in a recording's lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, get_args

from proccli.model.process import MAX_PID, MAX_U64, FieldError, Process
from proccli.model.sockets import (
    KINDS,
    STATE_NAMES,
    TABLES,
    AgeSource,
    Endpoint,
    NetTable,
    NetTables,
    SocketFd,
    SocketRow,
    TableName,
    have_ended,
    new_row,
)
from proccli.model.source import Source
from proccli.sources.recording.format import (
    SOCKETS_PER_LINE,
    Checked,
    decode_time,
    encode_error,
    encode_time,
)
from proccli.sources.recording.lines import WrittenRows

ROWS_PER_LINE = 10_000
"""A longer table takes several lines."""

_AGE_SOURCES: Mapping[str, AgeSource] = {source: source for source in get_args(AgeSource)}
_TABLES: Mapping[str, TableName] = {name: name for name in TABLES}
_BYTES = frozenset(map(str, range(256)))
_STATES = {protocol: frozenset(names.values()) for protocol, names in STATE_NAMES.items()}


class NetWriter:
    """Numbers what processes show of their network namespaces, and writes each once.

    On a live machine the processes of one namespace show the same, and reading a table costs much:
    the namespace's inode number distinguishes them. In a copy of /proc they may show different
    tables, and the configuration decides which the agent reads: those of the first accepted
    process. So all that differ are kept, and so are those of processes that don't show their
    namespace's number.
    """

    def __init__(
        self, source: Source, known: Mapping[int, NetTables] = MappingProxyType({})
    ) -> None:
        """`known`: tables of a live machine that were read before, by inode number."""
        self._source = source
        self._known = known
        self._live: dict[int, tuple[int, list[int]]] = {}
        """By inode number: the number here, and the processes."""
        self._shown: dict[_Shown, int] = {}
        self._keys: dict[int, tuple[NetTables, bytes]] = {}
        """Digests of the tables of a recording, by their identity: its processes share them."""
        self._ready: list[Mapping[str, object]] = []
        self._count = 0
        self.rows = 0

    def number(self, process: Process) -> int | None:
        """The number of what a process shows; None where its sockets can't be read."""
        if isinstance(self._source.socket_fds(process.pid), FieldError):
            return None
        if process.netns is not None and self._source.host.kind == "live":
            if process.netns not in self._live:
                self._live[process.netns] = (self._next(), [])
            number, pids = self._live[process.netns]
            pids.append(process.pid)
            return number
        tables = self._source.net_tables(process.pid)
        if all(table.error and table.error.problem == "gone" for table in tables):
            return None  # a zombie: it is in no namespace any more
        addresses = self._source.addresses(process.pid)
        listed = None if addresses is None else tuple(addresses)
        shown = _Shown(process.netns, self._digest(tables), listed)
        if shown not in self._shown:
            self._shown[shown] = number = self._next()
            self._ready += self._lines(number, process.netns, tables)
            self._ready += self._addresses(number, [process.pid])
        return self._shown[shown]

    def _digest(self, tables: NetTables) -> bytes:
        if self._source.host.kind != "recording":
            return _digest(tables)
        if id(tables) not in self._keys:
            self._keys[id(tables)] = tables, _digest(tables)
        return self._keys[id(tables)][1]

    def _next(self) -> int:
        self._count += 1
        return self._count

    def ready(self) -> Iterator[Mapping[str, object]]:
        """The lines that can be written by now, each once."""
        ready, self._ready = self._ready, []
        yield from ready

    def lines(self) -> Iterator[Mapping[str, object]]:
        """The remaining lines, once all processes have their numbers."""
        yield from self.ready()
        for netns, (number, pids) in self._live.items():
            yield from self._lines(number, netns, self._tables(netns, pids))
            yield from self._addresses(number, pids)

    def _addresses(self, number: int, pids: Sequence[int]) -> Iterator[Mapping[str, object]]:
        """A line, unless the addresses are not known."""
        for pid in pids:
            found = self._source.addresses(pid)
            if found is not None:
                yield {"type": "addresses", "net": number, "ipv4": found}
                return

    def _tables(self, netns: int, pids: Sequence[int]) -> NetTables:
        """Those that are known, or of the first of these processes that has not exited."""
        tables = self._known.get(netns, ())
        if tables and not have_ended(tables):
            return tables
        for pid in pids:
            tables = self._source.net_tables(pid)
            if not have_ended(tables):
                break
        return tables

    def _lines(
        self, number: int, netns: int | None, tables: NetTables
    ) -> Iterator[Mapping[str, object]]:
        for table in tables:
            self.rows += len(table.rows)
            for start in range(0, max(len(table.rows), 1), ROWS_PER_LINE):
                yield {
                    "type": "net",
                    "net": number,
                    "netns": netns,
                    "table": table.name,
                    "rows": [
                        [row.state, *row.local, *row.remote, row.inode]
                        for row in table.rows[start : start + ROWS_PER_LINE]
                    ],
                    "error": None if table.error is None else encode_error(table.error),
                }


class _Shown(NamedTuple):
    """What identifies the tables and addresses that a process shows."""

    netns: int | None
    tables: bytes
    addresses: tuple[str, ...] | None


def _digest(tables: NetTables) -> bytes:
    """Equal for equal tables only."""
    import hashlib

    digest = hashlib.sha256()
    for table in tables:
        digest.update(repr((table.name, table.error)).encode())
        for row in table.rows:
            digest.update(repr((row.state, row.local, row.remote, row.inode)).encode())
    return digest.digest()


def encode_sockets(found: Sequence[SocketFd] | FieldError) -> Mapping[str, object]:
    """A process's sockets as two keys of its line, without those of `further_sockets`."""
    if isinstance(found, FieldError):
        return {"sockets": None, "sockets_error": encode_error(found)}
    return {"sockets": _encoded(found[:SOCKETS_PER_LINE]), "sockets_error": None}


def further_sockets(
    pid: int, found: Sequence[SocketFd] | FieldError
) -> Iterator[Mapping[str, object]]:
    """The lines of the sockets that have no place in the process's own."""
    if not isinstance(found, FieldError):
        for start in range(SOCKETS_PER_LINE, len(found), SOCKETS_PER_LINE):
            part = found[start : start + SOCKETS_PER_LINE]
            yield {"type": "sockets", "pid": pid, "sockets": _encoded(part)}


def _encoded(found: Sequence[SocketFd]) -> Sequence[Mapping[str, object]]:
    return [
        {
            "fd": item.fd,
            "inode": item.inode,
            "since": None if item.since_ns is None else encode_time(item.since_ns),
            "age_source": item.age_source,
        }
        for item in found
    ]


def decode_sockets(line: Checked) -> list[SocketFd] | FieldError:
    """The sockets of a process's line. Raises: RecordingError."""
    listed = line.parts_or_null("sockets")
    problem = line.part("sockets_error")
    if (listed is None) == (problem is None):
        raise line.wrong("has either sockets or sockets_error")
    if problem is not None:
        return problem.field_error(("fds",))
    return list(map(socket_fd, listed or ()))


def socket_fd(part: Checked) -> SocketFd:
    """One of them. Raises: RecordingError."""
    since = part.text("since", or_null=True)
    age_source = _AGE_SOURCES.get(part.text("age_source"))
    if age_source is None or (since is None) != (age_source == "unknown"):
        raise part.wrong("since and age_source contradict each other")
    try:
        since_ns = None if since is None else decode_time(since)
    except ValueError as error:
        raise part.wrong(f"since is {error}") from error
    found = SocketFd(
        part.integer("fd", high=MAX_PID), part.integer("inode", high=MAX_U64), since_ns, age_source
    )
    part.done()
    return found


class NetReader:
    """Collects the lines of socket tables."""

    def __init__(self) -> None:
        self.rows = 0
        self._rows: dict[tuple[int, TableName], list[SocketRow]] = {}
        self._errors: dict[tuple[int, TableName], FieldError] = {}
        self._netns: dict[int, int | None] = {}
        self._addresses = _Addresses()
        self._ends = _Ends(self._addresses)

    def add(self, line: Checked) -> None:
        """Add one line. Raises: RecordingError."""
        number = line.integer("net", low=1, high=MAX_PID)
        netns = line.integer("netns", high=MAX_U64, or_null=True)
        name = _TABLES.get(line.text("table"))
        if name is None or self._netns.setdefault(number, netns) != netns:
            raise line.wrong("not a table of this namespace")
        line.what = f"net {number}, {name}"
        key = (number, name)
        rows = self._rows.setdefault(key, [])
        before = len(rows)
        rows.extend(self._row(line, name, row) for row in line.items("rows"))
        self.rows += len(rows) - before
        problem = line.part("error")
        if problem is not None:
            self._errors[key] = problem.field_error((f"net/{name}",))
        if key in self._errors and rows:
            raise line.wrong("has both rows and an error")

    def add_written(self, line: WrittenRows) -> bool:
        """Add such a line, unless something is wrong with it; whether it was added."""
        key = (line.net, line.table)
        if key in self._errors or self._netns.get(line.net, line.netns) != line.netns:
            return False
        protocol, family = KINDS[line.table]
        ends = self._ends
        try:
            made = [
                new_row((protocol, family, state, ends[local], ends[remote], int(inode)))
                for _, state, local, remote, inode in line.rows
            ]
        except LookupError:
            return False
        self._netns[line.net] = line.netns
        self._rows.setdefault(key, []).extend(made)
        self.rows += len(made)
        return True

    def _row(self, line: Checked, name: TableName, row: object) -> SocketRow:
        protocol, family = KINDS[name]
        match row:
            case [
                str(state),
                str(local_ip),
                int(local_port),
                str(remote_ip),
                int(remote_port),
                int(inode),
            ] if (
                bool not in map(type, row)
                and state in _STATES[protocol]
                and 0 <= local_port < 1 << 16
                and 0 <= remote_port < 1 << 16
                and 0 <= inode <= MAX_U64
                and self._addresses[local_ip]
                and self._addresses[remote_ip]
            ):
                local, remote = Endpoint(local_ip, local_port), Endpoint(remote_ip, remote_port)
                return SocketRow(protocol, family, state, local, remote, inode)
        raise line.wrong("a row is not a state, an address and port twice, and an inode")

    def numbers(self) -> Collection[int]:
        """The namespaces that have lines."""
        return self._netns.keys()

    def tables(self) -> Mapping[int, NetTables]:
        """The tables by the number of their namespace. One without lines is empty."""
        return {
            number: tuple(
                NetTable(
                    name=name,
                    rows=tuple(self._rows.get((number, name), ())),
                    error=self._errors.get((number, name)),
                )
                for name in TABLES
            )
            for number in self._netns
        }


class _Ends(dict[str, Endpoint]):
    """Endpoints by their text in a row: those of listeners, and of connections within the host,
    are in several."""

    def __init__(self, addresses: _Addresses) -> None:
        super().__init__()
        self._addresses = addresses

    def __missing__(self, text: str) -> Endpoint:
        """Raises: LookupError for what is none."""
        quoted, _, port = text.rpartition(",")
        ip, number = quoted[1:-1], int(port)
        if number >= 1 << 16 or not self._addresses[ip]:
            raise LookupError(text)
        endpoint = self[text] = Endpoint(ip, number)
        return endpoint


class _Addresses(dict[str, bool]):
    """Whether a text is an IP address, each parsed once."""

    def __init__(self) -> None:
        super().__init__({"::": True, "::1": True})  # all that many machines have of IPv6

    def __missing__(self, text: str) -> bool:
        self[text] = valid = _is_ipv6(text) if ":" in text else _is_ipv4(text)
        return valid


def _is_ipv4(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(part in _BYTES for part in parts)


def _is_ipv6(text: str) -> bool:
    import socket  # takes as long to load as a small recording to read

    try:
        return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text)) == text
    except (OSError, ValueError):
        return False
