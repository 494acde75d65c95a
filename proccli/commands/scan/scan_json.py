"""A scan as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proccli.commands.scan.gprocesses import Identified
from proccli.commands.scan.identity_json import identities_json, identity_json
from proccli.commands.scan.json import process_json
from proccli.commands.scan.scan import ScanResult
from proccli.model.outcome import Outcome
from proccli.terminal.document import (
    Json,
    config_json,
    document,
    lines,
    snapshot_json,
    warnings_json,
)


def scan_document(
    result: ScanResult, shown: Sequence[Outcome], identified: Identified | None = None
) -> bytes:
    """The document `proccli/scan/v1` with the chosen processes; the summary counts all.

    With `identified`, each process has its identity, and the document what they come to.
    """
    summary = result.summary
    identities = {} if identified is None else {"identities": identities_json(identified)}
    return document(
        "scan",
        {
            "snapshot": snapshot_json(result.host),
            "config": config_json(result.config),
            "processes": _processes(shown, identified),
            "summary": {
                "total": summary.total,
                "accepted": summary.accepted,
                "dropped": summary.dropped,
                "skipped": summary.skipped,
                "unknown": summary.unknown,
                "reported": summary.reported,
            },
            **identities,
            "warnings": warnings_json(result.notes),
        },
    )


def scan_lines(shown: Sequence[Outcome], identified: Identified | None = None) -> bytes:
    """A line for each of the chosen processes."""
    return lines(_processes(shown, identified))


def _processes(shown: Sequence[Outcome], identified: Identified | None) -> Iterator[Json]:
    if identified is None:
        return map(process_json, shown)
    return (
        {
            **process_json(outcome),
            "identity": identity_json(identified.by_pid.get(outcome.process.pid)),
        }
        for outcome in shown
    )
