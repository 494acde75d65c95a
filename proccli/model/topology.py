"""A topology: processes as nodes, their connections as edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from proccli.errors import ProccliError
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.sockets import Protocol

Certainty: TypeAlias = Literal["both-ends", "client-end", "server-end"]
RemoteStatus: TypeAlias = Literal["elsewhere", "absent", "not-sent", "undecided", "ambiguous"]
"""Why one end of an edge has no node:

`elsewhere`: no source has that address;
`absent`: a source has the address but not this connection: the source was taken at another time,
    the addresses are translated on the way, or the sockets of a process could not be read;
`not-sent`: a source has this end, and its agent does not send it;
`undecided`: a source has this end, and it is not known whether its agent sends it;
`ambiguous`: several processes have this end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyHost:
    """A source and its host."""

    name: str
    source: str
    kind: str
    """As in a snapshot, or `sync`."""
    network: str
    taken_at_ns: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyNode:
    """One or more processes that are shown as one."""

    id: str
    """Unique in a result; only letters, digits and dots: `n12`."""
    label: str
    """The displayed name: the gprocess, the host or the tag's value."""
    host: str | None
    """None: the processes are on several hosts."""
    gprocess: str | None
    """None: the processes have several names. May be empty."""
    pids: tuple[int, ...]
    """Ascending; of all hosts of the node."""
    tags: tuple[tuple[str, str], ...] | None
    """Key and value, as they arrive at the server, of the tags that all its processes have.
    None: the tags of at least one process are not known."""
    gprocesses: tuple[int, int] = (1, 1)
    """How many gprocesses the server counts for the node: at least, and at most."""
    hosts: tuple[str, ...] = ()
    """All hosts of its processes, sorted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyEdge:
    """The connections between two nodes that have the same two addresses and the same server
    port."""

    client: str | None
    """The id of a node; None: not known, `remote` has the reason."""
    server: str | None
    protocol: Protocol
    client_ip: str
    server_ip: str
    server_port: int
    connections: int
    certainty: Certainty
    """Which ends are sent."""
    remote: RemoteStatus | None
    """Why an end has no node; None for `both-ends`."""
    remote_host: str | None = None
    """The host with the remote address, if it is the host of a source."""
    remote_process: str | None = None
    """For display: the process that has the remote end if that end is not sent, or the process that
    listens there if the connection is absent."""
    remote_reason: str | None = None
    """Why the remote end is not sent, or may not be sent: a `SocketReason`, or, if the process is
    not accepted, the `Reason` for that. `udp-client` (with `absent`): the remote end is sent, but
    as a client's end as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Nodes ordered by host and name, edges by number of connections, largest first."""

    config: Config | None
    """None: all sources are outputs of `sync`, each with its own configuration."""
    group_by: str
    """`gprocess`, `name`, `host`, `pid`, or `os.app.KEY`."""
    server: str
    """The server version whose rules decide which processes are one gprocess."""
    hosts: tuple[TopologyHost, ...]
    nodes: tuple[TopologyNode, ...]
    edges: tuple[TopologyEdge, ...]
    connections: int
    """The number of all connections, before any filter."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Ends of connections that no agent sends, by reason."""
    notes: tuple[Note, ...] = ()
    incomplete: bool = False
    """Whether anything the server would know could not be determined."""
    failures: tuple[ProccliError, ...] = ()
    """Why sources could not be read; what they would have shown is missing."""
