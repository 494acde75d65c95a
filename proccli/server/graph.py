"""Connections to edges: the same two nodes, over the same addresses, to the same port."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from proccli.identity.server import Server
from proccli.model.fleet import Party
from proccli.model.sockets import Protocol
from proccli.model.topology import Certainty, Edge, Node, Remote
from proccli.server import tags
from proccli.server.gprocess import Reported, by_name, identities
from proccli.server.grouping import Group, Grouping, Members, in_order
from proccli.server.join import Link, SeenEnd
from proccli.server.store import Fleet

UDP_CLIENT = "udp-client"
"""A `remote_reason`: the far end is there and sent, as the client's end of another connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Far:
    """Why it has none, and whose it is; all None where both ends have one."""

    remote: Remote | None = None
    host: str | None = None
    process: str | None = None
    reason: str | None = None


class FarEnds:
    """Asks all sources for them."""

    def __init__(
        self, fleet: Fleet, names: Sequence[str], party: Callable[[int, int], Party | None]
    ) -> None:
        """`names` are what the hosts are called; `party` finds a process of one."""
        self._fleet = fleet
        self._names = names
        self._party = party
        self.shared: dict[str, None] = {}
        """Far addresses that several hosts of one network use."""

    def of(self, link: Link) -> Far:
        """What is known of the one of this connection."""
        if link.remote is None:
            return Far()
        seen = link.seen
        owners = self._fleet.owners(seen)
        if len(owners) > 1:
            self.shared[seen.far.ip] = None
        if link.remote in ("not-sent", "undecided") and link.other is not None:
            party = self._party(link.other.host, link.other.pid)
            return Far(
                remote=link.remote,
                host=self._names[link.other.host],
                process=_called(party),
                reason=_why(link.other, party),
            )
        if link.remote != "absent" or not owners:
            remote: Remote = "elsewhere" if link.remote == "absent" else "ambiguous"
            return Far(remote=remote)
        (host, *others) = owners
        if others:
            return Far(remote="absent")
        turned = self._turned(seen, host)
        listening = self._fleet.listening(host, seen.far) if seen.role == "client" else ()
        names = {_called(self._party(host, pid)) for pid in turned or listening}
        return Far(
            remote="absent",
            host=self._names[host],
            process=names.pop() if len(names) == 1 else None,
            reason=UDP_CLIENT if turned else None,
        )

    def _turned(self, seen: SeenEnd, host: int) -> Sequence[int]:
        """The processes of a host that have the same connection the other way round: each end of
        a UDP connection calls itself the client, so the server has two of it."""
        if seen.protocol == "tcp":
            return ()
        found = self._fleet.find("udp", seen.server, seen.client)
        return [end.pid for end in found if end.host == host]


def _called(party: Party | None) -> str | None:
    if party is None:
        return None
    return party.gprocess if party.gprocess is not None else party.process_name


def _why(end: SeenEnd, party: Party | None) -> str | None:
    """Of a process that is not sent, the reason for that says more."""
    if end.reason != "process-not-accepted" or party is None or party.status == "accepted":
        return end.reason
    return party.why_not_accepted


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

    def asks_for(self, sides: Sides, host_names: Sequence[str]) -> bool:
        """Whether to show a connection."""
        link = sides.link
        seen = link.seen
        parties = [party for party in (sides.client, sides.server) if party is not None]
        ends = [end for end in (link.client, link.server) if end is not None]
        return (
            (not self.protocols or seen.protocol in self.protocols)
            and (not self.ports or seen.server.port in self.ports)
            and (not self.certainties or link.certainty in self.certainties)
            and (not self.names or any(_like(party.gprocess, self.names) for party in parties))
            and (not self.hosts or any(_like(host_names[end.host], self.hosts) for end in ends))
            and (not self.tags or any(map(self._tagged, parties)))
        )

    def _tagged(self, party: Party) -> bool:
        return any(
            key == wanted and fnmatchcase(value, glob)
            for key, value in party.tags or ()
            for wanted, glob in self.tags
        )


def _like(text: str | None, globs: Sequence[str]) -> bool:
    return text is not None and any(fnmatchcase(text, glob) for glob in globs)
