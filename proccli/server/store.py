"""The ends of connections of a whole fleet, ordered by join key, in bounded memory.

SQLite sorts and finds the ends in a temporary database. It keeps a small database in memory, writes
a larger one to disk, and deletes it on close. Python's memory grows with the number of hosts, not
with the number of connections.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from proccli.errors import StateError
from proccli.model.hosts import HostProcess, HostView
from proccli.model.sockets import Endpoint, Protocol, SocketStatus
from proccli.server.join import (
    HostEnd,
    JoinedConnection,
    Network,
    endpoint_number,
    int_to_ip,
    ip_to_int,
    is_loopback,
    join_ends,
    join_key,
)

_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16384;
CREATE TABLE ends (
  scope INTEGER, protocol INTEGER, client INTEGER, server INTEGER, role INTEGER,
  host INTEGER, pid INTEGER, client_ip INTEGER, server_ip INTEGER, status INTEGER,
  reason TEXT, since_ns INTEGER);
CREATE INDEX udp_ends ON ends (client, server) WHERE protocol = 1;
CREATE TABLE processes (
  host INTEGER, pid INTEGER, process TEXT, PRIMARY KEY (host, pid)
) WITHOUT ROWID;
CREATE TABLE listeners (
  host INTEGER, port INTEGER, ip INTEGER, pid INTEGER, PRIMARY KEY (host, port, ip, pid)
) WITHOUT ROWID;
"""
_ROWS: Final = "SELECT * FROM ends"
_IN_ORDER: Final = "ORDER BY scope, protocol, client, server, host, pid"
_PROTOCOLS: Final[tuple[Protocol, ...]] = ("tcp", "udp")
_STATUSES: Final[tuple[SocketStatus, ...]] = ("synced", "skipped", "undecided")
_PROTOCOL_NUMBERS: Final = {protocol: number for number, protocol in enumerate(_PROTOCOLS)}
_STATUS_NUMBERS: Final = {status: number for number, status in enumerate(_STATUSES)}
_PORT: Final = (1 << 16) - 1
"""The bits of a port in a number that `endpoint_number` made."""
_LATEST_NS: Final = (1 << 63) - 1
"""The largest integer of SQLite; as a time, it is in the year 2262."""
_PROCESS_FIELDS: Final = tuple(field.name for field in fields(HostProcess))
_ANYWHERE: Final = 0
"""0.0.0.0 as a number; also used for a listener on `::`."""


class Fleet:
    """Hosts and the ends of all their connections.

    All methods that read or write raise StateError if the disk is full.
    """

    def __init__(self) -> None:
        self.hosts: list[HostView] = []
        """In the order in which they were added, without processes, ends and listeners."""
        self._database = sqlite3.connect("")
        self._database.executescript(_TABLES)
        self._scopes: dict[str, int] = {}
        self._owners: dict[tuple[Network, str], list[int]] = {}
        self._removed: set[int] = set()
        self._can_find_tcp = False

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the memory and the disk space."""
        self._database.close()

    def add(self, view: HostView) -> None:
        """Add a host. Its number is its index in `hosts`."""
        host = len(self.hosts)
        self.hosts.append(replace(view, processes={}, ends=(), listeners=()))
        for ip in view.addresses:
            self._owners.setdefault((view.network, ip), []).append(host)
        self._insert("processes", 3, ((host, p.pid, _to_json(p)) for p in view.processes.values()))
        self._insert("ends", 12, self._end_rows(host, view))
        listeners = (
            (host, at.port, _ANYWHERE if ":" in at.ip else ip_to_int(at.ip), pid)
            for at, pid in view.listeners
        )
        self._insert("listeners", 4, set(listeners))

    def remove(self, host: int) -> None:
        """Remove a host; its number is not used again."""
        self._removed.add(host)
        for ip in self.hosts[host].addresses:
            self._owners[self.hosts[host].network, ip].remove(host)
        for table in ("processes", "ends", "listeners"):
            self._run(f"DELETE FROM {table} WHERE host = ?", (host,))  # noqa: S608 - ours

    @property
    def present(self) -> Sequence[int]:
        """The numbers of all hosts except removed ones."""
        return [host for host in range(len(self.hosts)) if host not in self._removed]

    def _insert(self, table: str, columns: int, rows: Iterable[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * columns)
        with _disk_errors():
            self._database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - ours

    def _run(self, query: str, values: Sequence[int] = ()) -> sqlite3.Cursor:
        with _disk_errors():
            return self._database.execute(query, values)

    def _end_rows(self, host: int, view: HostView) -> Iterator[tuple[Any, ...]]:
        for protocol, role, client, server, netns, pid, status, reason, since_ns in view.ends:
            scope, client_key, server_key = join_key(client, server, view.network, host, netns)
            yield (
                self._scopes.setdefault(scope, len(self._scopes)),
                _PROTOCOL_NUMBERS[protocol],
                client_key,
                server_key,
                role == "server",
                host,
                pid,
                ip_to_int(client.ip),
                ip_to_int(server.ip),
                _STATUS_NUMBERS[status],
                reason,
                None if since_ns is None else max(-_LATEST_NS, min(since_ns, _LATEST_NS)),
            )

    def joined_connections(self) -> Iterator[JoinedConnection]:
        """All connections that have at least one end that is sent."""
        rows = self._run(f"{_ROWS} {_IN_ORDER}")
        for _, ends in groupby(rows, key=itemgetter(0, 1, 2, 3)):
            yield from join_ends([_host_end(row) for row in ends])

    def process(self, host: int, pid: int) -> HostProcess | None:
        """The process with this pid; None: the source of the host has no such process."""
        query = "SELECT process FROM processes WHERE host = ? AND pid = ?"
        row = self._run(query, (host, pid)).fetchone()
        return None if row is None else _from_json(row[0])

    def processes(self) -> Iterator[HostProcess]:
        """All processes of all hosts, ordered by host and pid."""
        query = "SELECT process FROM processes ORDER BY host, pid"
        for (packed,) in self._run(query):
            yield _from_json(packed)

    def processes_of(self, host: int) -> Iterator[HostProcess]:
        """The processes of a host, ordered by pid."""
        query = "SELECT process FROM processes WHERE host = ? ORDER BY pid"
        for (packed,) in self._run(query, (host,)):
            yield _from_json(packed)

    def hosts_with(self, network: Network, ip: str) -> Sequence[int]:
        """The hosts of a network that have this address."""
        return self._owners.get((network, ip), ())

    def owners(self, end: HostEnd) -> Sequence[int]:
        """The hosts that may have the remote end of a connection, by its address."""
        if is_loopback(end.remote_address.ip):
            return (end.host,)
        return self.hosts_with(self.hosts[end.host].network, end.remote_address.ip)

    def listening(self, host: int, at: Endpoint) -> Sequence[int]:
        """The pids of accepted processes of a host that listen on this address, ascending."""
        query = "SELECT DISTINCT pid FROM listeners WHERE host = ? AND port = ? AND ip IN (?, ?)"
        rows = self._run(query, (host, at.port, ip_to_int(at.ip), _ANYWHERE))
        return sorted(pid for (pid,) in rows)

    def count_collisions(self) -> int:
        """How many connections of different networks have equal keys for the server, which knows
        only one network."""
        query = f"""SELECT count(*) FROM (
            SELECT 1 FROM ends WHERE status = 0 AND scope IN ({self._network_scopes()})
            GROUP BY protocol, client, server HAVING count(DISTINCT scope) > 1)"""  # noqa: S608 - numbers
        return int(self._run(query).fetchone()[0])

    def _network_scopes(self) -> str:
        return ", ".join(str(scope) for name, scope in self._scopes.items() if name[0] == "@")

    def find(self, protocol: Protocol, client: Endpoint, server: Endpoint) -> list[HostEnd]:
        """The ends of connections between these two addresses, on any host and in any network.

        For a loopback connection: the ends on every host and in every namespace.
        Raises: ValueError if one of the two is not an IPv4 address.
        """
        if protocol == "tcp" and not self._can_find_tcp:
            self._run("CREATE INDEX tcp_ends ON ends (client, server) WHERE protocol = 0")
            self._can_find_tcp = True
        loopback = is_loopback(server.ip)
        keys = [end.port if loopback else endpoint_number(end) for end in (client, server)]
        of_protocol = f"protocol = {_PROTOCOL_NUMBERS[protocol]}"  # exactly as in the index
        query = f"{_ROWS} WHERE client = ? AND server = ? AND {of_protocol} {_IN_ORDER}"
        found = self._run(query, keys)
        # A connection with 0.0.0.0 has the same numbers as one over loopback.
        return [end for row in found if is_loopback((end := _host_end(row)).server.ip) == loopback]


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Convert errors of SQLite, such as a full disk. Raises: StateError."""
    try:
        yield
    except sqlite3.OperationalError as error:
        problem = f"cannot write the temporary database of connections: {error}"
        raise StateError(
            problem, hint="set SQLITE_TMPDIR to a directory with free space"
        ) from error


def _host_end(row: Sequence[Any]) -> HostEnd:
    scope, protocol, client, server, role, host, pid, client_ip, server_ip, *rest = row
    status, reason, since_ns = rest
    return HostEnd(
        host,
        pid,
        _PROTOCOLS[protocol],
        "server" if role else "client",
        Endpoint(int_to_ip(client_ip), client & _PORT),
        Endpoint(int_to_ip(server_ip), server & _PORT),
        _STATUSES[status],
        reason,
        since_ns,
        scope,
    )


def _to_json(process: HostProcess) -> str:
    # JSON can store lone surrogates; SQLite's text cannot.
    return json.dumps([getattr(process, name) for name in _PROCESS_FIELDS])


def _from_json(packed: str) -> HostProcess:
    values: dict[str, Any] = dict(zip(_PROCESS_FIELDS, json.loads(packed), strict=True))
    tags = values["tags"]
    values |= {
        "tags": None if tags is None else tuple(map(tuple, tags)),
        "masked_spans": tuple(map(tuple, values["masked_spans"])),
    }
    return HostProcess(**values)
