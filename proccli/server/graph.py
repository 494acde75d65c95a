"""The graph of a fleet's connections: processes become nodes, connections become edges.

Connections between the same two nodes, addresses and server port are one edge.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache, partial
from itertools import groupby
from typing import Final, NamedTuple, Protocol, TypeAlias

from proccli.model.hosts import HostProcess, HostView
from proccli.model.sockets import Endpoint
from proccli.model.sockets import Protocol as TransportProtocol
from proccli.model.topology import Certainty, RemoteStatus, TopologyEdge, TopologyNode
from proccli.server import tags
from proccli.server.gprocess import ReportedProcess, group_by_name, identify_gprocesses
from proccli.server.grouping import Grouping, GroupKey, NodeProcesses, sort_nodes
from proccli.server.join import (
    Addresses,
    HostEnd,
    Link,
    ProcessId,
    host_of,
    ip_to_int,
    process_id,
    unpack_addresses,
)
from proccli.versions import ServerVersion

UDP_CLIENT = "udp-client"
"""A `remote_reason`: the remote end is sent, but as the client's end of another connection."""


class RemoteEnd(NamedTuple):
    """The end of a connection that has no node: why not, its host and its process.

    All but `certainty` is None if both ends have a node.
    """

    certainty: Certainty
    """Of the connection."""
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

    def links(self) -> Iterator[Link]:
        """All connections that have at least one end that is sent."""

    def processes(self) -> Iterator[tuple[int, HostProcess]]:
        """All processes with the numbers of their hosts, ordered by host and pid."""

    def process(self, host: int, pid: int) -> HostProcess | None:
        """The process with this pid; None: there is none."""

    def owners(self, host: int, remote_ip: str) -> Sequence[int]:
        """The hosts that may have the remote end of a connection of a host, by its address."""

    def listening(self, host: int, at: Endpoint) -> Sequence[int]:
        """The pids of accepted processes of a host that listen on this address."""

    def find(
        self, protocol: TransportProtocol, client: Endpoint, server: Endpoint
    ) -> Sequence[HostEnd]:
        """The ends of UDP connections between these two addresses, on any host."""


_BOTH_KNOWN: Final = RemoteEnd("both-ends")


class RemoteEnds:
    """Looks up in all sources what is known of an end that has no node."""

    def __init__(self, fleet: ConnectedHosts, names: Sequence[str]) -> None:
        """`names`: the displayed names of the hosts."""
        self._fleet = fleet
        self._names = names
        self._shared: dict[str, tuple[object, ...]] = {}
        self._found: dict[RemoteEnd, RemoteEnd] = {}

    @property
    def shared(self) -> Sequence[str]:
        """Remote addresses that several hosts of one network use, in the order of the networks,
        then of the connections that have them."""
        return sorted(self._shared, key=self._shared.__getitem__)

    def find(self, link: Link) -> RemoteEnd:
        """What is known of the end of this connection that has no node."""
        end = self._find(link)
        return self._found.setdefault(end, end)  # most are equal, and kept for long

    def _find(self, link: Link) -> RemoteEnd:
        certainty = link.certainty
        addresses = unpack_addresses(link.addresses)
        sent = link.server if link.client is None else link.client
        assert sent is not None  # noqa: S101 - at least one is sent
        is_client = link.client is not None
        remote_ip = addresses.server_ip if is_client else addresses.client_ip
        owners = self._fleet.owners(host_of(sent), remote_ip)
        if len(owners) > 1:
            self._share(remote_ip, host_of(sent), addresses, link.client_port)
        if link.remote in ("not-sent", "undecided") and link.peer is not None:
            process = self._fleet.process(link.peer.host, link.peer.pid)
            return RemoteEnd(
                certainty,
                link.remote,
                self._names[link.peer.host],
                _display_name(process),
                _why_not_sent(link.peer, process),
            )
        if link.remote != "absent" or not owners:
            return RemoteEnd(certainty, "elsewhere" if link.remote == "absent" else "ambiguous")
        (host, *others) = owners
        if others:
            return RemoteEnd(certainty, "absent")
        client = Endpoint(addresses.client_ip, link.client_port)
        server = Endpoint(addresses.server_ip, addresses.server_port)
        reverse = self._reverse_ends(addresses.protocol, client, server, host)
        listening = self._fleet.listening(host, server) if is_client else ()
        names = {_display_name(self._fleet.process(host, pid)) for pid in reverse or listening}
        return RemoteEnd(
            certainty,
            "absent",
            self._names[host],
            names.pop() if len(names) == 1 else None,
            UDP_CLIENT if reverse else None,
        )

    def _share(self, ip: str, host: int, addresses: Addresses, client_port: int) -> None:
        network = self._networks[self._fleet.hosts[host].network]
        client = (ip_to_int(addresses.client_ip), client_port)
        server = (ip_to_int(addresses.server_ip), addresses.server_port)
        order = (network, addresses.protocol, client, server)
        self._shared[ip] = min(order, self._shared.get(ip, order))

    @cached_property
    def _networks(self) -> Mapping[str, int]:
        networks = dict.fromkeys(view.network for view in self._fleet.hosts)
        return {network: number for number, network in enumerate(networks)}

    def _reverse_ends(
        self, protocol: TransportProtocol, client: Endpoint, server: Endpoint, host: int
    ) -> Sequence[int]:
        """The pids of a host that have the same UDP connection in the reverse direction.

        Agents report both ends of a UDP connection as the client, so the server has two
        connections.
        """
        if protocol == "tcp":
            return ()
        found = self._fleet.find("udp", server, client)
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


_EdgeKey: TypeAlias = tuple[int | None, int | None, bytes, RemoteEnd]
"""Connections with equal keys are one edge: the numbers of the nodes of client and server, None if
there is none; the addresses, as in `Link`; and what is known of an end without a node."""


def build_graph(
    fleet: ConnectedHosts,
    by: Grouping,
    names: Sequence[str],
    selection: ConnectionSelection,
    server: ServerVersion,
) -> Graph:
    """The graph of the connections that the selection matches.

    `names`: the displayed names of the hosts. `server` decides which processes are one gprocess and
    how tags arrive.
    """
    processes = _Processes(fleet, server)
    groups: dict[GroupKey, int] = {}
    group_of: dict[ProcessId | None, int] = {}
    filters = [_ProcessFilter(matches) for matches in selection.of_processes()]
    for host, process in processes.all():
        of_process = process_id(host, process.pid)
        group_of[of_process] = groups.setdefault(by.group(host, process), len(groups))
        for one in filters:
            one.add(of_process, names[host], process)
    remote_ends = RemoteEnds(fleet, names)
    connections = 0
    is_filtered = bool(selection)
    edges: defaultdict[_EdgeKey, int] = defaultdict(int)
    used: set[ProcessId | None] = set()
    # A fleet has ten times as many connections as processes: the less happens here, the better.
    for link in fleet.links():
        client, server_process, addresses, remote, _, _, count = link
        connections += count
        if is_filtered and not (selection.matches(link) and all(one.has(link) for one in filters)):
            continue
        remote_end = _BOTH_KNOWN if remote is None else remote_ends.find(link)
        edges[group_of.get(client), group_of.get(server_process), addresses, remote_end] += count
        used.add(client)
        used.add(server_process)
    members: dict[int, NodeProcesses] = {}
    for host, process in processes.all():
        if (of_process := process_id(host, process.pid)) in used:
            group = group_of[of_process]
            if group not in members:
                members[group] = NodeProcesses(by.label(fleet.hosts[host], process))
            members[group].add(host, process)
            if server.aggregates:
                members[group].reported.append(_reported(process, host))
    ordered = sort_nodes(members.values(), names)
    numbers = {id(node): number for number, node in enumerate(ordered, start=1)}
    ids = {group: f"n{numbers[id(node)]}" for group, node in members.items()}
    by_remote = _by_remote(edges)
    return Graph(
        nodes=tuple(
            node.topology_node(number, names, _gprocesses(node, server))
            for number, node in enumerate(ordered, start=1)
        ),
        edges=tuple(_ordered_edges(edges, ids)),
        connections=connections,
        by_remote=by_remote,
        shared_addresses=tuple(remote_ends.shared),
    )


class _Processes:
    """All processes, with their tags as a query shows them."""

    def __init__(self, fleet: ConnectedHosts, server: ServerVersion) -> None:
        self._fleet = fleet
        # Many processes have the same tags.
        self._arriving = lru_cache(_TAGS_CACHED)(partial(tags.arriving_tags, server=server))

    def all(self) -> Iterator[tuple[int, HostProcess]]:
        """With the numbers of their hosts, ordered by host and pid."""
        for host, process in self._fleet.processes():
            if process.tags:
                yield host, process._replace(tags=self._arriving(process.tags))
            else:
                yield host, process


_TAGS_CACHED: Final = 1 << 10


def _by_remote(edges: Mapping[_EdgeKey, int]) -> Mapping[RemoteStatus, int]:
    found: Counter[RemoteStatus] = Counter()
    for (_, _, _, end), connections in edges.items():
        if end.remote is not None and end.reason != UDP_CLIENT:
            found[end.remote] += connections
    return dict(found)


def _gprocesses(node: NodeProcesses, server: ServerVersion) -> tuple[int, int]:
    """How many gprocesses the server counts for these processes, at least and at most."""
    if not server.aggregates:  # each process is one
        return len(node.pids), len(node.pids)
    uses = group_by_name(identify_gprocesses(node.reported, server))
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


def _edge(key: _EdgeKey, connections: int, ids: Mapping[int, str]) -> TopologyEdge:
    client, server, addresses, end = key
    server_port, protocol, server_ip, client_ip = unpack_addresses(addresses)
    return TopologyEdge(
        client=None if client is None else ids[client],
        server=None if server is None else ids[server],
        protocol=protocol,
        client_ip=client_ip,
        server_ip=server_ip,
        server_port=server_port,
        connections=connections,
        certainty=end.certainty,
        remote=end.remote,
        remote_host=end.host,
        remote_process=end.process,
        remote_reason=end.reason,
    )


def _ordered_edges(counts: dict[_EdgeKey, int], ids: Mapping[int, str]) -> Iterator[TopologyEdge]:
    """The edges, most connections first, then by nodes and addresses. The counts are used up: a
    fleet has hundreds of thousands of edges, and few of them need to be compared by all fields."""
    edges = []
    while counts:
        edges.append(_edge(*counts.popitem(), ids))
    edges.sort(key=_rank)
    for _, alike in groupby(edges, key=_rank):
        yield from sorted(alike, key=_order)


def _rank(edge: TopologyEdge) -> int:
    """One number for the number of connections and the two nodes; no node comes last."""
    client, server = (
        _NO_NODE if side is None else int(side[1:]) for side in (edge.client, edge.server)
    )
    return ((_NO_NODE - edge.connections) << 64) | client << 32 | server


_NO_NODE: Final = (1 << 32) - 1


def _order(edge: TopologyEdge) -> tuple[object, ...]:
    return (
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

    def __bool__(self) -> bool:
        """Whether there is a filter."""
        return any(
            (self.names, self.hosts, self.tags, self.protocols, self.ports, self.certainties)
        )

    def matches(self, link: Link) -> bool:
        """Whether a connection matches the filters of its addresses and its certainty."""
        addresses = unpack_addresses(link.addresses)
        return (
            (not self.protocols or addresses.protocol in self.protocols)
            and (not self.ports or addresses.server_port in self.ports)
            and (not self.certainties or link.certainty in self.certainties)
        )

    def of_processes(self) -> Iterator[Callable[[str, HostProcess], bool]]:
        """The filters that the process at either end must match, functions of the displayed name of
        its host and of the process."""
        if self.names:
            yield lambda _, process: _matches_any(process.gprocess, self.names)
        if self.hosts:
            yield lambda host, _: _matches_any(host, self.hosts)
        if self.tags:
            yield lambda _, process: self._has_tag(process)

    def _has_tag(self, process: HostProcess) -> bool:
        return any(
            key == wanted and fnmatchcase(value, glob)
            for key, value in process.tags or ()
            for wanted, glob in self.tags
        )


@dataclass(slots=True)
class _ProcessFilter:
    """A filter that the process at either end must match, and the processes that do."""

    matches: Callable[[str, HostProcess], bool]
    found: set[ProcessId | None] = field(default_factory=set)

    def add(self, of_process: ProcessId, host: str, process: HostProcess) -> None:
        if self.matches(host, process):
            self.found.add(of_process)

    def has(self, link: Link) -> bool:
        return link.client in self.found or link.server in self.found


def _matches_any(text: str | None, globs: Sequence[str]) -> bool:
    return text is not None and any(fnmatchcase(text, glob) for glob in globs)
