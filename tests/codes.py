"""Writes docs/warnings.md from the registry of codes."""

from __future__ import annotations

from collections.abc import Iterator

from proccli.model.codes import HOST_FAILURES, LABELS, REASONS, SOCKET_REASONS, WARNINGS
from tests.paths import DOCS

FILE = DOCS / "warnings.md"

_INTRODUCTION = """\
# Warnings and reasons

The codes of warnings and reasons in the output. They do not change, so scripts can rely on them;
the sentences beside them may change. The codes of `proccli check` are in
[diagnostics.md](diagnostics.md).

## Warnings

`warnings[].code` in JSON; on standard error only the sentence is printed. With `--strict`, a
warning with an entry under *missing* causes exit code 4 if the command's result depends on it.
"""


def page() -> str:
    """docs/warnings.md."""
    return "\n".join([_INTRODUCTION, *_warnings(), *_reasons(), ""])


def _warnings() -> Iterator[str]:
    yield "| code | meaning | missing |"
    yield "|---|---|---|"
    for code, warned in WARNINGS.items():
        yield f"| `{code}` | {warned.line} | {warned.lacks or ''} |"


def _reasons() -> Iterator[str]:
    tables = (
        ("Reasons of processes", "`reason` of a process: what decides its outcome.", REASONS),
        ("Reasons of sockets", "`reason` of a socket: why it is not sent.", SOCKET_REASONS),
        ("Reasons of labels", "`label_0` and `label_1`: why `label` finds no process.", LABELS),
        (
            "Reasons of hosts",
            "`failure.reason` of a host: why `record` has no recording of it.",
            HOST_FAILURES,
        ),
    )
    for title, line, codes in tables:
        yield f"\n## {title}\n\n{line}\n\n| code | meaning |\n|---|---|"
        yield from (f"| `{code}` | {meaning} |" for code, meaning in codes.items())


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
