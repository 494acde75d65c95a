"""Warnings about processes that could not be read, each kind counted once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from proccli.model.config import Config
from proccli.model.notice import Counts, Notice
from proccli.model.outcome import Outcome, Status
from proccli.model.process import Host


def verdict_notices(config: Config, host: Host, verdicts: Sequence[Outcome]) -> tuple[Notice, ...]:
    """Sync is disabled, processes could not be read, or their ages are unknown."""
    notices: list[Notice] = []
    if not config.sync_enabled:
        notices.append(Notice.of("sync-disabled"))
    notices.extend(_unreadable(verdicts, host))
    notices.extend(_without_age(verdicts, host))
    if pids := refused_to_us(verdicts, host):
        notices.append(Notice.of("owner-unknown-to-us", processes=len(pids), first_pid=pids[0]))
    return tuple(notices)


def refused_to_us(verdicts: Sequence[Outcome], host: Host) -> Sequence[int]:
    """The processes that the agent, as root, knows more of: the user's name, the namespace."""
    if host.privileged:
        return ()
    return [
        verdict.process.pid
        for verdict in verdicts
        if verdict.status in ("accepted", "unknown")
        and verdict.reason != "unreadable"
        and any(
            error.field in ("root_inode", "netns") and error.problem == "denied"
            for error in verdict.process.errors
        )
    ]


def _unreadable(verdicts: Sequence[Outcome], host: Host) -> list[Notice]:
    notices = []
    if skipped := _problems(verdicts, "skipped"):
        notices.append(Notice.of("unreadable", problems=skipped))
    if unknown := _problems(verdicts, "unknown"):
        notices.append(Notice.of("unreadable-for-us", problems=unknown, privileged=host.privileged))
    return notices


def _problems(verdicts: Sequence[Outcome], status: Status) -> Counts:
    """How many processes of a status could not be read, by what went wrong."""
    return in_order(
        Counter(
            _problem(verdict)
            for verdict in verdicts
            if verdict.status == status and verdict.reason == "unreadable"
        )
    )


def _problem(verdict: Outcome) -> str:
    for field in ("cmdline", "uid"):
        error = verdict.process.error(field)
        if error is not None:
            return error.problem
    return "hidden-ancestor"


def in_order(counter: Mapping[str, int]) -> Counts:
    """Counts by code, in the order of the codes."""
    return tuple(sorted(counter.items()))


def _without_age(verdicts: Sequence[Outcome], host: Host) -> list[Notice]:
    pids = [
        verdict.process.pid
        for verdict in verdicts
        if verdict.process.error("stat") is not None and verdict.reason != "unreadable"
    ]
    if not pids or host.boot_time_s is None:
        return []
    return [Notice.of("stat-missing", processes=len(pids), first_pid=pids[0])]
