"""The end of every command: it prints the result and warnings, and returns the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from proccli.cli.invocation import Invocation
from proccli.cli.messages import warn
from proccli.cli.output import PipeClosed, write

if TYPE_CHECKING:
    from proccli.model.notice import Notice


def without_codes(notices: Sequence[Notice], *codes: str) -> Sequence[Notice]:
    """The notices without those codes, which the table itself already shows."""
    return [notice for notice in notices if notice.code not in codes]


def print_result(
    invocation: Invocation, content: str | bytes, notices: Sequence[Notice], code: int = 0
) -> int:
    """Print a result, then its warnings, so that a terminal shows the warnings last.

    If the pipe is closed, no warnings are printed; the exit code is the same.

    Raises: OutputError.
    """
    try:
        write(content)
    except PipeClosed:
        return code
    warn(invocation, notices)
    return code
