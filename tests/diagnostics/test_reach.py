"""What is proven of rules that are never reached, and what is shown of the others."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proccli import rustregex
from proccli.diagnostics.context import Surroundings
from proccli.diagnostics.reach import Unreachable
from tests.diagnostics.judged import codes, only, rules

LAST = "match-regex: .*\naction: drop"


def unreachable(*texts: str) -> list[Unreachable]:
    return list(rules(*texts).unreachable)


def test_a_rule_behind_one_that_takes_all_of_it_is_an_error() -> None:
    found = rules("match-regex: ngin", "match-regex: ^nginx$\naction: drop", LAST)
    diagnostic = only(found, "rule-unreachable")

    assert (diagnostic.severity, diagnostic.rule, diagnostic.at.line) == ("error", 2, 4)
    assert (
        diagnostic.effect
        == 'rule 1 already matches everything that it matches, for example "nginx"'
    )
    assert found.unreachable[0] == Unreachable(
        rule=2, by=(1,), proof="proven", reaches=None, taken="nginx"
    )


def test_rules_may_take_all_only_together() -> None:
    found = rules("match-regex: ^a", "match-regex: ^x$", "match-regex: ^b", "match-regex: ^[ab]c$")

    assert only(found, "rule-unreachable").effect == (
        'rules 1 and 3 already match everything that it matches, for example "ac"'
    )


def test_match_types_are_not_compared_with_each_other() -> None:
    assert unreachable("match-regex: ^a", "match-regex: ^ab\nmatch-type: cmdline") == []


@pytest.mark.parametrize(
    "pattern", [".*", ".+", "^.*$", "''", "(?s).", r"'[\s\S]+'", "a?", "(x|.*)", "^[^/]"]
)
def test_what_matches_every_name_is_a_catch_all(pattern: str) -> None:
    found = rules(
        f"match-regex: {pattern}",
        "match-regex: ^a:b$\nmatch-type: tag",
        "match-regex: ^a$\nmatch-type: parent_process_name",
    )

    assert only(found, "early-catch-all").effect == "rules 2 and 3 are never reached"
    assert [(one.rule, one.by, one.proof) for one in found.unreachable] == [
        (2, (1,), "proven"),
        (3, (1,), "proven"),
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "match-regex: '[a-z0-9]'",
        "match-regex: .*\nmatch-type: parent_process_name",
        "match-regex: .*\nmatch-type: tag",
        "match-regex: ^.*$\nmatch-type: cmdline",
        "match-regex: '[^ ]{2}'",
    ],
)
def test_what_leaves_some_processes_is_none(rule: str) -> None:
    assert "early-catch-all" not in codes(rules(rule, LAST))


def test_a_command_line_has_line_breaks_where_a_script_is_an_argument() -> None:
    found = rules(
        "match-regex: ^.*$\nmatch-type: cmdline\naction: drop",
        "match-regex: (?s)^.*$\nmatch-type: cmdline",
    )
    (entry,) = found.unreachable

    assert entry.proof == "partial"
    assert "\n" in (entry.reaches or "")


def test_a_rule_that_the_agent_throws_away_takes_nothing() -> None:
    assert unreachable("match-regex: ngin(?=x)", "match-regex: ^nginx$") == []


def test_a_rule_that_can_never_match_is_not_called_unreachable() -> None:
    assert codes(rules("match-regex: ^b", "match-regex: a/b", LAST)) == ["never-matches"]


def test_partly_shadowed_rules_are_listed_with_witnesses() -> None:
    found = rules("match-regex: ^nginx", "match-regex: debug$\naction: drop")
    (entry,) = found.unreachable
    pattern, earlier = rustregex.compile("debug$"), rustregex.compile("^nginx")

    assert (entry.rule, entry.by, entry.proof) == (2, (1,), "partial")
    assert pattern.is_match(entry.reaches or "")
    assert not earlier.is_match(entry.reaches or "")
    assert pattern.is_match(entry.taken or "")
    assert earlier.is_match(entry.taken or "")
    assert only(found, "rule-partly-shadowed").severity == "info"


NAMES_OF_ALL = "match-regex: ^(\\S+)\nmatch-type: cmdline"


def test_a_text_reaches_a_rule_only_past_the_rules_of_other_match_types() -> None:
    """`explain --argv node` says rule 1: a command line is matched before any name."""
    found = rules(NAMES_OF_ALL, "match-regex: uwsgi\naction: drop", "match-regex: uwsgi|node", LAST)

    assert "rule-partly-shadowed" not in codes(found)
    assert [(one.rule, one.reaches) for one in found.unreachable] == [(3, None), (4, None)]


def test_the_rule_that_takes_a_text_may_have_another_match_type() -> None:
    found = rules(
        "match-regex: ^(\\S+)\nmatch-type: cmdline\naction: drop",
        "match-regex: uwsgi",
        "match-regex: uwsgi|node",
    )

    assert "rule 1 with action drop" in only(found, "rule-partly-shadowed").message
    assert "reaches" not in (only(found, "rule-partly-shadowed").effect or "")


@pytest.mark.parametrize("kind", ["parent_process_name", "tag"])
def test_parents_and_tags_are_those_of_a_process_that_no_earlier_rule_takes(kind: str) -> None:
    found = rules(
        "match-regex: ^java",
        f"match-regex: a:b\nmatch-type: {kind}\naction: drop",
        f"match-regex: a:b|c:d\nmatch-type: {kind}",
        LAST,
    )

    assert '"c:d" reaches this rule' in (only(found, "rule-partly-shadowed").effect or "")


def test_what_two_rules_do_alike_need_not_be_told() -> None:
    found = rules("match-regex: ^nginx", "match-regex: debug$", LAST)

    assert codes(found) == []
    assert [entry.proof for entry in found.unreachable] == ["partial", "partial"]


def test_what_takes_too_long_is_unknown_and_not_guessed() -> None:
    hard = ["^(a|b)*a(a|b){14}$", "^(a|b)*b(a|b){14}$", "^(a|b){0,14}$", "^(a|b)*$"]
    found = rules(*(f"match-regex: {pattern}\nmatch-type: cmdline" for pattern in hard))

    assert only(found, "rule-undecided").rule == 4
    assert found.unreachable[-1].proof == "unknown"


@pytest.mark.parametrize("looks", [0, 1, 5, 40])
def test_when_the_time_is_over_the_rest_is_undecided_and_said_once(looks: int) -> None:
    """The clock is counted in looks, so that this does not depend on the machine."""
    left = iter(range(looks))
    late = Surroundings(expired=lambda: next(left, None) is None)
    listed = [f"match-regex: '(\\w{{1,60}})-x{number}'" for number in range(30)]
    found = rules(*listed, surroundings=late)

    undecided = only(found, "rule-undecided")
    assert "can be reached" in undecided.message
    assert undecided.severity == "info"


def test_what_costs_little_is_found_although_no_time_is_left() -> None:
    late = Surroundings(expired=lambda: True)
    found = rules(
        "match-regex: a(?=b)",
        "match-regex: ^nginx$\nrewrite-name: $2",
        "match-regex: x\naction: DROP",
        surroundings=late,
    )

    assert {"regex-syntax", "rewrite-group", "action", "title-changer"} <= set(codes(found))


def test_a_pattern_of_great_length_is_not_searched() -> None:
    found = rules(f"match-regex: {'a' * 30_000}\nrewrite-name: b", "match-regex: ^b$")

    assert only(found, "rule-undecided").rule == 1


SMALL = st.lists(
    st.sampled_from(["a", "^a", "b$", "ab", "^b", "a|b", "^a?b$", "[ab]c", "c", "^$", "b.", "..c"]),
    min_size=2,
    max_size=4,
)
TEXTS = ["".join(text) for n in range(1, 5) for text in itertools.product("abc", repeat=n)]


@given(SMALL)
@settings(max_examples=60)
def test_the_proofs_agree_with_trying_all_short_texts(patterns: list[str]) -> None:
    found = rules(*(f"match-regex: '{pattern}'" for pattern in patterns))
    compiled = [rustregex.compile(pattern) for pattern in patterns]
    proven = {entry.rule for entry in found.unreachable if entry.proof == "proven"}
    proven |= {one.rule for one in found.diagnostics if one.code == "never-matches" and one.rule}

    reached = {
        index
        for text in TEXTS
        if (index := next((i for i, rx in enumerate(compiled, 1) if rx.is_match(text)), None))
    }
    assert not proven & reached
    for entry in found.unreachable:
        if entry.reaches is not None:
            hits = [i for i, rx in enumerate(compiled, 1) if rx.is_match(entry.reaches)]
            assert hits[0] == entry.rule
