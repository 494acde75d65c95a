"""A scan as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from proccli.jobs.scan import ScanResult
from proccli.model import Verdict
from proccli.render.document import config_json, document, lines, snapshot_json, warnings_json
from proccli.render.process_json import process_json


def scan_document(result: ScanResult, shown: Sequence[Verdict]) -> bytes:
    """The document `proccli/scan/v1` with the chosen processes; the summary counts all."""
    summary = result.summary
    return document(
        "scan",
        {
            "snapshot": snapshot_json(result.host),
            "config": config_json(result.config),
            "processes": map(process_json, shown),
            "summary": {
                "total": summary.total,
                "accepted": summary.accepted,
                "dropped": summary.dropped,
                "skipped": summary.skipped,
                "unknown": summary.unknown,
                "reported": summary.reported,
            },
            "warnings": warnings_json(result.notices),
        },
    )


def scan_lines(shown: Sequence[Verdict]) -> bytes:
    """A line for each of the chosen processes."""
    return lines(process_json(verdict) for verdict in shown)
