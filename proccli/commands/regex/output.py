"""The result of a pattern as text and as JSON: the match in each text, or why it is rejected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from proccli.commands.regex.trial import Attempt, Trial
from proccli.model.note import Note
from proccli.terminal.document import GROUP, SPAN, Document, lines
from proccli.terminal.lines import Line, around, cells, shorten, untrusted
from proccli.terminal.paint import paint
from proccli.terminal.record import Field, Record, array_of, integer, nullable, text
from proccli.terminal.view import View

ATTEMPT = Record(
    "attempt",
    Field("text", text()),
    Field("span", nullable(SPAN), "The leftmost match; null: none."),
    Field("groups", array_of(GROUP)),
    Field(
        "replaced",
        nullable(text()),
        "The text with every match replaced; null: no template was given.",
    ),
)

REGEX = Document(
    "regex",
    "proccli regex --json: the match of a pattern in each text",
    Field("pattern", text(), value="trial.pattern"),
    Field(
        "error",
        nullable(
            Record(
                "error",
                Field("message", text()),
                Field("position", integer(0), "Characters into the pattern."),
            )
        ),
        "Why the agent's engine rejects the pattern; null: it accepts it.",
        value="trial.error",
    ),
    Field("results", array_of(ATTEMPT)),
)


class _Row(NamedTuple):
    """The row of `REGEX`."""

    trial: Trial
    results: Iterable[Attempt]
    notes: Sequence[Note]


_INDENT = "  "


def regex_document(trial: Trial, attempts: Iterable[Attempt], notes: Sequence[Note]) -> bytes:
    """The document `proccli/regex/v1`."""
    return REGEX.render(_Row(trial, attempts, notes))


def regex_lines(attempts: Iterable[Attempt]) -> bytes:
    """A line of JSON for each text."""
    return lines(map(ATTEMPT.line, attempts))


def regex_text(trial: Trial, attempts: Iterable[Attempt], view: View) -> str:
    """Each text with its marked match, its groups and the replacement."""
    body: list[Line] = []
    if trial.error is not None:
        body.extend(_refusal(trial, view))
    for attempt in attempts:
        body.extend(_attempt(attempt, view))
    if not body:
        body.append((("The agent accepts this pattern.", "accepted"),))
    return paint(body, view)


def _refusal(trial: Trial, view: View) -> Iterable[Line]:
    error = trial.error
    if error is None:
        return
    yield [("The agent rejects this pattern: ", "error"), *untrusted(error.message)]
    before, fault, after = around(
        trial.pattern, (error.position, error.end), _room(view), view.glyphs.ellipsis
    )
    yield [(_INDENT, ""), (before, ""), (fault, "miss"), (after, "")]
    width = max(cells(((fault, ""),)), 1)
    yield [(_INDENT + " " * cells(((before, ""),)), ""), ("^" * width, "miss")]
    if error.hint is not None:
        yield [("help: ", "head"), *untrusted(error.hint)]


def _attempt(attempt: Attempt, view: View) -> Iterable[Line]:
    mark, room = view.glyphs.ellipsis, _room(view)
    if attempt.span is None:
        yield [*untrusted(shorten(attempt.text, room, mark)), (f"{_INDENT}no match", "dim")]
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
        yield [(arrow, "dim"), *untrusted(shorten(attempt.replaced, room, mark) or "", "name")]


def _room(view: View) -> int | None:
    return None if view.width is None else max(view.width - 12, 20)
