"""Short ways to write down sockets, and to look at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proccli.agent.sockets.collect import Reading, SocketSample, join_sockets, read_sockets
from proccli.model.config import Config
from proccli.model.process import NO_TAGS, FieldError, Host, Process, TagTable
from proccli.model.sockets import Endpoint, NetTables, Socket, SocketFd, SocketRow
from tests.build import NOW_S, ListSource, Machine, config, host

NS_PER_S = 1_000_000_000
MIN_LIFETIME_S = 3
"""The agent's default."""
REFUSED = FieldError(field="fds", problem="denied", detail="EACCES")


def fd(number: int, inode: int, age_s: float | None = 60) -> SocketFd:
    """A socket that was first seen so long before NOW_S; None: nobody knows."""
    if age_s is None:
        return SocketFd(number, inode, None, "unknown")
    return SocketFd(number, inode, int((NOW_S - age_s) * NS_PER_S), "fd-ctime")


def end(text: str) -> Endpoint:
    """`10.0.0.1:80` or `:::80`."""
    ip, _, port = text.rpartition(":")
    return Endpoint(ip, int(port))


def tcp(
    inode: int, local: str, remote: str = "0.0.0.0:0", state: str = "", **more: Any
) -> SocketRow:
    """A row of tcp; a listener where no remote end is given."""
    state = state or ("LISTEN" if remote.endswith(":0") else "ESTABLISHED")
    return SocketRow("tcp", more.get("family", "ipv4"), state, end(local), end(remote), inode)


def tcp6(inode: int, local: str, remote: str = ":::0", state: str = "") -> SocketRow:
    """A row of tcp6, where an IPv4 address is a mapped one."""
    return tcp(inode, local, remote, state, family="ipv6")


def udp(inode: int, local: str, remote: str = "0.0.0.0:0", **more: Any) -> SocketRow:
    """A row of udp."""
    state = "UNCONNECTED" if remote.endswith(":0") else "ESTABLISHED"
    return SocketRow("udp", more.get("family", "ipv4"), state, end(local), end(remote), inode)


def look_at_machine(
    processes: Sequence[Process],
    sockets: Mapping[int, Sequence[SocketFd] | FieldError],
    nets: Mapping[int, NetTables],
    configuration: Config | None = None,
    *,
    at: Host | None = None,
    tags: TagTable = NO_TAGS,
) -> SocketSample:
    """A look at processes with these sockets, in namespaces with these tables."""
    return join_sockets(read_machine(processes, sockets, nets, configuration, at=at, tags=tags))


def read_machine(
    processes: Sequence[Process],
    sockets: Mapping[int, Sequence[SocketFd] | FieldError],
    nets: Mapping[int, NetTables],
    configuration: Config | None = None,
    *,
    at: Host | None = None,
    tags: TagTable = NO_TAGS,
) -> Reading:
    """The same, not joined yet."""
    at = at or host()
    machine = Machine(processes, configuration or config(), tags=tags, at=at)
    source = ListSource(processes, at=at, sockets=sockets, nets=nets)
    outcomes = [machine.outcome(pid) for pid in source.pids()]
    return read_sockets(outcomes, source, machine.context.config)


def only(found: SocketSample) -> Socket:
    """The one socket that was found."""
    (socket,) = found.sockets
    return socket


def outcomes(found: SocketSample) -> dict[tuple[int, int], str]:
    """`synced`, or why not, by pid and fd."""
    return {
        (socket.pid, socket.fd): socket.reason or socket.status
        if socket.status != "undecided"
        else f"undecided: {socket.reason}"
        for socket in found.sockets
    }
