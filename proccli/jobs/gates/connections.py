"""The gates of connections, by which flows find their process."""

from __future__ import annotations

from collections import Counter
from math import ceil
from typing import Final

from proccli.jobs.gates.gate import Gate, failed, passed, unknown
from proccli.jobs.looks import Sample
from proccli.jobs.socketnotices import unseen_by_us
from proccli.model.config import Config
from proccli.model.sockets import SocketReason

_WORDS: Final[dict[SocketReason, str]] = {
    "unreadable": "in a table that can't be read",
    "no-owner": "counted at another process that shares them",
    "listening": "listening",
    "not-established": "not established",
    "min-lifetime": "too young",
    "udp-unconnected": "UDP without a peer",
    "ipv6": "IPv6",
}
_SLOW_S: Final = 60


def sockets(seen: Sample) -> Gate:
    """At least one connection lives long enough and is of a kind that the agent sends."""
    name = "sockets"
    all_of_them = seen.sockets.sockets
    own = [socket for socket in all_of_them if socket.reason != "process-not-accepted"]
    synced = sum(socket.status == "synced" for socket in own)
    undecided = sum(socket.status == "undecided" for socket in own)
    others = Counter(
        _WORDS[socket.reason]
        for socket in own
        if socket.status == "skipped" and socket.reason is not None
    )
    left_out = ", ".join(f"{count:,} {what}" for what, count in others.most_common())
    not_sent = f"; not sent: {left_out}" if left_out else ""
    if synced:
        what = "1 connection" if synced == 1 else f"{synced:,} connections"
        return passed(name, f"{what} would be sent{not_sent}")
    host = seen.inputs.source.host
    if undecided:
        detail = f"none is certain to be sent; {undecided:,} can't be told{not_sent}"
        return unknown(name, detail, "proccli sockets, as root and with --max-wait, tells more")
    statuses = {verdict.status for verdict in seen.verdicts}
    if unseen_by_us(seen.sockets, host):
        return unknown(name, f"none is seen{not_sent}", "run proccli doctor as root")
    if not statuses & {"accepted", "unknown"}:
        return unknown(name, "no process gets this far")
    accepted_unread = any(
        verdict.status in ("accepted", "unknown") for verdict, _ in seen.sockets.unreadable
    )
    if accepted_unread and host.kind != "live":
        return unknown(name, f"the {host.kind} does not carry the sockets{not_sent}")
    return failed(
        name,
        f"no connection would be sent{not_sent}; flows carry no gprocess without one",
        "the agent sends IPv4 connections that outlive os-proc-socket-min-lifetime:"
        " proccli sockets shows each, and why not",
    )


def socket_interval(config: Config) -> Gate:
    """How often the agent looks at connections."""
    every, least = config.socket_sync_interval_s, config.min_lifetime_s
    if not every:
        detail = "os-proc-socket-sync-interval is 0: the agent looks without a pause"
        return passed("socket-interval", detail, hint="write a number of seconds")
    # The age counts from the first look, so a connection needs a later one, too.
    needed_s = every + ceil(least / every) * every
    detail = f"the agent looks every {every} s: it misses no connection of {needed_s} s or more"
    hint = "shorter connections get no label: lower os-proc-socket-sync-interval"
    return passed("socket-interval", detail, hint=hint if every > _SLOW_S else None)
