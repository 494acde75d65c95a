"""A topology's connections and hosts as HTML tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from proccli.commands.topology.drawing.topology_lettering import ELLIPSIS, written
from proccli.commands.topology.vertices import Picture, Strand, Vertex
from proccli.commands.topology.words import CERTAINTY, port_text, taken
from proccli.model.topology import Topology, TopologyHost
from proccli.terminal.lines import shorten

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


def connections_table(shown: Picture) -> str:
    """A row for each strand, in the order of the picture, with the number of its link.

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
                _strand_row(strand, place[strand.client.id, strand.server.id])
                for strand in shown.strands
            ),
            "</tbody></table>",
        )
    )


def _strand_row(strand: Strand, link: int) -> str:
    port = port_text(strand.protocol, strand.port, len(strand.ports))
    cells = (
        _cell("client wide", _called(strand.client)),
        _cell("server wide", _called(strand.server)),
        _cell("number port", written(port), strand.ports[0]),
        _cell("number count", f"{strand.connections:,}", strand.connections),
        _cell(
            "seen-at",
            f'<span class="sure {strand.certainty}">{written(CERTAINTY[strand.certainty])}</span>',
        ),
        _cell("why wide", written(strand.note)),
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
