"""A topology as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from proccli.commands.topology.words import by_certainty
from proccli.model.topology import Topology, TopologyEdge, TopologyHost, TopologyNode
from proccli.terminal.document import config_json, document, lines, warnings_json
from proccli.terminal.record import Json
from proccli.terminal.words import rfc3339


def topology_document(result: Topology) -> bytes:
    """The document `proccli/topology/v1`."""
    return document(
        "topology",
        {
            "config": None if result.config is None else config_json(result.config),
            "group_by": result.group_by,
            "server": result.server,
            "hosts": [_host_json(host) for host in result.hosts],
            "nodes": [_node_json(node) for node in result.nodes],
            "edges": [_edge_json(edge) for edge in result.edges],
            "summary": {
                "hosts": len(result.hosts),
                "nodes": len(result.nodes),
                "edges": len(result.edges),
                "connections": result.connections,
                "shown": sum(edge.connections for edge in result.edges),
                "by_certainty": by_certainty(result.edges),
            },
            "left_out": dict(result.left_out),
            "warnings": warnings_json(result.notes),
        },
    )


def topology_lines(edges: Sequence[TopologyEdge]) -> bytes:
    """A line for each edge."""
    return lines(_edge_json(edge) for edge in edges)


def _host_json(host: TopologyHost) -> Json:
    return {
        "name": host.name,
        "source": host.source,
        "kind": host.kind,
        "network": host.network,
        "taken_at": rfc3339(host.taken_at_ns // 1_000_000_000),
        "addresses": list(host.addresses),
    }


def _node_json(node: TopologyNode) -> Json:
    return {
        "id": node.id,
        "host": node.host,
        "gprocess": node.gprocess,
        "label": node.label,
        "pids": list(node.pids),
        "gprocesses": {"at_least": node.gprocesses[0], "at_most": node.gprocesses[1]},
        "tags": None
        if node.tags is None
        else [{"name": f"os.app.{key}", "key": key, "value": value} for key, value in node.tags],
    }


def _edge_json(edge: TopologyEdge) -> Json:
    return {
        "client": edge.client,
        "server": edge.server,
        "protocol": edge.protocol,
        "client_ip": edge.client_ip,
        "server_ip": edge.server_ip,
        "server_port": edge.server_port,
        "connections": edge.connections,
        "certainty": edge.certainty,
        "remote": edge.remote,
        "remote_host": edge.remote_host,
        "remote_process": edge.remote_process,
        "remote_reason": edge.remote_reason,
    }
