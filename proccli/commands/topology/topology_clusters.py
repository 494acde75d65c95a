"""Vertices grouped by host, for formats that draw a frame around each host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proccli.commands.topology.vertices import Vertex
from proccli.commands.topology.words import left_out_text, total_text
from proccli.model.topology import Topology


def by_host(
    result: Topology, vertices: Iterable[Vertex]
) -> Sequence[tuple[str | None, Sequence[Vertex]]]:
    """Each host with its vertices, in the order of the hosts; None, last, for the others.

    If each node is a host, frames are useless: then all vertices are in the last group.
    """
    hosts: dict[str | None, list[Vertex]] = {host.name: [] for host in result.hosts}
    others = []
    for vertex in vertices:
        if vertex.host is None or (vertex.node is not None and result.group_by == "host"):
            others.append(vertex)
        else:
            hosts.setdefault(vertex.host, []).append(vertex)
    return [(host, inside) for host, inside in [*hosts.items(), (None, others)] if inside]


def vertex_lines(vertex: Vertex) -> Sequence[str]:
    """The label of a vertex and, if it is unknown, the reason."""
    return (vertex.label, vertex.note) if vertex.note else (vertex.label,)


def caption(result: Topology) -> Sequence[str]:
    """The totals, and what was left out."""
    left_out = left_out_text(result.left_out)
    return (total_text(result), left_out) if left_out else (total_text(result),)
