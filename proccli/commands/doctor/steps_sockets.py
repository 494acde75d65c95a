"""The steps for connections, by which the server finds the process of a flow."""

from __future__ import annotations

from collections import Counter
from math import ceil
from typing import Final

from proccli.commands.doctor.step import Gate, failed, passed, unknown
from proccli.commands.samples import Sample
from proccli.commands.warnings import unseen_by_us
from proccli.model.config import Config
from proccli.model.sockets import SocketReason

_WORDS: Final[dict[SocketReason, str]] = {
    "unreadable": "in an unreadable table",
    "no-owner": "owned by another process",
    "listening": "listening",
    "not-established": "not established",
    "min-lifetime": "too young",
    "udp-unconnected": "UDP without a peer",
    "ipv6": "IPv6",
}
_SLOW_S: Final = 60


def sockets(seen: Sample) -> Gate:
    """At least one connection is old enough and of a kind that the agent sends."""
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
        detail = f"no connection is certainly sent; {undecided:,} undecided{not_sent}"
        return unknown(name, detail, "run proccli sockets as root with --max-wait for details")
    statuses = {outcome.status for outcome in seen.outcomes}
    if unseen_by_us(seen.sockets, host):
        return unknown(name, f"no connection found{not_sent}", "run proccli doctor as root")
    if not statuses & {"accepted", "unknown"}:
        return unknown(name, "no process reaches this step")
    accepted_unread = any(
        outcome.status in ("accepted", "unknown") for outcome, _ in seen.sockets.unreadable
    )
    if accepted_unread and host.kind != "live":
        return unknown(name, f"the {host.kind} does not contain the sockets{not_sent}")
    return failed(
        name,
        f"no connection would be sent{not_sent}; without one, flows have no gprocess",
        "the agent sends IPv4 connections older than os-proc-socket-min-lifetime;"
        " proccli sockets shows the reason for each",
    )


def socket_interval(config: Config) -> Gate:
    """How often the agent reads connections."""
    every, least = config.socket_sync_interval_s, config.min_lifetime_s
    if not every:
        detail = "os-proc-socket-sync-interval is 0: the agent reads sockets without a pause"
        return passed("socket-interval", detail, hint="use a number of seconds")
    # The age counts from the first sample, so a connection needs a later one, too.
    needed_s = every + ceil(least / every) * every
    detail = (
        f"the agent reads sockets every {every} s and finds all connections of {needed_s} s or more"
    )
    hint = "shorter connections get no label: lower os-proc-socket-sync-interval"
    return passed("socket-interval", detail, hint=hint if every > _SLOW_S else None)
