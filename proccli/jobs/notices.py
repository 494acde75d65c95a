"""What the verdicts themselves have to say, counted, once each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from proccli.model.config import Config, Notice
from proccli.model.outcome import Outcome
from proccli.model.process import Host

PROBLEM_WORDS = {
    "gone": "exited while being read",
    "denied": "refused",
    "missing": "without the file",
    "malformed": "malformed",
    "failed": "failed",
}


def verdict_notices(config: Config, host: Host, verdicts: Sequence[Outcome]) -> tuple[Notice, ...]:
    """Sync switched off, processes that could not be read, ages that can't be told."""
    notices: list[Notice] = []
    if not config.sync_enabled:
        message = "os-proc-sync-enabled is false: the agent sends none of this"
        notices.append(Notice(code="sync-disabled", message=message))
    notices.extend(_unreadable(verdicts, host))
    notices.extend(_without_age(verdicts, host))
    if pids := refused_to_us(verdicts, host):
        who = "1 process" if len(pids) == 1 else f"{len(pids):,} processes"
        message = (
            f"the user and the network namespace of {who} are not known without root's rights"
            f" (first: pid {pids[0]}); the agent, as root, knows them"
        )
        notices.append(Notice(code="owner-unknown-to-us", message=message))
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
    for status, code in (("skipped", "unreadable"), ("unknown", "unreadable-for-us")):
        problems: Counter[str] = Counter()
        for verdict in verdicts:
            if verdict.status == status and verdict.reason == "unreadable":
                problems.update([_problem(verdict)])
        if not problems:
            continue
        counted = ", ".join(f"{count} {what}" for what, count in sorted(problems.items()))
        hint = "" if host.privileged or status == "skipped" else "; the agent, as root, reads them"
        total = sum(problems.values())
        who = "1 process" if total == 1 else f"{total} processes"
        message = f"{who} could not be read ({counted}){hint}"
        notices.append(Notice(code=code, message=message))
    return notices


def _problem(verdict: Outcome) -> str:
    for field in ("cmdline", "uid"):
        error = verdict.process.error(field)
        if error is not None:
            return PROBLEM_WORDS[error.problem]
    return "an ancestor is hidden"


def _without_age(verdicts: Sequence[Outcome], host: Host) -> list[Notice]:
    pids = [
        verdict.process.pid
        for verdict in verdicts
        if verdict.process.error("stat") is not None and verdict.reason != "unreadable"
    ]
    if not pids or host.boot_time_s is None:
        return []
    who = "1 process has" if len(pids) == 1 else f"{len(pids)} processes have"
    message = (
        f"{who} no readable stat (first: pid {pids[0]}):"
        " no parent and no start time, so old enough, as with the agent"
    )
    return [Notice(code="stat-missing", message=message)]
