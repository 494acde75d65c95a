"""Sockets as they are read, and as the agent sends them."""

# Annotations are not strings here: a NamedTuple compiles each string, at every start of proccli.

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from proccli.model.process import FieldError
from proccli.model.tuples import from_fields

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


TABLES: tuple[TableName, ...] = ("tcp", "udp", "tcp6", "udp6")
"""In the agent's pairs: tcp and udp are lost together, and so are tcp6 and udp6."""

KINDS: Mapping[TableName, tuple[Protocol, Family]] = {
    "tcp": ("tcp", "ipv4"),
    "udp": ("udp", "ipv4"),
    "tcp6": ("tcp", "ipv6"),
    "udp6": ("udp", "ipv6"),
}

STATE_NAMES: Mapping[Protocol, Mapping[str, str]] = {
    "tcp": {
        "01": "ESTABLISHED",
        "02": "SYN_SENT",
        "03": "SYN_RECV",
        "04": "FIN_WAIT1",
        "05": "FIN_WAIT2",
        "06": "TIME_WAIT",
        "07": "CLOSE",
        "08": "CLOSE_WAIT",
        "09": "LAST_ACK",
        "0A": "LISTEN",
        "0B": "CLOSING",
        "0C": "NEW_SYN_RECV",
    },
    "udp": {"01": "ESTABLISHED", "07": "UNCONNECTED"},
}
"""By the kernel's numbers, as its tables write them: include/net/tcp_states.h. UDP borrows two of
them, for a socket with a peer and one without."""


class Endpoint(NamedTuple):
    """One end of a socket; an IPv4 address mapped into IPv6 is shown as IPv4."""

    ip: str
    port: int


class SocketFd(NamedTuple):
    """A file descriptor that is a socket."""

    fd: int
    inode: int
    since_ns: int | None
    """When it was first read, nanoseconds since the epoch; None: not known."""
    age_source: AgeSource


class SocketRow(NamedTuple):
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


new_fd: Final = from_fields(SocketFd)
"""A `SocketFd` of its fields in order."""
new_row: Final = from_fields(SocketRow)
"""A `SocketRow` of its fields in order."""


class NetTable(NamedTuple):
    """One socket table of a network namespace."""

    name: TableName
    rows: tuple[SocketRow, ...] = ()
    error: FieldError | None = None
    """Why it could not be read; then there are no rows."""


NetTables: TypeAlias = tuple[NetTable, ...]
"""One of each name of `TABLES`, in that order."""


def ended_tables(detail: str) -> NetTables:
    """The tables of a process that has exited."""
    return tuple(
        NetTable(name=name, error=FieldError(field=f"net/{name}", problem="gone", detail=detail))
        for name in TABLES
    )


def have_ended(tables: NetTables) -> bool:
    """Whether the process whose tables these are had exited before all were read."""
    return any(table.error is not None and table.error.problem == "gone" for table in tables)


SocketKey: TypeAlias = tuple[int, int | None, int, int]
"""The identity of a socket between samples: pid, start of the process in ticks, fd, inode."""


class Peer(NamedTuple):
    """The process at the other end of a connection; `gprocess` is None if it isn't accepted."""

    pid: int
    gprocess: str | None


class Socket(NamedTuple):
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
    netns_id: int | None
    """None: the agent sends no namespaces and containers."""
    container_id: str | None
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
    netns_idx: int | None
    """None: the agent sends no number."""
