"""By what the server knows that two ends are of one connection."""

from __future__ import annotations

import struct
from functools import lru_cache
from ipaddress import IPv4Address
from typing import NamedTuple, TypeAlias

from proccli.model.sockets import Endpoint, Protocol

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
def number(ip: str) -> int:
    """An IPv4 address as a number. Raises: ValueError."""
    return int(IPv4Address(ip))


@lru_cache(_ADDRESSES_KEPT)
def written(address: int) -> str:
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
        (number(client.ip), client.port),
        (number(server.ip), server.port),
    )
