"""Short ways to check a configuration in tests."""

from __future__ import annotations

from typing import Any

from proccli.diagnostics.lint import Linted, lint
from proccli.model.config import Diagnostic

HEAD = "os-proc-sync-enabled: true\nos-proc-regex:\n"


def judge(text: str, **more: Any) -> Linted:
    """A configuration, called agent.yaml."""
    return lint(text.encode(), "agent.yaml", **more)


def rules(*texts: str, **more: Any) -> Linted:
    """A configuration with these rules, each in YAML."""
    listed = "".join(f"- {text}\n".replace("\n", "\n  ").rstrip(" ") for text in texts)
    return judge(HEAD + listed, **more)


def codes(found: Linted) -> list[str]:
    """In the order of the text."""
    return [diagnostic.code for diagnostic in found.diagnostics]


def only(found: Linted, code: str) -> Diagnostic:
    """The one diagnostic of this code."""
    (diagnostic,) = [one for one in found.diagnostics if one.code == code]
    return diagnostic


def marked(found: Diagnostic) -> str:
    """What the caret stands under."""
    assert found.at.line == found.end.line
    return found.at.text[found.at.column - 1 : found.end.column - 1]
