"""Diagnostics as SARIF 2.1.0, which code scanning services read.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from proccli import __version__
from proccli.commands.check.check import CheckResult
from proccli.diagnostics.codes import CODES
from proccli.diagnostics.pages import page, title
from proccli.model.config import Diagnostic, Severity
from proccli.terminal.document import lines
from proccli.terminal.record import Json

_LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def check_sarif(result: CheckResult) -> bytes:
    """One run, with the rules that its results refer to."""
    used = [code for code in CODES if any(found.code == code for found in result.diagnostics)]
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
        "defaultConfiguration": {"level": _LEVELS[CODES[code]]},
    }


def _result(found: Diagnostic, used: Sequence[str]) -> Json:
    parts = [found.message]
    parts += [f"effect: {found.effect}"] if found.effect is not None else []
    parts += [f"help: {found.hint}"] if found.hint is not None else []
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
        "message": {"text": "\n".join(parts)},
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
