"""Diagnostics point at the character at fault, however it is written in YAML."""

from __future__ import annotations

import pytest

from tests.diagnostics.judged import HEAD, judge, marked, only, rules


@pytest.mark.parametrize(
    ("written", "part"),
    [
        (r"match-regex: ab(?=c)", "(?="),
        (r"match-regex: 'it''s (?=c)'", "(?="),
        (r'match-regex: "a\t\x41(?=c)"', "(?="),
        (r'match-regex: "\u0061\\d(?=c)"', "(?="),
        ("match-regex: |-\n  ab(?=c)", "(?="),
        ("match-regex: >-\n  ab\n  c(?=d)", "(?="),
        ("match-regex: 日本(?=語)", "(?="),
        ("match-regex: &x ab(?=c)", "(?="),
        ("match-regex: !!str ab(?=c)", "(?="),
    ],
)
def test_the_fault_of_a_pattern(written: str, part: str) -> None:
    assert marked(only(rules(written), "regex-syntax")) == part


def test_lines_and_columns_count_from_one_in_characters() -> None:
    found = only(judge(f"{HEAD}- match-regex: 'é😀(?=a)'\n"), "regex-syntax")

    assert (found.at.line, found.at.column) == (3, 19)
    assert (found.end.line, found.end.column) == (3, 22)
    assert found.at.text == "- match-regex: 'é😀(?=a)'"


def test_a_reference_behind_a_fold_is_found_in_its_own_line() -> None:
    found = only(rules("match-regex: ^(a)$\nrewrite-name: >-\n  first\n  $2 last"), "rewrite-group")

    assert marked(found) == "$2"
    assert found.at.line == 6


def test_a_value_by_alias_is_shown_where_it_is_written() -> None:
    found = judge(
        "static_config:\n  os-proc-regex:\n  - match-regex: &p a(?=b)\n  - match-regex: *p\n"
    )
    faults = [one for one in found.diagnostics if one.code == "regex-syntax"]

    assert [(one.rule, one.at.line, marked(one)) for one in faults] == [
        (1, 3, "(?="),
        (2, 3, "(?="),
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lines_may_end_as_on_windows(newline: str) -> None:
    text = f"{HEAD}- match-regex: ^a$\n- match-regex: a(?=b)\n".replace("\n", newline)
    found = only(judge(text), "regex-syntax")

    assert (found.at.line, marked(found)) == (4, "(?=")


def test_a_setting_is_shown_by_its_value_or_its_key() -> None:
    assert marked(only(judge("os-proc-sync-enabled: false"), "sync-off")) == "false"
    assert marked(only(judge("os-proc-sync-enabled:"), "sync-off")) == "os-proc-sync-enabled"
    assert marked(only(judge("static_config: {os-proc-root: /proc}"), "sync-off")) == (
        "static_config"
    )


def test_an_element_of_the_command_is_shown() -> None:
    text = "os-app-tag-exec:\n- /bin/cat\n- '|'\n- grep\n"
    found = only(judge(text), "tag-exec-shell")

    assert (found.at.line, marked(found)) == (3, "'|'")


def test_a_byte_order_mark_moves_nothing() -> None:
    assert marked(only(judge("\ufeffos-proc-sync-enabled: false"), "sync-off")) == "false"


def test_a_line_too_long_to_show_still_has_a_place() -> None:
    found = only(rules(f"match-regex: {'a' * 1000}(?=b)"), "regex-syntax")

    assert found.at.column == 3 + len("match-regex: ") + 1000
    assert found.at.text == ""
