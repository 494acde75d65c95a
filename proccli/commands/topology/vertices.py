"""The graph to draw: nodes, ends without a node, and the connections between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from proccli.commands.topology.topology_unknown import UnknownEnds
from proccli.commands.topology.words import why_unknown
from proccli.model.sockets import Protocol
from proccli.model.topology import Certainty, Topology, TopologyEdge, TopologyNode

DrawnCertainty: TypeAlias = Certainty | Literal["mixed"]


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
class Strand:
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
    """All strands from one vertex to another, drawn as one line."""

    client: Vertex
    server: Vertex
    strands: tuple[Strand, ...]

    @property
    def connections(self) -> int:
        """Number of connections of all strands."""
        return sum(strand.connections for strand in self.strands)

    @property
    def certainty(self) -> DrawnCertainty:
        """The certainty of all strands, or `mixed` if they differ."""
        kinds = {strand.certainty for strand in self.strands}
        return kinds.pop() if len(kinds) == 1 else "mixed"

    @property
    def ports(self) -> tuple[tuple[str, int], ...]:
        """Protocol and port of the server without duplicates, the busiest first."""
        found = ((s.protocol, port) for s in self.strands for port in s.ports)
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Vertices in the order of the nodes, then of the edges; links by number of connections."""

    vertices: tuple[Vertex, ...]
    strands: tuple[Strand, ...]
    links: tuple[Link, ...]
    quieter: int = 0
    """Number of strands that are left out because there are too many."""


def picture(result: Topology, most: int | None = None) -> Picture:
    """The vertices, strands and links of a topology; with `most`, only the busiest strands."""
    unknown = UnknownEnds(result.edges, taken={node.id for node in result.nodes})
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
            why_unknown(edge),
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


def _strand(client: Vertex, server: Vertex, note: str, edges: Sequence[TopologyEdge]) -> Strand:
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
