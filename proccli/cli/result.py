"""The end of every command: its result, what there is to say about it, its exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from proccli.cli.invocation import Invocation
from proccli.cli.messages import warn
from proccli.cli.streams import PipeClosed, write

if TYPE_CHECKING:
    from proccli.model.notice import Notice


def untold(notices: Sequence[Notice], *codes: str) -> Sequence[Notice]:
    """The notices but for those that a result for people says itself, and louder."""
    return [notice for notice in notices if notice.code not in codes]


def deliver(
    invocation: Invocation, content: str | bytes, notices: Sequence[Notice], code: int = 0
) -> int:
    """Print a result, then the warnings, which are thus what a terminal shows last.

    A reader who stopped listening gets no warnings either; the exit code is the same.

    Raises: OutputError.
    """
    try:
        write(content)
    except PipeClosed:
        return code
    warn(invocation, notices)
    return code
