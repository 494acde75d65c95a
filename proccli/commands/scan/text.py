"""A scan as a table: a line per process, then the rules with their hits, then a summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from proccli.commands.scan.scan import ScanResult
from proccli.commands.scan.scan_summary import rules_lines, total_lines
from proccli.model.outcome import Outcome
from proccli.terminal.lines import Line, cells, foreign, joined, plain, shorten
from proccli.terminal.paint import paint
from proccli.terminal.table import Column, grid
from proccli.terminal.view import View
from proccli.terminal.words import SHORT_REASONS, duration, own_name

if TYPE_CHECKING:
    from proccli.commands.scan.gprocesses import Identified

_FOLDED = 3
"""Minimum number of consecutive processes without a command line that share a line."""
_ROOM_FOR_UNNAMED = 18
"""Maximum width in cells of a name that is not sent."""

_LEAST_REMARK = 12
"""Minimum width in cells to show the original name next to the new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A process, or several consecutive ones without a command line."""

    outcome: Outcome
    last_pid: int | None = None
    count: int = 1


def scan_table(
    result: ScanResult,
    shown: Sequence[Outcome],
    view: View,
    identified: Identified | None = None,
) -> str:
    """The selected processes, and the summary of the whole scan.

    On a terminal, consecutive kernel threads share a line, unless processes are filtered. With
    `identified`, each process has its gprocess, and names shared by processes are listed.
    """
    rows = [_Row(outcome=outcome) for outcome in shown]
    if view.width is not None and len(shown) == len(result.outcomes):
        rows = list(_folded(shown))
    columns = _columns(shown, view)
    if identified is not None and identified.server.aggregates:
        columns.insert(2, _group_column(identified))
    lines = grid(rows, columns, view)
    if lines:
        lines.append(())
    if identified is not None:
        from proccli.commands.scan.gprocesses_text import identity_lines

        lines.extend(identity_lines(identified, shown, view))
    lines.extend(rules_lines(result, view))
    lines.extend(total_lines(result, len(shown), view))
    return paint(lines, view)


def _folded(outcomes: Iterable[Outcome]) -> Iterator[_Row]:
    for idle, run in groupby(outcomes, key=lambda outcome: outcome.reason == "no-cmdline"):
        alike = list(run)
        if idle and len(alike) >= _FOLDED:
            yield _Row(outcome=alike[0], last_pid=alike[-1].process.pid, count=len(alike))
        else:
            yield from (_Row(outcome=outcome) for outcome in alike)


def _columns(shown: Sequence[Outcome], view: View) -> list[Column[_Row]]:
    """The columns that are not empty for these processes."""
    columns: list[Column[_Row]] = [
        Column(title="PID", cell=lambda row, _: plain(str(row.outcome.process.pid)), right=True),
        Column(title="OUTCOME", cell=lambda row, _: _outcome_cell(row.outcome)),
        Column(title="NAME", cell=lambda row, room: _name_cell(row, room, view), least=14),
    ]
    if any(outcome.tags for outcome in shown):
        columns.append(
            Column(
                title="TAGS",
                cell=lambda row, room: _tags_cell(row, room, view),
                least=10,
                spare=1,
            )
        )
    if any(outcome.user for outcome in shown):
        columns.append(
            Column(
                title="USER", cell=lambda row, room: _user_cell(row, room, view), least=8, spare=2
            )
        )
    if any(outcome.uptime_s is not None for outcome in shown):
        columns.append(
            Column(title="UPTIME", cell=lambda row, _: _uptime_cell(row), right=True, spare=3)
        )
    columns.append(
        Column(title="COMMAND", cell=lambda row, room: _command_cell(row, room, view), least=20)
    )
    return columns


def _group_column(identified: Identified) -> Column[_Row]:
    from proccli.commands.scan.gprocesses_text import group_cell

    return Column(
        title="ID",
        cell=lambda row, _: group_cell(identified.by_pid.get(row.outcome.process.pid)),
        right=True,
    )


def _outcome_cell(outcome: Outcome) -> Line:
    """`accepted #2`; without a number if no rule matched."""
    rule = "" if outcome.rule is None else f" #{outcome.rule.index}"
    return ((f"{outcome.status}{rule}", outcome.status),)


def _name_cell(row: _Row, room: int | None, view: View) -> Line:
    """The name it is sent under and, if different, its original name."""
    outcome, mark = row.outcome, view.glyphs.ellipsis
    if row.last_pid is not None:
        return ((f"to {row.last_pid}", "dim"),)
    if outcome.gprocess is None:
        room = None if room is None else min(room, _ROOM_FOR_UNNAMED)
        return ((shorten(own_name(outcome), room, mark), "dim"),)
    if outcome.gprocess == outcome.process_name:
        return ((shorten(outcome.gprocess, room, mark), "name"),)
    name = outcome.gprocess or '""'
    was = f" {view.glyphs.came_from} {outcome.process_name or '?'}"
    line: Line = (*foreign(name, "name"), *foreign(was, "dim"))
    if room is None or cells(line) <= room:
        return line
    left = room - cells(foreign(name))
    if left >= _LEAST_REMARK:
        return (*foreign(name, "name"), (shorten(was, left, mark), "dim"))
    return ((shorten(name, room, mark), "name"),)


def _tags_cell(row: _Row, room: int | None, view: View) -> Line:
    tags, own = row.outcome.tags, row.outcome.process.pid
    if row.count > 1 or tags == ():
        return ()
    if tags is None:
        return (("?", "unknown"),)
    texts = [(f"{tag.key}={tag.value}", "tag" if tag.from_pid == own else "dim") for tag in tags]
    line = joined((foreign(text, style) for text, style in texts), " ")
    if room is None or cells(line) <= room:
        return line
    return ((shorten(" ".join(text for text, _ in texts), room, view.glyphs.ellipsis), "tag"),)


def _user_cell(row: _Row, room: int | None, view: View) -> Line:
    if row.count > 1:
        return ()
    return plain(shorten(row.outcome.user or "", room, view.glyphs.ellipsis))


def _uptime_cell(row: _Row) -> Line:
    uptime_s = row.outcome.uptime_s
    return () if uptime_s is None or row.count > 1 else ((duration(uptime_s), "dim"),)


def _command_cell(row: _Row, room: int | None, view: View) -> Line:
    """The reason why it is not sent, and the command line as the agent sees it."""
    outcome, mark = row.outcome, view.glyphs.ellipsis
    if row.count > 1:
        return ((shorten(f"({row.count:,} without a command line)", room, mark), "skipped"),)
    reason = SHORT_REASONS.get(outcome.reason)
    remark = "" if reason is None else f"({reason}) " if outcome.cmdline else f"({reason})"
    left = None if room is None else max(room - len(remark), 0)
    command = shorten(outcome.cmdline or "", left, mark)
    style = "dim" if outcome.gprocess is None else ""
    return ((shorten(remark, room, mark), outcome.status), (command, style))
