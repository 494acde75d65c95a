"""Rule tests as text: a line per test, the explanation of those that fail, a summary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from proccli.commands.explain.text import explain_text
from proccli.commands.test.json import value_json
from proccli.commands.test.run import CaseResult, Failure, RuleCoverage, RuleTestResult
from proccli.commands.test.test_file import ExpectedValue
from proccli.model.config import Config
from proccli.terminal.lines import Line, untrusted, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.view import View
from proccli.text import counted

_INDENT: Final = 8
_BARE: Final = re.compile(r"[\w.,-]+(?: [\w.,-]+)*")
_MOST_NAMED: Final = 12
"""Maximum number of rules without hits that the summary lists."""


def ruletest_text(
    result: RuleTestResult, view: View, *, coverage: bool = False, failed_only: bool = False
) -> str:
    """Every test, or every failed one, file by file, then the counts and the rules without hits."""
    parts: list[str] = []
    shown = [one for one in result.results if not (failed_only and one.passed)]
    for _, of_file in groupby(shown, key=lambda one: one.suite.file):
        results = list(of_file)
        parts.append(paint([_heading(results[0], view)], view))
        parts.append("".join(_case(one, view) for one in results).rstrip("\n") + "\n\n")
    if coverage:
        parts.append(paint(_table(result), view))
        parts.append("\n")
    parts.append(paint(_summary(result, view), view))
    return "".join(parts)


def _heading(first: CaseResult, view: View) -> Line:
    config = first.config
    return [
        *untrusted(first.suite.file, "head"),
        ("  ", ""),
        *untrusted(str(config.file), "dim"),
        (f" {view.glyphs.dot} agent {config.agent}, via {config.via}", "dim"),
    ]


def _case(result: CaseResult, view: View) -> str:
    if result.passed:
        return paint([[("  ok    ", "accepted"), *untrusted(result.case.name)]], view)
    lines: list[Line] = [
        [
            ("  FAIL  ", "error"),
            *untrusted(result.case.name, "head"),
            ("  ", ""),
            *untrusted(f"{result.case.at.source}:{result.case.at.line}", "dim"),
        ]
    ]
    room = None if view.width is None else max(view.width - _INDENT, 20)
    label = max(len(failure.field) for failure in result.failures)
    for failure in result.failures:
        line: Line = [
            (f"{failure.field:<{label}}  ", ""),
            ("expected ", "dim"),
            *untrusted(value_text(failure.expected), "accepted"),
            (", got ", "dim"),
            *untrusted(actual_text(failure), "miss"),
        ]
        lines.extend([(" " * _INDENT, ""), *part] for part in wrapped(line, room))
    text = paint(lines, view)
    if result.explained is None:
        return text
    trace = explain_text(result.explained, view._replace(width=room))
    indented = (f"{' ' * _INDENT}{line}" if line else "" for line in trace.split("\n"))
    return f"{text}\n{chr(10).join(indented)}\n"


def value_text(value: ExpectedValue) -> str:
    """A value approximately as a test file would contain it."""
    if value is None:
        return "none"
    if isinstance(value, str) and not _BARE.fullmatch(value):
        return f'"{value}"'
    if isinstance(value, tuple):
        given = value_json(value)
        assert isinstance(given, dict)  # noqa: S101 - tags are pairs
        return "{" + ", ".join(f"{key}: {_one(one)}" for key, one in given.items()) + "}"
    return str(value)


def actual_text(failure: Failure) -> str:
    """The actual value; tags of None are unknown, an empty list of tags is `{}`."""
    unknown = failure.field == "tags" and failure.got is None
    return "unknown" if unknown else value_text(failure.got)


def _one(value: object) -> str:
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, list) else str(value)


def _table(result: RuleTestResult) -> list[Line]:
    """Every rule and the number of tests that it decided."""
    lines: list[Line] = [[("TESTS  RULE", "dim")]]
    lines.extend(
        [
            (f"{row.hits:>5,}  ", "" if row.hits else "warning"),
            *untrusted(f"#{row.rule.index:<3} {row.rule.at.source}:{row.rule.at.line}", "dim"),
            *untrusted(f"  {row.rule.match_type} ~ {row.rule.match_regex}"),
        ]
        for row in result.coverage
    )
    return lines


def _summary(result: RuleTestResult, view: View) -> Iterator[Line]:
    failed = sum(not one.passed for one in result.results)
    total = len(result.results)
    passed = (f"{total - failed:,} passed", "accepted")
    outcome: Line = [passed, (", ", ""), (f"{failed:,} failed", "error")] if failed else [passed]
    yield [(f"{counted(total, 'test')}: ", ""), *outcome]
    if result.partial:
        return
    for _, of_one in groupby(result.coverage, key=lambda row: id(row.config)):
        rows = list(of_one)
        yield from wrapped(_coverage(rows[0].config, rows), view.width)


def _coverage(config: Config, rows: list[RuleCoverage]) -> Line:
    missed = [row for row in rows if not row.hits]
    start = f"{config.file}: {len(rows) - len(missed)} of {counted(len(rows), 'rule')} hit"
    if not missed:
        return untrusted(start, "dim")
    named = [f"#{row.rule.index} (line {row.rule.at.line})" for row in missed[:_MOST_NAMED]]
    if len(missed) > _MOST_NAMED:
        named.append(f"and {len(missed) - _MOST_NAMED:,} more")
    return [*untrusted(start, "dim"), *untrusted(f"; no hits: {', '.join(named)}", "warning")]
