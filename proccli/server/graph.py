"""Connections to edges: the same two nodes, over the same addresses, to the same port."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from proccli.identity.server import Server
from proccli.model.fleet import HostProcess
from proccli.model.sockets import Protocol
from proccli.model.topology import Certainty, Edge, Node, Remote
from proccli.server import tags
from proccli.server.gprocess import ReportedProcess, group_by_name, identify_gprocesses
from proccli.server.grouping import Grouping, GroupKey, NodeProcesses, sort_nodes
from proccli.server.join import HostEnd, JoinedConnection
from proccli.server.store import Fleet

UDP_CLIENT = "udp-client"
"""A `remote_reason`: the far end is there and sent, as the client's end of another connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteEnd:
    """Why it has none, and whose it is; all None where both ends have one."""

    remote: Remote | None = None
    host: str | None = None
    process: str | None = None
    reason: str | None = None


class RemoteEnds:
    """Asks all sources for them."""

    def __init__(
        self, fleet: Fleet, names: Sequence[str], process: Callable[[int, int], HostProcess | None]
    ) -> None:
        """`names` are what the hosts are called; `party` finds a process of one."""
        self._fleet = fleet
        self._names = names
        self._process = process
        self.shared: dict[str, None] = {}
        """Far addresses that several hosts of one network use."""

    def of(self, link: JoinedConnection) -> RemoteEnd:
        """What is known of the one of this connection."""
        if link.remote is None:
            return RemoteEnd()
        seen = link.seen
        owners = self._fleet.owners(seen)
        if len(owners) > 1:
            self.shared[seen.remote_address.ip] = None
        if link.remote in ("not-sent", "undecided") and link.other is not None:
            process = self._process(link.other.host, link.other.pid)
            return RemoteEnd(
                remote=link.remote,
                host=self._names[link.other.host],
                process=_display_name(process),
                reason=_why_not_sent(link.other, process),
            )
        if link.remote != "absent" or not owners:
            remote: Remote = "elsewhere" if link.remote == "absent" else "ambiguous"
            return RemoteEnd(remote=remote)
        (host, *others) = owners
        if others:
            return RemoteEnd(remote="absent")
        reverse = self._reverse_ends(seen, host)
        listening = (
            self._fleet.listening(host, seen.remote_address) if seen.role == "client" else ()
        )
        names = {_display_name(self._process(host, pid)) for pid in reverse or listening}
        return RemoteEnd(
            remote="absent",
            host=self._names[host],
            process=names.pop() if len(names) == 1 else None,
            reason=UDP_CLIENT if reverse else None,
        )

    def _reverse_ends(self, seen: HostEnd, host: int) -> Sequence[int]:
        """The processes of a host that have the same connection the other way round: each end of
        a UDP connection calls itself the client, so the server has two of it."""
        if seen.protocol == "tcp":
            return ()
        found = self._fleet.find("udp", seen.server, seen.client)
        return [end.pid for end in found if end.host == host]


def _display_name(process: HostProcess | None) -> str | None:
    if process is None:
        return None
    return process.gprocess if process.gprocess is not None else process.process_name


def _why_not_sent(end: HostEnd, process: HostProcess | None) -> str | None:
    """Of a process that is not sent, the reason for that says more."""
    if end.reason != "process-not-accepted" or process is None or process.status == "accepted":
        return end.reason
    return process.why_not_accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedConnection:
    """A connection with the processes at its ends."""

    link: JoinedConnection
    client: HostProcess | None
    """None: its end is not sent, or not known."""
    server: HostProcess | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What the connections come to."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    connections: int
    """Wanted or not."""
    by_remote: Mapping[Remote, int]
    """Connections of which one end has no node, by the reason."""
    shared_addresses: Sequence[str]
    """Far addresses that several hosts of one network use."""


_PROCESSES_CACHED = 1 << 14


class _EdgeKey(NamedTuple):
    client: GroupKey | None
    server: GroupKey | None
    protocol: Protocol
    client_ip: str
    server_ip: str
    server_port: int
    certainty: Certainty
    remote: Remote | None
    remote_host: str | None
    remote_process: str | None
    remote_reason: str | None


def build_graph(
    fleet: Fleet,
    by: Grouping,
    names: Sequence[str],
    wanted: Callable[[ResolvedConnection], bool],
    server: Server,
) -> Graph:
    """The connections that are wanted, as a graph. `names` are what the hosts are called; `server`
    tells which processes are one gprocess, and how their tags arrive."""
    builder = _GraphBuilder(fleet=fleet, by=by, names=names, server=server)
    for link in fleet.links():
        builder.connections += 1
        sides = builder.sides(link)
        if wanted(sides):
            builder.add(sides)
    return builder.result()


@dataclass(slots=True, kw_only=True)
class _GraphBuilder:
    fleet: Fleet
    by: Grouping
    names: Sequence[str]
    server: Server
    connections: int = 0
    members: dict[GroupKey, NodeProcesses] = field(default_factory=dict)
    edges: Counter[_EdgeKey] = field(default_factory=Counter)
    by_remote: Counter[Remote] = field(default_factory=Counter)
    remote_ends: RemoteEnds = field(init=False)
    _process: Callable[[int, int], HostProcess | None] = field(init=False)

    def __post_init__(self) -> None:
        # Connections of one process come again and again.
        self._process = lru_cache(_PROCESSES_CACHED)(self._queried)
        self.remote_ends = RemoteEnds(self.fleet, self.names, self._process)

    def _queried(self, host: int, pid: int) -> HostProcess | None:
        """A process with its tags as a query shows them."""
        process = self.fleet.process(host, pid)
        if process is None or not process.tags:
            return process
        return replace(
            process, tags=tags.arriving_tags(process.tags, tags.TAG_RULES[self.server.version])
        )

    def process_at(self, end: HostEnd | None) -> HostProcess | None:
        return None if end is None else self._process(end.host, end.pid)

    def sides(self, link: JoinedConnection) -> ResolvedConnection:
        return ResolvedConnection(
            link=link, client=self.process_at(link.client), server=self.process_at(link.server)
        )

    def add(self, sides: ResolvedConnection) -> None:
        link, seen = sides.link, sides.link.seen
        missing = self.remote_ends.of(link)
        if missing.remote is not None and missing.reason != UDP_CLIENT:
            self.by_remote[missing.remote] += 1
        self.edges[
            _EdgeKey(
                client=self._group(link.client, sides.client),
                server=self._group(link.server, sides.server),
                protocol=seen.protocol,
                client_ip=seen.client.ip,
                server_ip=seen.server.ip,
                server_port=seen.server.port,
                certainty=link.certainty,
                remote=missing.remote,
                remote_host=missing.host,
                remote_process=missing.process,
                remote_reason=missing.reason,
            )
        ] += 1

    def _group(self, end: HostEnd | None, process: HostProcess | None) -> GroupKey | None:
        if end is None or process is None:
            return None
        group = self.by.group(end.host, process)
        if group not in self.members:
            self.members[group] = NodeProcesses(self.by.label(self.fleet.hosts[end.host], process))
        self.members[group].add(end.host, process)
        return group

    def result(self) -> Graph:
        ordered = sort_nodes(self.members.values(), self.names)
        numbers = {id(members): number for number, members in enumerate(ordered, start=1)}
        ids = {group: f"n{numbers[id(members)]}" for group, members in self.members.items()}
        edges = [_edge(key, connections, ids) for key, connections in self.edges.items()]
        return Graph(
            nodes=tuple(
                members.node(numbers[id(members)], self.names, self._gprocesses(members))
                for members in ordered
            ),
            edges=tuple(sorted(edges, key=_order)),
            connections=self.connections,
            by_remote=dict(self.by_remote),
            shared_addresses=tuple(self.remote_ends.shared),
        )

    def _gprocesses(self, members: NodeProcesses) -> tuple[int, int]:
        """For how many the server takes these processes, at least and at most."""
        processes = ((host, self.fleet.process(host, pid)) for host, pid in sorted(members.pids))
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


def _edge(key: _EdgeKey, connections: int, ids: Mapping[GroupKey, str]) -> Edge:
    values = key._asdict()
    for side in ("client", "server"):
        group = values[side]
        values[side] = None if group is None else ids[group]
    return Edge(**values, connections=connections)


def _order(edge: Edge) -> tuple[object, ...]:
    """The busiest first, then as nodes and addresses come."""
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
    """Questions that are not asked are empty; a connection has to answer every question that is,
    each with any one of the values given."""

    names: Sequence[str] = ()
    """Globs for the gprocess at either end."""
    hosts: Sequence[str] = ()
    """Globs for the host of either end."""
    tags: Sequence[tuple[str, str]] = ()
    """Keys, and globs for the value, of either end."""
    protocols: Collection[Protocol] = ()
    ports: Collection[int] = ()
    """Of the server."""
    certainties: Collection[Certainty] = ()

    def matches(self, sides: ResolvedConnection, host_names: Sequence[str]) -> bool:
        """Whether to show a connection."""
        link = sides.link
        seen = link.seen
        processes = [process for process in (sides.client, sides.server) if process is not None]
        ends = [end for end in (link.client, link.server) if end is not None]
        return (
            (not self.protocols or seen.protocol in self.protocols)
            and (not self.ports or seen.server.port in self.ports)
            and (not self.certainties or link.certainty in self.certainties)
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
