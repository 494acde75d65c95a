"""A scan as a table: a line per process, then the rules with their hits, then the count."""

from __future__ import annotations

from collections.abc import Sequence

from proccli.jobs.scan import ScanResult
from proccli.model import Verdict
from proccli.render.grid import Column, grid
from proccli.render.paint import paint
from proccli.render.scan_summary import rules_lines, total_lines
from proccli.render.spans import Line, cells, foreign, joined, shorten
from proccli.render.view import View
from proccli.render.words import SHORT_REASONS, duration


def scan_table(result: ScanResult, shown: Sequence[Verdict], view: View) -> str:
    """The chosen processes, and what the whole scan came to."""
    lines = grid(shown, _columns(shown, view), view)
    if lines:
        lines.append(())
    lines.extend(rules_lines(result, view))
    lines.extend(total_lines(result, len(shown), view))
    return paint(lines, view)


def _columns(shown: Sequence[Verdict], view: View) -> list[Column[Verdict]]:
    """Only columns that have something to say about these processes."""
    mark = view.glyphs.ellipsis
    columns = [
        Column[Verdict](title="PID", cell=lambda v, _: ((str(v.process.pid), ""),), right=True),
        Column[Verdict](title="VERDICT", cell=lambda v, _: verdict_cell(v)),
        Column[Verdict](title="NAME", cell=lambda v, room: name_cell(v, room, view), least=12),
    ]
    if any(verdict.tags for verdict in shown):
        columns.append(
            Column(title="TAGS", cell=lambda v, room: _tags_cell(v, room, view), least=10)
        )
    if any(verdict.user for verdict in shown):
        columns.append(
            Column(
                title="USER",
                cell=lambda v, room: ((shorten(v.user or "", room, mark), ""),),
                least=8,
                spare=1,
            )
        )
    if any(verdict.uptime_s is not None for verdict in shown):
        columns.append(
            Column(title="UPTIME", cell=lambda v, _: _uptime_cell(v), right=True, spare=2)
        )
    columns.append(
        Column(title="COMMAND", cell=lambda v, room: command_cell(v, room, view), least=16)
    )
    return columns


def verdict_cell(verdict: Verdict) -> Line:
    """`accepted #2`; no number where no rule hit."""
    rule = "" if verdict.rule is None else f" #{verdict.rule.index}"
    return ((f"{verdict.status}{rule}", verdict.status),)


def name_cell(verdict: Verdict, room: int | None, view: View) -> Line:
    """The name it is sent under and the one it had, or the reason why it is not sent."""
    mark = view.glyphs.ellipsis
    if verdict.gprocess is None:
        reason = SHORT_REASONS.get(verdict.reason)
        after = f" ({reason})" if reason else ""
        own = "?" if verdict.process_name is None else verdict.process_name
        if verdict.process_name is None and verdict.process.comm is not None:
            own = f"[{verdict.process.comm}]"
        return _with_remark(own, "", after, room, mark)
    if verdict.gprocess == verdict.process_name:
        return ((shorten(verdict.gprocess, room, mark), "name"),)
    was = f" {view.glyphs.came_from} {verdict.process_name or '?'}"
    return _with_remark(verdict.gprocess or '""', "name", was, room, mark)


def _with_remark(text: str, style: str, remark: str, room: int | None, mark: str) -> Line:
    """A text and a dim remark; of the two, the longer one is shortened."""
    line: Line = (*foreign(text, style), *foreign(remark, "dim"))
    if room is None or cells(line) <= room:
        return line
    about = min(cells(foreign(remark)), max(room - cells(foreign(text)), room // 3))
    return (
        (shorten(text, room - about, mark), style),
        (shorten(remark, about, mark), "dim"),
    )


def _tags_cell(verdict: Verdict, room: int | None, view: View) -> Line:
    if not verdict.tags:
        return (("?", "unknown"),) if verdict.tags is None else ()
    tags = joined(
        (
            foreign(
                f"{tag.key}={tag.value}", "tag" if tag.from_pid == verdict.process.pid else "dim"
            )
            for tag in verdict.tags
        ),
        " ",
    )
    if room is None or cells(tags) <= room:
        return tags
    text = " ".join(f"{tag.key}={tag.value}" for tag in verdict.tags)
    return ((shorten(text, room, view.glyphs.ellipsis), "tag"),)


def _uptime_cell(verdict: Verdict) -> Line:
    return () if verdict.uptime_s is None else ((duration(verdict.uptime_s), "dim"),)


def command_cell(verdict: Verdict, room: int | None, view: View) -> Line:
    """The command line as the agent sees it."""
    return ((shorten(verdict.cmdline or "", room, view.glyphs.ellipsis), ""),)
