"""The result of a pattern as text: the match in each text, or why the pattern is rejected."""

from __future__ import annotations

from collections.abc import Iterable

from proccli.commands.regex.trial import Attempt, Trial
from proccli.terminal.lines import Line, around, cells, foreign, shorten
from proccli.terminal.paint import paint
from proccli.terminal.view import View

_INDENT = "  "


def regex_text(trial: Trial, attempts: Iterable[Attempt], view: View) -> str:
    """Each text with its marked match, its groups and the replacement."""
    lines: list[Line] = []
    if trial.error is not None:
        lines.extend(_refusal(trial, view))
    for attempt in attempts:
        lines.extend(_attempt(attempt, view))
    if not lines:
        lines.append((("The agent accepts this pattern.", "accepted"),))
    return paint(lines, view)


def _refusal(trial: Trial, view: View) -> Iterable[Line]:
    error = trial.error
    if error is None:
        return
    yield [("The agent rejects this pattern: ", "alarm"), *foreign(error.message)]
    before, fault, after = around(
        trial.pattern, (error.position, error.end), _room(view), view.glyphs.ellipsis
    )
    yield [(_INDENT, ""), (before, ""), (fault, "miss"), (after, "")]
    width = max(cells(((fault, ""),)), 1)
    yield [(_INDENT + " " * cells(((before, ""),)), ""), ("^" * width, "miss")]
    if error.hint is not None:
        yield [("help: ", "head"), *foreign(error.hint)]


def _attempt(attempt: Attempt, view: View) -> Iterable[Line]:
    mark, room = view.glyphs.ellipsis, _room(view)
    if attempt.span is None:
        yield [*foreign(shorten(attempt.text, room, mark)), (f"{_INDENT}no match", "dim")]
        return
    before, match, after = around(attempt.text, attempt.span, room, mark)
    yield [(before, ""), (match, "match"), (after, "")]
    if not view.colour or not match:
        yield [(" " * cells(((before, ""),)), ""), ("^" * max(cells(((match, ""),)), 1), "match")]
    for group in attempt.groups:
        name = f"${group.index}" if group.name is None else f"${{{group.name}}}"
        if group.text is None:
            yield ((f"{_INDENT}{name} did not participate", "dim"),)
        else:
            text = shorten(group.text, room, mark)
            yield [(f"{_INDENT}{name} = ", "dim"), (f'"{text}"', "match")]
    if attempt.replaced is not None:
        arrow = f"{_INDENT}{view.glyphs.becomes} "
        yield [(arrow, "dim"), *foreign(shorten(attempt.replaced, room, mark) or "", "name")]


def _room(view: View) -> int | None:
    return None if view.width is None else max(view.width - 12, 20)
