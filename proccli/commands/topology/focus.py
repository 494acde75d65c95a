"""Parts of a large topology: the busiest connections, the neighbours of some processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Final

from proccli.model.topology import Topology, TopologyEdge, TopologyNode

COLLAPSED_FROM: Final = 31
"""Number of hosts from which a service is one node on all hosts, unless a grouping is given."""


def busiest(result: Topology, number: int) -> Topology:
    """Only the connections between the pairs of nodes that have most of them.

    An unknown end counts as one node for each port and protocol.
    """
    totals: Counter[tuple[object, ...]] = Counter()
    for edge in result.edges:
        totals[_pair(edge)] += edge.connections
    kept = {pair for pair, _ in totals.most_common(number)}
    return with_edges(result, (edge for edge in result.edges if _pair(edge) in kept))


def _pair(edge: TopologyEdge) -> tuple[object, ...]:
    port = edge.server_port if edge.client is None or edge.server is None else 0
    return edge.client, edge.server, edge.protocol, port


def near(result: Topology, globs: Sequence[str]) -> Topology:
    """Only the connections of the nodes that match a glob and of those that they are connected
    to."""
    chosen = {node.id for node in result.nodes if _matches(node, globs)}
    joined = set(chosen)
    for edge in result.edges:
        ends = {edge.client, edge.server}
        if ends & chosen:
            joined.update(end for end in ends if end is not None)
    return with_edges(
        result, (edge for edge in result.edges if {edge.client, edge.server} & joined)
    )


def _matches(node: TopologyNode, globs: Sequence[str]) -> bool:
    name = node.gprocess
    return name is not None and any(fnmatchcase(name, glob) for glob in globs)


def with_edges(result: Topology, edges: Iterable[TopologyEdge]) -> Topology:
    """The same with these edges and the nodes that they have."""
    kept = tuple(edges)
    used: Collection[str | None] = {end for edge in kept for end in (edge.client, edge.server)}
    return replace(
        result, edges=kept, nodes=tuple(node for node in result.nodes if node.id in used)
    )
