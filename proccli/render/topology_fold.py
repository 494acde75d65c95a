"""What there is to draw: nodes, ends without a node, and the connections between each two.

Ends that are not known have only an address. A server on the Internet has thousands of those, so
where many of a kind talk to one port of one node, they are one vertex: `500 addresses`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Literal, NamedTuple, TypeAlias

from proccli.model import Certainty, Edge, Node, Protocol, Topology
from proccli.render.topology_words import why_unknown
from proccli.render.words import counted

Sureness: TypeAlias = Certainty | Literal["mixed"]

PER_PORT = 3
"""Addresses at one port of one node that are still shown one by one."""
PER_NODE = 8
"""Unknown vertices of one kind beside one node, before those become one, whatever the port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vertex:
    """A node, or an end of connections that has none."""

    id: str
    """That of the node; `x1`, `x2` for the others."""
    label: str
    note: str
    """Why it is not known; empty for a node."""
    host: str | None
    """For the others: the host that has the address, if it is one of the sources'."""
    node: Node | None
    addresses: tuple[str, ...] = ()
    """Of an end that has no node, in the order of the edges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strand:
    """Connections between two vertices that are alike but for their addresses."""

    client: Vertex
    server: Vertex
    protocol: Protocol
    ports: tuple[int, ...]
    """Of the server; more than one only where addresses are folded."""
    certainty: Certainty
    note: str
    """Why an end is not known; empty for `both-ends`."""
    connections: int
    edges: tuple[Edge, ...]

    @property
    def port(self) -> int | None:
        """The only one, or None."""
        return self.ports[0] if len(self.ports) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """All strands from one vertex to another: one line of a drawing."""

    client: Vertex
    server: Vertex
    strands: tuple[Strand, ...]

    @property
    def connections(self) -> int:
        """Of all strands."""
        return sum(strand.connections for strand in self.strands)

    @property
    def certainty(self) -> Sureness:
        """That of all strands, if they agree."""
        kinds = {strand.certainty for strand in self.strands}
        return kinds.pop() if len(kinds) == 1 else "mixed"

    @property
    def ports(self) -> tuple[tuple[str, int], ...]:
        """Protocol and port of the server, each once, the busiest first."""
        found = ((s.protocol, port) for s in self.strands for port in s.ports)
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Vertices in the order of the nodes, then of the edges; links from the busiest down."""

    vertices: tuple[Vertex, ...]
    strands: tuple[Strand, ...]
    links: tuple[Link, ...]
    quieter: int = 0
    """Strands that are not among them, because there are too many."""


class _Kind(NamedTuple):
    """What unknown ends must share to be one vertex."""

    peer: str | None
    is_server: bool
    remote: str | None
    host: str | None
    process: str | None
    note: str


def picture(result: Topology, most: int | None = None) -> Picture:
    """The vertices, strands and links of a topology; only the busiest strands, if not all."""
    unknown = _Unknown(result.edges, taken={node.id for node in result.nodes})
    known = {
        node.id: Vertex(id=node.id, label=node.label, note="", host=node.host, node=node)
        for node in result.nodes
    }
    gathered: dict[tuple[str, str, str, int | None, str, str], list[Edge]] = defaultdict(list)
    for edge in result.edges:
        client = edge.client if edge.client is not None else unknown.vertex_of(edge, server=False)
        server = edge.server if edge.server is not None else unknown.vertex_of(edge, server=True)
        wide = {client, server} & unknown.of_any_port
        key = (
            client,
            server,
            edge.protocol,
            None if wide else edge.server_port,
            edge.certainty,
            why_unknown(edge),
        )
        gathered[key].append(edge)
    vertices = known | unknown.vertices()
    strands = [
        _strand(vertices[client], vertices[server], note, edges)
        for (client, server, _, _, _, note), edges in gathered.items()
    ]
    strands.sort(key=lambda strand: -strand.connections)
    shown = strands[:most]
    if len(shown) < len(strands):
        used = {end.id for strand in shown for end in (strand.client, strand.server)}
        vertices = {name: vertex for name, vertex in vertices.items() if name in used}
    return Picture(
        vertices=tuple(vertices.values()),
        strands=tuple(shown),
        links=_links(shown),
        quieter=len(strands) - len(shown),
    )


def _strand(client: Vertex, server: Vertex, note: str, edges: Sequence[Edge]) -> Strand:
    first = edges[0]
    return Strand(
        client=client,
        server=server,
        protocol=first.protocol,
        ports=tuple(dict.fromkeys(edge.server_port for edge in edges)),
        certainty=first.certainty,
        note=note,
        connections=sum(edge.connections for edge in edges),
        edges=tuple(edges),
    )


def _links(strands: Iterable[Strand]) -> tuple[Link, ...]:
    between: dict[tuple[str, str], list[Strand]] = defaultdict(list)
    for strand in strands:
        between[strand.client.id, strand.server.id].append(strand)
    links = (
        Link(client=alike[0].client, server=alike[0].server, strands=tuple(alike))
        for alike in between.values()
    )
    return tuple(sorted(links, key=lambda link: -link.connections))


@dataclass(slots=True)
class _Far:
    """Ends that are shown as one vertex."""

    host: str | None
    process: str | None
    note: str
    addresses: dict[str, None] = field(default_factory=dict)

    def label(self) -> str:
        if self.process is not None:
            return self.process or '""'
        if len(self.addresses) == 1:
            return next(iter(self.addresses))
        (ip, *more) = dict.fromkeys(address.partition(":")[0] for address in self.addresses)
        return counted(len(more) + 1, "address") if more else ip


class _Unknown:
    """Gives each end without a node its vertex: processes first, then addresses, folded."""

    def __init__(self, edges: Iterable[Edge], taken: set[str]) -> None:
        self._far: dict[tuple[object, ...], _Far] = {}
        self._key_of: dict[tuple[int, bool], tuple[object, ...]] = {}
        self._ids: dict[tuple[object, ...], str] = {}
        self.of_any_port: set[str] = set()
        sides = [(edge, server) for edge in edges for server in _missing(edge)]
        by_kind: dict[_Kind, list[tuple[Edge, bool]]] = defaultdict(list)
        for edge, server in sides:
            by_kind[_kind(edge, server)].append((edge, server))
        wide_keys = set()
        for kind, alike in by_kind.items():
            for key, is_wide, edge, server in _folded(kind, alike):
                self._key_of[id(edge), server] = key
                if is_wide:
                    wide_keys.add(key)
        free = (name for number in count(1) if (name := f"x{number}") not in taken)
        for edge, server in sides:
            key = self._key_of[id(edge), server]
            if key not in self._far:
                self._ids[key] = next(free)
                self._far[key] = _Far(edge.remote_host, _process(edge), why_unknown(edge))
            self._far[key].addresses.setdefault(_address(edge, server))
        self.of_any_port = {self._ids[key] for key in wide_keys}

    def vertex_of(self, edge: Edge, *, server: bool) -> str:
        return self._ids[self._key_of[id(edge), server]]

    def vertices(self) -> dict[str, Vertex]:
        return {
            self._ids[key]: Vertex(
                id=self._ids[key],
                label=far.label(),
                note=far.note,
                host=far.host,
                node=None,
                addresses=tuple(far.addresses),
            )
            for key, far in self._far.items()
        }


def _missing(edge: Edge) -> Iterable[bool]:
    """Which ends have no node: False the client's, True the server's."""
    return [side for side, node in ((False, edge.client), (True, edge.server)) if node is None]


def _kind(edge: Edge, server: bool) -> _Kind:
    return _Kind(
        peer=edge.client if server else edge.server,
        is_server=server,
        remote=edge.remote,
        host=edge.remote_host,
        process=_process(edge),
        note=why_unknown(edge),
    )


def _process(edge: Edge) -> str | None:
    """The process that holds the end. Who merely listens there is not known to hold it."""
    return edge.remote_process if edge.remote in ("not-sent", "undecided") else None


def _address(edge: Edge, server: bool) -> str:
    """A client's port changes with each connection, so it says nothing."""
    return f"{edge.server_ip}:{edge.server_port}" if server else edge.client_ip


_Keyed: TypeAlias = tuple[tuple[object, ...], bool, Edge, bool]


def _folded(kind: _Kind, alike: Sequence[tuple[Edge, bool]]) -> Iterable[_Keyed]:
    """The vertex of each of these ends: its key, whether ports are folded too, and the end."""
    if kind.process is not None:
        # The same process beside other nodes is the same vertex.
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
