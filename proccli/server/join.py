"""The server's join: which ends it stores under one key of addresses and ports.

What an agent then finds for a flow is in `lookup.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Final, NamedTuple, TypeAlias

from proccli.model.flows import PROTOCOL_NAMES, int_to_ip
from proccli.model.sockets import Endpoint, Protocol, SocketRole, SocketStatus
from proccli.model.topology import Certainty, RemoteStatus

Network: TypeAlias = str
"""The name of a network, within which an address belongs to one host. The server knows only one
network."""


_ADDRESSES_CACHED = 1 << 13
"""Converted addresses to cache, because the same addresses occur again and again."""


ProcessId: TypeAlias = int
"""A process of a fleet: the number of its host and its pid in one number, because a fleet has a
million ends of connections, and numbers are compared and kept with less effort."""
_PID_BITS: Final = 32


def process_id(host: int, pid: int) -> ProcessId:
    """The process with this pid on this host."""
    return host << _PID_BITS | pid


def host_of(process: ProcessId) -> int:
    """The number of the host of a process."""
    return process >> _PID_BITS


def pid_of(process: ProcessId) -> int:
    """The pid of a process."""
    return process & (1 << _PID_BITS) - 1


def is_loopback(ip: str) -> bool:
    """Whether a dotted IPv4 address is in 127/8 and so never leaves its network namespace."""
    return ip.startswith("127.")


@lru_cache(_ADDRESSES_CACHED)
def ip_to_int(ip: str) -> int:
    """A dotted IPv4 address as a number. Raises: ValueError."""
    return int(IPv4Address(ip))


class HostEnd(NamedTuple):
    """An end of a connection and the number of its host in the fleet."""

    host: int
    pid: int
    protocol: Protocol
    role: SocketRole
    client: Endpoint
    server: Endpoint
    status: SocketStatus
    reason: str | None
    since_ns: int | None
    scope: int = 0
    """Equal for all ends of one network; over loopback, of one namespace of one host."""

    @property
    def remote_address(self) -> Endpoint:
        """The address of the remote end."""
        return self.server if self.role == "client" else self.client

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for the ends that the server stores under one key. It knows only one network, so
        networks are not compared."""
        if is_loopback(self.server.ip):
            return (self.protocol, self.scope, self.client.port, self.server.port)
        return (self.protocol, self.client, self.server)


PlainEnd: TypeAlias = tuple[bool, int, bool, float | None, bool, float | None, Hashable, int]
"""An end of a plain flow: whether it is at the lower address; host; whether it is the server's;
since when it is known to exist, in seconds since the epoch (None: not known); whether it is sent;
when its process was started (0, None: not known); and the kind of process: labels show the same of
all processes of a kind. The last number is the fleet's own."""


class Claims(NamedTuple):
    """The processes that may be known for one side of a connection."""

    ends: tuple[HostEnd, ...] = ()
    """One end of each of these processes."""
    or_none: bool = True
    """Whether it may also be that no process is known."""
    undecided: bool = False
    """Whether it is not known if the agent sends what decides `or_none`."""


def claims(ends: Iterable[HostEnd]) -> Claims:
    """What the server may have stored for one side of a key, from the ends with that key and role.

    It stores the last end that it reads, and it reads the agents in random order.

    Source: server/controller/trisolaris/vtap/process_info.go (v6.5), addData.
    """
    perhaps_sent = [end for end in ends if end.status != "skipped"]
    sent = any(end.status == "synced" for end in perhaps_sent)
    return Claims(
        one_per_process(perhaps_sent),
        or_none=not sent,
        undecided=bool(perhaps_sent) and not sent,
    )


def one_per_process(ends: Iterable[HostEnd]) -> tuple[HostEnd, ...]:
    """One end of each process."""
    return tuple({(end.host, end.pid): end for end in ends}.values())


@dataclass(slots=True)
class JoinedConnection:
    """A connection that has at least one end that is sent."""

    client: HostEnd | None
    """None: the end is not sent, or no source has it."""
    server: HostEnd | None
    remote: RemoteStatus | None
    """Why one end is None, by the ends with the same key; `absent` if no source has the
    remote end. None: both ends are sent."""
    peer: HostEnd | None = None
    """The remote end if a source has it and it is not sent, or may not be sent."""

    @property
    def sent_end(self) -> HostEnd:
        """An end that is sent; the client's if both are."""
        found = self.client or self.server
        assert found is not None  # noqa: S101 - at least one is sent
        return found


def join_ends(ends: Sequence[HostEnd]) -> Iterator[JoinedConnection]:
    """The connections between all ends that have the same key.

    The server keeps one process for each side: the last one it reads. If several processes have the
    same end, or may have it, the addresses do not show which one it is, so no ends are joined.

    Source: server/controller/trisolaris/vtap/process_info.go (v6.5), addData.
    """
    clients = [end for end in ends if end.role == "client"]
    servers = [end for end in ends if end.role == "server"]
    sent_clients, sent_servers = _sent(clients), _sent(servers)
    claimed_once = len(claims(clients).ends) == len(claims(servers).ends) == 1
    if claimed_once and len(sent_clients) == len(sent_servers) == 1:
        yield JoinedConnection(client=sent_clients[0], server=sent_servers[0], remote=None)
        return
    for end in sent_clients:
        remote, peer = _missing_end(clients, servers)
        yield JoinedConnection(client=end, server=None, remote=remote, peer=peer)
    for end in sent_servers:
        remote, peer = _missing_end(servers, clients)
        yield JoinedConnection(client=None, server=end, remote=remote, peer=peer)


class Link(NamedTuple):
    """A connection that has at least one end that is sent; or several that differ in the client's
    port only."""

    client: ProcessId | None
    """None: the end is not sent, or no source has it."""
    server: ProcessId | None
    addresses: bytes
    """Packed, because links with the same addresses are counted; see `unpack_addresses`."""
    remote: RemoteStatus | None = None
    """As in `JoinedConnection`."""
    client_port: int = 0
    """0 if both ends are sent."""
    peer: HostEnd | None = None
    """As in `JoinedConnection`."""
    connections: int = 1

    @property
    def certainty(self) -> Certainty:
        """Which ends are sent."""
        if self.client is None:
            return "server-end"
        return "client-end" if self.server is None else "both-ends"


class Addresses(NamedTuple):
    """The addresses of a connection, without the client's port."""

    server_port: int
    protocol: Protocol
    server_ip: str
    client_ip: str


_ADDRESSES: Final = struct.Struct("!HBII")


def pack_addresses(protocol: Protocol, client_ip: int, server_ip: int, server_port: int) -> bytes:
    """The addresses of a `Link`."""
    return _ADDRESSES.pack(server_port, PROTOCOL_NAMES.index(protocol), server_ip, client_ip)


def unpack_addresses(packed: bytes) -> Addresses:
    """What was packed."""
    server_port, protocol, server_ip, client_ip = _ADDRESSES.unpack(packed)
    return Addresses(
        server_port, PROTOCOL_NAMES[protocol], int_to_ip(server_ip), int_to_ip(client_ip)
    )


def link_of(connection: JoinedConnection) -> Link:
    """A connection without what a graph does not show."""
    sent = connection.sent_end
    client, server = (
        None if end is None else process_id(end.host, end.pid)
        for end in (connection.client, connection.server)
    )
    return Link(
        client,
        server,
        pack_addresses(
            sent.protocol, ip_to_int(sent.client.ip), ip_to_int(sent.server.ip), sent.server.port
        ),
        connection.remote,
        0 if connection.remote is None else sent.client.port,
        connection.peer,
    )


def _sent(ends: Sequence[HostEnd]) -> list[HostEnd]:
    """The ends that are sent, one for each process: if the agent cannot distinguish two namespaces,
    a connection occurs twice."""
    return list(one_per_process(end for end in ends if end.status == "synced"))


def _missing_end(
    here: Sequence[HostEnd], there: Sequence[HostEnd]
) -> tuple[RemoteStatus, HostEnd | None]:
    """Why the remote end of a sent end is missing, and the remote end if a source has it."""
    if len(claims(here).ends) > 1 or len({(end.host, end.pid) for end in there}) > 1:
        return "ambiguous", None
    if not there:
        return "absent", None
    undecided = [end for end in there if end.status == "undecided"]
    return ("undecided", undecided[0]) if undecided else ("not-sent", there[0])
