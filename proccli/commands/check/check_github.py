"""Diagnostics as annotations that GitHub shows next to the lines of a change.

Source: docs.github.com, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

from proccli.commands.check.check import CheckResult
from proccli.model.config import Diagnostic, Severity
from proccli.text import visible

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
    parts = [found.message]
    parts += [f"effect: {found.effect}"] if found.effect is not None else []
    parts += [f"help: {found.hint}"] if found.hint is not None else []
    return f"::{_COMMANDS[found.severity]} {joined}::{_data(chr(10).join(parts))}"


def _data(text: str) -> str:
    lines = (visible(line) for line in text.split("\n"))
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    return visible(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
