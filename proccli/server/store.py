"""The hosts of a fleet, their processes and their ends of connections, in bounded memory.

SQLite keeps processes and ends in a temporary database: a small one in memory, a larger one on
disk, deleted on close. Python's memory grows with the number of hosts, not with the number of
connections.
"""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, cast

from proccli.model.flows import PlainFlow
from proccli.model.hosts import HostProcess, HostView
from proccli.model.process import NS_PER_S
from proccli.model.sockets import Endpoint, Protocol
from proccli.server.ends import SortedEnds, disk_errors, packed_ends
from proccli.server.join import (
    HostEnd,
    JoinedConnection,
    Link,
    Network,
    PlainEnd,
    ip_to_int,
    is_loopback,
)

_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16384;
CREATE TABLE processes (
  host INTEGER, pid INTEGER, process BLOB, PRIMARY KEY (host, pid)
) WITHOUT ROWID;
CREATE TABLE listeners (
  host INTEGER, port INTEGER, ip INTEGER, pid INTEGER, PRIMARY KEY (host, port, ip, pid)
) WITHOUT ROWID;
"""
_ANYWHERE: Final = 0
"""0.0.0.0 as a number; also used for a listener on `::`."""


class PackedHost(NamedTuple):
    """A host as a fleet keeps it, and as a process sends it to another: objects of its thousands
    of ends would take ten times as long."""

    view: HostView
    """Without processes, ends and listeners."""
    number: int
    network: int
    ends: bytes
    """See `ends.py`."""
    processes: Sequence[tuple[int, int, bytes]]
    """Rows of the table."""
    listeners: Sequence[tuple[int, int, int, int]]


def packed_host(view: HostView, number: int, network: int) -> PackedHost:
    """A host with this number, in the network with this number."""
    listeners = {
        (number, at.port, _ANYWHERE if ":" in at.ip else ip_to_int(at.ip), pid)
        for at, pid in view.listeners
    }
    return PackedHost(
        view=replace(view, processes={}, ends=(), listeners=()),
        number=number,
        network=network,
        ends=packed_ends(view, number, network),
        # marshal, and not JSON: in a third of the time. Only this program reads it again.
        processes=[(number, p.pid, marshal.dumps(tuple(p))) for p in view.processes.values()],
        listeners=sorted(listeners),
    )


class Fleet:
    """Hosts and the ends of all their connections.

    All methods that read or write raise StateError if the disk is full.
    """

    is_quick: Final = False
    """Look-ups are those of a database."""

    def __init__(self) -> None:
        self.hosts: list[HostView] = []
        """In the order in which they were added, without processes, ends and listeners."""
        self._database = sqlite3.connect("")
        self._database.executescript(_TABLES)
        self._ends = SortedEnds(self._database)
        self._networks: dict[Network, int] = {}
        self._owners: dict[tuple[Network, str], list[int]] = {}
        self._removed: set[int] = set()
        self._with_listeners: set[int] = set()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the memory and the disk space."""
        self._database.close()

    def add(self, view: HostView) -> None:
        """Add a host. Its number is its index in `hosts`."""
        network = self._networks.setdefault(view.network, len(self._networks))
        self.add_packed(packed_host(view, len(self.hosts), network))

    def add_packed(self, packed: PackedHost) -> None:
        """Add a host that has the next number, and whose network has the next one if it is new."""
        view = packed.view
        network = self._networks.setdefault(view.network, len(self._networks))
        if (packed.number, packed.network) != (len(self.hosts), network):
            raise ValueError("a host with the number of another")
        self.hosts.append(view)
        for ip in view.addresses:
            self._owners.setdefault((view.network, ip), []).append(packed.number)
        self._ends.add(packed.ends)
        self._insert("processes", 3, packed.processes)
        if packed.listeners:
            self._insert("listeners", 4, packed.listeners)
            self._with_listeners.add(packed.number)

    def remove(self, host: int) -> None:
        """Remove a host; its number is not used again."""
        self._removed.add(host)
        for ip in self.hosts[host].addresses:
            self._owners[self.hosts[host].network, ip].remove(host)
        self._ends.remove(host)
        for table in ("processes", "listeners"):
            self._run(f"DELETE FROM {table} WHERE host = ?", (host,))  # noqa: S608 - ours

    @property
    def present(self) -> Sequence[int]:
        """The numbers of all hosts except removed ones."""
        return [host for host in range(len(self.hosts)) if host not in self._removed]

    def _insert(self, table: str, columns: int, rows: Iterable[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * columns)
        with disk_errors():
            self._database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - ours

    def _run(self, query: str, values: Sequence[int] = ()) -> sqlite3.Cursor:
        with disk_errors():
            return self._database.execute(query, values)

    def links(self) -> Iterator[Link]:
        """All connections that have at least one end that is sent."""
        return self._ends.links()

    def joined_connections(self) -> Iterator[JoinedConnection]:
        """The same connections, with the ends themselves."""
        return self._ends.joined_connections()

    def process(self, host: int, pid: int) -> HostProcess | None:
        """The process with this pid; None: the source of the host has no such process."""
        query = "SELECT process FROM processes WHERE host = ? AND pid = ?"
        row = self._run(query, (host, pid)).fetchone()
        return None if row is None else _process(row[0])

    def processes(self) -> Iterator[tuple[int, HostProcess]]:
        """All processes with the numbers of their hosts, ordered by host and pid."""
        query = "SELECT host, process FROM processes ORDER BY host, pid"
        for host, packed in self._run(query):
            yield host, _process(packed)

    def tags(self) -> Iterator[tuple[tuple[str, str], ...] | None]:
        """The tags of each process; None: not known."""
        return (process.tags for _, process in self.processes())

    def processes_of(self, host: int) -> Iterator[HostProcess]:
        """The processes of a host, ordered by pid."""
        query = "SELECT process FROM processes WHERE host = ? ORDER BY pid"
        for (packed,) in self._run(query, (host,)):
            yield _process(packed)

    def hosts_with(self, network: Network, ip: str) -> Sequence[int]:
        """The hosts of a network that have this address."""
        return self._owners.get((network, ip), ())

    def owners(self, host: int, remote_ip: str) -> Sequence[int]:
        """The hosts that may have the remote end of a connection of a host, by its address."""
        if is_loopback(remote_ip):
            return (host,)
        return self.hosts_with(self.hosts[host].network, remote_ip)

    def listening(self, host: int, at: Endpoint) -> Sequence[int]:
        """The pids of accepted processes of a host that listen on this address, ascending."""
        if host not in self._with_listeners:  # no document of sync has any
            return ()
        query = "SELECT DISTINCT pid FROM listeners WHERE host = ? AND port = ? AND ip IN (?, ?)"
        rows = self._run(query, (host, at.port, ip_to_int(at.ip), _ANYWHERE))
        return sorted(pid for (pid,) in rows)

    def count_collisions(self) -> int:
        """How many connections of different networks have equal keys for the server, which knows
        only one network."""
        return self._ends.count_collisions() if len(self._networks) > 1 else 0

    def find(self, protocol: Protocol, client: Endpoint, server: Endpoint) -> Sequence[HostEnd]:
        """The ends of connections between these two addresses, on any host and in any network.

        For a loopback connection: the ends on every host and in every namespace.
        Raises: ValueError if one of the two is not an IPv4 address.
        """
        return list(self._ends.find(protocol, client, server))

    def between(self, protocol: Protocol, one: Endpoint, other: Endpoint) -> Sequence[HostEnd]:
        """The ends of connections between these two addresses, in both directions: see `find`."""
        found = [*self._ends.find(protocol, one, other)]
        if one != other:
            found += self._ends.find(protocol, other, one)
        return found

    def plain_ends(self, flow: PlainFlow) -> Sequence[PlainEnd]:
        """The ends of `between` of a plain flow."""
        protocol, *sides = flow.pair
        lower = sides[flow.turned]
        found: list[PlainEnd] = []
        for end in self.between(protocol, sides[0], sides[1]):
            is_server = end.role == "server"
            is_lower = (end.server if is_server else end.client) == lower
            since_s = None if end.since_ns is None else end.since_ns / NS_PER_S
            process = self.process(end.host, end.pid)
            started_s = process and process.started_s
            kind = process and process._replace(pid=0, started_s=None, cmdline=None)
            is_sent = end.status == "synced"
            found.append((is_lower, end.host, is_server, since_s, is_sent, started_s, kind, 0))
        return found

    def process_of_kind(self, kind: Hashable) -> HostProcess | None:
        """A process of the kind of an end."""
        return cast("HostProcess | None", kind)


def _process(packed: bytes) -> HostProcess:
    return HostProcess._make(marshal.loads(packed))  # noqa: S302 - written by this program
