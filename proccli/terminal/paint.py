"""Lines of spans as the bytes of a terminal or the plain text of a file."""

from __future__ import annotations

import io
from collections.abc import Iterable

from proccli.terminal.lines import Line
from proccli.terminal.view import View

STYLES = {
    "accepted": "green",
    "dropped": "red",
    "skipped": "dim",
    "unknown": "yellow",
    "name": "bold",
    "dim": "dim",
    "command": "dim",
    "head": "bold",
    "match": "green underline",
    "miss": "red",
    "tag": "cyan",
    "error": "bold red",
    "warning": "yellow",
}
"""Styles by name. Only the sixteen colours of the terminal's theme, so that all are readable."""


def paint(lines: Iterable[Line], view: View) -> str:
    """The lines as text, each with a newline at its end and no trailing spaces."""
    if not view.colour:
        return "".join("".join(text for text, _ in line).rstrip(" ") + "\n" for line in lines)

    from rich.console import Console
    from rich.text import Text
    from rich.theme import Theme

    console = Console(
        file=io.StringIO(),
        width=view.width,
        force_terminal=True,
        color_system="standard",
        theme=Theme(STYLES),
        legacy_windows=False,
        _environ={},
    )
    page = Text()
    for line in lines:
        for text, style in line:
            page.append(text, style or None)
        page.append("\n")
    console.print(page, soft_wrap=True, end="")
    written = console.file
    return written.getvalue() if isinstance(written, io.StringIO) else ""
