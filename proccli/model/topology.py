"""Who talks to whom: processes as nodes, their connections as edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from proccli.model.config import Config, Notice
from proccli.model.sockets import Protocol

Certainty: TypeAlias = Literal["both-ends", "client-end", "server-end"]
Remote: TypeAlias = Literal["elsewhere", "absent", "not-sent", "undecided", "ambiguous"]
"""Why one end of an edge has no node:

`elsewhere`: no source has that address;
`absent`: a source has the address, and not this connection: it was taken at another moment, the
    addresses are translated in between, or the sockets of a process could not be read;
`not-sent`: a source has this very end, and its agent doesn't send it;
`undecided`: a source has this very end, and whether its agent sends it can't be told here;
`ambiguous`: several sources have this very end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyHost:
    """A source, and the host it is of."""

    name: str
    source: str
    kind: str
    """As in a snapshot, or `sync`."""
    network: str
    taken_at_ns: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Processes that are shown as one."""

    id: str
    """Unique in a result, made of letters, digits and dots: `n12`."""
    label: str
    """For people: the gprocess, the host, the tag's value."""
    host: str | None
    """None: processes of several hosts."""
    gprocess: str | None
    """None: processes of several names. It may be empty."""
    pids: tuple[int, ...]
    """Ascending; of all hosts where there are several."""
    tags: tuple[tuple[str, str], ...] | None
    """Key and value, as they arrive at the server, of the tags that all its processes have.
    None: those of one of them are not known."""
    gprocesses: tuple[int, int] = (1, 1)
    """For how many the server takes its processes: at least, and at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Connections of the same two nodes, over the same addresses, to the same port."""

    client: str | None
    """The id of a node; None: not known, and `remote` says why."""
    server: str | None
    protocol: Protocol
    client_ip: str
    server_ip: str
    server_port: int
    connections: int
    certainty: Certainty
    """Whose end was seen."""
    remote: Remote | None
    """Why an end has no node; None for `both-ends`."""
    remote_host: str | None = None
    """The host that has the far address, if it is one of the sources'."""
    remote_process: str | None = None
    """For people: the process that holds the far end where that is not sent, or the one that
    listens there where the connection is absent."""
    remote_reason: str | None = None
    """Why the far end is not sent, or may not be: a `SocketReason`, or, where that is its process,
    the `Reason` for that. `udp-client` with `absent`: it is sent, as a client's end, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Nodes in the order of host and name, edges from the busiest to the quietest."""

    config: Config | None
    """None: all sources are outputs of `sync`, each made with a configuration of its own."""
    group_by: str
    """`gprocess`, `name`, `host`, `pid`, or `os.app.KEY`."""
    server: str
    """The version of the server that tells which processes are one gprocess."""
    hosts: tuple[TopologyHost, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    connections: int
    """Of all edges, and before any filter."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Connections that no agent sends, by reason."""
    notices: tuple[Notice, ...] = ()
    incomplete: bool = False
    """Whether something that the server would know is unknown here."""
