"""Diagnostics as JSON, as SARIF 2.1.0 and as annotations of GitHub.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0";
docs.github.com, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from proccli import __version__
from proccli.commands.check.check import CheckResult
from proccli.diagnostics.codes import page, title
from proccli.diagnostics.reach import Unreachable
from proccli.model.codes import DIAGNOSTICS
from proccli.model.config import Diagnostic, Severity
from proccli.terminal.document import document, lines, warnings_json
from proccli.terminal.record import Json
from proccli.text import visible


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


_LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def check_sarif(result: CheckResult) -> bytes:
    """One run, with the rules that its results refer to."""
    used = [code for code in DIAGNOSTICS if any(found.code == code for found in result.diagnostics)]
    usable = all(report.usable for report in result.reports)
    run = {
        "tool": {
            "driver": {
                "name": "proccli",
                "version": __version__,
                "rules": [_rule(code) for code in used],
            }
        },
        "invocations": [{"executionSuccessful": usable}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(found, used) for found in result.diagnostics],
    }
    return lines([{"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}])


def _rule(code: str) -> Json:
    return {
        "id": code,
        "shortDescription": {"text": title(code)},
        "help": {"text": page(code), "markdown": page(code)},
        "defaultConfiguration": {"level": _LEVELS[DIAGNOSTICS[code]]},
    }


def _result(found: Diagnostic, used: Sequence[str]) -> Json:
    region: Json = {
        "startLine": found.at.line,
        "startColumn": found.at.column,
        "endLine": found.end.line,
        "endColumn": found.end.column,
    }
    return {
        "ruleId": found.code,
        "ruleIndex": used.index(found.code),
        "level": _LEVELS[found.severity],
        "message": {"text": _full_message(found)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(found.at.source)},
                    "region": region,
                }
            }
        ],
    }


def _uri(path: str) -> str:
    """A path as a URI reference; a relative one is resolved from the root of the sources."""
    return f"file://{quote(path)}" if path.startswith("/") else quote(path)


_COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}


def check_github(result: CheckResult) -> str:
    """A workflow command for each diagnostic."""
    return "".join(f"{_annotation(found)}\n" for found in result.diagnostics)


def _annotation(found: Diagnostic) -> str:
    properties = {
        "file": found.at.source,
        "line": found.at.line,
        "endLine": found.end.line,
        "col": found.at.column,
        "endColumn": found.end.column,
        "title": found.code,
    }
    if found.at.line != found.end.line:
        # GitHub accepts columns only within one line.
        del properties["col"], properties["endColumn"]
    joined = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{_COMMANDS[found.severity]} {joined}::{_data(_full_message(found))}"


def _data(text: str) -> str:
    lines = (visible(line) for line in text.split("\n"))
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    return visible(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")


def _full_message(found: Diagnostic) -> str:
    """The message with its effect and suggested fix, each on a line."""
    parts = [found.message]
    parts += [f"effect: {found.effect}"] if found.effect is not None else []
    parts += [f"help: {found.hint}"] if found.hint is not None else []
    return "\n".join(parts)
