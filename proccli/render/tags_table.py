"""Tags as a table: a line per tag, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence

from proccli.jobs.tags import TagRow, TagsResult
from proccli.render.grid import Column, grid
from proccli.render.paint import paint
from proccli.render.spans import Line, foreign, joined, plain, shorten, wrapped
from proccli.render.view import View
from proccli.render.words import SHORT_REASONS, counted
from proccli.tags import MAX_CHARACTERS, Cause

_CAUSES: dict[Cause, str] = {
    "blanks": "blanks at its ends",
    "comma": 'a comma and a blank (", ")',
    "colon-in-key": "a colon in the key",
    "colon-in-value": "a colon in the value",
    "key-again": "a later tag has this key",
    "key-case": "another key differs only in case",
    "too-long": f"over {MAX_CHARACTERS} characters",
    "four-byte": "a character of four bytes",
}


def tags_table(result: TagsResult, shown: Sequence[TagRow], view: View) -> str:
    """The chosen tags, and what they all came to."""
    lines = grid(shown, _columns(shown, view), view)
    if lines:
        lines.append(())
    lines.extend(_total_lines(result, len(shown), view))
    return paint(lines, view)


def _columns(shown: Sequence[TagRow], view: View) -> list[Column[TagRow]]:
    mark = view.glyphs.ellipsis
    columns: list[Column[TagRow]] = [
        Column(title="PID", cell=lambda row, _: plain(str(row.pid)), right=True),
        Column(title="PROCESS", cell=lambda row, room: _process_cell(row, room, mark), least=10),
        Column(title="KEY", cell=lambda row, room: _text_cell(row.tag.key, room, mark), least=8),
        Column(
            title="VALUE", cell=lambda row, room: _text_cell(row.tag.value, room, mark), least=12
        ),
    ]
    if any(row.inherited for row in shown):
        columns.append(Column(title="FROM", cell=lambda row, _: _from_cell(row), right=True))
    columns.append(
        Column(title="ARRIVES", cell=lambda row, room: _fate_cell(row, room, mark), least=16)
    )
    return columns


def _process_cell(row: TagRow, room: int | None, mark: str) -> Line:
    if row.verdict is None:
        return (("no such process", "unknown"),)
    return ((shorten(row.verdict.process_name or "-", room, mark), ""),)


def _text_cell(text: str, room: int | None, mark: str) -> Line:
    return ((shorten(text, room, mark) or '""', "tag"),)


def _from_cell(row: TagRow) -> Line:
    return ((str(row.tag.from_pid), "dim"),) if row.inherited else ()


def _fate_cell(row: TagRow, room: int | None, mark: str) -> Line:
    """Whether the agent sends it, and in which shape the server shows it."""
    verdict, fate = row.verdict, row.fate
    if row.sent is False:
        why = "" if verdict is None else f": {_unsent(row)}"
        return ((shorten(f"not sent{why}", room, mark), "skipped"),)
    style = {"kept": "accepted", "cut": "unknown", "lost": "dropped"}[fate.outcome]
    text = "kept" if row.sent else "kept, if it is sent"
    if fate.outcome != "kept":
        text = "lost" if fate.value is None else f'cut to "{fate.value}"'
        text += f": {', '.join(_CAUSES[cause] for cause in fate.causes)}"
    if fate.strays:
        text += f"; makes {' and '.join(f'{key}={value}' for key, value in fate.strays)}"
    return ((shorten(text, room, mark), style),)


def _unsent(row: TagRow) -> str:
    verdict = row.verdict
    assert verdict is not None  # noqa: S101 - the caller has looked
    if verdict.status == "dropped" and verdict.rule is not None:
        return f"rule #{verdict.rule.index} drops the process"
    return SHORT_REASONS.get(verdict.reason, verdict.reason)


def _total_lines(result: TagsResult, shown: int, view: View) -> list[Line]:
    summary = result.summary
    if not result.table.known:
        return [(("tags are unknown", "unknown"),)]
    counts: list[tuple[int, str, str]] = [
        (summary.kept, "kept", "accepted"),
        (summary.cut, "cut", "unknown"),
        (summary.lost, "lost", "dropped"),
        (summary.not_sent, "not sent", "skipped"),
        (summary.unknown, "not known to be sent", "unknown"),
    ]
    parts = [((f"{number:,} {word}", style),) for number, word, style in counts if number]
    total = f"{counted(summary.tags, 'tag')} of {counted(summary.processes, 'process')}"
    if shown != summary.tags:
        total = f"{shown:,} shown of {total}"
    line: list[tuple[str, str]] = [*plain(total)]
    if parts:
        line += [*plain(": "), *joined(parts, ", ")]
    about: Line = (
        *plain(f"server {result.server.version} {view.glyphs.dot} "),
        *foreign(f"tags from {result.table.origin}", "dim"),
    )
    return [*wrapped(line, view.width), *wrapped(about, view.width)]
