"""A tried pattern as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proccli.commands.regex.trial import Attempt, Trial
from proccli.model.note import Note
from proccli.terminal.document import Json, document, lines, warnings_json


def regex_document(trial: Trial, attempts: Iterable[Attempt], notes: Sequence[Note]) -> bytes:
    """The document `proccli/regex/v1`."""
    error = trial.error
    return document(
        "regex",
        {
            "pattern": trial.pattern,
            "error": error and {"message": error.message, "position": error.position},
            "results": [_attempt(attempt) for attempt in attempts],
            "warnings": warnings_json(notes),
        },
    )


def regex_lines(attempts: Iterable[Attempt]) -> bytes:
    """A line for each text."""
    return lines(_attempt(attempt) for attempt in attempts)


def _attempt(attempt: Attempt) -> Json:
    return {
        "text": attempt.text,
        "span": attempt.span,
        "groups": [
            {"index": group.index, "name": group.name, "text": group.text, "span": group.span}
            for group in attempt.groups
        ],
        "replaced": attempt.replaced,
    }
