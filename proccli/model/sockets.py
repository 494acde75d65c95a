"""Sockets as they are read, and as the agent sends them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from proccli.model.process import FieldError

Protocol: TypeAlias = Literal["tcp", "udp"]
Family: TypeAlias = Literal["ipv4", "ipv6"]
TableName: TypeAlias = Literal["tcp", "udp", "tcp6", "udp6"]
SocketRole: TypeAlias = Literal["client", "server"]
AgeSource: TypeAlias = Literal["fd-ctime", "observed", "state", "unknown"]
"""Where a socket's age comes from: the ctime of its link in /proc/PID/fd, which is when the link
was first read; an earlier sample of this run; an earlier run; it is not known."""
SocketStatus: TypeAlias = Literal["synced", "skipped", "undecided"]
SocketReason: TypeAlias = Literal[
    "no-socket-sync",
    "process-not-accepted",
    "unreadable",
    "no-owner",
    "listening",
    "not-established",
    "min-lifetime",
    "udp-unconnected",
    "ipv6",
]


class Endpoint(NamedTuple):
    """One end of a socket; an IPv4 address mapped into IPv6 is shown as IPv4."""

    ip: str
    port: int


# A run makes tens of thousands of the next two: frozen ones would cost six times as much.


@dataclass(slots=True)
class SocketFd:
    """A file descriptor that is a socket."""

    fd: int
    inode: int
    since_ns: int | None
    """When it was first read, nanoseconds since the epoch; None: not known."""
    age_source: AgeSource


@dataclass(slots=True)
class SocketRow:
    """One row of a socket table."""

    protocol: Protocol
    family: Family
    """`ipv6` for an IPv4 address that is mapped into IPv6."""
    state: str
    """The kernel's name (`ESTABLISHED`); `UNCONNECTED` for a UDP socket without a peer."""
    local: Endpoint
    remote: Endpoint
    inode: int
    """0 for a socket without a file: only listeners of the kernel are kept."""


class NetTable(NamedTuple):
    """One socket table of a network namespace."""

    name: TableName
    rows: tuple[SocketRow, ...] = ()
    error: FieldError | None = None
    """Why it could not be read; then there are no rows."""


NetTables: TypeAlias = tuple[NetTable, ...]
"""tcp, udp, tcp6 and udp6, in this order."""

SocketKey: TypeAlias = tuple[int, int | None, int, int]
"""The identity of a socket between samples: pid, start of the process in ticks, fd, inode."""


class Peer(NamedTuple):
    """The process at the other end of a connection; `gprocess` is None if it isn't accepted."""

    pid: int
    gprocess: str | None


@dataclass(slots=True, kw_only=True)
class Socket:
    """One process's file descriptor of a socket, and whether the agent sends it."""

    pid: int
    fd: int
    gprocess: str | None
    """None unless the process is accepted."""
    process_name: str | None
    """For people, where there is no gprocess: the agent's name for it, or its comm."""
    row: SocketRow
    netns: int | None
    """Inode number of the namespace whose table has the row; None where it has no number."""
    netns_idx: int | None
    """The agent's number for it, from 1 in the order in which it meets them; None for a
    namespace that it doesn't open."""
    role: SocketRole | None
    """None for what is not connected."""
    age_s: int | None
    age_source: AgeSource
    status: SocketStatus
    reason: SocketReason | None
    """Why it is not sent, or, undecided, what that depends on; None for a synced one."""
    peer: Peer | None = None


class SyncedProcess(NamedTuple):
    """A process as the agent sends it: "" and 0 where it knows no value.

    Source: ProcessInfo, agent v6.5 message/trident.proto:712-722.
    """

    name: str
    pid: int
    process_name: str
    cmdline: str
    user: str
    start_time: int
    """Seconds since the epoch, from its 32-bit floats; 0 for what an u32 can't hold."""
    os_app_tags: tuple[tuple[str, str], ...] | None
    """None: not known here."""
    netns_id: int
    container_id: str
    starttime_ticks: int | None
    """Distinguishes it from another process of the same pid; the agent doesn't send it."""


class SyncedSocket(NamedTuple):
    """A connection as the agent sends it: side 0 is the client, and only the own side has a pid.

    Source: GPIDSyncEntry, agent v6.5 linux_socket.rs:96-127.
    """

    protocol: Protocol
    role: SocketRole
    pid_0: int | None
    ip_0: str
    port_0: int
    pid_1: int | None
    ip_1: str
    port_1: int
    netns_idx: int
