"""The effect of a configuration change, as JSON."""

from __future__ import annotations

from proccli.commands.diff.diff import Change, DiffResult, Fate
from proccli.commands.diff.rules import Witness, WitnessOutcome
from proccli.commands.scan.json import TAG
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
            "processes": result.seen,
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
        "old": _fate(change.old),
        "new": _fate(change.new),
    }


def _fate(fate: Fate) -> Json:
    return {
        "status": fate.status,
        "reason": fate.reason,
        "rule": fate.rule,
        "gprocess": fate.gprocess,
        "tags": None if fate.tags is None else [TAG.json(tag) for tag in fate.tags],
    }


def _witness(witness: Witness) -> Json:
    return {
        "match_type": witness.match_type,
        "text": witness.text,
        "old": _outcome(witness.old),
        "new": _outcome(witness.new),
    }


def _outcome(outcome: WitnessOutcome) -> Json:
    return {"status": outcome.status, "rule": outcome.rule, "gprocess": outcome.gprocess}
