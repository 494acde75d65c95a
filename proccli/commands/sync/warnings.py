"""Warnings about a cycle of sync, and whether the last run gave them already."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from proccli.agent.report import config_digest
from proccli.commands.sync.state.memory import Memory
from proccli.commands.warnings import in_order
from proccli.model.config import Config
from proccli.model.notice import Notice
from proccli.model.outcome import Outcome


def left_out_notices(verdicts: Sequence[Outcome], accepted: Sequence[Outcome]) -> list[Notice]:
    """What the agent would send and is missing from the lists, because it is not known here."""
    notices = []
    unknown = [verdict for verdict in verdicts if verdict.status == "unknown"]
    if unknown:
        reasons = in_order(Counter(verdict.reason for verdict in unknown))
        first_pid = unknown[0].process.pid
        notices.append(Notice.of("unknown-left-out", reasons=reasons, first_pid=first_pid))
    without_tags = sum(verdict.tags is None for verdict in accepted)
    if without_tags:
        notices.append(Notice.of("tags-left-out", processes=without_tags))
    return notices


def restart_notices(before: Memory | None, config: Config, *, known: bool) -> list[Notice]:
    """Why the agent starts over and sends everything again."""
    if before is None:
        return []
    if not known:
        return [Notice.of("another-boot")]
    if before.config != config_digest(config):
        return [Notice.of("config-changed")]
    return []


def subject(notice: Notice) -> str:
    """What a warning is about, to see whether the last run gave it: its code, file and texts.

    Numbers and counts are left out: a warning about three sockets fewer is the same warning.
    """
    texts = [value for _, value in notice.values if isinstance(value, str)]
    texts += [item for _, value in notice.values for item in _texts(value)]
    file = notice.at.source if notice.at is not None else ""
    return json.dumps([notice.code, file, *texts, notice.text or ""])


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, tuple):
        yield from (item for item in value if isinstance(item, str))
