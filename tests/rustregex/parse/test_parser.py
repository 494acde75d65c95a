"""What the parser accepts and rejects, and where it says that the mistake is."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import pytest
import yaml

from proccli.rustregex import compile  # noqa: A004 - the name that every such module uses
from proccli.rustregex.parse.errors import MESSAGES, RegexSyntaxError
from proccli.rustregex.parse.parser import parse
from proccli.rustregex.tree.nodes import Class, Concat, Group, Literal, Look, LookKind, Node, Repeat
from tests import paths
from tests.rustregex.witness import Witness, witness_error

DATA = paths.DATA / "rustregex"

with gzip.open(DATA / "rust-regex-1.8.3.jsonl.gz", "rt", encoding="utf-8") as lines:
    MEASURED: list[dict[str, Any]] = [json.loads(line) for line in lines]

TABLE: dict[str, dict[str, Any]] = yaml.safe_load((DATA / "syntax.yaml").read_text("utf-8"))
ACCEPTED = [
    pytest.param(pattern, id=f"{topic}: {pattern!a}")
    for topic, cases in TABLE.items()
    for pattern in cases.get("accepted", ())
]
REJECTED = [
    pytest.param(
        case["pattern"], case["kind"], tuple(case["at"]), id=f"{topic}: {case['pattern']!a}"
    )
    for topic, cases in TABLE.items()
    for case in cases["rejected"]
]


def error_of(pattern: str) -> RegexSyntaxError:
    with pytest.raises(RegexSyntaxError) as caught:
        parse(pattern)
    return caught.value


def root(pattern: str) -> Node:
    return parse(pattern).root


@pytest.mark.parametrize("pattern", ACCEPTED)
def test_accepts_what_the_crate_accepts(pattern: str) -> None:
    assert witness_error(pattern) is None
    assert parse(pattern).pattern == pattern


@pytest.mark.parametrize(("pattern", "kind", "at"), REJECTED)
def test_rejects_with_the_crates_reason_and_place(
    pattern: str, kind: str, at: tuple[int, int]
) -> None:
    theirs = witness_error(pattern)
    error = error_of(pattern)
    assert (error.kind, (error.position, error.end)) == (kind, at)
    assert theirs is not None
    assert error.message == MESSAGES[kind] == theirs.reason
    if theirs.span is not None:
        assert theirs.span == (at[0], max(at[1], at[0] + 1))


def test_agrees_with_all_measured_cases() -> None:
    """Accept or reject, the reason, the place, and the names of the groups that are counted."""
    for case in MEASURED:
        pattern = case["pattern"]
        if case["compile"] == "ok":
            names = parse(pattern).group_names
            if "{0}" not in pattern:
                assert list(names) == case["names"], pattern
            continue
        error, measured = error_of(pattern), case["error"]
        assert error.message == measured.get("reason", measured["first_line"]), pattern
        if "at" in measured:
            assert [error.position, error.end] == measured["at"], pattern
            assert error.kind.replace("-", "") == measured["syntax_kind"].lower(), pattern


def test_flags_hold_to_the_end_of_their_group_across_branches() -> None:
    assert root("a(?i)b|c") == root("a[bB]|[cC]")
    assert root("((?i)a|b)c") == root("([aA]|[bB])c")
    assert root("(?i:a)b(?i)c") == root("[aA]b[cC]")


def test_flags_are_resolved() -> None:
    assert root("(?m)^a$") == Concat(
        (Look(LookKind.START_LINE), Literal("a"), Look(LookKind.END_LINE))
    )
    assert root("(?U)a+") == root("a+?")
    assert root("(?U)a+?") == root("a+")
    assert root("(?s).") != root(".")
    assert root("(?R).") == root(r"[^\r\n]")
    assert root(r"(?-u)\b\w") == Concat((Look(LookKind.WORD_ASCII), root("(?-u:[0-9A-Za-z_])")))


def test_simple_case_folding_goes_beyond_ascii_and_no_further() -> None:
    assert root("(?i)k") == Class(((0x4B, 0x4B), (0x6B, 0x6B), (0x212A, 0x212A)))
    assert root("(?i)s") == root("[sSſ]")
    assert root("(?i)ß") == root("[ßẞ]")
    assert root("(?i)σ") == root("[Σσς]")
    assert root("(?i)ı") == Literal("ı")
    assert root("(?i-u)k") == root("(?-u:[kK])")
    assert root("(?i)[^k]") == root("[^kK\u212a]")


@pytest.mark.parametrize(
    ("pattern", "span"),
    [
        ("(?:[ab]?ab|[ab]?bc)", (0, 3)),
        ("(?:(?-u:[ab])?ab|[ab]?bc)", (0, 2)),
        ("(?:(?-u:[ab])?ab|(?-u:[ab])?bc)", (0, 3)),
        ("(?:(?i-u:a)?ab|(?i:a)?bc)", (0, 2)),
        ("(?:(?-u:[ac]|[bd])?ab|[abcd]?bc)", (0, 3)),
        ("(?:(?-u:a)?ab|a?bc)", (0, 3)),
    ],
)
def test_a_class_on_bytes_is_no_shared_prefix_with_one_on_characters(
    pattern: str, span: tuple[int, int]
) -> None:
    """A shared prefix moves in front of the branches, which here changes the match."""
    found = compile(pattern).search("abc")
    assert found is not None
    assert found.span() == Witness(pattern).span("abc") == span


def test_repetition_of_repetition_is_nested() -> None:
    assert root("a{2}+") == Repeat(Repeat(Literal("a"), 2, 2, True), 1, None, True)
    assert root("a++") == Repeat(Repeat(Literal("a"), 1, None, True), 1, None, True)
    assert root("a+?+") == Repeat(Repeat(Literal("a"), 1, None, False), 1, None, True)


def test_groups_are_numbered_by_their_opening_parenthesis() -> None:
    parsed = parse(r"((?P<x>a)(?:b)(?<y>c))")
    assert parsed.group_names == (None, None, "x", "y")
    assert isinstance(parsed.root, Group)
    assert parsed.root.index == 1


def test_spans_are_character_offsets_of_the_pattern() -> None:
    pattern = "名(é+)[ab]"
    tree = root(pattern)
    assert isinstance(tree, Concat)
    assert [pattern[slice(*part.span)] for part in tree.parts] == ["名", "(é+)", "[ab]"]


def test_a_lone_surrogate_is_rejected_where_it_stands() -> None:
    error = error_of("ab\udc80c")
    assert (error.kind, error.position, error.end) == ("not-utf8", 2, 3)


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        ("(" * 250 + ")" * 250, None),
        ("(" * 251 + ")" * 251, "nest-limit-exceeded"),
        ("[" * 250 + "a" + "]" * 250, None),
        ("[" * 251 + "a" + "]" * 251, "nest-limit-exceeded"),
        ("a" + "*" * 250, None),
        ("a" + "*" * 251, "nest-limit-exceeded"),
        ("(?:" * 249 + "ab" + ")" * 249, None),
        ("(?:" * 250 + "ab" + ")" * 250, "nest-limit-exceeded"),
        ("[" + "a&&" * 249 + "a]", None),
        ("[" + "a&&" * 250 + "a]", "nest-limit-exceeded"),
    ],
)
def test_two_hundred_and_fifty_levels_are_allowed(pattern: str, kind: str | None) -> None:
    theirs = witness_error(pattern)
    assert (theirs and theirs.reason) == (MESSAGES[kind] if kind else None)
    if kind is None:
        parse(pattern)
    else:
        assert error_of(pattern).kind == kind


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        ("(" * 20_000, "group-unclosed"),
        (")" * 20_000, "group-unopened"),
        ("(" * 10_000 + ")" * 10_000, "nest-limit-exceeded"),
        ("[" * 20_000, "class-unclosed"),
        ("[" * 10_000 + "a" + "]" * 10_000, "nest-limit-exceeded"),
        ("a" + "*" * 20_000, "nest-limit-exceeded"),
        ("[[:" * 20_000, "class-unclosed"),
        ("a{" + "9" * 200_000 + "}", "decimal-invalid"),
        ("\\x{" + "0" * 200_000 + "}", None),
        ("(?x)" + "#" * 1_000_000, None),
        ("(?x)[" + "a-#" * 1_000 + "]", "class-unclosed"),
        ("a" * 50_000, None),
        ("ab|" * 15_000, None),
        ("[" + "ab-y" * 10_000 + "]", None),
        ("(a)" * 15_000, None),
        ("\\w" * 20_000, "compiled-too-big"),
        ("[" + "\\W" * 20_000 + "]", None),
        ("(?i)[^" + "\\pL" * 20_000 + "]", None),
    ],
)
def test_huge_patterns_are_parsed_quickly_and_without_recursion(
    pattern: str, kind: str | None
) -> None:
    started = time.process_time()
    try:
        parse(pattern)
        found = None
    except RegexSyntaxError as error:
        found = error.kind
    assert found == kind
    assert time.process_time() - started < 8
