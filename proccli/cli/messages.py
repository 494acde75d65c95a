"""Messages on stderr, one per line: `proccli: warning: …`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from proccli.cli.invocation import Invocation
from proccli.cli.output import say, view_of
from proccli.text import visible

if TYPE_CHECKING:
    from proccli.model.note import Note

ALIKE = 5
"""Messages with the same code that are printed; the JSON document has all of them."""


def tell(message: str) -> None:
    """Print a message that is neither an error nor a warning."""
    say(f"proccli: {visible(message)}\n")


def warn(invocation: Invocation, notes: Sequence[Note]) -> None:
    """Print one line per warning; of many with the same code, only the first few and a count."""
    label = labelled(invocation, "warning", "yellow")
    for line in _condensed(notes):
        say(f"{label} {visible(line)}\n")


def labelled(invocation: Invocation, word: str, colour: str) -> str:
    """`proccli: warning:`, with the word in colour if stderr supports it."""
    if view_of(sys.stderr, invocation.colour).colour:
        word = click.style(word, fg=colour, bold=True)
    return f"proccli: {word}:"


def _condensed(notes: Sequence[Note]) -> Iterable[str]:
    from proccli.terminal.warning_text import message

    times = Counter(notes)
    kinds = Counter(note.code for note in times)
    shown: Counter[str] = Counter()
    for note, count in times.items():
        shown[note.code] += 1
        if shown[note.code] <= ALIKE:
            yield message(note) if count == 1 else f"{message(note)} ({count} times)"
        elif shown[note.code] == kinds[note.code]:
            yield f"{kinds[note.code] - ALIKE} more warnings of this kind ({note.code})"
