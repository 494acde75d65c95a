"""Which ends belong together: decided on the ends that share a key."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address
from typing import NamedTuple, TypeAlias

from proccli.model.sockets import Endpoint, Protocol, SocketRole, SocketStatus
from proccli.model.topology import Certainty, Remote

Network: TypeAlias = str
"""Within it an address means one host. The server knows of one only."""


_ADDRESSES_KEPT = 1 << 13
"""Of those that are turned into numbers and back: they come again and again."""


class JoinKey(NamedTuple):
    """Equal for the two ends of a connection, and for no others that the server can tell apart.

    An address is a number here, as it is there; 0 where it doesn't count.
    """

    scope: str
    """The network; for a loopback connection the host, and the network namespace in it."""
    protocol: Protocol
    client: tuple[int, int]
    """Address and port."""
    server: tuple[int, int]


def is_loopback(ip: str) -> bool:
    """Whether an IPv4 address, written with dots, never leaves its network namespace."""
    return ip.startswith("127.")


@lru_cache(_ADDRESSES_KEPT)
def ip_to_int(ip: str) -> int:
    """An IPv4 address as a number. Raises: ValueError."""
    return int(IPv4Address(ip))


@lru_cache(_ADDRESSES_KEPT)
def int_to_ip(address: int) -> str:
    """An IPv4 address with its dots."""
    return ".".join(map(str, struct.pack("!I", address)))


def join_key(
    *,
    protocol: Protocol,
    client: Endpoint,
    server: Endpoint,
    network: Network,
    host: int,
    netns: int | None,
) -> JoinKey:
    """The key of a connection of which one end is on this host.

    The far end is found by the addresses and ports of both. Only a loopback connection is looked
    for within the host and the namespace alone, and by its ports: which of the addresses of 127/8
    is used does not count there. Agents send no VPC (`epc_id`), so the server takes equal
    addresses of two networks for the same; here they are kept apart.

    Source: server/controller/trisolaris/vtap/process_info.go (v6.5) and agent_process_info.go
    (main), getKey; agent v6.5 linux_socket.rs:96-127.
    """
    if is_loopback(server.ip):
        scope = f"{host}/{'?' if netns is None else netns}"
        return JoinKey(scope, protocol, (0, client.port), (0, server.port))
    return JoinKey(
        f"@{network}",
        protocol,
        (ip_to_int(client.ip), client.port),
        (ip_to_int(server.ip), server.port),
    )


@dataclass(slots=True)
class HostEnd:
    """An end of a connection and the host on which it was seen."""

    host: int
    pid: int
    protocol: Protocol
    role: SocketRole
    client: Endpoint
    server: Endpoint
    status: SocketStatus
    reason: str | None
    since_ns: int | None

    @property
    def local_address(self) -> Endpoint:
        """Its own address."""
        return self.client if self.role == "client" else self.server

    @property
    def remote_address(self) -> Endpoint:
        """The address at the other end."""
        return self.server if self.role == "client" else self.client


@dataclass(slots=True)
class JoinedConnection:
    """A connection of which at least one end is sent."""

    client: HostEnd | None
    """None: not sent, or not seen."""
    server: HostEnd | None
    remote: Remote | None
    """Why one end is None, as far as the ends of one key tell: `absent` if there is no other."""
    other: HostEnd | None = None
    """The other end where it was seen, and is not sent."""

    @property
    def seen(self) -> HostEnd:
        """An end that is sent."""
        found = self.client or self.server
        assert found is not None  # noqa: S101 - see above
        return found

    @property
    def certainty(self) -> Certainty:
        """Whose ends are sent."""
        if self.client is None:
            return "server-end"
        return "client-end" if self.server is None else "both-ends"


def join_ends(ends: Sequence[HostEnd]) -> Iterator[JoinedConnection]:
    """The connections of all ends that share one key.

    The server keeps one process for each side, the one it came upon last; where several claim a
    side, or may, which of them it is can't be told from the addresses, and no two are linked.

    Source: server/controller/trisolaris/vtap/process_info.go (v6.5), addData.
    """
    clients = [end for end in ends if end.role == "client"]
    servers = [end for end in ends if end.role == "server"]
    sent_clients, sent_servers = _sent(clients), _sent(servers)
    claimed_once = _claimants(clients) == _claimants(servers) == 1
    if claimed_once and len(sent_clients) == len(sent_servers) == 1:
        yield JoinedConnection(client=sent_clients[0], server=sent_servers[0], remote=None)
        return
    for end in sent_clients:
        remote, other = _missing_end(clients, servers)
        yield JoinedConnection(client=end, server=None, remote=remote, other=other)
    for end in sent_servers:
        remote, other = _missing_end(servers, clients)
        yield JoinedConnection(client=None, server=end, remote=remote, other=other)


def _sent(ends: Sequence[HostEnd]) -> list[HostEnd]:
    """Those that are sent, one for each process: a namespace that the agent can't tell from
    another gives its connections twice."""
    return list({(end.host, end.pid): end for end in ends if end.status == "synced"}.values())


def _claimants(ends: Sequence[HostEnd]) -> int:
    """How many processes the server may hear of for one side."""
    return len({(end.host, end.pid) for end in ends if end.status != "skipped"})


def _missing_end(
    here: Sequence[HostEnd], there: Sequence[HostEnd]
) -> tuple[Remote, HostEnd | None]:
    """What is known of the other end of one that is sent."""
    if _claimants(here) > 1 or len({(end.host, end.pid) for end in there}) > 1:
        return "ambiguous", None
    if not there:
        return "absent", None
    undecided = [end for end in there if end.status == "undecided"]
    return ("undecided", undecided[0]) if undecided else ("not-sent", there[0])
