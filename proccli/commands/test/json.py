"""Rule tests as JSON."""

from __future__ import annotations

from proccli.commands.test.run import RuleTestResult
from proccli.commands.test.test_file import FIELDS, ExpectedValue
from proccli.terminal.document import Document, lines
from proccli.terminal.record import (
    Field,
    Record,
    Shared,
    Type,
    array_of,
    boolean,
    enum,
    integer,
    text,
)


def value_json(value: ExpectedValue) -> object:
    """Tags as an object; a key with several values has a list."""
    if not isinstance(value, tuple):
        return value
    by_key: dict[str, list[str]] = {}
    for key, one in value:
        by_key.setdefault(key, []).append(one)
    return {key: many[0] if len(many) == 1 else many for key, many in by_key.items()}


_VALUE = Shared(
    "value",
    Type(
        {
            "type": ["string", "integer", "object", "null"],
            "additionalProperties": {"type": ["string", "array"], "items": {"type": "string"}},
            "description": "Tags are an object; a key with several values has a list. null: none,"
            " or not known.",
        },
        value_json,
    ),
)

CASE = Record(
    "test",
    Field("file", text(), value="suite.file"),
    Field("line", integer(1), value="case.at.line"),
    Field("name", text(), value="case.name"),
    Field("passed", boolean()),
    Field(
        "failures",
        array_of(
            Record(
                "",
                Field("field", enum(*FIELDS)),
                Field("expected", _VALUE),
                Field("got", _VALUE),
            )
        ),
        "The expectations that were not met; empty for a test that passed.",
    ),
)
"""The row is a `CaseResult`."""

TEST = Document(
    "test",
    "proccli test --json: which tests passed, and how many tests each rule decided",
    Field("tests", array_of(CASE), "-o jsonl prints one of these a line.", value="results"),
    Field(
        "coverage",
        array_of(
            Record(
                "",
                Field("config", text(), value="config.file"),
                Field("rule", integer(1), value="rule.index"),
                Field(
                    "line", integer(1), "Of the rule in its configuration.", value="rule.at.line"
                ),
                Field("hits", integer(0), "Number of tests that this rule decided."),
            )
        ),
        "Every rule of every configuration that was tested.",
    ),
)


def ruletest_document(result: RuleTestResult) -> bytes:
    """The document `proccli/test/v1`."""
    return TEST.render(result)


def ruletest_lines(result: RuleTestResult) -> bytes:
    """A line for each test."""
    return lines(map(CASE.line, result.results))
