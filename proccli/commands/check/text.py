"""Diagnostics as text: each with its location, the line, a caret, the effect and a fix."""

from __future__ import annotations

from collections.abc import Iterable

from proccli.commands.check.check import CheckResult
from proccli.model.config import Diagnostic, Severity
from proccli.sources.secrets.arguments import mask_line
from proccli.terminal.lines import Line, around, cells, joined, untrusted, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.view import View
from proccli.text import counted

_STYLES: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "tag"}


def check_text(result: CheckResult, view: View) -> str:
    """All diagnostics in order, then their number."""
    lines: list[Line] = []
    for report in result.reports:
        for diagnostic in report.diagnostics if report.failure is None else ():
            lines.extend(_diagnostic(diagnostic, view))
            lines.append(())
    lines.append(_summary(result))
    return paint(lines, view)


def _diagnostic(found: Diagnostic, view: View) -> Iterable[Line]:
    style = _STYLES[found.severity]
    headline: Line = [
        (f"{found.severity}[{found.code}]", style),
        (": ", "head"),
        *untrusted(found.message, "head"),
    ]
    yield from _hanging(headline, 2, view)
    number = str(found.at.line)
    gutter = " " * len(number)
    yield [(f"{gutter}--> ", "dim"), *untrusted(str(found.at))]
    if found.at.text:
        yield ((f"{gutter} |", "dim"),)
        yield from _excerpt(found, number, style, view)
        yield ((f"{gutter} |", "dim"),)
    for label, text in (("effect", found.effect), ("help", found.hint)):
        if text is not None:
            start: Line = [(f"{gutter} = ", "dim"), (f"{label}: ", "head")]
            yield from _hanging([*start, *untrusted(text)], cells(start), view)


def _excerpt(found: Diagnostic, number: str, style: str, view: View) -> Iterable[Line]:
    """The faulty line, shortened around the fault on a terminal, and the carets below it."""
    text = mask_line(found.at.text)
    start = min(found.at.column - 1, len(text))
    end = min(found.end.column - 1, len(text)) if found.end.line == found.at.line else len(text)
    room = None if view.width is None else max(view.width - len(number) - 3, 10)
    before, fault, after = around(text, (start, max(start, end)), room, view.glyphs.ellipsis)
    yield [(f"{number} | ", "dim"), (before, ""), (fault, ""), (after, "")]
    blank = " " * cells(((before, ""),))
    width = max(cells(((fault, ""),)), 1)
    yield [(f"{' ' * len(number)} | ", "dim"), (blank, ""), ("^" * width, style)]


def _hanging(line: Line, indent: int, view: View) -> Iterable[Line]:
    """A line, wrapped to the width of the view, with an indent from the second line on."""
    room = None if view.width is None else max(view.width - indent, 20)
    first, *more = wrapped(line, room)
    yield first
    for rest in more:
        yield [(" " * indent, ""), *rest]


def _summary(result: CheckResult) -> Line:
    severities: tuple[Severity, ...] = ("error", "warning", "info")
    counts: list[Line] = [
        ((counted(number, severity), _STYLES[severity]),)
        for severity in severities
        if (number := result.count(severity))
    ]
    files = counted(len(result.reports), "file")
    if not counts:
        return ((f"No problems found in {files}.", "accepted"),)
    *most, last = counts
    spans = [*joined(most, ", "), (" and ", ""), *last] if most else last
    return [("Found ", ""), *spans, (f" in {files}.", "")]
