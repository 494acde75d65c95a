"""Wording of topologies: certainty, and why an end is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from proccli.model.topology import Certainty, Topology, TopologyEdge, TopologyHost
from proccli.terminal.words import SHORT_REASONS, duration, rfc3339
from proccli.text import counted

CERTAINTY: Mapping[Certainty, str] = {
    "both-ends": "both ends",
    "client-end": "the client end",
    "server-end": "the server end",
}
"""The ends at which a connection was found."""

_SHORT: Mapping[str, str] = {str(reason): words for reason, words in SHORT_REASONS.items()}
_NOT_SENT: Mapping[str, str] = {
    **_SHORT,
    "dropped": "dropped by the rules",
    "process-not-accepted": "its process is not accepted",
    "no-owner": "owned by another process",
    "listening": "listening socket",
    "not-established": "not established",
    "udp-unconnected": "unconnected",
    "ipv6": "IPv6",
}
_BRIEFLY: Mapping[str, str] = {
    "process-not-accepted": "not accepted",
    "no-owner": "other owner",
    "not-established": "not established",
    "udp-unconnected": "unconnected",
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
    "no-owner": "owned by another process",
    "unreadable": "in unreadable tables",
    "listening": "listening",
}


def why_unknown(edge: TopologyEdge) -> str:
    """Why one end of an edge has no node; empty if both have one."""
    if edge.remote is None:
        return ""
    host, process = edge.remote_host, edge.remote_process
    if edge.remote == "elsewhere":
        return "not in the recordings"
    if edge.remote == "ambiguous":
        return "several processes match"
    if edge.remote in ("not-sent", "undecided"):
        what = "not sent" if edge.remote == "not-sent" else "may not be sent"
        words = _NOT_SENT if edge.remote == "not-sent" else _UNDECIDED
        reason = edge.remote_reason
        return what if reason is None else f"{what}: {words.get(reason, reason)}"
    if edge.remote_reason == "udp-client":
        return f"{process or 'the peer'} also reports itself as client"
    where = f"not found on {host}" if host else "not found on its host"
    return f"{where}, where {process} listens" if process else where


def briefly(edge: TopologyEdge) -> str:
    """The reason of `why_unknown` in at most three words."""
    if edge.remote is None:
        return ""
    if edge.remote in ("not-sent", "undecided"):
        reason = edge.remote_reason or "not sent"
        brief_reason = _BRIEFLY.get(reason) or _SHORT.get(reason, reason)
        return brief_reason if edge.remote == "not-sent" else f"{brief_reason}?"
    if edge.remote_reason == "udp-client":
        return "also client"
    brief = {"elsewhere": "not recorded", "absent": "not found there"}
    return brief.get(edge.remote, "several processes")


def port_text(protocol: str, port: int | None, many: int = 0) -> str:
    """`5432/tcp`, or `12 ports/tcp`."""
    return f"{counted(many, 'port')}/{protocol}" if port is None else f"{port}/{protocol}"


def left_out_text(left_out: Mapping[str, int]) -> str:
    """`18 connection ends not sent: 12 IPv6, …`; empty if there are none."""
    some = [(reason, number) for reason, number in left_out.items() if number]
    if not some:
        return ""
    some.sort(key=lambda pair: (-pair[1], pair[0]))
    reasons = ", ".join(f"{number:,} {_LEFT_OUT.get(reason, reason)}" for reason, number in some)
    total = counted(sum(number for _, number in some), "connection end")
    return f"{total} not sent: {reasons}"


def taken(host: TopologyHost) -> str:
    """The time of the sample, or `live`."""
    if host.kind == "live":
        return "live"
    return rfc3339(host.taken_at_ns // 1_000_000_000) or "?"


def spread_text(hosts: Iterable[TopologyHost]) -> str:
    """The time between the samples of the hosts; empty below two seconds."""
    times = [host.taken_at_ns // 1_000_000_000 for host in hosts]
    apart = max(times, default=0) - min(times, default=0)
    return f"sampled up to {duration(apart)} apart" if apart > 1 else ""


def nothing_text(result: Topology) -> str:
    """Why there is no edge."""
    if not result.connections:
        known = "known to be " if result.incomplete else ""
        return f"no connection is {known}sent"
    return f"0 of {counted(result.connections, 'connection')} shown"


def by_certainty(edges: Iterable[TopologyEdge]) -> dict[Certainty, int]:
    """Number of connections by the ends at which they were found, including zeros."""
    numbers: dict[Certainty, int] = dict.fromkeys(CERTAINTY, 0)
    for edge in edges:
        numbers[edge.certainty] += edge.connections
    return numbers


def total_text(result: Topology) -> str:
    """`41 connections, 9 processes in 7 nodes, 3 hosts`; with the number shown if filtered."""
    shown = sum(edge.connections for edge in result.edges)
    connections = counted(result.connections, "connection")
    if shown < result.connections:
        connections = f"{shown:,} of {connections} shown"
    number = sum(len(node.pids) for node in result.nodes)
    processes = counted(number, "process")
    if number != len(result.nodes):
        processes += f" in {counted(len(result.nodes), 'node')}"
    hosts = counted(len(result.hosts), "host")
    if result.failures:
        hosts += f" ({counted(len(result.failures), 'source')} not read)"
    return f"{connections}, {processes}, {hosts}"
