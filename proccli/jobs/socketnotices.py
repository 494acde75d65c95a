"""What there is to say about sockets that could not be seen, counted, once each."""

from __future__ import annotations

from collections import Counter

from proccli.agent.sockets.collect import SocketSample
from proccli.jobs.notices import PROBLEM_WORDS
from proccli.model.config import Notice
from proccli.model.process import Host


def unseen_by_us(sample: SocketSample, host: Host) -> tuple[Notice, ...]:
    """Sockets that the agent, as root, sees and we don't."""
    refused = [
        verdict.process.pid
        for verdict, error in sample.unreadable
        if error.problem == "denied" and verdict.status in ("accepted", "unknown")
    ]
    if host.privileged or not refused:
        return ()
    message = (
        f"the sockets of {_processes(len(refused))} can't be seen without root's rights"
        f" (first: pid {refused[0]}); the agent, as root, sees them"
    )
    return (Notice(code="sockets-unreadable-for-us", message=message),)


def socket_notices(sample: SocketSample, host: Host) -> tuple[Notice, ...]:
    """Everything that was not to be seen in a look."""
    return (
        *unseen_by_us(sample, host),
        *_unreadable(sample, host),
        *_lost(sample),
        *_without_process(sample, host),
    )


def _unreadable(sample: SocketSample, host: Host) -> tuple[Notice, ...]:
    problems = Counter(
        PROBLEM_WORDS[error.problem]
        for verdict, error in sample.unreadable
        if verdict.status == "accepted" and (host.privileged or error.problem != "denied")
    )
    if not problems:
        return ()
    counted = ", ".join(f"{count} {what}" for what, count in sorted(problems.items()))
    message = (
        f"the sockets of {_processes(sum(problems.values()))} could not be read ({counted});"
        " the agent sends none of them"
    )
    return (Notice(code="sockets-unreadable", message=message),)


def _lost(sample: SocketSample) -> tuple[Notice, ...]:
    """Without IPv6 there are no tcp6 and udp6: nobody misses anything then."""
    lost = [
        (namespace, error)
        for namespace, name, error in sample.lost
        if name in ("tcp", "udp") or error.problem != "missing"
    ]
    if not lost:
        return ()
    namespaces = len({namespace.idx for namespace, _ in lost})
    what = "1 network namespace" if namespaces == 1 else f"{namespaces} network namespaces"
    _, first = lost[0]
    message = (
        f"socket tables of {what} could not be read (first: {first.field}, {first.detail});"
        " the agent sends none of their sockets"
    )
    return (Notice(code="tables-unreadable", message=message),)


def _without_process(sample: SocketSample, host: Host) -> tuple[Notice, ...]:
    count = sample.without_process
    if not count:
        return ()
    what = "1 socket belongs" if count == 1 else f"{count:,} sockets belong"
    why = (
        "of the kernel, of a process that has exited, or outside of this pid namespace"
        if host.privileged and host.sees_all
        else "of other users, most likely: try as root"
    )
    message = f"{what} to no process that is seen here ({why})"
    return (Notice(code="sockets-without-process", message=message),)


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count:,} processes"
