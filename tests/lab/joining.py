"""Connections between processes, joined from what `ss` prints on each host, without proccli."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from tests.lab.witness import At, Line, Seen

Naming: TypeAlias = Callable[[str], str | None]
"""From a command line to the name that is to come out; None: the process is not sent."""


class Joined(NamedTuple):
    """Connections between the same two, over the same addresses."""

    client: tuple[str, str] | None
    """Host and name of the process."""
    server: tuple[str, str] | None
    protocol: str
    client_ip: str
    server_ip: str
    server_port: int
    certainty: str
    remote: str | None


class _End(NamedTuple):
    seen: Seen
    name: str | None
    pid: int | None


_Key: TypeAlias = tuple[object, str, At, At]
"""Within what the addresses count, the protocol, client and server."""


@dataclass(slots=True)
class _Sides:
    clients: list[_End] = field(default_factory=list)
    servers: list[_End] = field(default_factory=list)


def join(hosts: Sequence[Seen], name_of: Naming) -> Counter[Joined]:
    """The connections that agents on these hosts send.

    Those over IPv4, of processes with a name; of several that share a socket, the one with the
    highest pid counts. A UDP socket is a client's at both ends, so the two never meet.
    """
    connections: dict[_Key, _Sides] = {}
    for seen in hosts:
        for key, is_client, end in _ends(seen, name_of):
            sides = connections.setdefault(key, _Sides())
            (sides.clients if is_client else sides.servers).append(end)
    joined: Counter[Joined] = Counter()
    for (_, protocol, client, server), sides in connections.items():
        for here, there, certainty, remote in _pairs(sides, client, server, hosts):
            joined[
                Joined(here, there, protocol, client.ip, server.ip, server.port, certainty, remote)
            ] += 1
    return joined


def left_out(hosts: Sequence[Seen], name_of: Naming) -> Counter[str]:
    """The connections that are not sent, by reason."""
    return Counter(
        reason
        for seen in hosts
        for _, line in _lines(seen)
        if (reason := _why(seen, line, name_of))
    )


def owners(seen: Seen, name_of: Naming) -> Counter[tuple[str, str, int]]:
    """The connections that are sent of a host: how many of a protocol, in a role, of a process."""
    return Counter(
        (key[1], "client" if is_client else "server", end.pid)
        for key, is_client, end in _ends(seen, name_of)
        if end.pid is not None and end.name is not None
    )


def _lines(seen: Seen) -> Iterator[tuple[int, Line]]:
    """Connections with the number of their namespace."""
    for number, lines in enumerate(seen.namespaces):
        yield from ((number, line) for line in lines if line.state == "ESTAB")


def _why(seen: Seen, line: Line, name_of: Naming) -> str | None:
    """Why a connection is not sent; None: it is."""
    if _owner(seen, line, name_of) is None:
        return "process-not-accepted"
    if {line.local.port, line.remote.port} & set(seen.too_young):
        return "min-lifetime"
    return "ipv6" if ":" in line.local.ip else None


def _owner(seen: Seen, line: Line, name_of: Naming) -> int | None:
    named = [pid for pid in line.pids if name_of(seen.commands[pid]) is not None]
    return max(named, default=None)


def _ends(seen: Seen, name_of: Naming) -> Iterator[tuple[_Key, bool, _End]]:
    for number, line in _lines(seen):
        if ":" in line.local.ip:
            continue
        pid = _owner(seen, line, name_of)
        sent = pid is not None and _why(seen, line, name_of) is None
        name = name_of(seen.commands[pid]) if sent and pid is not None else None
        is_client = line.protocol == "udp" or not _listens(seen.namespaces[number], line.local)
        client, server = (line.local, line.remote) if is_client else (line.remote, line.local)
        scope = (seen, number) if server.ip.startswith("127.") else seen.network
        yield (scope, line.protocol, client, server), is_client, _End(seen, name, pid)


def _listens(lines: Sequence[Line], at: At) -> bool:
    return any(
        line.state == "LISTEN" and line.local in (at, ("0.0.0.0", at.port), ("*", at.port))
        for line in lines
    )


_Pair: TypeAlias = tuple[tuple[str, str] | None, tuple[str, str] | None, str, str | None]


def _pairs(sides: _Sides, client: At, server: At, hosts: Sequence[Seen]) -> Iterator[_Pair]:
    clients = [(end, end.name) for end in sides.clients if end.name is not None]
    servers = [(end, end.name) for end in sides.servers if end.name is not None]
    if len(clients) == len(servers) == 1:
        ((here, name), (there, other)) = (*clients, *servers)
        yield (here.seen.host, name), (there.seen.host, other), "both-ends", None
        return
    for end, name in clients:
        remote = _remote(end, len(clients), sides.servers, server, hosts)
        yield (end.seen.host, name), None, "client-end", remote
    for end, name in servers:
        remote = _remote(end, len(servers), sides.clients, client, hosts)
        yield None, (end.seen.host, name), "server-end", remote


def _remote(end: _End, rivals: int, there: Sequence[_End], far: At, hosts: Sequence[Seen]) -> str:
    if rivals > 1 or len(there) > 1:
        return "ambiguous"
    if there:
        return "not-sent"
    same_network = [seen for seen in hosts if seen.network == end.seen.network]
    return "absent" if any(far.ip in seen.addresses for seen in same_network) else "elsewhere"
