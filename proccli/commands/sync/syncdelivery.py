"""Writes the result of each `proccli sync` cycle, and its warnings."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from proccli.cli.invocation import Invocation
from proccli.cli.messages import warn
from proccli.cli.output import view_of, write
from proccli.commands.options.output import Output

if TYPE_CHECKING:
    from proccli.commands.sync.sync import SyncResult
    from proccli.model.note import Note

ROUTINE: Final = frozenset(
    {
        "no-config",
        "own-environment",
        "unreadable",
        "stat-missing",
        "sockets-unreadable",
        "sockets-without-process",
        "another-boot",
        "config-changed",
    }
)
"""Codes that are normal on a healthy machine; not printed with --out or after the first cycle."""


@dataclass(slots=True, kw_only=True)
class Delivery:
    """Writes results, then prints their warnings."""

    invocation: Invocation
    output: Output
    out: str | None
    mode: int
    if_changed: bool
    said_all: bool = False
    """Whether all warnings have been printed once, which is done without `out` only."""

    def __call__(self, result: SyncResult) -> bool:
        """Write a result; return whether it was written. Raises: OutputError, PipeClosed."""
        from proccli.files import atomic_output

        unchanged = self.if_changed and result.changed is False
        wanted = not (unchanged and _has_it(result, self.out))
        if wanted and self.out is None:
            write(_content(result, self.output, self.invocation, to_file=False))
        elif wanted and self.out is not None:
            with atomic_output(self.out, mode=self.mode, force=True) as file:
                file.write(_content(result, self.output, self.invocation, to_file=True))
        warn(self.invocation, self._worth_saying(result))
        return wanted

    def _worth_saying(self, result: SyncResult) -> Sequence[Note]:
        """All warnings the first time without `out`; otherwise those that are new and not
        routine."""
        if self.out is None and not self.said_all:
            self.said_all = True
            return result.notes
        return [note for note in result.news if note.code not in ROUTINE]


def _has_it(result: SyncResult, out: str | None) -> bool:
    """Whether the output file exists and was written by the run that this one is compared with."""
    if out is None:
        return True
    written_to = result.before.written_to if result.before is not None else None
    return written_to == os.path.realpath(out) and os.path.exists(out)  # noqa: PTH110 - text


def _content(result: SyncResult, output: Output, invocation: Invocation, *, to_file: bool) -> bytes:
    from proccli.commands.sync.sync_json import sync_document, sync_line

    if output == "json":
        return sync_document(result)
    if output == "jsonl":
        return sync_line(result)
    from proccli.commands.sync.output import sync_text
    from proccli.terminal.view import View

    view = View() if to_file else view_of(sys.stdout, invocation.colour)
    return sync_text(result, view).encode(errors="backslashreplace")
