"""The graph of a fleet's connections: processes become nodes, connections become edges.

Connections between the same two nodes, addresses and server port are one edge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple, Protocol

from proccli.model.hosts import HostProcess, HostView
from proccli.model.sockets import Endpoint
from proccli.model.sockets import Protocol as TransportProtocol
from proccli.model.topology import Certainty, RemoteStatus, TopologyEdge, TopologyNode
from proccli.server import tags
from proccli.server.gprocess import ReportedProcess, group_by_name, identify_gprocesses
from proccli.server.grouping import Grouping, GroupKey, NodeProcesses, sort_nodes
from proccli.server.join import HostEnd, JoinedConnection
from proccli.versions import ServerVersion

UDP_CLIENT = "udp-client"
"""A `remote_reason`: the remote end is sent, but as the client's end of another connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteEnd:
    """The end of a connection that has no node: why not, its host and its process.

    All fields are None if both ends have a node.
    """

    remote: RemoteStatus | None = None
    host: str | None = None
    process: str | None = None
    reason: str | None = None


class ConnectedHosts(Protocol):
    """Hosts and their connections: those of a run (`Fleet`), or of a store."""

    @property
    def hosts(self) -> Sequence[HostView]:
        """In the order of their numbers."""

    @property
    def present(self) -> Sequence[int]:
        """The numbers of the hosts that count."""

    def count_collisions(self) -> int:
        """How many connections of different networks have equal keys for the server."""

    def joined_connections(self) -> Iterator[JoinedConnection]:
        """All connections that have at least one end that is sent."""

    def process(self, host: int, pid: int) -> HostProcess | None:
        """The process with this pid; None: there is none."""

    def owners(self, end: HostEnd) -> Sequence[int]:
        """The hosts that may have the remote end of a connection, by its address."""

    def listening(self, host: int, at: Endpoint) -> Sequence[int]:
        """The pids of accepted processes of a host that listen on this address."""

    def find(
        self, protocol: TransportProtocol, client: Endpoint, server: Endpoint
    ) -> Sequence[HostEnd]:
        """The ends of UDP connections between these two addresses, on any host."""


_BOTH_KNOWN = RemoteEnd()


class RemoteEnds:
    """Looks up in all sources what is known of an end that has no node."""

    def __init__(
        self,
        fleet: ConnectedHosts,
        names: Sequence[str],
        process: Callable[[int, int], HostProcess | None],
    ) -> None:
        """`names`: the displayed names of the hosts. `process` returns a process of a host."""
        self._fleet = fleet
        self._names = names
        self._process = process
        self.shared: dict[str, None] = {}
        """Remote addresses that several hosts of one network use."""

    def find(self, connection: JoinedConnection) -> RemoteEnd:
        """What is known of the end of this connection that has no node."""
        if connection.remote is None:
            return _BOTH_KNOWN
        sent = connection.sent_end
        owners = self._fleet.owners(sent)
        if len(owners) > 1:
            self.shared[sent.remote_address.ip] = None
        if connection.remote in ("not-sent", "undecided") and connection.peer is not None:
            process = self._process(connection.peer.host, connection.peer.pid)
            return RemoteEnd(
                remote=connection.remote,
                host=self._names[connection.peer.host],
                process=_display_name(process),
                reason=_why_not_sent(connection.peer, process),
            )
        if connection.remote != "absent" or not owners:
            remote: RemoteStatus = "elsewhere" if connection.remote == "absent" else "ambiguous"
            return RemoteEnd(remote=remote)
        (host, *others) = owners
        if others:
            return RemoteEnd(remote="absent")
        reverse = self._reverse_ends(sent, host)
        listening = (
            self._fleet.listening(host, sent.remote_address) if sent.role == "client" else ()
        )
        names = {_display_name(self._process(host, pid)) for pid in reverse or listening}
        return RemoteEnd(
            remote="absent",
            host=self._names[host],
            process=names.pop() if len(names) == 1 else None,
            reason=UDP_CLIENT if reverse else None,
        )

    def _reverse_ends(self, sent: HostEnd, host: int) -> Sequence[int]:
        """The pids of a host that have the same UDP connection in the reverse direction.

        Agents report both ends of a UDP connection as the client, so the server has two
        connections.
        """
        if sent.protocol == "tcp":
            return ()
        found = self._fleet.find("udp", sent.server, sent.client)
        return [end.pid for end in found if end.host == host]


def _display_name(process: HostProcess | None) -> str | None:
    if process is None:
        return None
    return process.gprocess if process.gprocess is not None else process.process_name


def _why_not_sent(end: HostEnd, process: HostProcess | None) -> str | None:
    """Why an end is not sent. If its process is not accepted, the reason for that is more
    useful."""
    if end.reason != "process-not-accepted" or process is None or process.status == "accepted":
        return end.reason
    return process.why_not_accepted


@dataclass(slots=True)
class ResolvedConnection:
    """A connection and the processes at its two ends."""

    connection: JoinedConnection
    client: HostProcess | None
    """None: the end is not sent, or not known."""
    server: HostProcess | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The nodes and edges of all connections."""

    nodes: tuple[TopologyNode, ...]
    edges: tuple[TopologyEdge, ...]
    connections: int
    """All connections, selected or not."""
    by_remote: Mapping[RemoteStatus, int]
    """Number of connections that have an end without a node, by reason."""
    shared_addresses: Sequence[str]
    """Remote addresses that several hosts of one network use."""


_PROCESSES_CACHED = 1 << 14


class _EdgeKey(NamedTuple):
    client: GroupKey | None
    server: GroupKey | None
    protocol: TransportProtocol
    client_ip: str
    server_ip: str
    server_port: int
    certainty: Certainty
    remote: RemoteStatus | None
    remote_host: str | None
    remote_process: str | None
    remote_reason: str | None


def build_graph(
    fleet: ConnectedHosts,
    by: Grouping,
    names: Sequence[str],
    wanted: Callable[[ResolvedConnection], bool],
    server: ServerVersion,
) -> Graph:
    """The graph of the connections for which `wanted` returns true.

    `names`: the displayed names of the hosts. `server` decides which processes are one gprocess and
    how tags arrive.
    """
    builder = _GraphBuilder(fleet=fleet, by=by, names=names, server=server)
    for connection in fleet.joined_connections():
        builder.connections += connection.connections
        resolved = builder.resolve(connection)
        if wanted(resolved):
            builder.add(resolved)
    return builder.result()


@dataclass(slots=True, kw_only=True)
class _GraphBuilder:
    fleet: ConnectedHosts
    by: Grouping
    names: Sequence[str]
    server: ServerVersion
    connections: int = 0
    nodes: dict[GroupKey, NodeProcesses] = field(default_factory=dict)
    edges: Counter[_EdgeKey] = field(default_factory=Counter)
    by_remote: Counter[RemoteStatus] = field(default_factory=Counter)
    remote_ends: RemoteEnds = field(init=False)
    _process: Callable[[int, int], HostProcess | None] = field(init=False)
    _group: Callable[[int, int], GroupKey | None] = field(init=False)

    def __post_init__(self) -> None:
        # The same processes have many connections.
        self._process = lru_cache(_PROCESSES_CACHED)(self._load_process)
        self._group = lru_cache(_PROCESSES_CACHED)(self._add_to_group)
        self.remote_ends = RemoteEnds(self.fleet, self.names, self._process)

    def _load_process(self, host: int, pid: int) -> HostProcess | None:
        """A process of a host, with its tags as a query shows them."""
        process = self.fleet.process(host, pid)
        if process is None or not process.tags:
            return process
        return replace(process, tags=tags.arriving_tags(process.tags, self.server))

    def process_at(self, end: HostEnd | None) -> HostProcess | None:
        return None if end is None else self._process(end.host, end.pid)

    def resolve(self, connection: JoinedConnection) -> ResolvedConnection:
        return ResolvedConnection(
            connection, self.process_at(connection.client), self.process_at(connection.server)
        )

    def add(self, resolved: ResolvedConnection) -> None:
        connection, sent = resolved.connection, resolved.connection.sent_end
        missing = self.remote_ends.find(connection)
        if missing.remote is not None and missing.reason != UDP_CLIENT:
            self.by_remote[missing.remote] += connection.connections
        self.edges[
            _EdgeKey(
                self._group_at(connection.client),
                self._group_at(connection.server),
                sent.protocol,
                sent.client.ip,
                sent.server.ip,
                sent.server.port,
                connection.certainty,
                missing.remote,
                missing.host,
                missing.process,
                missing.reason,
            )
        ] += connection.connections

    def _group_at(self, end: HostEnd | None) -> GroupKey | None:
        return None if end is None else self._group(end.host, end.pid)

    def _add_to_group(self, host: int, pid: int) -> GroupKey | None:
        process = self._process(host, pid)
        if process is None:
            return None
        group = self.by.group(host, process)
        if group not in self.nodes:
            self.nodes[group] = NodeProcesses(self.by.label(self.fleet.hosts[host], process))
        self.nodes[group].add(host, process)
        return group

    def result(self) -> Graph:
        ordered = sort_nodes(self.nodes.values(), self.names)
        numbers = {id(node): number for number, node in enumerate(ordered, start=1)}
        ids = {group: f"n{numbers[id(node)]}" for group, node in self.nodes.items()}
        edges = [_edge(key, connections, ids) for key, connections in self.edges.items()]
        return Graph(
            nodes=tuple(
                node.topology_node(numbers[id(node)], self.names, self._gprocesses(node))
                for node in ordered
            ),
            edges=tuple(sorted(edges, key=_order)),
            connections=self.connections,
            by_remote=dict(self.by_remote),
            shared_addresses=tuple(self.remote_ends.shared),
        )

    def _gprocesses(self, node: NodeProcesses) -> tuple[int, int]:
        """How many gprocesses the server counts for these processes, at least and at most."""
        processes = ((host, self.fleet.process(host, pid)) for host, pid in sorted(node.pids))
        reported = [_reported(process, host) for host, process in processes if process is not None]
        uses = group_by_name(identify_gprocesses(reported, self.server))
        return sum(use.at_least for use in uses), sum(use.at_most for use in uses)


def _reported(process: HostProcess, host: int) -> ReportedProcess:
    return ReportedProcess(
        pid=process.pid,
        name=process.gprocess or "",
        process_name=process.process_name or "",
        cmdline=process.cmdline or "",
        masked_spans=process.masked_spans,
        container_id=process.container_id,
        agent=str(host),
    )


def _edge(key: _EdgeKey, connections: int, ids: Mapping[GroupKey, str]) -> TopologyEdge:
    values = key._asdict()
    for side in ("client", "server"):
        group = values[side]
        values[side] = None if group is None else ids[group]
    return TopologyEdge(**values, connections=connections)


def _order(edge: TopologyEdge) -> tuple[object, ...]:
    """Most connections first, then by nodes and addresses."""
    return (
        -edge.connections,
        *((side is None, int((side or "n0")[1:])) for side in (edge.client, edge.server)),
        edge.server_port,
        edge.server_ip,
        edge.client_ip,
        edge.protocol,
        edge.certainty,
        edge.remote or "",
        edge.remote_host or "",
        edge.remote_process or "",
        edge.remote_reason or "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSelection:
    """The filters of `topology`. A connection must match every filter that is not empty; it matches
    a filter if it matches any of its values."""

    names: Sequence[str] = ()
    """Globs for the gprocess of either end."""
    hosts: Sequence[str] = ()
    """Globs for the host of either end."""
    tags: Sequence[tuple[str, str]] = ()
    """Tag keys and globs for their values, of either end."""
    protocols: Collection[TransportProtocol] = ()
    ports: Collection[int] = ()
    """Server ports."""
    certainties: Collection[Certainty] = ()
    _everything: bool = field(init=False)

    def __post_init__(self) -> None:
        asked = (self.names, self.hosts, self.tags, self.protocols, self.ports, self.certainties)
        object.__setattr__(self, "_everything", not any(asked))

    def matches(self, resolved: ResolvedConnection, host_names: Sequence[str]) -> bool:
        """Whether a connection matches all filters. `host_names`: the displayed names of the
        hosts."""
        if self._everything:
            return True
        connection = resolved.connection
        sent = connection.sent_end
        processes = [
            process for process in (resolved.client, resolved.server) if process is not None
        ]
        ends = [end for end in (connection.client, connection.server) if end is not None]
        return (
            (not self.protocols or sent.protocol in self.protocols)
            and (not self.ports or sent.server.port in self.ports)
            and (not self.certainties or connection.certainty in self.certainties)
            and (
                not self.names
                or any(_matches_any(process.gprocess, self.names) for process in processes)
            )
            and (
                not self.hosts
                or any(_matches_any(host_names[end.host], self.hosts) for end in ends)
            )
            and (not self.tags or any(map(self._has_tag, processes)))
        )

    def _has_tag(self, process: HostProcess) -> bool:
        return any(
            key == wanted and fnmatchcase(value, glob)
            for key, value in process.tags or ()
            for wanted, glob in self.tags
        )


def _matches_any(text: str | None, globs: Sequence[str]) -> bool:
    return text is not None and any(fnmatchcase(text, glob) for glob in globs)
