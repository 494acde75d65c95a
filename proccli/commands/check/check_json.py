"""Diagnostics as JSON."""

from __future__ import annotations

from proccli.commands.check.check import CheckResult
from proccli.diagnostics.reach import Unreachable
from proccli.model.config import Diagnostic
from proccli.terminal.document import document, lines, warnings_json
from proccli.terminal.record import Json


def check_document(result: CheckResult) -> bytes:
    """The document `proccli/check/v1`."""
    return document(
        "check",
        {
            "diagnostics": [diagnostic_json(found) for found in result.diagnostics],
            "unreachable": [
                _unreachable(entry) for report in result.reports for entry in report.unreachable
            ],
            "warnings": warnings_json(result.notes),
        },
    )


def check_lines(result: CheckResult) -> bytes:
    """A line for each diagnostic."""
    return lines(diagnostic_json(found) for found in result.diagnostics)


def diagnostic_json(found: Diagnostic) -> Json:
    """One diagnostic; `end_column` is the column after the last character."""
    return {
        "severity": found.severity,
        "code": found.code,
        "message": found.message,
        "file": found.at.source,
        "line": found.at.line,
        "column": found.at.column,
        "end_line": found.end.line,
        "end_column": found.end.column,
        "rule": found.rule,
        "hint": found.hint,
    }


def _unreachable(entry: Unreachable) -> Json:
    return {
        "rule": entry.rule,
        "by": list(entry.by),
        "proof": entry.proof,
        "reaches": entry.reaches,
        "taken": entry.taken,
    }
