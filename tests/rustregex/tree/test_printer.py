"""Print, then parse: the same tree."""

from __future__ import annotations

import pytest
from hypothesis import given

from proccli.rustregex.parse.errors import RegexSyntaxError
from proccli.rustregex.parse.parser import parse
from proccli.rustregex.tree.nodes import Node
from proccli.rustregex.tree.printer import to_pattern
from tests.rustregex.parse.test_parser import ACCEPTED, MEASURED
from tests.rustregex.strategies import examples, patterns


def reparsed(root: Node) -> Node:
    return parse(to_pattern(root)).root


@pytest.mark.parametrize("pattern", ACCEPTED)
def test_a_printed_tree_parses_to_itself(pattern: str) -> None:
    parsed = parse(pattern)
    assert reparsed(parsed.root) == parsed.root


def test_all_measured_patterns_survive_printing() -> None:
    # Patterns near the size limit take their time, and print like any other.
    accepted = (case for case in MEASURED if case["compile"] == "ok" and case["cat"] != "limit")
    for pattern in {case["pattern"] for case in accepted}:
        parsed = parse(pattern)
        printed = parse(to_pattern(parsed.root))
        assert (printed.root, printed.group_names) == (parsed.root, parsed.group_names), pattern


@examples(80)
@given(patterns)
def test_generated_patterns_survive_printing(pattern: str) -> None:
    try:
        parsed = parse(pattern)
    except RegexSyntaxError:
        return
    assert reparsed(parsed.root) == parsed.root


@pytest.mark.parametrize(
    ("pattern", "printed"),
    [
        ("abc", "abc"),
        ("(?i)k", "[Kk\u212a]"),
        ("(?x) a  b # c", "ab"),
        (r"\d+\w\s\S\W\D", r"\d+\w\s\S\W\D"),
        ("[a-z]|.", "[a-z]|."),
        ("(?s).", "(?s:.)"),
        ("[^x]", "[^x]"),
        (r"[\]\-^]", r"[\-\]\^]"),
        ("[ab]", "[ab]"),
        ("(?m)^a$", "(?m:^)a(?m:$)"),
        ("(?:ab)*?(?:a|b)(?:)", "(?:ab)*?(?:a|b)"),
        ("(?:a+)?", "a+{0,1}"),
        ("(?:(?:a+)?)?", "a+{0,1}{0,1}"),
        ("a{2}{0,}", "a{2}*"),
        ("(?<n>)|", "(?P<n>)|"),
        (r"\x00\n\u{AD}é", "\\x{0}\\n\\x{AD}é"),
    ],
)
def test_prints_the_plain_spelling(pattern: str, printed: str) -> None:
    assert to_pattern(parse(pattern).root) == printed


@pytest.mark.parametrize(
    "pattern",
    ["(" * 249 + "a" + ")" * 249, "a" + "*" * 249, "(" * 61 + "(?:a|b)*x" + ")*y" * 61],
)
def test_trees_as_deep_as_allowed_are_printed_and_compared(pattern: str) -> None:
    parsed = parse(pattern)
    assert reparsed(parsed.root) == parsed.root
    assert hash(reparsed(parsed.root)) == hash(parsed.root)
