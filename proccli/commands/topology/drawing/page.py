"""A topology as a self-contained web page."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from proccli.cli.messages import condensed
from proccli.commands.topology.drawing.elements import LINE_TEXT, MOST, dense, drawing
from proccli.commands.topology.drawing.lines import ELLIPSIS, written
from proccli.commands.topology.drawing.page_data import page_data
from proccli.commands.topology.drawing.svg import drawing_notes, kinds, quieter_text
from proccli.commands.topology.drawing.theme import DARK, LIGHT, asset, drawing_css, variables
from proccli.commands.topology.vertices import DrawnGraph, EdgeBundle, Vertex, drawn_graph
from proccli.commands.topology.words import CERTAINTY, nothing_text, port_text, taken, total_text
from proccli.model.config import Config
from proccli.model.topology import Topology, TopologyHost
from proccli.terminal.lines import shorten
from proccli.text import counted

TITLE = "Process topology"
_HELP = "Drag to move, scroll to zoom, click for details. After a search, Enter selects the result."
_LONGEST = 240
"""Maximum width of a name in a row; the details show it in full."""
_HEADINGS = (
    ("Client", ""),
    ("Server", ""),
    ("Port", ' class="number"'),
    ("Connections", ' class="number"'),
    ("Seen at", ""),
    ("Peer", ""),
)
_SCRIPTS = ("stage.js", "table.js", "page.js", "main.js")


def topology_html(result: Topology) -> bytes:
    """The whole page, in UTF-8: the drawing with search, filters and details, and tables beneath.

    Its policy allows only its own scripts and no loading; names are always escaped text. Without
    scripts, the drawing and the tables are still shown.
    """
    shown = drawn_graph(result, MOST)
    style, script = _style(), _script()
    parts = (
        "<!doctype html>",
        '<html lang="en" class="no-js">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{TITLE}: {written(total_text(result))}</title>",
        f"<style>{style}</style>",
        "</head>",
        "<body>",
        *_body(result, shown),
        f'<script type="application/json" id="data">{page_data(result, shown)}</script>',
        f"<script>{script}</script>",
        "</body>",
        "</html>",
    )
    return "".join(f"{part}\n" for part in parts).encode()


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}';"
        " base-uri 'none'; form-action 'none'"
    )


def _digest(content: str) -> str:
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"


def _style() -> str:
    light, dark = variables(LIGHT), variables(DARK)
    not_light = ':root:not([data-theme="light"])'
    return "\n".join(
        (
            f":root {{ {light} }}",
            f"@media (prefers-color-scheme: dark) {{ {not_light} {{ {dark} }} }}",
            f':root[data-theme="dark"] {{ {dark} }}',
            # Repeated for specificity, so that paper is white with every theme.
            f"@media print {{ :root:root:root {{ {light} color-scheme: light; }} }}",
            drawing_css(),
            asset("page.css"),
        )
    )


def _script() -> str:
    parts = "\n".join(asset(name) for name in _SCRIPTS)
    return (
        '"use strict";\n(() => {\nconst byId = (id) => document.getElementById(id);\n'
        f'const data = JSON.parse(byId("data").textContent);\n{parts}}})();\n'
    )


def _body(result: Topology, shown: DrawnGraph) -> Iterator[str]:
    yield '<a class="skip" href="#connections">Skip to the table</a>'
    yield f'<header class="top"><div><h1>{TITLE}</h1><p>{written(total_text(result))}</p>'
    yield f"<p>{quieter_text(shown)}</p></div>" if shown.quieter else "</div>"
    yield '<button type="button" id="theme" value="system"></button></header>'
    yield "<main>"
    if shown.links:
        yield from _controls(result)
    yield from _stage(result, shown)
    if shown.links:
        yield '<section class="after">'
        yield '<h2 id="connections">Connections</h2>'
        yield connections_table(shown)
        yield '<p id="nothing" class="dim" hidden>No matches.</p>'
        yield "</section>"
    yield '<section class="after"><h2 id="hosts">Hosts</h2>'
    yield hosts_table(result)
    yield "</section>"
    yield "</main>"
    yield f"<footer>{''.join(f'<p>{written(text)}</p>' for text in _footnotes(result, shown))}"
    yield "</footer>"


def _controls(result: Topology) -> Iterator[str]:
    yield '<div class="controls" role="search" aria-label="Filters">'
    yield (
        '<div class="search"><label class="said" for="q">Search</label>'
        '<input type="search" id="q" autocomplete="off" autocapitalize="none" spellcheck="false"'
        ' placeholder="Name, host, tag, :port or address"><kbd aria-hidden="true">/</kbd></div>'
    )
    names = dict.fromkeys(host.name for host in result.hosts)
    options = "".join(f'<option value="{written(name)}">{written(name)}</option>' for name in names)
    yield (
        '<label class="said" for="host">Host</label>'
        f'<select id="host"><option value="">All hosts</option>{options}</select>'
    )
    yield '<div class="seen" role="group" aria-labelledby="seen"><span id="seen">Seen at</span>'
    for kind, words in CERTAINTY.items():
        yield (
            f'<label><input type="checkbox" name="seen" value="{kind}" checked autocomplete="off">'
            f"{written(words)}</label>"
        )
    yield "</div>"
    yield '<button type="button" id="clear" hidden>Show all</button>'
    yield '<output id="count" aria-live="polite"></output></div>'


def _stage(result: Topology, shown: DrawnGraph) -> Iterator[str]:
    yield '<figure class="stage">'
    if not shown.links:
        words = nothing_text(result).capitalize()
        yield f'<div class="canvas" id="canvas"><p class="none">{words}.</p></div></figure>'
        return
    drawn = drawing(result, shown)
    yield (
        '<div class="canvas" id="canvas" tabindex="0" role="application" aria-label="Drawing: arrow'
        ' keys move between boxes, Enter opens one, plus and minus zoom, 0 shows all">'
    )
    yield (
        f'<svg class="drawing{dense(shown)}" viewBox="0 0 {drawn.width} {drawn.height}"'
        f' width="{drawn.width}" height="{drawn.height}">'
    )
    yield drawn.body
    yield "</svg></div>"
    yield (
        '<div class="zoom" role="group" aria-label="Zoom">'
        '<button type="button" id="nearer" aria-label="Zoom in">+</button>'
        '<button type="button" id="farther" aria-label="Zoom out">−</button>'
        '<button type="button" id="fit">Show all</button></div>'
    )
    yield '<aside id="details" aria-label="Details" aria-live="polite" hidden></aside></figure>'
    yield '<div class="legend">'
    for kind in kinds(shown):
        yield (
            '<span><svg class="drawing" width="40" height="8" aria-hidden="true">'
            f'<g class="link {kind}"><path class="line" stroke-width="2" d="M0 4h40"/></g></svg>'
            f"{written(LINE_TEXT[kind])}</span>"
        )
    yield f'<span class="help">{_HELP}</span></div>'


def _footnotes(result: Topology, shown: DrawnGraph) -> Iterator[str]:
    yield from drawing_notes(result, shown)
    yield from condensed(result.notes)
    yield f"Created by proccli from {counted(len(result.hosts), 'host')}, {_basis(result.config)}."


def _basis(config: Config | None) -> str:
    if config is None:
        return "from the output of proccli sync"
    return (
        f"with {config.file or 'the default configuration'} as read by agent {config.agent}"
        f" ({config.dialect}, via {config.via})"
    )


def connections_table(shown: DrawnGraph) -> str:
    """A row for each bundle, in the order of the graph, with the number of its link.

    ARIA roles are explicit, because a narrow screen shows rows as cards.
    """
    place = {(link.client.id, link.server.id): at for at, link in enumerate(shown.links)}
    headings = "".join(
        f'<th scope="col" role="columnheader"{kind}><button type="button">{name}</button></th>'
        for name, kind in _HEADINGS
    )
    return "\n".join(
        (
            '<table id="table" class="cards" role="table" aria-labelledby="connections">',
            f'<thead role="rowgroup"><tr role="row">{headings}</tr></thead>',
            '<tbody role="rowgroup">',
            *(
                _bundle_row(bundle, place[bundle.client.id, bundle.server.id])
                for bundle in shown.bundles
            ),
            "</tbody></table>",
        )
    )


def _bundle_row(bundle: EdgeBundle, link: int) -> str:
    port = port_text(bundle.protocol, bundle.port, len(bundle.ports))
    cells = (
        _cell("client wide", _called(bundle.client)),
        _cell("server wide", _called(bundle.server)),
        _cell("number port", written(port), bundle.ports[0]),
        _cell("number count", f"{bundle.connections:,}", bundle.connections),
        _cell(
            "seen-at",
            f'<span class="sure {bundle.certainty}">{written(CERTAINTY[bundle.certainty])}</span>',
        ),
        _cell("why wide", written(bundle.note)),
    )
    return f'<tr role="row" data-link="{link}">{"".join(cells)}</tr>'


def _cell(kind: str, content: str, value: int | None = None) -> str:
    data = "" if value is None else f' data-value="{value}"'
    return f'<td role="cell" class="{kind}"{data}>{content}</td>'


def _called(vertex: Vertex) -> str:
    name = f'<span class="name">{_isolated(vertex.label)}</span>'
    if vertex.host is None or vertex.host == vertex.label:
        return name
    return f'{name} <span class="dim">on</span> <span class="host">{_isolated(vertex.host)}</span>'


def _isolated(text: str) -> str:
    """Escaped text, isolated so that right-to-left letters do not reorder the text next to it."""
    text = shorten(text, _LONGEST, ELLIPSIS)
    return written(text) if text.isascii() else f"<bdi>{written(text)}</bdi>"


def hosts_table(result: Topology) -> str:
    """A row for each host: the time and source of its sample."""
    has_network = any(host.network for host in result.hosts)
    headings = ("Host", *(("Network",) if has_network else ()), "Taken", "From", "Addresses")
    return "\n".join(
        (
            '<table class="cards hosts" role="table" aria-labelledby="hosts">',
            '<thead role="rowgroup"><tr role="row">',
            *(f'<th scope="col" role="columnheader">{name}</th>' for name in headings),
            "</tr></thead>",
            '<tbody role="rowgroup">',
            *_host_rows(result.hosts, has_network),
            "</tbody></table>",
        )
    )


def _host_rows(hosts: Sequence[TopologyHost], has_network: bool) -> Iterator[str]:
    for host in hosts:
        cells: Iterable[tuple[str, str]] = (
            ("name wide", _isolated(host.name)),
            *((("network", _isolated(host.network)),) if has_network else ()),
            ("taken", written(taken(host))),
            ("mono wide", _isolated(host.source)),
            ("mono wide dim", written(", ".join(host.addresses))),
        )
        yield f'<tr role="row">{"".join(_cell(kind, content) for kind, content in cells)}</tr>'
