"""Connections to edges: the same two nodes, over the same addresses, to the same port."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

from proccli.identity.server import Server
from proccli.model.fleet import Party
from proccli.model.sockets import Protocol
from proccli.model.topology import Certainty, Edge, Node, Remote
from proccli.server import tags
from proccli.server.far import UDP_CLIENT, FarEnds
from proccli.server.gprocess import Reported, identities
from proccli.server.grouping import Group, Grouping, Members, in_order
from proccli.server.join import Link, SeenEnd
from proccli.server.names import by_name
from proccli.server.store import Fleet


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """A connection with the processes at its ends."""

    link: Link
    client: Party | None
    """None: its end is not sent, or not known."""
    server: Party | None


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


_PARTIES_KEPT = 1 << 14


class _EdgeKey(NamedTuple):
    client: Group | None
    server: Group | None
    protocol: Protocol
    client_ip: str
    server_ip: str
    server_port: int
    certainty: Certainty
    remote: Remote | None
    remote_host: str | None
    remote_process: str | None
    remote_reason: str | None


def graph(
    fleet: Fleet,
    by: Grouping,
    names: Sequence[str],
    wanted: Callable[[Sides], bool],
    server: Server,
) -> Graph:
    """The connections that are wanted, as a graph. `names` are what the hosts are called; `server`
    tells which processes are one gprocess, and how their tags arrive."""
    drawing = _Drawing(fleet=fleet, by=by, names=names, server=server)
    for link in fleet.links():
        drawing.connections += 1
        sides = drawing.sides(link)
        if wanted(sides):
            drawing.add(sides)
    return drawing.done()


@dataclass(slots=True, kw_only=True)
class _Drawing:
    fleet: Fleet
    by: Grouping
    names: Sequence[str]
    server: Server
    connections: int = 0
    members: dict[Group, Members] = field(default_factory=dict)
    edges: Counter[_EdgeKey] = field(default_factory=Counter)
    by_remote: Counter[Remote] = field(default_factory=Counter)
    far_ends: FarEnds = field(init=False)
    _party: Callable[[int, int], Party | None] = field(init=False)

    def __post_init__(self) -> None:
        # Connections of one process come again and again.
        self._party = lru_cache(_PARTIES_KEPT)(self._queried)
        self.far_ends = FarEnds(self.fleet, self.names, self._party)

    def _queried(self, host: int, pid: int) -> Party | None:
        """A process with its tags as a query shows them."""
        party = self.fleet.party(host, pid)
        if party is None or not party.tags:
            return party
        return replace(party, tags=tags.arriving(party.tags, tags.SERVERS[self.server.version]))

    def party(self, end: SeenEnd | None) -> Party | None:
        return None if end is None else self._party(end.host, end.pid)

    def sides(self, link: Link) -> Sides:
        return Sides(link=link, client=self.party(link.client), server=self.party(link.server))

    def add(self, sides: Sides) -> None:
        link, seen = sides.link, sides.link.seen
        far = self.far_ends.of(link)
        if far.remote is not None and far.reason != UDP_CLIENT:
            self.by_remote[far.remote] += 1
        self.edges[
            _EdgeKey(
                client=self._group(link.client, sides.client),
                server=self._group(link.server, sides.server),
                protocol=seen.protocol,
                client_ip=seen.client.ip,
                server_ip=seen.server.ip,
                server_port=seen.server.port,
                certainty=link.certainty,
                remote=far.remote,
                remote_host=far.host,
                remote_process=far.process,
                remote_reason=far.reason,
            )
        ] += 1

    def _group(self, end: SeenEnd | None, party: Party | None) -> Group | None:
        if end is None or party is None:
            return None
        group = self.by.group(end.host, party)
        if group not in self.members:
            self.members[group] = Members(self.by.label(self.fleet.hosts[end.host], party))
        self.members[group].add(end.host, party)
        return group

    def done(self) -> Graph:
        ordered = in_order(self.members.values(), self.names)
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
            shared_addresses=tuple(self.far_ends.shared),
        )

    def _gprocesses(self, members: Members) -> tuple[int, int]:
        """For how many the server takes these processes, at least and at most."""
        parties = ((host, self.fleet.party(host, pid)) for host, pid in sorted(members.pids))
        reported = [_reported(party, host) for host, party in parties if party is not None]
        uses = by_name(identities(reported, self.server))
        return sum(use.at_least for use in uses), sum(use.at_most for use in uses)


def _reported(party: Party, host: int) -> Reported:
    return Reported(
        pid=party.pid,
        name=party.gprocess or "",
        process_name=party.process_name or "",
        cmdline=party.cmdline or "",
        masked_spans=party.masked_spans,
        container_id=party.container_id,
        agent=str(host),
    )


def _edge(key: _EdgeKey, connections: int, ids: Mapping[Group, str]) -> Edge:
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
