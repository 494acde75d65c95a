"""Rule tests as JUnit XML, which CI systems collect.

The format is that of Ant's JUnit task, limited to the common subset: `testsuites`, `testsuite` for
each file, `testcase`, `failure`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from proccli.commands.explain.text import explain_text
from proccli.commands.test.run import CaseResult, RuleTestResult
from proccli.commands.test.text import actual_text, value_text
from proccli.terminal.view import View
from proccli.text import visible


def ruletest_junit(result: RuleTestResult) -> bytes:
    """The report; characters that XML cannot contain are escaped."""
    parts = ['<?xml version="1.0" encoding="UTF-8"?>', _element("testsuites", result.results)]
    for file, of_file in groupby(result.results, key=lambda one: one.suite.file):
        results = list(of_file)
        parts.append(f"  {_element('testsuite', results, name=file)}")
        parts.extend(_case(one) for one in results)
        parts.append("  </testsuite>")
    return "\n".join([*parts, "</testsuites>", ""]).encode()


def _element(tag: str, results: Sequence[CaseResult], name: str = "proccli test") -> str:
    failed = sum(not one.passed for one in results)
    seconds = sum(one.duration_s for one in results)
    return (
        f'<{tag} name={_quoted(name)} tests="{len(results)}" failures="{failed}" errors="0"'
        f' skipped="0" time="{seconds:.3f}">'
    )


def _case(result: CaseResult) -> str:
    case, file = result.case, result.suite.file
    start = (
        f"    <testcase classname={_quoted(file)} name={_quoted(case.name)}"
        f' file={_quoted(file)} line="{case.at.line}" time="{result.duration_s:.3f}"'
    )
    if result.passed:
        return f"{start}/>"
    message = "; ".join(
        f"{failure.field}: expected {value_text(failure.expected)}, got {actual_text(failure)}"
        for failure in result.failures
    )
    trace = explain_text(result.explained, View()) if result.explained is not None else ""
    text = "\n".join(visible(line) for line in [str(case.at), message, "", *trace.split("\n")])
    return (
        f'{start}>\n      <failure type="expectation" message={_quoted(message)}>'
        f"{escape(text)}</failure>\n    </testcase>"
    )


def _quoted(text: str) -> str:
    return quoteattr(visible(text))
