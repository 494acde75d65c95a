"""A topology as a self-contained SVG file: a drawing, a legend, and notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proccli.commands.topology.drawing.elements import LINE_TEXT, MOST, Drawing, dense, drawing
from proccli.commands.topology.drawing.lines import NOTE, width, written
from proccli.commands.topology.drawing.theme import DARK, LIGHT, concrete, drawing_css
from proccli.commands.topology.vertices import DrawnCertainty, DrawnGraph, drawn_graph
from proccli.commands.topology.words import left_out_text, nothing_text, spread_text, total_text
from proccli.model.topology import Topology
from proccli.terminal.lines import plain, wrapped

_MARGIN = 24.0
_TITLE = 46.0
_LINE = 18.0
_NARROWEST = 560.0
_SAMPLE = 40.0

_PAGE_CSS = """\
.page { fill: var(--page); }
.drawing .title, .drawing .caption { font-family: system-ui, "Segoe UI", sans-serif; }
.drawing .title { font-size: 17px; font-weight: 600; }
.drawing .caption { font-size: 11.5px; fill: var(--dim); }
"""


def topology_svg(result: Topology) -> bytes:
    """The file in UTF-8. Its colours follow the light or dark theme of the viewer."""
    shown = drawn_graph(result, MOST)
    drawn = drawing(result, shown)
    wide = max(drawn.width, _NARROWEST)
    below = list(_below(result, shown, wide, _TITLE + _MARGIN + drawn.height + 30))
    high = _TITLE + _MARGIN * 2 + drawn.height + 30 + len(below) * _LINE
    size = (round(wide + 2 * _MARGIN, 1), round(high, 1))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}"'
        f' width="{size[0]}" height="{size[1]}" class="drawing{dense(shown)}" role="img">'
    )
    title = written(total_text(result))
    parts = (
        head,
        f"<title>{title}</title>",
        f"<style>{_css()}</style>",
        f'<rect class="page" width="{size[0]}" height="{size[1]}"/>',
        f'<text class="title" x="{_MARGIN}" y="{_MARGIN + 14}">{title}</text>',
        _body(drawn, result),
        *below,
        "</svg>",
    )
    return "".join(f"{part}\n" for part in parts).encode()


def _css() -> str:
    rules = drawing_css() + _PAGE_CSS
    dark = concrete(rules, DARK)
    return f"\n{concrete(rules, LIGHT)}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


def _body(drawn: Drawing, result: Topology) -> str:
    top = _TITLE + _MARGIN / 2
    if not result.edges:
        words = nothing_text(result).capitalize()
        return f'<text class="caption" x="{_MARGIN}" y="{top + 10}">{words}.</text>'
    return f'<g transform="translate({_MARGIN} {top})">\n{drawn.body}\n</g>'


def _below(result: Topology, shown: DrawnGraph, wide: float, top: float) -> Iterator[str]:
    """The legend and the notes below the drawing."""
    y = top
    for kind in kinds(shown):
        yield (
            f'<g class="link {kind}"><path class="line" stroke-width="2"'
            f' d="M{_MARGIN} {y - 4:.1f}h{_SAMPLE}"/></g>'
            f'<text class="caption" x="{_MARGIN + _SAMPLE + 10}" y="{y:.1f}">'
            f"{LINE_TEXT[kind]}</text>"
        )
        y += _LINE
    room = int(wide / width("m", NOTE))
    for text in drawing_notes(result, shown):
        for line in wrapped(plain(text), room):
            words = "".join(piece for piece, _ in line)
            yield f'<text class="caption" x="{_MARGIN}" y="{y:.1f}">{written(words)}</text>'
            y += _LINE


def kinds(shown: DrawnGraph) -> Sequence[DrawnCertainty]:
    """The kinds of lines in a graph, from the most certain."""
    found = {link.certainty for link in shown.links}
    return [kind for kind in LINE_TEXT if kind in found]


def drawing_notes(result: Topology, shown: DrawnGraph) -> Sequence[str]:
    """How to read a drawing, and what it does not show."""
    notes = []
    if shown.links:
        notes.append(
            "Lines lead from the client to the server and are thicker for more connections;"
            " the number after the colon is the server port."
        )
    if any(vertex.node is None for vertex in shown.vertices):
        notes.append("A dashed box is an end whose process is unknown, with the reason.")
    left_out, spread = left_out_text(result.left_out), spread_text(result.hosts)
    return [
        *notes,
        *([quieter_text(shown)] if shown.quieter else []),
        *([f"{left_out}."] if left_out else []),
        *([f"The hosts were {spread}."] if spread else []),
    ]


def quieter_text(shown: DrawnGraph) -> str:
    """How many lines are not drawn; empty if all are."""
    if not shown.quieter:
        return ""
    return (
        f"Only the {len(shown.bundles):,} busiest lines are shown, and {shown.quieter:,} others are"
        " left out; -o json has all of them."
    )
