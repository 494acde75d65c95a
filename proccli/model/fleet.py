"""Processes of several hosts as the two ends of connections, for the server's side of things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from proccli.model.outcome import Reason, Status
from proccli.model.process import SourceKind, TextSpan
from proccli.model.sockets import (
    Endpoint,
    Protocol,
    SocketReason,
    SocketRole,
    SocketStatus,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostProcess:
    """A process as a party to connections."""

    pid: int
    gprocess: str | None
    """None unless the agent sends it."""
    process_name: str | None
    """For people, where there is no gprocess: the agent's name for it, or its comm."""
    tags: tuple[tuple[str, str], ...] | None
    """Key and value of each; None: not known."""
    status: Status
    reason: Reason | None
    """None where the source doesn't tell: the output of `sync`."""
    started_s: int | None
    """Seconds since the epoch, by the clock of its host; None: not known."""
    cmdline: str | None
    """As the agent sends it; None where it sends none."""
    masked_spans: tuple[TextSpan, ...] = ()
    """What of `cmdline` is masked, in characters, ascending."""
    container_id: str | None = None
    """Empty: in none. None: not known."""

    @property
    def why_not_accepted(self) -> str:
        """Of a process that isn't: the reason, as far as it is known."""
        return "dropped" if self.status == "dropped" else self.reason or "process-not-accepted"


# Hundreds of thousands of these are made in a run, so no frozen ones.


@dataclass(slots=True, kw_only=True)
class ConnectionEnd:
    """One process's end of a connection, as its own host sees it."""

    protocol: Protocol
    role: SocketRole
    """Which of the two ends this is."""
    client: Endpoint
    server: Endpoint
    netns: int | None
    """Which of its host's network namespaces: the agent's number for it, the negative inode
    number for one that the agent doesn't open, None where it has no number at all."""
    pid: int
    """0: of a process that only root can look into."""
    status: SocketStatus
    reason: SocketReason | None
    """Why it is not sent, or may not be; None for a synced one."""
    since_ns: int | None
    """Nanoseconds since the epoch: when it is known to have been there; None: not known."""


class Listener(NamedTuple):
    """Where an accepted process waits for TCP connections."""

    at: Endpoint
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostView:
    """What one source says of one host."""

    name: str
    """The host's name, or the source's where it has none."""
    source: str
    """The recording, directory or document as it was named; `live`."""
    kind: SourceKind | str
    """As in a snapshot, or `sync` for the output of that command."""
    network: str
    """Within a network, an address means one host. Empty: the one that has no name."""
    taken_at_ns: int
    """By the clock of the host."""
    boot_time_s: int | None
    addresses: tuple[str, ...]
    """Its IPv4 addresses, as far as they are known, and those that its sockets use, ascending,
    without loopback."""
    processes: Mapping[int, HostProcess]
    """All processes that the source shows, by pid."""
    ends: Sequence[ConnectionEnd]
    """Every connected IPv4 socket, once; also those that the agent doesn't send."""
    listeners: Sequence[Listener] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Connections that are not sent, by reason."""
    enabled: bool = True
    """Whether the agent sends anything; `ends` are as if it did, but for the output of `sync`."""
