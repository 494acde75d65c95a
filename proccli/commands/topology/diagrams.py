"""A topology as a diagram in text form: Graphviz' language DOT, or a Mermaid flowchart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from proccli.commands.topology.vertices import (
    DrawnCertainty,
    DrawnGraph,
    Link,
    Vertex,
    drawn_graph,
    link_label,
    thickness,
)
from proccli.commands.topology.words import left_out_text, total_text
from proccli.model.note import Note
from proccli.model.topology import Topology
from proccli.text import visible

_DOT_STYLES: dict[DrawnCertainty, str] = {
    "both-ends": "solid",
    "client-end": "dashed",
    "server-end": "dotted",
    "mixed": "dashed",
}
MAX_MERMAID_EDGES = 500
MAX_MERMAID_TEXT = 50_000
"""Default limits of Mermaid, in lines and characters; `maxEdges` and `maxTextSize` raise them."""

_ARROWS: dict[DrawnCertainty, str] = {
    "both-ends": "-->",
    "client-end": "-.->",
    "server-end": "-.->",
    "mixed": "-.->",
}
_SPECIAL = re.compile(r"[^A-Za-z0-9 \u0080-\U0010ffff]")
_INNER_PUNCTUATION = re.compile(r"(?<=[A-Za-z0-9])[/,.-](?=[A-Za-z0-9])")
"""Punctuation inside words, which has no meaning in Mermaid and Markdown."""


def topology_dot(result: Topology) -> bytes:
    """In UTF-8: a digraph with a cluster for each host; ids of nodes are those of the JSON."""
    shown = drawn_graph(result)
    lines = _dot_lines(result, shown.vertices, shown.links)
    return "".join(f"{line}\n" for line in lines).encode()


def _dot_lines(
    result: Topology, vertices: Iterable[Vertex], links: Iterable[Link]
) -> Iterator[str]:
    yield "digraph topology {"
    yield f"  graph [rankdir=LR, labelloc=b, labeljust=l, label={_dot_label(*_caption(result))}]"
    yield '  node [shape=box, style=rounded, fontname="Helvetica"]'
    yield '  edge [fontname="Helvetica", fontsize=10]'
    for number, (host, inside) in enumerate(_by_host(result, vertices)):
        if host is not None:
            yield f"  subgraph cluster_{number} {{"
            yield f'    graph [label={_dot_label(host)}, style="rounded,filled", color="#dfe5ee"]'
        indent = "  " if host is None else "    "
        for vertex in inside:
            yield f"{indent}{_quoted(vertex.id)} [{_dot_vertex(vertex)}]"
        if host is not None:
            yield "  }"
    for link in links:
        ends = f"{_quoted(link.client.id)} -> {_quoted(link.server.id)}"
        yield (
            f"  {ends} [label={_dot_label(link_label(link))}, style={_DOT_STYLES[link.certainty]},"
            f" penwidth={thickness(link.connections):g}]"
        )
    yield "}"


def _dot_vertex(vertex: Vertex) -> str:
    style = 'style="rounded,filled", fillcolor=white' if vertex.node else 'style="rounded,dashed"'
    return f"label={_dot_label(*_vertex_lines(vertex))}, {style}"


def _dot_label(*lines: str) -> str:
    """A quoted label; escapes the text, because Graphviz interprets `\\N` and `&amp;`."""
    text = "\n".join(
        visible(line).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
        for line in lines
    )
    return '"' + text.replace("\n", "\\n") + '"'


def _quoted(identity: str) -> str:
    """A quoted id; ids consist of letters, digits and dots."""
    return f'"{identity}"'


def topology_mermaid(result: Topology) -> bytes:
    """A flowchart in UTF-8, from left to right, with a subgraph for each host."""
    links, text = _mermaid(result)
    if links > MAX_MERMAID_EDGES or len(text) > MAX_MERMAID_TEXT:
        text = (
            f"%% {links:,} lines in {len(text):,} characters: Mermaid draws at"
            f" most {MAX_MERMAID_EDGES} in {MAX_MERMAID_TEXT:,} unless maxEdges and maxTextSize"
            " are raised\n"
            f"{text}"
        )
    return text.encode()


def mermaid_notes(result: Topology) -> Sequence[Note]:
    """A warning if Mermaid draws the flowchart only with other than its default limits."""
    links, text = _mermaid(result)
    if links <= MAX_MERMAID_EDGES and len(text) <= MAX_MERMAID_TEXT:
        return ()
    return (
        Note.of(
            "mermaid-limits",
            lines=links,
            characters=len(text),
            most_lines=MAX_MERMAID_EDGES,
            most_characters=MAX_MERMAID_TEXT,
        ),
    )


def _mermaid(result: Topology) -> tuple[int, str]:
    """The number of lines to draw, and the flowchart."""
    shown = drawn_graph(result)
    return len(shown.links), "".join(f"{line}\n" for line in _mermaid_lines(result, shown))


def _mermaid_lines(result: Topology, shown: DrawnGraph) -> Iterator[str]:
    names = {vertex.id: f"v{number}" for number, vertex in enumerate(shown.vertices)}
    yield "flowchart LR"
    for number, (host, inside) in enumerate(_by_host(result, shown.vertices)):
        if host is not None:
            yield f"  subgraph h{number}[{_mermaid_text(host)}]"
        indent = "  " if host is None else "    "
        for vertex in inside:
            left, right = ("[", "]") if vertex.node else ("([", "])")
            yield f"{indent}{names[vertex.id]}{left}{_mermaid_text(*_vertex_lines(vertex))}{right}"
        if host is not None:
            yield "  end"
    for number, link in enumerate(shown.links):
        client, server = names[link.client.id], names[link.server.id]
        yield f"  {client} {_ARROWS[link.certainty]}|{_mermaid_text(link_label(link))}| {server}"
        width = thickness(link.connections)
        if width >= 2:
            yield f"  linkStyle {number} stroke-width:{width:g}px"
    far = [names[vertex.id] for vertex in shown.vertices if vertex.node is None]
    if far:
        yield "  classDef far stroke-dasharray:4 3"
        yield f"  class {','.join(far)} far"
    for line in _caption(result):
        yield f"  %% {visible(line)}"


def _mermaid_text(*lines: str) -> str:
    """Any text in quotes; characters special to Mermaid, Markdown or HTML become numeric codes."""
    return f'"{"<br/>".join(_coded(visible(line)) for line in lines)}"'


def _coded(text: str) -> str:
    if not text.strip():
        return "#8203;"  # a label must not be empty
    harmless = {found.start() for found in _INNER_PUNCTUATION.finditer(text)}
    return _SPECIAL.sub(
        lambda found: found[0] if found.start() in harmless else f"#{ord(found[0])};", text
    )


def _by_host(
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


def _vertex_lines(vertex: Vertex) -> Sequence[str]:
    """The label of a vertex and, if it is unknown, the reason."""
    return (vertex.label, vertex.note) if vertex.note else (vertex.label,)


def _caption(result: Topology) -> Sequence[str]:
    """The totals, and what was left out."""
    left_out = left_out_text(result.left_out)
    return (total_text(result), left_out) if left_out else (total_text(result),)
