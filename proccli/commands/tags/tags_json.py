"""Tags as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from proccli.commands.tags.tags import TagRow, TagsResult
from proccli.terminal.document import (
    Json,
    config_json,
    document,
    lines,
    snapshot_json,
    warnings_json,
)


def tags_document(result: TagsResult, shown: Sequence[TagRow]) -> bytes:
    """The document `proccli/tags/v1` with the chosen tags; the summary counts all."""
    summary = result.summary
    return document(
        "tags",
        {
            "snapshot": snapshot_json(result.host),
            "config": config_json(result.config),
            "origin": result.table.origin,
            "known": result.table.known,
            "server": result.server.number,
            "tags": [_tag_json(row) for row in shown],
            "summary": {
                "tags": summary.tags,
                "processes": summary.processes,
                "kept": summary.kept,
                "cut": summary.cut,
                "lost": summary.lost,
                "not_sent": summary.not_sent,
                "unknown": summary.unknown,
            },
            "warnings": warnings_json(result.notes),
        },
    )


def tags_lines(shown: Sequence[TagRow]) -> bytes:
    """A line for each of the chosen tags."""
    return lines(_tag_json(row) for row in shown)


def _tag_json(row: TagRow) -> Json:
    return {
        "pid": row.pid,
        "exists": row.outcome is not None,
        "process_name": None if row.outcome is None else row.outcome.process_name,
        "key": row.tag.key,
        "value": row.tag.value,
        "from_pid": row.tag.from_pid,
        "server": row.fate.outcome,
        "sent": row.sent,
        "arrives_as": row.fate.value,
        "causes": list(row.fate.causes),
        "strays": [{"key": key, "value": value} for key, value in row.fate.strays],
    }
