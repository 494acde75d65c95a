"""Diagnostics as JSON, as SARIF 2.1.0 and as annotations of GitHub.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0";
docs.github.com, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args
from urllib.parse import quote

from proccli import __version__
from proccli.commands.check.check import CheckResult
from proccli.diagnostics.codes import page, title
from proccli.diagnostics.reach import Proof
from proccli.model.codes import DIAGNOSTICS
from proccli.model.config import Diagnostic, Severity
from proccli.terminal.document import Document, encode, lines
from proccli.terminal.record import Field, Json, Record, array_of, enum, integer, nullable, text
from proccli.text import visible

DIAGNOSTIC = Record(
    "diagnostic",
    Field("severity", enum(*get_args(Severity))),
    Field("code", text(), "proccli check --explain CODE explains it."),
    Field("message", text()),
    Field("file", text(), value="at.source"),
    Field("line", integer(1), value="at.line"),
    Field("column", integer(1), "In characters.", value="at.column"),
    Field("end_line", integer(1), value="end.line"),
    Field("end_column", integer(1), "After the last character.", value="end.column"),
    Field("rule", nullable(integer(1)), "Counts from 1; null: it is not about a rule."),
    Field("hint", nullable(text()), "What to write instead."),
)
"""The row is a `Diagnostic`."""

UNREACHABLE = Record(
    "unreachable",
    Field("rule", integer(1)),
    Field(
        "by",
        array_of(integer(1)),
        "proven: the earlier rules that together take everything; else the one that takes `taken`.",
    ),
    Field(
        "proof",
        enum(*get_args(Proof)),
        "proven: never reached; partial: they take some; unknown: it takes too long to determine.",
    ),
    Field(
        "reaches",
        nullable(text()),
        "A shortest text that still reaches the rule; null: there is none, or it is not known.",
    ),
    Field(
        "taken",
        nullable(text()),
        "A shortest text that an earlier rule takes; null: there is none, or it is not known.",
    ),
)
"""The row is an `Unreachable`."""

CHECK = Document(
    "check",
    "proccli check --json: the problems of configurations",
    Field(
        "diagnostics",
        array_of(DIAGNOSTIC),
        "By file in the order given, by line and column in each; -o jsonl prints one of these a"
        " line.",
    ),
    Field(
        "unreachable",
        array_of(UNREACHABLE),
        "Rules that earlier ones shadow, by file; of inputs.proc, matchers that earlier ignore"
        " matchers keep from processes.",
        value=lambda result: [entry for report in result.reports for entry in report.unreachable],
    ),
)


def check_document(result: CheckResult) -> bytes:
    """The document `proccli/check/v1`."""
    return CHECK.render(result)


def check_lines(result: CheckResult) -> bytes:
    """A line for each diagnostic."""
    return lines(map(DIAGNOSTIC.line, result.diagnostics))


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
    return lines([encode({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})])


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
