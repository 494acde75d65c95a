"""A topology in Graphviz' language DOT."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from proccli.commands.topology.drawing.lines import link_label, thickness
from proccli.commands.topology.topology_clusters import by_host, caption, vertex_lines
from proccli.commands.topology.vertices import DrawnCertainty, Link, Vertex, picture
from proccli.model.topology import Topology
from proccli.text import visible

_STYLES: dict[DrawnCertainty, str] = {
    "both-ends": "solid",
    "client-end": "dashed",
    "server-end": "dotted",
    "mixed": "dashed",
}


def topology_dot(result: Topology) -> bytes:
    """In UTF-8: a digraph with a cluster for each host; ids of nodes are those of the JSON."""
    shown = picture(result)
    lines = _lines(result, shown.vertices, shown.links)
    return "".join(f"{line}\n" for line in lines).encode()


def _lines(result: Topology, vertices: Iterable[Vertex], links: Iterable[Link]) -> Iterator[str]:
    yield "digraph topology {"
    yield f"  graph [rankdir=LR, labelloc=b, labeljust=l, label={_label(*caption(result))}]"
    yield '  node [shape=box, style=rounded, fontname="Helvetica"]'
    yield '  edge [fontname="Helvetica", fontsize=10]'
    for number, (host, inside) in enumerate(by_host(result, vertices)):
        if host is not None:
            yield f"  subgraph cluster_{number} {{"
            yield f'    graph [label={_label(host)}, style="rounded,filled", color="#dfe5ee"]'
        indent = "  " if host is None else "    "
        for vertex in inside:
            yield f"{indent}{_quoted(vertex.id)} [{_vertex(vertex)}]"
        if host is not None:
            yield "  }"
    for link in links:
        ends = f"{_quoted(link.client.id)} -> {_quoted(link.server.id)}"
        yield (
            f"  {ends} [label={_label(link_label(link))}, style={_STYLES[link.certainty]},"
            f" penwidth={thickness(link.connections):g}]"
        )
    yield "}"


def _vertex(vertex: Vertex) -> str:
    look = ' style="rounded,filled", fillcolor=white' if vertex.node else ' style="rounded,dashed"'
    return f"label={_label(*vertex_lines(vertex))},{look}"


def _label(*lines: str) -> str:
    """A quoted label; escapes the text, because Graphviz interprets `\\N` and `&amp;`."""
    text = "\n".join(
        visible(line).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
        for line in lines
    )
    return '"' + text.replace("\n", "\\n") + '"'


def _quoted(identity: str) -> str:
    """A quoted id; ids consist of letters, digits and dots."""
    return f'"{identity}"'
