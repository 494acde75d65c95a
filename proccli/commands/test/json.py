"""Rule tests as JSON."""

from __future__ import annotations

from proccli.commands.test.run import CaseResult, RuleTestResult
from proccli.commands.test.test_file import ExpectedValue
from proccli.terminal.document import document, lines, warnings_json
from proccli.terminal.record import Json


def ruletest_document(result: RuleTestResult) -> bytes:
    """The document `proccli/test/v1`."""
    return document(
        "test",
        {
            "tests": [case_json(one) for one in result.results],
            "coverage": [
                {
                    "config": row.config.file,
                    "rule": row.rule.index,
                    "line": row.rule.at.line,
                    "hits": row.hits,
                }
                for row in result.coverage
            ],
            "warnings": warnings_json(result.notes),
        },
    )


def ruletest_lines(result: RuleTestResult) -> bytes:
    """A line for each test."""
    return lines(case_json(one) for one in result.results)


def case_json(result: CaseResult) -> Json:
    """One test with the expectations that were not met."""
    return {
        "file": result.suite.file,
        "line": result.case.at.line,
        "name": result.case.name,
        "passed": result.passed,
        "failures": [
            {
                "field": failure.field,
                "expected": value_json(failure.expected),
                "got": value_json(failure.got),
            }
            for failure in result.failures
        ],
    }


def value_json(value: ExpectedValue) -> object:
    """Tags as an object; a key with several values has a list."""
    if not isinstance(value, tuple):
        return value
    by_key: dict[str, list[str]] = {}
    for key, one in value:
        by_key.setdefault(key, []).append(one)
    return {key: many[0] if len(many) == 1 else many for key, many in by_key.items()}
