"""The effect of a configuration change, as JSON."""

from __future__ import annotations

from proccli.commands.diff.diff import Change, DiffResult
from proccli.commands.diff.rules import Witness
from proccli.commands.scan.json import TAG
from proccli.model.outcome import Outcome
from proccli.terminal.document import document, lines, warnings_json
from proccli.terminal.record import Json


def diff_document(result: DiffResult) -> bytes:
    """The document `proccli/diff/v1`."""
    return document(
        "diff",
        {
            "changes": [_change(change) for change in result.changes],
            "witnesses": [_witness(witness) for witness in result.witnesses],
            "equivalent": result.equivalent,
            "processes": result.compared,
            "undecided": result.undecided,
            "connections": {
                "lost": result.connections.lost,
                "gained": result.connections.gained,
            },
            "warnings": warnings_json(result.notes),
        },
    )


def diff_lines(result: DiffResult) -> bytes:
    """One line per change."""
    return lines(_change(change) for change in result.changes)


def _change(change: Change) -> Json:
    return {
        "snapshot": change.snapshot,
        "pid": change.pid,
        "change": change.kind,
        "old": _outcome(change.old),
        "new": _outcome(change.new),
    }


def _outcome(outcome: Outcome) -> Json:
    return {
        "status": outcome.status,
        "reason": outcome.reason,
        "rule": outcome.decided_by,
        "gprocess": outcome.gprocess,
        "tags": None if outcome.tags is None else [TAG.json(tag) for tag in outcome.tags],
    }


def _witness(witness: Witness) -> Json:
    return {
        "match_type": witness.match_type,
        "text": witness.text,
        "old": _made_up_outcome(witness.old),
        "new": _made_up_outcome(witness.new),
    }


def _made_up_outcome(outcome: Outcome) -> Json:
    return {"status": outcome.status, "rule": outcome.decided_by, "gprocess": outcome.gprocess}
