"""The processes that share a name, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from proccli.commands.explain.explain import Candidate
from proccli.terminal.lines import Line, shorten
from proccli.terminal.paint import paint
from proccli.terminal.table import Column, grid
from proccli.terminal.view import View


def candidates_table(candidates: Sequence[Candidate], view: View) -> str:
    """One line per process."""
    mark = view.glyphs.ellipsis

    def name(candidate: Candidate, room: int | None) -> Line:
        return ((shorten(candidate.process_name, room, mark), "name"),)

    def command(candidate: Candidate, room: int | None) -> Line:
        return ((shorten(candidate.cmdline, room, mark), ""),)

    columns: Sequence[Column[Candidate]] = (
        Column(title="PID", cell=lambda c, _: ((str(c.pid), ""),), right=True),
        Column(title="NAME", cell=name, least=8),
        Column(title="COMMAND", cell=command, least=16),
    )
    return paint(grid(candidates, columns, view), view)
