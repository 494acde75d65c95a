"""What one source shows of one host: its processes and its ends of connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, overload

from proccli.model.outcome import Reason, Status
from proccli.model.process import SourceKind, TextSpan
from proccli.model.sockets import (
    Endpoint,
    Protocol,
    SocketReason,
    SocketRole,
    SocketStatus,
)

# A run creates hundreds of thousands of these; dataclasses are slower to create and to pickle.


class HostProcess(NamedTuple):
    """A process of a host, accepted or not, with what the server would store of it."""

    pid: int
    gprocess: str | None
    """None unless the agent sends the process."""
    process_name: str | None
    """Shown where there is no gprocess: the agent's name for the process, or its comm."""
    tags: tuple[tuple[str, str], ...] | None
    """Key and value of each; None: not known."""
    status: Status
    reason: Reason | None
    """None: the source does not have it (output of `sync`)."""
    started_s: int | None
    """Seconds since the epoch, by the clock of the host; None: not known."""
    cmdline: str | None
    """As the agent sends it; None: the agent sends none."""
    masked_spans: tuple[TextSpan, ...] = ()
    """Masked spans of `cmdline`, in characters, ascending."""
    container_id: str | None = None
    """Empty: not in a container. None: not known."""

    @property
    def why_not_accepted(self) -> str:
        """The reason why a process is not accepted, as far as it is known."""
        return "dropped" if self.status == "dropped" else self.reason or "process-not-accepted"


class ConnectionEnd(NamedTuple):
    """One process's end of a connection, as the process's own host shows it."""

    protocol: Protocol
    role: SocketRole
    """Whether this is the client's or the server's end."""
    client_ip: str
    client_port: int
    server_ip: str
    server_port: int
    netns: int | None
    """The network namespace on its host: the agent's number for it; the negative inode number if
    the agent does not open the namespace; None if there is no number at all."""
    pid: int
    """0: the process is readable for root only."""
    status: SocketStatus
    reason: SocketReason | None
    """Why the end is not sent, or may not be sent; None if `status` is `synced`."""
    since_ns: int | None
    """Nanoseconds since the epoch: the earliest time at which the connection is known to have
    existed; None: not known."""

    @property
    def client(self) -> Endpoint:
        """Address and port of the client."""
        return Endpoint(self.client_ip, self.client_port)

    @property
    def server(self) -> Endpoint:
        """Address and port of the server."""
        return Endpoint(self.server_ip, self.server_port)


class EndColumns(Sequence[ConnectionEnd]):
    """Many ends, by field: they are made and packed faster than as objects."""

    def __init__(self, *columns: Sequence[Any]) -> None:
        """`columns`: in the order of the fields, all of the same length."""
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns[0])

    def __iter__(self) -> Iterator[ConnectionEnd]:
        return map(ConnectionEnd._make, zip(*self.columns, strict=True))

    @overload
    def __getitem__(self, at: int) -> ConnectionEnd: ...
    @overload
    def __getitem__(self, at: slice) -> EndColumns: ...
    def __getitem__(self, at: int | slice) -> ConnectionEnd | EndColumns:
        taken = (column[at] for column in self.columns)
        return ConnectionEnd._make(taken) if isinstance(at, int) else EndColumns(*taken)


class Listener(NamedTuple):
    """An address on which an accepted process listens for TCP connections."""

    address: Endpoint
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostView:
    """What one source shows of one host."""

    name: str
    """The host's name; the source's name if the host's is not known."""
    source: str
    """The recording, directory or document as given on the command line; or `live`."""
    kind: SourceKind | str
    """As in a snapshot; `sync` for output of that command."""
    network: str
    """An address belongs to one host within a network. Empty: the network without a name."""
    taken_at_ns: int
    """By the clock of the host."""
    boot_time_s: int | None
    addresses: tuple[str, ...]
    """The host's known IPv4 addresses and those that its sockets use, ascending, without
    loopback."""
    processes: Mapping[int, HostProcess]
    """All processes of the source, by pid."""
    ends: Sequence[ConnectionEnd]
    """Every connected IPv4 socket once, including those that the agent does not send."""
    listeners: Sequence[Listener] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Connections that are not sent, by reason."""
    enabled: bool = True
    """Whether the agent sends anything. If not, `ends` are what it would send (except for output of
    `sync`)."""
