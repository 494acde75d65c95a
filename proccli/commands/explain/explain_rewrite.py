"""How rewrite-name produces a name, step by step."""

from __future__ import annotations

from collections.abc import Iterable

from proccli.model.outcome import RewriteTrace
from proccli.terminal.lines import Line, foreign, shorten, wrapped
from proccli.terminal.view import View

_LABEL = 13
_SHOWN_REPLACEMENTS = 5


def rewrite_lines(
    rewrite: RewriteTrace, subject: str, room: int | None, view: View
) -> Iterable[Line]:
    """The template, its value with the environment and the groups, and notes."""
    for label, text, style in _steps(rewrite, subject, view):
        inner = None if room is None else max(room - _LABEL, 10)
        first, *more = wrapped(foreign(text, style), inner)
        yield [(f"{label:<{_LABEL}}", "dim"), *first]
        for line in more:
            yield [(" " * _LABEL, ""), *line]
    for note in _notes(rewrite, subject):
        yield from wrapped(foreign(f"note: {note}", "warn"), room)


def _steps(rewrite: RewriteTrace, subject: str, view: View) -> Iterable[tuple[str, str, str]]:
    yield "rewrite-name", rewrite.template, ""
    if rewrite.expanded not in (None, rewrite.template):
        yield "environment", rewrite.expanded or '""', ""
    many = len(rewrite.replacements) > 1
    for number, replacement in enumerate(rewrite.replacements[:_SHOWN_REPLACEMENTS], start=1):
        room = None if view.width is None else view.width // 3
        start, end = replacement.span
        old, new = subject[start:end], replacement.text
        old, new = (shorten(text, room, view.glyphs.ellipsis) for text in (old, new))
        label = f"replaces {number}" if many else "replaces"
        yield label, f'"{old}" {view.glyphs.becomes} "{new}"', ""
    left_out = len(rewrite.replacements) - _SHOWN_REPLACEMENTS
    if left_out > 0:
        yield "", f"and {left_out:,} more", "dim"
    if rewrite.result is None:
        yield "name", "unknown", "unknown"
    else:
        yield "name", rewrite.result or '"" (empty)', "accepted"


def _notes(rewrite: RewriteTrace, subject: str) -> Iterable[str]:
    if rewrite.expanded == "":
        yield "rewrite-name is empty after expansion, so the agent does not rewrite the name"
    if any(subject[start:end] for start, end in _untouched(rewrite, subject)):
        yield "the agent replaces only the matched text; the text around it stays in the name"
    for group in rewrite.missing_groups:
        yield f"the pattern has no group {group!r}; the reference becomes empty"
    for name in rewrite.unset_env:
        yield f"%{name}% is not set in the agent's environment and becomes empty"
    for name in rewrite.unknown_env:
        yield f"the value of %{name}% is unknown (set it with --env {name}=VALUE)"


def _untouched(rewrite: RewriteTrace, subject: str) -> Iterable[tuple[int, int]]:
    """The parts of the subject between the replaced matches."""
    at = 0
    if not rewrite.replacements:
        return
    for replacement in rewrite.replacements:
        yield at, replacement.span[0]
        at = replacement.span[1]
    yield at, len(subject)
