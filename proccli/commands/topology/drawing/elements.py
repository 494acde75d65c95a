"""A topology as the elements of an SVG drawing: frames of hosts, lines, boxes, labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from proccli.commands.topology.drawing.layout import (
    Box,
    Frame,
    Layout,
    Spacing,
    Spot,
    Wire,
    laid_out,
)
from proccli.commands.topology.drawing.lines import (
    NAME,
    NOTE,
    Label,
    Rect,
    Room,
    Size,
    fitted,
    head,
    paragraphs,
    path,
    placed_label,
    width,
    written,
)
from proccli.commands.topology.drawing.theme import HUES
from proccli.commands.topology.vertices import (
    DrawnCertainty,
    DrawnGraph,
    Link,
    Vertex,
    link_label,
    thickness,
)
from proccli.commands.topology.words import port_text
from proccli.model.topology import Certainty, Topology, TopologyNode
from proccli.text import counted

_HEIGHT = 42.0
_PADDING = 11.0
_NARROWEST = 108.0
_SHOWN_PIDS = 8
_SPOKEN = Size(px=NAME.px, cells=120)
"""Size of names in the titles of lines; the titles of boxes have them in full."""
DENSE = 120
"""With more lines than this, lines are fainter and only the busiest have labels at first."""
_LABELLED = 40
MOST = 5_000
"""Maximum number of drawn lines: more take a browser seconds and are not readable."""
SPACING = Spacing()

FOUND_AT: Mapping[Certainty, str] = {
    "both-ends": "both ends",
    "client-end": "the client end only",
    "server-end": "the server end only",
}
"""The ends at which connections were found, from the most certain."""
LINE_TEXT: Mapping[DrawnCertainty, str] = {
    **{certainty: f"seen at {ends}" for certainty, ends in FOUND_AT.items()},
    "mixed": "some seen at both ends, some at one end",
}
"""The meaning of each line style, from the most certain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The child elements of an `svg` element, and their size in pixels."""

    body: str
    width: float
    height: float


def drawing(result: Topology, shown: DrawnGraph) -> Drawing:
    """The drawing of a graph; deterministic."""
    notes = {vertex.id: _note(vertex, result) for vertex in shown.vertices}
    number = {vertex.id: at for at, vertex in enumerate(shown.vertices)}
    boxes = [_box(vertex, notes[vertex.id], result) for vertex in shown.vertices]
    wires = [
        Wire(number[link.client.id], number[link.server.id], link.connections)
        for link in shown.links
    ]
    labels = [link_label(link) for link in shown.links]
    layout = laid_out(boxes, wires, SPACING, [width(label, NOTE) for label in labels])
    colours = host_colours(result, shown.vertices)
    room = Room(_taken(layout))
    placed = [
        placed_label(label, route, room, is_wanted=at < _LABELLED or len(labels) <= DENSE)
        for at, (label, route) in enumerate(zip(labels, layout.routes, strict=True))
    ]
    body = [
        _group("frames", (_frame(frame, colours) for frame in layout.frames)),
        _group("links", _links(shown.links, layout)),
        _group(
            "vertices",
            (
                _vertex(vertex, notes[vertex.id], spot)
                for vertex, spot in zip(shown.vertices, layout.spots, strict=True)
            ),
        ),
        _group("labels", (_label(at, label) for at, label in enumerate(placed))),
    ]
    return Drawing(body="\n".join(body), width=layout.width, height=layout.height)


def dense(shown: DrawnGraph) -> str:
    """The CSS class of drawings with many lines, after a space; else empty."""
    return " dense" if len(shown.links) > DENSE else ""


def host_colours(result: Topology, vertices: Iterable[Vertex]) -> Mapping[str, int]:
    """The number of each host's colour; colours repeat if there are many hosts."""
    names = [host.name for host in result.hosts]
    names += [vertex.host for vertex in vertices if vertex.host is not None]
    return {name: at % len(HUES) for at, name in enumerate(dict.fromkeys(names))}


def _box(vertex: Vertex, note: str, result: Topology) -> Box:
    wide = max(width(fitted(vertex.label, NAME), NAME), width(fitted(note, NOTE), NOTE))
    grouped = vertex.node is None or vertex.label != vertex.host or result.group_by != "host"
    return Box(
        width=max(round(wide + 2 * _PADDING, 1), _NARROWEST),
        height=_HEIGHT,
        group=vertex.host if grouped else None,
        kind=None if vertex.node is None else vertex.label,
    )


def _note(vertex: Vertex, result: Topology) -> str:
    """The second line of a box: the processes and their tags, or why the process is unknown."""
    node = vertex.node
    if node is None:
        return vertex.note
    several = counted(len(node.hosts), "host") if node.hosts else "several hosts"
    parts = [] if node.host is not None else [several]
    if result.group_by != "pid":
        few = len(node.pids) == 1
        parts.append(f"pid {node.pids[0]}" if few else counted(len(node.pids), "process"))
    if node.gprocesses != (1, 1):
        parts.append(gprocesses_text(node))
    if node.tags:
        parts.append(" ".join(f"{key}={value}" for key, value in node.tags))
    return " · ".join(parts)


def _taken(layout: Layout) -> Iterator[Rect]:
    for spot in layout.spots:
        yield Rect(spot.x, spot.y, spot.x + spot.width, spot.y + spot.height)
    for frame in layout.frames:
        yield Rect(frame.x, frame.y, frame.x + frame.width, frame.y + frame.height)


def _group(name: str, elements: Iterable[str]) -> str:
    return "\n".join((f'<g class="{name}">', *elements, "</g>"))


def _frame(frame: Frame, colours: Mapping[str, int]) -> str:
    title = fitted(frame.group, NAME, frame.width - 2 * _PADDING)
    return (
        f'<g class="frame h{colours[frame.group]}"><title>{written(frame.group)}</title>'
        f'<rect x="{frame.x}" y="{frame.y}" width="{frame.width}" height="{frame.height}" rx="9"/>'
        f'<text x="{frame.x + _PADDING}" y="{frame.y + 16:.1f}">{written(title)}</text></g>'
    )


def _links(links: Sequence[Link], layout: Layout) -> Iterator[str]:
    # The busiest is drawn last, above the others; its number stays that of its place in the list.
    for at in range(len(links) - 1, -1, -1):
        link, route = links[at], layout.routes[at]
        line = thickness(link.connections)
        yield (
            f'<g class="link {link.certainty}" data-link="{at}" data-client="{link.client.id}"'
            f' data-server="{link.server.id}"><title>{link_title(link)}</title>'
            f'<path class="line" stroke-width="{line}" d="{path(route)}"/>'
            f'<path class="head" d="{head(route, line)}"/></g>'
        )


def link_title(link: Link) -> str:
    """The title of a line: everything except its addresses."""
    return paragraphs(
        " → ".join(fitted(label_with_host(end), _SPOKEN) for end in (link.client, link.server)),
        *(
            f"{port_text(bundle.protocol, bundle.port, len(bundle.ports))},"
            f" {counted(bundle.connections, 'connection')}, {LINE_TEXT[bundle.certainty]}"
            for bundle in link.bundles[:12]
        ),
        f"and {len(link.bundles) - 12:,} more" if len(link.bundles) > 12 else "",
    )


def label_with_host(vertex: Vertex) -> str:
    """The label of a vertex and its host: `nginx on web-1`."""
    same = vertex.host is None or vertex.host == vertex.label
    return vertex.label if same else f"{vertex.label} on {vertex.host}"


def vertex_title(vertex: Vertex) -> str:
    """The title of a box: everything except a long list of addresses."""
    node = vertex.node
    if node is None:
        more = len(vertex.addresses) - _SHOWN_PIDS
        listed = ", ".join(vertex.addresses[:_SHOWN_PIDS])
        return paragraphs(
            label_with_host(vertex),
            vertex.note,
            f"{listed} and {more:,} more" if more > 0 else listed,
        )
    return paragraphs(
        label_with_host(vertex),
        pids_text(node),
        f"on the server: {gprocesses_text(node)}",
        *(f"os.app.{key}: {value}" for key, value in node.tags or ()),
    )


def pids_text(node: TopologyNode) -> str:
    """`pid 4242`, or the first few of many pids."""
    more = len(node.pids) - _SHOWN_PIDS
    listed = ", ".join(str(pid) for pid in node.pids[:_SHOWN_PIDS])
    return f"pid {listed}" + (f" and {more:,} more" if more > 0 else "")


def gprocesses_text(node: TopologyNode) -> str:
    """How many gprocesses a node is on the server: `2 gprocesses`, `1 to 3 gprocesses`."""
    least, most = node.gprocesses
    many = counted(most, "gprocess")
    return many if least == most else f"{least:,} to {many}"


def _vertex(vertex: Vertex, note: str, spot: Spot) -> str:
    kind = "far" if vertex.node is None else "known"
    radius = spot.height / 2 if vertex.node is None else 7
    left = spot.x + _PADDING
    inside = spot.width - 2 * _PADDING
    host = "" if vertex.host is None else f' data-host="{written(vertex.host)}"'
    return (
        f'<g class="vertex {kind}" data-vertex="{vertex.id}"{host}>'
        f"<title>{vertex_title(vertex)}</title>"
        f'<rect class="box" x="{spot.x}" y="{spot.y}" width="{spot.width}"'
        f' height="{spot.height}" rx="{radius:g}"/>'
        f'<text class="name" x="{left:.1f}" y="{spot.y + 18:.1f}">'
        f"{written(fitted(vertex.label, NAME, inside))}</text>"
        f'<text class="note" x="{left:.1f}" y="{spot.y + 33:.1f}">'
        f"{written(fitted(note, NOTE, inside))}</text></g>"
    )


def _label(at: int, label: Label) -> str:
    crowded = " crowded" if label.is_crowded else ""
    return (
        f'<text class="label{crowded}" data-link="{at}" x="{label.at.x}" y="{label.at.y + 4:.1f}">'
        f"{written(label.text)}</text>"
    )
