"""The data for the script of the page, as JSON that is safe inside HTML."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from proccli.commands.topology.drawing.elements import FOUND_AT, gprocesses_text
from proccli.commands.topology.vertices import DrawnGraph, EdgeBundle, Link, Vertex, link_label
from proccli.commands.topology.words import port_text
from proccli.model.topology import Topology, TopologyEdge
from proccli.terminal.record import Json
from proccli.text import counted, visible

_SHOWN = 40
"""Maximum number of listed addresses or pids."""


def page_data(result: Topology, shown: DrawnGraph) -> str:
    """Vertices, links and bundles, which refer to each other by their positions in these lists.

    All text is already made visible, and cannot end a script element.
    """
    number = {vertex.id: at for at, vertex in enumerate(shown.vertices)}
    place = {(link.client.id, link.server.id): at for at, link in enumerate(shown.links)}
    host_of = _hosts_by_address(result)
    content = {
        "vertices": [_vertex(vertex) for vertex in shown.vertices],
        "links": [
            {
                "client": number[link.client.id],
                "server": number[link.server.id],
                "label": link_label(link),
                "title": _link_title(link),
            }
            for link in shown.links
        ],
        "bundles": [
            {**_bundle(bundle, host_of), "link": place[bundle.client.id, bundle.server.id]}
            for bundle in shown.bundles
        ],
    }
    text = json.dumps(content, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _vertex(vertex: Vertex) -> Json:
    return {
        "id": vertex.id,
        "label": visible(vertex.label),
        "host": None if vertex.host is None else visible(vertex.host),
        "hosts": [visible(host) for host in _hosts(vertex)],
        "facts": [[visible(key), visible(value)] for key, value in _facts(vertex)],
        "hay": visible(_search_text(vertex)),
    }


def _hosts(vertex: Vertex) -> Sequence[str]:
    """All hosts of a vertex."""
    if vertex.node is not None and vertex.node.hosts:
        return vertex.node.hosts
    return () if vertex.host is None else (vertex.host,)


def _hosts_by_address(result: Topology) -> Mapping[str, str]:
    """The hosts by address, without those that several hosts have."""
    found: dict[str, str | None] = {}
    for host in result.hosts:
        for address in host.addresses:
            found[address] = None if address in found else host.name
    return {address: name for address, name in found.items() if name is not None}


def _facts(vertex: Vertex) -> Iterable[tuple[str, str]]:
    node = vertex.node
    if vertex.host is not None:
        yield "host", vertex.host
    if node is None:
        yield "unknown", vertex.note
        yield counted(len(vertex.addresses), "address"), _listed(vertex.addresses)
        return
    if node.host is None:
        yield counted(len(node.hosts), "host"), f"{', '.join(node.hosts[:3])} …"
    if node.gprocess is not None and node.gprocess != node.label:
        yield "gprocess", node.gprocess or '""'
    yield counted(len(node.pids), "pid"), _listed([str(pid) for pid in node.pids])
    yield "on the server", gprocesses_text(node)
    if node.tags is None:
        yield "tags", "unknown"
    for key, value in node.tags or ():
        yield f"os.app.{key}", value


def _search_text(vertex: Vertex) -> str:
    """The text in which a search finds a vertex."""
    node = vertex.node
    parts = [vertex.label, *_hosts(vertex), vertex.note]
    if node is not None:
        parts += [node.gprocess or "", *(str(pid) for pid in node.pids)]
        parts += [f"os.app.{key}={value} os.app.{key}: {value}" for key, value in node.tags or ()]
    return " ".join(parts)


def _link_title(link: Link) -> str:
    return counted(link.connections, "connection")


def _bundle(bundle: EdgeBundle, host_of: Mapping[str, str]) -> Json:
    facts = [["seen at", FOUND_AT[bundle.certainty]]]
    if bundle.note:
        facts.append(["peer", bundle.note])
    if len(bundle.ports) > 1:
        facts.append(["ports", _listed([str(port) for port in bundle.ports])])
    facts += [["addresses", _addresses(edge)] for edge in bundle.edges[:_SHOWN]]
    more = len(bundle.edges) - _SHOWN
    if more > 0:
        facts.append(["", f"and {more:,} more"])
    port = port_text(bundle.protocol, bundle.port, len(bundle.ports))
    return {
        "byHost": _by_host(bundle, host_of),
        "apart": any(not _hosts_of(edge, host_of) for edge in bundle.edges),
        "certainty": bundle.certainty,
        "connections": bundle.connections,
        "title": f"{port} · {counted(bundle.connections, 'connection')}",
        "facts": [[key, visible(value)] for key, value in facts],
        "hay": visible(" ".join(_bundle_search_text(bundle))),
    }


def _by_host(bundle: EdgeBundle, host_of: Mapping[str, str]) -> Json:
    """The number of connections of each host, as far as an address belongs to one host; empty if
    both ends are on one host, which their vertices show."""
    if all(len(_hosts(vertex)) <= 1 for vertex in (bundle.client, bundle.server)):
        return {}
    found: Counter[str] = Counter()
    for edge in bundle.edges:
        for name in _hosts_of(edge, host_of):
            found[visible(name)] += edge.connections
    return dict(found)


def _hosts_of(edge: TopologyEdge, host_of: Mapping[str, str]) -> set[str]:
    """The hosts that have an address of the edge; none for loopback."""
    return {host_of[ip] for ip in (edge.client_ip, edge.server_ip) if ip in host_of}


def _bundle_search_text(bundle: EdgeBundle) -> Iterable[str]:
    yield bundle.note
    for port in bundle.ports:
        yield f":{port} {port}/{bundle.protocol}"
    yield from dict.fromkeys(ip for edge in bundle.edges for ip in (edge.client_ip, edge.server_ip))


def _addresses(edge: TopologyEdge) -> str:
    times = f" ×{edge.connections:,}" if edge.connections > 1 else ""
    return f"{edge.client_ip} → {edge.server_ip}:{edge.server_port}{times}"


def _listed(words: Sequence[str]) -> str:
    more = len(words) - _SHOWN
    return ", ".join(words[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
