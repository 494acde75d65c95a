"""Topologies in a person's words: who is who, how sure, and why an end is not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from proccli.model.topology import Certainty, Topology, TopologyEdge, TopologyHost
from proccli.plural import counted
from proccli.render.words import SHORT_REASONS, duration, rfc3339

CERTAINTY: Mapping[Certainty, str] = {
    "both-ends": "both ends",
    "client-end": "the client's end",
    "server-end": "the server's end",
}
"""Whose end of a connection was seen."""

_SHORT: Mapping[str, str] = {str(reason): words for reason, words in SHORT_REASONS.items()}
_NOT_SENT: Mapping[str, str] = {
    **_SHORT,
    "dropped": "dropped by the rules",
    "process-not-accepted": "its process is not accepted",
    "no-owner": "another process holds it",
    "listening": "it listens",
    "not-established": "not established",
    "udp-unconnected": "not connected",
    "ipv6": "IPv6",
}
_BRIEFLY: Mapping[str, str] = {
    "process-not-accepted": "not accepted",
    "no-owner": "another's",
    "not-established": "not established",
    "udp-unconnected": "not connected",
    "ipv6": "IPv6",
}
_UNDECIDED: Mapping[str, str] = {
    **_NOT_SENT,
    "min-lifetime": "age unknown",
    "process-not-accepted": "its process is unknown",
    "no-owner": "its owner is unknown",
}
_LEFT_OUT: Mapping[str, str] = {
    **_NOT_SENT,
    "dropped": "of processes that the rules drop",
    "process-not-accepted": "of processes that are not accepted",
    "no-owner": "held by another process",
    "unreadable": "of tables that can't be read",
    "listening": "listening",
}


def why_unknown(edge: TopologyEdge) -> str:
    """Why an end of it has no node; empty where both have one."""
    if edge.remote is None:
        return ""
    host, process = edge.remote_host, edge.remote_process
    if edge.remote == "elsewhere":
        return "not in the recordings"
    if edge.remote == "ambiguous":
        return "several processes have this end"
    if edge.remote in ("not-sent", "undecided"):
        what = "not sent" if edge.remote == "not-sent" else "may not be sent"
        words = _NOT_SENT if edge.remote == "not-sent" else _UNDECIDED
        reason = edge.remote_reason
        return what if reason is None else f"{what}: {words.get(reason, reason)}"
    if edge.remote_reason == "udp-client":
        return f"{process or 'the other end'} calls itself the client, too"
    where = f"not seen on {host}" if host else "not seen where it should be"
    return f"{where}, where {process} listens" if process else where


def briefly(edge: TopologyEdge) -> str:
    """The same in two words."""
    if edge.remote is None:
        return ""
    if edge.remote in ("not-sent", "undecided"):
        reason = edge.remote_reason or "not sent"
        said = _BRIEFLY.get(reason) or _SHORT.get(reason, reason)
        return said if edge.remote == "not-sent" else f"{said}?"
    if edge.remote_reason == "udp-client":
        return "client, too"
    brief = {"elsewhere": "not recorded", "absent": "not seen there"}
    return brief.get(edge.remote, "several processes")


def port_text(protocol: str, port: int | None, many: int = 0) -> str:
    """`5432/tcp`, or `12 ports/tcp`."""
    return f"{counted(many, 'port')}/{protocol}" if port is None else f"{port}/{protocol}"


def left_out_text(left_out: Mapping[str, int]) -> str:
    """`18 ends of connections not sent: 12 IPv6, …`; empty where there are none."""
    some = [(reason, number) for reason, number in left_out.items() if number]
    if not some:
        return ""
    some.sort(key=lambda pair: (-pair[1], pair[0]))
    reasons = ", ".join(f"{number:,} {_LEFT_OUT.get(reason, reason)}" for reason, number in some)
    total = counted(sum(number for _, number in some), "end")
    return f"{total} of connections not sent: {reasons}"


def taken(host: TopologyHost) -> str:
    """When it was taken; `live` where that is now."""
    if host.kind == "live":
        return "live"
    return rfc3339(host.taken_at_ns // 1_000_000_000) or "?"


def spread_text(hosts: Iterable[TopologyHost]) -> str:
    """How far apart the hosts were taken, where that may matter: empty below two seconds."""
    times = [host.taken_at_ns // 1_000_000_000 for host in hosts]
    apart = max(times, default=0) - min(times, default=0)
    return f"taken up to {duration(apart)} apart" if apart > 1 else ""


def nothing_text(result: Topology) -> str:
    """Why there is no edge."""
    if not result.connections:
        known = "known to be " if result.incomplete else ""
        return f"no connection is {known}sent"
    return f"0 of {counted(result.connections, 'connection')} shown"


def by_certainty(edges: Iterable[TopologyEdge]) -> dict[Certainty, int]:
    """Connections by whose end was seen, every kind named."""
    numbers: dict[Certainty, int] = dict.fromkeys(CERTAINTY, 0)
    for edge in edges:
        numbers[edge.certainty] += edge.connections
    return numbers


def total_text(result: Topology) -> str:
    """`41 connections, 9 processes as 7 nodes, 3 hosts`; how many are shown where not all are."""
    shown = sum(edge.connections for edge in result.edges)
    connections = counted(result.connections, "connection")
    if shown < result.connections:
        connections = f"{shown:,} of {connections} shown"
    number = sum(len(node.pids) for node in result.nodes)
    processes = counted(number, "process")
    if number != len(result.nodes):
        processes += f" as {counted(len(result.nodes), 'node')}"
    return f"{connections}, {processes}, {counted(len(result.hosts), 'host')}"
