"""A topology as a Mermaid flowchart."""

from __future__ import annotations

import re
from collections.abc import Iterator

from proccli.commands.topology.drawing.lines import link_label, thickness
from proccli.commands.topology.topology_clusters import by_host, caption, vertex_lines
from proccli.commands.topology.vertices import DrawnCertainty, Picture, picture
from proccli.model.topology import Topology
from proccli.text import visible

MOST_EDGES = 500
MOST_TEXT = 50_000
"""Default limits of Mermaid, which are raised with its `maxEdges` and `maxTextSize`."""

_ARROWS: dict[DrawnCertainty, str] = {
    "both-ends": "-->",
    "client-end": "-.->",
    "server-end": "-.->",
    "mixed": "-.->",
}
_SPEAKING = re.compile(r"[^A-Za-z0-9 \u0080-\U0010ffff]")
_WORDS = re.compile(r"(?<=[A-Za-z0-9])[/,.-](?=[A-Za-z0-9])")
"""Punctuation inside words, which has no meaning in Mermaid and Markdown."""


def topology_mermaid(result: Topology) -> bytes:
    """A flowchart in UTF-8, from left to right, with a subgraph for each host."""
    shown = picture(result)
    text = "".join(f"{line}\n" for line in _lines(result, shown))
    if len(shown.links) > MOST_EDGES or len(text) > MOST_TEXT:
        text = (
            f"%% {len(shown.links):,} lines in {len(text):,} characters: Mermaid draws at"
            f" most {MOST_EDGES} in {MOST_TEXT:,} unless maxEdges and maxTextSize are raised\n"
            f"{text}"
        )
    return text.encode()


def _lines(result: Topology, shown: Picture) -> Iterator[str]:
    names = {vertex.id: f"v{number}" for number, vertex in enumerate(shown.vertices)}
    yield "flowchart LR"
    for number, (host, inside) in enumerate(by_host(result, shown.vertices)):
        if host is not None:
            yield f"  subgraph h{number}[{_text(host)}]"
        indent = "  " if host is None else "    "
        for vertex in inside:
            left, right = ("[", "]") if vertex.node else ("([", "])")
            yield f"{indent}{names[vertex.id]}{left}{_text(*vertex_lines(vertex))}{right}"
        if host is not None:
            yield "  end"
    for number, link in enumerate(shown.links):
        client, server = names[link.client.id], names[link.server.id]
        yield f"  {client} {_ARROWS[link.certainty]}|{_text(link_label(link))}| {server}"
        width = thickness(link.connections)
        if width >= 2:
            yield f"  linkStyle {number} stroke-width:{width:g}px"
    far = [names[vertex.id] for vertex in shown.vertices if vertex.node is None]
    if far:
        yield "  classDef far stroke-dasharray:4 3"
        yield f"  class {','.join(far)} far"
    for line in caption(result):
        yield f"  %% {visible(line)}"


def _text(*lines: str) -> str:
    """Any text in quotes; characters special to Mermaid, Markdown or HTML become numeric codes."""
    return f'"{"<br/>".join(_coded(visible(line)) for line in lines)}"'


def _coded(text: str) -> str:
    if not text.strip():
        return "#8203;"  # a label must not be empty
    harmless = {found.start() for found in _WORDS.finditer(text)}
    return _SPEAKING.sub(
        lambda found: found[0] if found.start() in harmless else f"#{ord(found[0])};", text
    )
