"""Warnings about processes that could not be read, each kind counted once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from proccli.model.config import Config
from proccli.model.note import Counts, Note
from proccli.model.outcome import Outcome, Status
from proccli.model.process import Host


def outcome_notes(config: Config, host: Host, outcomes: Sequence[Outcome]) -> tuple[Note, ...]:
    """Sync is disabled, processes could not be read, or their ages are unknown."""
    notes: list[Note] = []
    if not config.sync_enabled:
        notes.append(Note.of("sync-disabled"))
    notes.extend(_unreadable(outcomes, host))
    notes.extend(_without_age(outcomes, host))
    if pids := refused_to_us(outcomes, host):
        notes.append(Note.of("owner-unknown-to-us", processes=len(pids), first_pid=pids[0]))
    return tuple(notes)


def refused_to_us(outcomes: Sequence[Outcome], host: Host) -> Sequence[int]:
    """The processes that the agent, as root, knows more of: the user's name, the namespace."""
    if host.privileged:
        return ()
    return [
        outcome.process.pid
        for outcome in outcomes
        if outcome.status in ("accepted", "unknown")
        and outcome.reason != "unreadable"
        and any(
            error.field in ("root_inode", "netns") and error.problem == "denied"
            for error in outcome.process.errors
        )
    ]


def _unreadable(outcomes: Sequence[Outcome], host: Host) -> list[Note]:
    notes = []
    if skipped := _problems(outcomes, "skipped"):
        notes.append(Note.of("unreadable", problems=skipped))
    if unknown := _problems(outcomes, "unknown"):
        notes.append(Note.of("unreadable-for-us", problems=unknown, privileged=host.privileged))
    return notes


def _problems(outcomes: Sequence[Outcome], status: Status) -> Counts:
    """How many processes of a status could not be read, by what went wrong."""
    return in_order(
        Counter(
            _problem(outcome)
            for outcome in outcomes
            if outcome.status == status and outcome.reason == "unreadable"
        )
    )


def _problem(outcome: Outcome) -> str:
    for field in ("cmdline", "uid"):
        error = outcome.process.error(field)
        if error is not None:
            return error.problem
    return "hidden-ancestor"


def in_order(counter: Mapping[str, int]) -> Counts:
    """Counts by code, in the order of the codes."""
    return tuple(sorted(counter.items()))


def _without_age(outcomes: Sequence[Outcome], host: Host) -> list[Note]:
    pids = [
        outcome.process.pid
        for outcome in outcomes
        if outcome.process.error("stat") is not None and outcome.reason != "unreadable"
    ]
    if not pids or host.boot_time_s is None:
        return []
    return [Note.of("stat-missing", processes=len(pids), first_pid=pids[0])]
