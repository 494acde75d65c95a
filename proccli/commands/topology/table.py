"""A topology as a table: the connections, the hosts, and a summary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from proccli.commands.topology.vertices import EdgeBundle, Vertex, drawn_graph
from proccli.commands.topology.words import (
    CERTAINTY,
    briefly,
    by_certainty,
    left_out_text,
    nothing_text,
    port_text,
    spread_text,
    taken,
    total_text,
)
from proccli.model.config import Config
from proccli.model.topology import Topology, TopologyHost
from proccli.terminal.lines import Line, cells, joined, plain, shorten, untrusted, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.table import Column, grid
from proccli.terminal.view import View
from proccli.text import counted, visible

_LEAST_NAME = 8
_LEAST_HOST = 6
"""Minimum width in cells for the host of a process; below, it is left out."""
_SHOWN_ADDRESSES = 3
_MANY_HOSTS, _SHOWN_HOSTS = 40, 10
_SEEN = {"both-ends": "both ends", "client-end": "client", "server-end": "server"}
_STYLES = {"both-ends": "accepted", "client-end": "warning", "server-end": "warning"}


def topology_table(result: Topology, view: View) -> str:
    """A line for each client, server and port, grouped by client, the busiest first."""
    lines = grid(_by_client(drawn_graph(result).bundles), _edge_columns(view), view)
    if lines:
        lines.append(())
    lines.extend(_host_lines(result.hosts, view))
    for line in _ending(result, view):
        lines.extend(wrapped(line, view.width))
    return paint(lines, view)


def _by_client(bundles: Sequence[EdgeBundle]) -> list[EdgeBundle]:
    busy: dict[str, int] = defaultdict(int)
    first: dict[str, int] = {}
    for at, bundle in enumerate(bundles):
        busy[bundle.client.id] += bundle.connections
        first.setdefault(bundle.client.id, at)
    return sorted(bundles, key=lambda one: (-busy[one.client.id], first[one.client.id]))


def _edge_columns(view: View) -> Sequence[Column[EdgeBundle]]:
    mark, indent = view.glyphs.ellipsis, len(view.glyphs.becomes) + 1
    return (
        Column(
            title="CLIENT",
            cell=lambda bundle, room: _vertex_cell(bundle.client, bundle.client.label, room, mark),
            least=_LEAST_NAME,
        ),
        Column(
            title=f"{' ' * indent}SERVER",
            cell=lambda bundle, room: _server_cell(bundle, room, view),
            least=_LEAST_NAME + indent,
        ),
        Column(title="PORT", cell=lambda bundle, _: _port_cell(bundle), right=True),
        Column(title="CONN", cell=lambda bundle, _: plain(f"{bundle.connections:,}"), right=True),
        Column(title="SEEN AT", cell=lambda bundle, _: _seen_cell(bundle), spare=1),
        Column(
            title="PEER",
            cell=lambda bundle, room: _why_cell(bundle, room, mark),
            least=16,
            spare=2,
        ),
    )


def _server_cell(bundle: EdgeBundle, room: int | None, view: View) -> Line:
    arrow = f"{view.glyphs.becomes} "
    label = bundle.server.label
    if bundle.server.node is None:
        label = label.removesuffix(f":{bundle.port}")  # the port has its own column
    room = None if room is None else room - len(arrow)
    cell = _vertex_cell(bundle.server, label, room, view.glyphs.ellipsis)
    return ((arrow, "dim"), *cell)


def _vertex_cell(vertex: Vertex, label: str, room: int | None, mark: str) -> Line:
    """`nginx @web-1`; if the room is small, the host is shortened first."""
    style = "name" if vertex.node is not None else ""
    if vertex.host is None or vertex.host == label:
        return ((shorten(label, room, mark), style),)
    host = f" @{vertex.host}"
    if room is None:
        return (*untrusted(label, style), *untrusted(host, "dim"))
    name, place = cells(untrusted(label)), cells(untrusted(host))
    for_host = min(place, max(room - name, room // 3))
    if for_host < min(place, _LEAST_HOST):
        return ((shorten(label, room, mark), style),)
    return (
        (shorten(label, room - for_host, mark), style),
        (shorten(host, for_host, mark), "dim"),
    )


def _why_cell(bundle: EdgeBundle, room: int | None, mark: str) -> Line:
    """Why the peer is unknown, in the longest wording that fits."""
    if room is None or cells(untrusted(bundle.note)) <= room:
        return untrusted(bundle.note, "dim")
    return ((shorten(briefly(bundle.edges[0]), room, mark), "dim"),)


def _port_cell(bundle: EdgeBundle) -> Line:
    return plain(port_text(bundle.protocol, bundle.port, len(bundle.ports)))


def _seen_cell(bundle: EdgeBundle) -> Line:
    return ((_SEEN[bundle.certainty], _STYLES[bundle.certainty]),)


def _host_lines(hosts: Sequence[TopologyHost], view: View) -> list[Line]:
    """A line for each host; of very many, only the first ones and a count."""
    shown = hosts if len(hosts) <= _MANY_HOSTS else hosts[:_SHOWN_HOSTS]
    lines = grid(shown, _host_columns(shown, view), view)
    if len(shown) < len(hosts):
        more = f"and {len(hosts) - len(shown):,} more hosts (--json lists all)"
        lines.append(((more, "dim"),))
    return [*lines, ()] if lines else []


def _host_columns(hosts: Sequence[TopologyHost], view: View) -> Sequence[Column[TopologyHost]]:
    mark = view.glyphs.ellipsis
    columns: list[Column[TopologyHost]] = [
        Column(
            title="HOST",
            cell=lambda host, room: ((shorten(host.name, room, mark), "name"),),
            least=_LEAST_NAME,
        )
    ]
    if any(host.network for host in hosts):
        columns.append(
            Column(
                title="NETWORK",
                cell=lambda host, room: ((shorten(host.network, room, mark), ""),),
                least=_LEAST_NAME,
            )
        )
    return (
        *columns,
        Column(title="TAKEN", cell=lambda host, _: plain(taken(host))),
        Column(
            title="FROM",
            cell=lambda host, room: ((shorten(_source(host), room, mark), "dim"),),
            least=12,
            spare=1,
        ),
        Column(
            title="ADDRESSES",
            cell=lambda host, room: ((shorten(_addresses(host), room, mark), "dim"),),
            least=15,
            spare=2,
        ),
    )


def _source(host: TopologyHost) -> str:
    return f"sync: {host.source}" if host.kind == "sync" else host.source


def _addresses(host: TopologyHost) -> str:
    more = len(host.addresses) - _SHOWN_ADDRESSES
    listed = ", ".join(host.addresses[:_SHOWN_ADDRESSES])
    return f"{listed} and {more:,} more" if more > 0 else listed


def _ending(result: Topology, view: View) -> Sequence[Line]:
    parts = [*_basis(result.config), plain(f"grouped by {visible(result.group_by)}")]
    spread = spread_text(result.hosts)
    if spread:
        parts.append(plain(spread))
    basis = [(text, "dim") for text, _ in joined(parts, f" {view.glyphs.dot} ")]
    ending: list[Line] = [basis, _total_line(result)]
    left_out = left_out_text(result.left_out)
    if left_out:
        ending.append(((f"{left_out}.", "dim"),))
    if result.config is not None and not result.config.sync_enabled:
        key = result.config.key("sync_enabled")
        ending.append(((f"The agents would send nothing: {key} is false.", "error"),))
    return ending


def _basis(config: Config | None) -> Sequence[Line]:
    if config is None:
        return [plain("from the output of proccli sync")]
    return [
        untrusted(config.file or "the agent's defaults"),
        plain(f"agent {config.agent} ({config.dialect}, via {config.via})"),
    ]


def _total_line(result: Topology) -> Line:
    if not result.edges:
        return (
            (f"{counted(len(result.hosts), 'host')}: ", "head"),
            (f"{nothing_text(result)}.", "" if result.connections else "error"),
        )
    numbers = by_certainty(result.edges)
    parts: list[Line] = [
        ((f"{number:,} seen at {CERTAINTY[kind]}", _STYLES[kind]),)
        for kind, number in numbers.items()
        if number
    ]
    return [(f"{total_text(result)}: ", "head"), *joined(parts, ", ")]
