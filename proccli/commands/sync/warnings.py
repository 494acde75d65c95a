"""Notes about a cycle of sync, and whether the last run had them already."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from proccli.agent.report import config_digest
from proccli.commands.sync.state.memory import Memory
from proccli.commands.warnings import in_order
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.outcome import Outcome


def left_out_notes(outcomes: Sequence[Outcome], accepted: Sequence[Outcome]) -> list[Note]:
    """Notes about processes and tags that the agent may send and that are unknown here."""
    notes = []
    unknown = [outcome for outcome in outcomes if outcome.status == "unknown"]
    if unknown:
        reasons = in_order(Counter(outcome.reason for outcome in unknown))
        first_pid = unknown[0].process.pid
        notes.append(Note.of("unknown-left-out", reasons=reasons, first_pid=first_pid))
    without_tags = sum(outcome.tags is None for outcome in accepted)
    if without_tags:
        notes.append(Note.of("tags-left-out", processes=without_tags))
    return notes


def restart_notes(before: Memory | None, config: Config, *, known: bool) -> list[Note]:
    """The reason why the agent restarts and sends everything again."""
    if before is None:
        return []
    if not known:
        return [Note.of("another-boot")]
    if before.config != config_digest(config):
        return [Note.of("config-changed")]
    return []


def subject(note: Note) -> str:
    """An identifier of a note, equal if only numbers differ: its code, file and texts.

    A note about three sockets fewer is the same note.
    """
    texts = [value for _, value in note.values if isinstance(value, str)]
    texts += [item for _, value in note.values for item in _texts(value)]
    file = note.at.source if note.at is not None else ""
    return json.dumps([note.code, file, *texts, note.text or ""])


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, tuple):
        yield from (item for item in value if isinstance(item, str))
