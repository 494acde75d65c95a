"""The result of a pattern as text and as JSON: the match in each text, or why it is rejected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from proccli.commands.regex.trial import Attempt, Trial
from proccli.model.note import Note
from proccli.rustregex import RegexSyntaxError
from proccli.terminal.document import GROUP, SPAN, Document, lines
from proccli.terminal.lines import Line, around, cells, shorten, untrusted
from proccli.terminal.paint import paint
from proccli.terminal.record import Field, Record, array_of, integer, nullable, text
from proccli.terminal.view import View
from proccli.text import counted

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

_ERROR = nullable(
    Record(
        "error",
        Field("message", text()),
        Field("position", integer(0), "Characters into the pattern."),
    )
)
_WHY = "Why the agent's engine rejects the pattern; null: it accepts it."

PATTERN = Record(
    "pattern",
    Field("pattern", text()),
    Field("error", _ERROR, _WHY),
    Field("results", array_of(ATTEMPT)),
)

REGEX = Document(
    "regex",
    "proccli regex --json: the match of a pattern in each text",
    Field(
        "pattern",
        nullable(text()),
        "null: the patterns were read from standard input.",
    ),
    Field("error", _ERROR, _WHY),
    Field("results", array_of(ATTEMPT)),
    Field(
        "patterns",
        nullable(array_of(PATTERN)),
        "The patterns of standard input; null: the pattern is an argument.",
    ),
)

Tried: TypeAlias = tuple[Trial, Sequence[Attempt]]
"""A pattern of standard input, and the result of each text."""


class _Pattern(NamedTuple):
    """The row of `PATTERN`."""

    pattern: str
    error: RegexSyntaxError | None
    results: Iterable[Attempt]


class _Row(NamedTuple):
    """The row of `REGEX`."""

    pattern: str | None
    error: RegexSyntaxError | None
    results: Iterable[Attempt]
    notes: Sequence[Note]
    patterns: Sequence[_Pattern] | None = None


_INDENT = "  "


def regex_document(trial: Trial, attempts: Iterable[Attempt], notes: Sequence[Note]) -> bytes:
    """The document `proccli/regex/v1`."""
    return REGEX.render(_Row(trial.pattern, trial.error, attempts, notes))


def patterns_document(tried: Sequence[Tried], notes: Sequence[Note]) -> bytes:
    """The document `proccli/regex/v1` for the patterns of standard input."""
    return REGEX.render(_Row(None, None, (), notes, [_pattern(*one) for one in tried]))


def patterns_lines(tried: Sequence[Tried]) -> bytes:
    """A line of JSON for each pattern of standard input."""
    return lines(PATTERN.line(_pattern(*one)) for one in tried)


def _pattern(trial: Trial, attempts: Iterable[Attempt]) -> _Pattern:
    return _Pattern(trial.pattern, trial.error, attempts)


def patterns_text(tried: Sequence[Tried], view: View) -> str:
    """Each pattern of standard input with its results, and the number of those rejected."""
    parts: list[str] = []
    narrower = view._replace(width=None if view.width is None else view.width - len(_INDENT))
    for trial, attempts in tried:
        shown = shorten(trial.pattern, _room(view), view.glyphs.ellipsis) or ""
        parts.append(paint([untrusted(shown, "head")], view))
        results = regex_text(trial, attempts, narrower).splitlines()
        parts.extend(f"{_INDENT}{line}\n" for line in results)
    rejected = sum(trial.error is not None for trial, _ in tried)
    summary: Line = [(f"{counted(len(tried), 'pattern')}: {len(tried) - rejected:,} accepted", "")]
    if rejected:
        summary = [*summary, (f", {rejected:,} rejected", "error")]
    return "".join(parts) + paint([summary], view)


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
