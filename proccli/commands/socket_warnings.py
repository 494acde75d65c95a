"""Warnings about sockets that could not be read, each kind counted once."""

from __future__ import annotations

from collections import Counter

from proccli.agent.sockets.collect import SocketSample
from proccli.commands.warnings import in_order
from proccli.model.note import Note
from proccli.model.process import Host


def unseen_by_us(sample: SocketSample, host: Host) -> tuple[Note, ...]:
    """Sockets that the agent, as root, can read and proccli can't."""
    refused = [
        outcome.process.pid
        for outcome, error in sample.unreadable
        if error.problem == "denied" and outcome.status in ("accepted", "unknown")
    ]
    if host.privileged or not refused:
        return ()
    return (Note.of("sockets-unreadable-for-us", processes=len(refused), first_pid=refused[0]),)


def socket_notes(sample: SocketSample, host: Host) -> tuple[Note, ...]:
    """Everything that could not be read of the sockets."""
    return (
        *unseen_by_us(sample, host),
        *_unreadable(sample, host),
        *_lost(sample),
        *_without_process(sample, host),
    )


def _unreadable(sample: SocketSample, host: Host) -> tuple[Note, ...]:
    problems: Counter[str] = Counter(
        error.problem
        for outcome, error in sample.unreadable
        if outcome.status == "accepted" and (host.privileged or error.problem != "denied")
    )
    if not problems:
        return ()
    return (Note.of("sockets-unreadable", problems=in_order(problems)),)


def _lost(sample: SocketSample) -> tuple[Note, ...]:
    """Unreadable socket tables. Without IPv6 there are no tcp6 and udp6, and nothing is missing."""
    lost = [
        (namespace, error)
        for namespace, name, error in sample.lost
        if name in ("tcp", "udp") or error.problem != "missing"
    ]
    if not lost:
        return ()
    namespaces = len({namespace.idx for namespace, _ in lost})
    _, first = lost[0]
    return (
        Note.of("tables-unreadable", namespaces=namespaces, table=first.field, detail=first.detail),
    )


def _without_process(sample: SocketSample, host: Host) -> tuple[Note, ...]:
    count = sample.without_process
    if not count:
        return ()
    sees_all = host.privileged and host.sees_all
    return (Note.of("sockets-without-process", sockets=count, sees_all=sees_all),)
