"""What there is to say about a cycle, and whether it was said before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from proccli.agent.report import config_digest
from proccli.model.config import Config, Notice
from proccli.model.outcome import Outcome
from proccli.state import Memory

_COUNTED = re.compile(r"[0-9][0-9,]*( \w+){0,2}")
"""`1 socket belongs`, `2 sockets belong`."""


def left_out_notices(verdicts: Sequence[Outcome], accepted: Sequence[Outcome]) -> list[Notice]:
    """What the agent would know and we don't: it is not in the lists, and must not be missed."""
    notices = []
    unknown = [verdict for verdict in verdicts if verdict.status == "unknown"]
    if unknown:
        reasons = Counter(verdict.reason for verdict in unknown)
        counted = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        what = "1 process is" if len(unknown) == 1 else f"{len(unknown):,} processes are"
        message = (
            f"{what} left out: whether the agent sends them is not known here ({counted};"
            f" first: pid {unknown[0].process.pid})"
        )
        notices.append(Notice(code="unknown-left-out", message=message))
    untold = sum(verdict.tags is None for verdict in accepted)
    if untold:
        what = "1 process has" if untold == 1 else f"{untold:,} processes have"
        message = f"{what} tags that are not known here: their os_app_tags and the digest are null"
        notices.append(Notice(code="tags-left-out", message=message))
    return notices


def restart_notices(before: Memory | None, config: Config, *, known: bool) -> list[Notice]:
    """Why everything starts over for the agent."""
    if before is None:
        return []
    if not known:
        message = (
            "the state is of another boot or machine: all of its processes count as removed,"
            " whatever their pids"
        )
        return [Notice(code="another-boot", message=message)]
    if before.config != config_digest(config):
        message = "the configuration differs from that of the last run: the agent restarts then"
        return [Notice(code="config-changed", message=message)]
    return []


def gist(notice: Notice) -> str:
    """A notice without its numbers and what they count: three sockets fewer are the same news."""
    return f"{notice.code}: {_COUNTED.sub('#', notice.message)}"
