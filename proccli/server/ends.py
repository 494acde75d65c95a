"""The ends of all connections of a fleet, sorted by the key by which the server joins them.

A fleet has a million ends. As an object, an end takes 400 bytes; as a record, 46, and records are
sorted and compared as bytes, which takes a tenth of the time. Ends that the server stores under one
key are records with the same first bytes, so they stand side by side.
"""

from __future__ import annotations

import heapq
import sqlite3
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, count, groupby, islice, repeat
from operator import itemgetter
from struct import Struct
from typing import Final, TypeAlias, get_args

from proccli.errors import StateError
from proccli.model.flows import PROTOCOL_NAMES, int_to_ip
from proccli.model.hosts import EndColumns, HostView
from proccli.model.sockets import Endpoint, Protocol, SocketReason, SocketRole, SocketStatus
from proccli.server.join import (
    HostEnd,
    JoinedConnection,
    Link,
    host_of,
    ip_to_int,
    is_loopback,
    join_ends,
    link_of,
    pid_of,
    process_id,
)

# The key: the server's port, the protocol, the server's address, the client's port, the client's
# address, and the scope. The rest: the host, the pid, the position among the ends of the host, the
# role and what is sent, the addresses of server and client, the time.
_RECORD: Final = Struct("!HBIHII IIIBIIq")
_ROW: Final = Struct("!17sQIB8sq")
_Row: TypeAlias = tuple[bytes, int, int, int, bytes, int]
"""The same: the key, the `ProcessId`, the position, what is sent, both addresses, the time."""
_KEY: Final = Struct("!HBIHII")
_ADDRESSED: Final = Struct("!HBIH")
"""The beginning of a key, without the client's address and the scope."""
_NUMBER: Final = Struct("!I")
_IPS: Final = Struct("!II")
_SIZE: Final = _RECORD.size
_HOST: Final = slice(_KEY.size, _KEY.size + _NUMBER.size)

_LOOPBACK: Final = 127 << 24
"""In the key of a connection to any address of 127/8, in place of the server's address; the number
of the host is in place of the client's."""
_ROLES: Final[tuple[SocketRole, ...]] = get_args(SocketRole)
_STATUSES: Final[tuple[SocketStatus, ...]] = get_args(SocketStatus)
_REASONS: Final[tuple[SocketReason | None, ...]] = (None, *get_args(SocketReason))
_PROTOCOL_NUMBERS: Final = {protocol: number for number, protocol in enumerate(PROTOCOL_NAMES)}
_SENT: Final = {
    (role, status, reason): (role == "server") + 2 * (n * len(_REASONS) + m)
    for role in _ROLES
    for n, status in enumerate(_STATUSES)
    for m, reason in enumerate(_REASONS)
}
"""0: a client's end that is sent; 1: a server's; more: an end that is not sent, or may not be."""
_MEANING: Final = {number: meaning for meaning, number in _SENT.items()}
_LATEST_NS: Final = (1 << 63) - 1
"""The latest time, in the year 2262."""
_NEVER: Final = -(1 << 63)
"""Stands for an unknown time."""

_RUN_BYTES: Final = 32 << 20
"""Records that are sorted in memory, which takes three times as much; more are sorted in parts,
which are merged."""
_BLOCK: Final = 128
"""Records in one row of the database; a look-up reads one or two rows."""


def packed_ends(view: HostView, host: int, network: int) -> bytes:
    """The records of a host's ends. `host` and `network` are the numbers of host and network.

    The remote end is found by the addresses and ports of both ends. A loopback connection is joined
    within its host and namespace only, and by its ports only: the server does not compare which
    address of 127/8 is used. Agents send no VPC (`epc_id`), so the server treats equal addresses
    of two networks as the same address; proccli keeps them apart.

    Source: server/controller/trisolaris/vtap/process_info.go (v6.5) and agent_process_info.go
    (main), getKey; agent v6.5 linux_socket.rs:96-127.
    """
    # By column, which takes a third of the time that a loop over the ends takes.
    if isinstance(view.ends, EndColumns):
        columns = view.ends.columns
    else:
        columns = tuple(zip(*view.ends, strict=True))
    if not columns:
        return b""
    protocols, roles, client_ips, client_ports, server_ips, server_ports, *more = columns
    namespaces, pids, statuses, reasons, times_ns = more
    ip_numbers = {ip: ip_to_int(ip) for ip in {*client_ips, *server_ips}}
    clients = [ip_numbers[ip] for ip in client_ips]
    servers = [ip_numbers[ip] for ip in server_ips]
    key_clients, key_servers, scopes = clients[:], servers[:], [network] * len(clients)
    if any(map(_is_loopback, ip_numbers.values())):
        numbers: dict[int | None, int] = {}
        for at, server in enumerate(servers):
            if _is_loopback(server):
                key_clients[at], key_servers[at] = host, _LOOPBACK
                scopes[at] = numbers.setdefault(namespaces[at], len(numbers))
    kept_ns = {time_ns: _kept(time_ns) for time_ns in set(times_ns)}
    records = map(
        _RECORD.pack,
        server_ports,
        [_PROTOCOL_NUMBERS[protocol] for protocol in protocols],
        key_servers,
        client_ports,
        key_clients,
        scopes,
        repeat(host),
        pids,
        count(),
        [_SENT[sent] for sent in zip(roles, statuses, reasons, strict=True)],
        servers,
        clients,
        [kept_ns[time_ns] for time_ns in times_ns],
    )
    return b"".join(records)


def _is_loopback(address: int) -> bool:
    return address >> 24 == _LOOPBACK >> 24


def _kept(time_ns: int | None) -> int:
    return _NEVER if time_ns is None else max(-_LATEST_NS, min(time_ns, _LATEST_NS))


def host_ends(records: bytes) -> Iterator[HostEnd]:
    """The ends of records."""
    return map(_host_end, _ROW.iter_unpack(records))


def _host_end(row: _Row) -> HostEnd:
    key, process, _, sent, ips, since_ns = row
    server_port, protocol, key_server, client_port, _, scope = _KEY.unpack(key)
    server, client = _IPS.unpack(ips)
    role, status, reason = _MEANING[sent]
    host = host_of(process)
    return HostEnd(
        host,
        pid_of(process),
        PROTOCOL_NAMES[protocol],
        role,
        Endpoint(int_to_ip(client), client_port),
        Endpoint(int_to_ip(server), server_port),
        status,
        reason,
        None if since_ns == _NEVER else since_ns,
        process_id(host, scope) if key_server == _LOOPBACK else scope,
    )


class SortedEnds:
    """The records of all hosts.

    Python's memory does not grow with the number of connections: what is sorted is in the tables of
    a temporary database, which SQLite keeps in memory if it is small, and otherwise on disk.

    All methods raise StateError if the disk is full.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        with disk_errors():
            database.execute("CREATE TABLE blocks (records BLOB)")
        self._new: list[bytes] = []
        self._new_bytes = 0
        self._runs: list[range] = []
        """The rows of `blocks` with sorted records; only one if all are sorted."""
        self._last_row = 0
        self._firsts: list[bytes] = []
        """The first record of each block, once all records are sorted."""
        self._removed: set[bytes] = set()

    def add(self, records: bytes) -> None:
        """Add the records of a host."""
        self._new.append(records)
        self._new_bytes += len(records)
        if self._new_bytes >= _RUN_BYTES:
            self._sort_new()

    def remove(self, host: int) -> None:
        """Remove the ends of a host."""
        self._removed.add(_NUMBER.pack(host))

    def links(self) -> Iterator[Link]:
        """All connections that have at least one end that is sent.

        The same as `joined_connections`, with less effort for what most connections are: two ends
        that are sent, or one.
        """
        for key, ends in self._by_key():
            (_, process, _, sent, ips, _) = ends[0]
            if len(ends) == 1:
                if sent < 2:
                    client, server = (process, None) if sent == 0 else (None, process)
                    port = int.from_bytes(key[7:9], "big")
                    yield Link(client, server, key[:3] + ips, "absent", port)
            elif len(ends) == 2 and sent + ends[1][3] == 1:
                (_, other, _, _, other_ips, _) = ends[1]
                if sent == 0:
                    yield Link(process, other, key[:3] + ips)
                else:
                    yield Link(other, process, key[:3] + other_ips)
            else:
                yield from map(link_of, join_ends(list(map(_host_end, ends))))

    def joined_connections(self) -> Iterator[JoinedConnection]:
        """All connections that have at least one end that is sent."""
        for _, ends in self._by_key():
            yield from join_ends(list(map(_host_end, ends)))

    def find(self, protocol: Protocol, client: Endpoint, server: Endpoint) -> Iterator[HostEnd]:
        """The ends of connections between these two addresses, on any host and in any network.

        For a loopback connection: the ends on every host and in every namespace.
        Raises: ValueError if one of the two is not an IPv4 address.
        """
        loopback = is_loopback(server.ip)
        prefix = _ADDRESSED.pack(
            server.port,
            _PROTOCOL_NUMBERS[protocol],
            _LOOPBACK if loopback else ip_to_int(server.ip),
            client.port,
        )
        if not loopback:
            prefix += _NUMBER.pack(ip_to_int(client.ip))
        return host_ends(b"".join(self._with(prefix)))

    def count_collisions(self) -> int:
        """How many connections of different networks have equal keys but for the network."""
        sent = (key for key, _, _, sent, _, _ in self._rows() if sent < 2)
        elsewhere = (key for key in sent if key[3] != _LOOPBACK >> 24)
        by_addresses = groupby(elsewhere, key=itemgetter(slice(_KEY.size - _NUMBER.size)))
        return sum(len(set(keys)) > 1 for _, keys in by_addresses)

    def _by_key(self) -> Iterator[tuple[bytes, list[_Row]]]:
        """All ends, by the key under which the server stores them."""
        return ((key, list(rows)) for key, rows in groupby(self._rows(), key=itemgetter(0)))

    def _rows(self) -> Iterator[_Row]:
        return chain.from_iterable(map(_ROW.iter_unpack, self._blocks()))

    def _blocks(self) -> Iterator[bytes]:
        """All records, sorted, many at a time."""
        self._sort_all()
        for rows in self._runs:
            for block in self._read(rows):
                yield self._present(block)

    def _present(self, block: bytes) -> bytes:
        if not self._removed:
            return block
        return b"".join(record for record in _split(block) if record[_HOST] not in self._removed)

    def _with(self, prefix: bytes) -> Iterator[bytes]:
        """The records that begin with this, sorted."""
        self._sort_all()
        # The first of them may be in the block before the one that begins with it.
        number = max(bisect_left(self._firsts, prefix) - 1, 0)
        for rows in self._runs:
            for block in map(self._present, self._read(rows[number:])):
                count = len(block) // _SIZE
                # Its records are not split: a look-up needs a few of them.
                at = bisect_left(range(count), prefix, key=partial(_record, block))
                for record in map(partial(_record, block), range(at, count)):
                    if not record.startswith(prefix):
                        return
                    yield record

    def _read(self, rows: Sequence[int]) -> Iterator[bytes]:
        if rows:
            query = "SELECT records FROM blocks WHERE rowid BETWEEN ? AND ? ORDER BY rowid"
            for (records,) in self._database.execute(query, (rows[0], rows[-1])):
                yield records

    def _sort_new(self) -> None:
        """Sort what was added, and write it."""
        records: list[bytes] = []
        while self._new:  # each is released as soon as it is split
            records += _split(self._new.pop())
        self._new_bytes = 0
        records.sort()
        self._write(iter(records))

    def _sort_all(self) -> None:
        """Write all records into one run."""
        if self._new:
            self._sort_new()
        if len(self._runs) > 1:
            runs, self._runs = self._runs, []
            each = (chain.from_iterable(map(_split, self._read(rows))) for rows in runs)
            self._write(heapq.merge(*each))
            with disk_errors():
                query = "DELETE FROM blocks WHERE rowid BETWEEN ? AND ?"
                self._database.execute(query, (runs[0][0], runs[-1][-1]))

    def _write(self, records: Iterator[bytes]) -> None:
        """Write sorted records as a new run."""
        first = self._last_row + 1
        self._firsts = []
        with disk_errors():
            self._database.executemany("INSERT INTO blocks VALUES (?)", self._as_rows(records))
        if self._last_row >= first:
            self._runs.append(range(first, self._last_row + 1))

    def _as_rows(self, records: Iterator[bytes]) -> Iterator[tuple[bytes]]:
        while some := list(islice(records, _BLOCK)):
            self._firsts.append(some[0])
            self._last_row += 1
            yield (b"".join(some),)


def _record(records: bytes, number: int) -> bytes:
    return records[number * _SIZE : (number + 1) * _SIZE]


def _split(records: bytes) -> list[bytes]:
    return [records[at : at + _SIZE] for at in range(0, len(records), _SIZE)]


@contextmanager
def disk_errors() -> Iterator[None]:
    """Convert errors of SQLite, such as a full disk. Raises: StateError."""
    try:
        yield
    except sqlite3.OperationalError as error:
        problem = f"cannot write the temporary database of connections: {error}"
        raise StateError(
            problem, hint="set SQLITE_TMPDIR to a directory with free space"
        ) from error
