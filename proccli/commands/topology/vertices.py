"""The graph to draw: nodes, connection ends without a node, and the lines between them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Literal, NamedTuple, TypeAlias

from proccli.commands.topology.focus import COLLAPSED_FROM
from proccli.commands.topology.words import why_unknown
from proccli.model.sockets import Protocol
from proccli.model.topology import Certainty, Topology, TopologyEdge, TopologyNode
from proccli.text import counted

_Keyed: TypeAlias = tuple[tuple[object, ...], bool, TopologyEdge, bool]
DrawnCertainty: TypeAlias = Certainty | Literal["mixed"]

_NETWORKS = 12
"""Maximum number of networks of unknown clients that are shown separately for many hosts."""
_PORTS = 2
"""Maximum number of ports in the label of a line."""
PER_PORT = 3
"""Maximum number of addresses at one port of one node that are shown separately."""
PER_NODE = 8
"""Maximum number of unknown ends of one kind at one node; more become one for all ports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vertex:
    """A node, or an end of connections that is not a node."""

    id: str
    """The id of the node; `x1`, `x2`, … without a node."""
    label: str
    note: str
    """Why its process is unknown; empty for a node."""
    host: str | None
    """The host of the node, or the source host that has the address; None: unknown."""
    node: TopologyNode | None
    addresses: tuple[str, ...] = ()
    """Addresses of an end without a node, in the order of the edges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeBundle:
    """Connections between two vertices that differ only in their addresses."""

    client: Vertex
    server: Vertex
    protocol: Protocol
    ports: tuple[int, ...]
    """Ports of the server; more than one only if addresses are folded."""
    certainty: Certainty
    note: str
    """Why an end is unknown; empty for `both-ends`."""
    connections: int
    edges: tuple[TopologyEdge, ...]

    @property
    def port(self) -> int | None:
        """The port, or None if there are several."""
        return self.ports[0] if len(self.ports) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """All edge bundles from one vertex to another, drawn as one line."""

    client: Vertex
    server: Vertex
    bundles: tuple[EdgeBundle, ...]

    @property
    def connections(self) -> int:
        """Number of connections of all bundles."""
        return sum(bundle.connections for bundle in self.bundles)

    @property
    def certainty(self) -> DrawnCertainty:
        """The certainty of all bundles, or `mixed` if they differ."""
        kinds = {bundle.certainty for bundle in self.bundles}
        return kinds.pop() if len(kinds) == 1 else "mixed"

    @property
    def ports(self) -> tuple[tuple[str, int], ...]:
        """Protocol and port of the server without duplicates, the busiest first."""
        found = ((s.protocol, port) for s in self.bundles for port in s.ports)
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnGraph:
    """Vertices in the order of the nodes, then of the edges; links by number of connections."""

    vertices: tuple[Vertex, ...]
    bundles: tuple[EdgeBundle, ...]
    links: tuple[Link, ...]
    quieter: int = 0
    """Number of bundles that are left out because there are too many."""


def drawn_graph(result: Topology, most: int | None = None) -> DrawnGraph:
    """The vertices, bundles and links of a topology; with `most`, only the busiest bundles."""
    coarse = len(result.hosts) >= COLLAPSED_FROM
    unknown = UnknownEnds(result.edges, taken={node.id for node in result.nodes}, coarse=coarse)
    known = {
        node.id: Vertex(id=node.id, label=node.label, note="", host=node.host, node=node)
        for node in result.nodes
    }
    gathered: dict[tuple[str, str, str, int | None, str, str], list[TopologyEdge]] = defaultdict(
        list
    )
    for edge in result.edges:
        client = edge.client if edge.client is not None else unknown.id_of(edge, server=False)
        server = edge.server if edge.server is not None else unknown.id_of(edge, server=True)
        wide = {client, server} & unknown.of_any_port
        key = (
            client,
            server,
            edge.protocol,
            None if wide else edge.server_port,
            edge.certainty,
            _why(edge, coarse=coarse),
        )
        gathered[key].append(edge)
    far = {
        name: Vertex(
            id=name,
            label=end.label(),
            note=end.note,
            host=end.host,
            node=None,
            addresses=tuple(end.addresses),
        )
        for name, end in unknown.ends().items()
    }
    vertices = known | far
    bundles = [
        _bundle(vertices[client], vertices[server], note, edges)
        for (client, server, _, _, _, note), edges in gathered.items()
    ]
    bundles.sort(key=lambda bundle: -bundle.connections)
    shown = bundles[:most]
    if len(shown) < len(bundles):
        used = {end.id for bundle in shown for end in (bundle.client, bundle.server)}
        vertices = {name: vertex for name, vertex in vertices.items() if name in used}
    return DrawnGraph(
        vertices=tuple(vertices.values()),
        bundles=tuple(shown),
        links=_links(shown),
        quieter=len(bundles) - len(shown),
    )


def _bundle(client: Vertex, server: Vertex, note: str, edges: Sequence[TopologyEdge]) -> EdgeBundle:
    first = edges[0]
    return EdgeBundle(
        client=client,
        server=server,
        protocol=first.protocol,
        ports=tuple(dict.fromkeys(edge.server_port for edge in edges)),
        certainty=first.certainty,
        note=note,
        connections=sum(edge.connections for edge in edges),
        edges=tuple(edges),
    )


def _links(bundles: Iterable[EdgeBundle]) -> tuple[Link, ...]:
    between: dict[tuple[str, str], list[EdgeBundle]] = defaultdict(list)
    for bundle in bundles:
        between[bundle.client.id, bundle.server.id].append(bundle)
    links = (
        Link(client=alike[0].client, server=alike[0].server, bundles=tuple(alike))
        for alike in between.values()
    )
    return tuple(sorted(links, key=lambda link: -link.connections))


def link_label(link: Link) -> str:
    """The ports and the number of connections of a link: `:5432 ×4`."""
    ports = link.ports
    protocols = {protocol for protocol, _ in ports}
    if len(ports) > _PORTS:
        text = counted(len(ports), "port")
        text += f"/{protocols.pop()}" if protocols == {"udp"} else ""
    else:
        text = " ".join(
            f":{port}" if protocol == "tcp" else f":{port}/{protocol}" for protocol, port in ports
        )
    return text if link.connections == 1 else f"{text} ×{link.connections:,}"


def thickness(connections: int) -> float:
    """Line width in pixels: one more for five times as many connections."""
    return round(min(1.2 + math.log(max(connections, 1), 5), 7), 1)


@dataclass(slots=True)
class UnknownEnd:
    """Unknown ends that are shown as one vertex."""

    host: str | None
    process: str | None
    note: str
    fold: str | None = None
    """What the addresses have in common: a network or a port; None: they are not folded by it."""
    addresses: dict[str, None] = field(default_factory=dict)

    def label(self) -> str:
        """Its process, its address, or the number of addresses."""
        if self.process is not None:
            return self.process or '""'
        if len(self.addresses) == 1:
            return next(iter(self.addresses))
        (ip, *more) = dict.fromkeys(address.partition(":")[0] for address in self.addresses)
        if self.fold is not None:
            return f"{self.fold} ({counted(len(more) + 1, 'address')})" if more else ip
        return counted(len(more) + 1, "address") if more else ip


class _Kind(NamedTuple):
    """What unknown ends must have in common to become one vertex."""

    peer: str | None
    is_server: bool
    remote: str | None
    host: str | None
    process: str | None
    note: str


class UnknownEnds:
    """Assigns a vertex to each end without a node: by process, else by folded addresses."""

    def __init__(
        self, edges: Iterable[TopologyEdge], taken: set[str], *, coarse: bool = False
    ) -> None:
        """`coarse`: there are many hosts; ends are folded by service port or network, whatever
        they are connected to."""
        self._far: dict[tuple[object, ...], UnknownEnd] = {}
        self._key_of: dict[tuple[int, bool], tuple[object, ...]] = {}
        self._ids: dict[tuple[object, ...], str] = {}
        self.of_any_port: set[str] = set()
        sides = [(edge, server) for edge in edges for server in _missing(edge)]
        by_kind: dict[_Kind, list[tuple[TopologyEdge, bool]]] = defaultdict(list)
        for edge, server in sides:
            by_kind[_kind(edge, server, coarse=coarse)].append((edge, server))
        wide_keys = set()
        for kind, alike in by_kind.items():
            fold = _folded_coarsely if coarse else _folded
            for key, is_wide, edge, server in fold(kind, alike):
                self._key_of[id(edge), server] = key
                if is_wide:
                    wide_keys.add(key)
        free = (name for number in count(1) if (name := f"x{number}") not in taken)
        for edge, server in sides:
            key = self._key_of[id(edge), server]
            if key not in self._far:
                self._ids[key] = next(free)
                self._far[key] = UnknownEnd(
                    None if coarse else edge.remote_host,
                    _process(edge),
                    _why(edge, coarse=coarse),
                    _fold_name(edge, server) if coarse else None,
                )
            self._far[key].addresses.setdefault(_address(edge, server))
        self.of_any_port = {self._ids[key] for key in wide_keys}

    def id_of(self, edge: TopologyEdge, *, server: bool) -> str:
        """The id of an edge's end."""
        return self._ids[self._key_of[id(edge), server]]

    def ends(self) -> Mapping[str, UnknownEnd]:
        """All ends by id, in the order of the edges."""
        return {self._ids[key]: far for key, far in self._far.items()}


def _missing(edge: TopologyEdge) -> Iterable[bool]:
    """Which ends have no node: False the client's, True the server's."""
    return [side for side, node in ((False, edge.client), (True, edge.server)) if node is None]


def _kind(edge: TopologyEdge, server: bool, *, coarse: bool) -> _Kind:
    if coarse:
        return _Kind(
            peer=None,
            is_server=server,
            remote=edge.remote,
            host=None,
            process=_process(edge),
            note=_why(edge, coarse=True),
        )
    return _Kind(
        peer=edge.client if server else edge.server,
        is_server=server,
        remote=edge.remote,
        host=edge.remote_host,
        process=_process(edge),
        note=why_unknown(edge),
    )


_COARSELY: Mapping[str | None, str] = {
    None: "",
    "elsewhere": "not in the recordings",
    "absent": "not found on its host",
    "not-sent": "not sent",
    "undecided": "may not be sent",
    "ambiguous": "several processes match",
}


def _why(edge: TopologyEdge, *, coarse: bool) -> str:
    """Why an end is unknown; `coarse`: without host, process and reason."""
    return _COARSELY[edge.remote] if coarse else why_unknown(edge)


def _fold_name(edge: TopologyEdge, server: bool) -> str:
    """The service port of an unknown server, the network of an unknown client."""
    if server:
        udp = "/udp" if edge.protocol == "udp" else ""
        return f":{edge.server_port}{udp}"
    return f"{edge.client_ip.rpartition('.')[0]}.0/24"


def _folded_coarsely(kind: _Kind, alike: Sequence[tuple[TopologyEdge, bool]]) -> Iterable[_Keyed]:
    """As `_folded`, for many hosts: one vertex for each service port, or network of clients; of
    very many networks, one for all."""
    names = {_fold_name(edge, server) for edge, server in alike if not server}
    one_network = len(names) > _NETWORKS
    for edge, server in alike:
        key: tuple[object, ...]
        if kind.process is not None:
            key = (kind,)
        elif server or not one_network:
            key = (kind, _fold_name(edge, server))
        else:
            key = (kind, "all networks")
        yield key, False, edge, server


def _process(edge: TopologyEdge) -> str | None:
    """The process that holds the end; a process that only listens there need not hold it."""
    return edge.remote_process if edge.remote in ("not-sent", "undecided") else None


def _address(edge: TopologyEdge, server: bool) -> str:
    """The address; without the port for a client, whose port changes with each connection."""
    return f"{edge.server_ip}:{edge.server_port}" if server else edge.client_ip


def _folded(kind: _Kind, alike: Sequence[tuple[TopologyEdge, bool]]) -> Iterable[_Keyed]:
    """The vertex of each of these ends: its key, whether ports are folded too, and the end."""
    if kind.process is not None:
        # The same process at other nodes is the same vertex.
        same = (kind.host, kind.process, kind.remote, kind.note)
        return [(same, False, edge, server) for edge, server in alike]
    addresses: dict[tuple[str, int], set[str]] = defaultdict(set)
    for edge, server in alike:
        addresses[edge.protocol, edge.server_port].add(_address(edge, server))
    keyed: list[_Keyed] = []
    for edge, server in alike:
        at = (edge.protocol, edge.server_port)
        key: tuple[object, ...]
        if len(addresses[at]) > PER_PORT:
            key = (kind, *at)
        else:
            key = (kind._replace(peer=None), _address(edge, server))
        keyed.append((key, False, edge, server))
    if len({key for key, *_ in keyed}) > PER_NODE:
        return [((kind,), True, edge, server) for edge, server in alike]
    return keyed
