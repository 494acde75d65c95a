"""The end of every command: its result on stdout, then messages on stderr, one per line."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import click

from proccli.cli.output import Invocation, PipeClosed, view_of, write, write_pieces, write_stderr
from proccli.text import visible

if TYPE_CHECKING:
    from proccli.model.note import Note

ALIKE = 5
"""Messages with the same code that are printed; the JSON document has all of them."""


def print_message(message: str) -> None:
    """Print a message that is neither an error nor a warning."""
    write_stderr(f"proccli: {visible(message)}\n")


_ROUTINE = frozenset({"vanished"})
"""Codes of what happens on every live machine; only the JSON document and `--debug` have them."""
_REPORTED = "source-unreadable"
"""Printed as an error: `failures.report_sources`."""


def warn(invocation: Invocation, notes: Sequence[Note]) -> None:
    """Print one line per warning; of many with the same code, only the first few and a count."""
    notes = without_codes(notes, _REPORTED, *(() if invocation.debug else _ROUTINE))
    label = labelled(invocation, "warning", "yellow")
    for line in condensed(notes):
        write_stderr(f"{label} {visible(line)}\n")


def labelled(invocation: Invocation, word: str, colour: str) -> str:
    """`proccli: warning:`, with the word in colour if stderr supports it."""
    if view_of(sys.stderr, invocation.colour).colour:
        word = click.style(word, fg=colour, bold=True)
    return f"proccli: {word}:"


def without_codes(notes: Sequence[Note], *codes: str) -> Sequence[Note]:
    """The warnings without those codes, which the table itself already shows."""
    return [note for note in notes if note.code not in codes]


def print_result(
    invocation: Invocation,
    content: str | bytes | Iterable[bytes],
    notes: Sequence[Note],
    code: int = 0,
) -> int:
    """Print a result, whole or in pieces, then its warnings, so that a terminal shows the warnings
    last.

    If the pipe is closed, no warnings are printed; the exit code is the same.

    Raises: OutputError.
    """
    try:
        if isinstance(content, (str, bytes)):
            write(content)
        else:
            write_pieces(content, at_once=False)
    except PipeClosed:
        return code
    warn(invocation, notes)
    return code


def print_pieces(
    invocation: Invocation, pieces: Iterable[bytes], notes: Callable[[], Sequence[Note]]
) -> None:
    """Print a result while it is computed, then its warnings, which are complete by then.

    Raises: OutputError, and what computing the pieces raises.
    """
    try:
        write_pieces(pieces, at_once=False)
    except PipeClosed:
        return
    warn(invocation, notes())


def condensed(notes: Sequence[Note]) -> Iterable[str]:
    """The sentences of warnings; of many with the same code, only the first few and a count."""
    if not notes:  # as in most runs, which need not load all the wordings
        return
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
