"""The end of every command: it prints the result and warnings, and returns the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from proccli.cli.invocation import Invocation
from proccli.cli.messages import warn
from proccli.cli.output import PipeClosed, write

if TYPE_CHECKING:
    from proccli.model.note import Note


def without_codes(notes: Sequence[Note], *codes: str) -> Sequence[Note]:
    """The warnings without those codes, which the table itself already shows."""
    return [note for note in notes if note.code not in codes]


def print_result(
    invocation: Invocation, content: str | bytes, notes: Sequence[Note], code: int = 0
) -> int:
    """Print a result, then its warnings, so that a terminal shows the warnings last.

    If the pipe is closed, no warnings are printed; the exit code is the same.

    Raises: OutputError.
    """
    try:
        write(content)
    except PipeClosed:
        return code
    warn(invocation, notes)
    return code
