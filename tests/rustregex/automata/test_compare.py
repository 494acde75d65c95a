"""Two ordered lists of rules as classifiers of texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proccli import rustregex
from proccli.rustregex.automata.compare import Case, Comparison, differences
from proccli.rustregex.automata.domain import Limits
from tests.rustregex import strategies
from tests.rustregex.automata import lists, small

EQUIVALENT = Comparison(equivalent=True, differences=(), complete=True)

Rules = list[tuple[str, int]]
rule_lists = st.lists(st.tuples(small.patterns, st.integers(0, 2)), max_size=4)


def decide(rules: Sequence[Case], default: object, subject: Iterable[str]) -> object:
    texts = list(subject)
    for pattern, outcome in rules:
        if any(rustregex.compile(pattern).is_match(text) for text in texts):
            return outcome
    return default


def cases(patterns: Iterable[str]) -> list[Case]:
    """Each with an outcome of its own."""
    return [(pattern, index) for index, pattern in enumerate(patterns)]


@strategies.examples(120)
@given(rule_lists, rule_lists, st.integers(0, 2), st.integers(0, 2))
def test_answers_agree_with_trying_all_short_texts(
    old: Rules, new: Rules, old_default: int, new_default: int
) -> None:
    assume(small.exact(pattern for pattern, _ in [*old, *new]))
    found = differences(
        old, new, old_default=old_default, new_default=new_default, domain=small.DOMAIN
    )
    differing = {
        text
        for text in small.texts(3)
        if decide(old, old_default, [text]) != decide(new, new_default, [text])
    }
    assert found.complete
    assert found.equivalent is (not found.differences)
    if found.differences:
        (text,) = found.differences[0].texts
        assert decide(old, old_default, [text]) != decide(new, new_default, [text])
        assert small.shortest(differing) == (len(text) if len(text) <= 3 else None)
    else:
        assert not differing


@strategies.examples(60)
@given(rule_lists, rule_lists, st.integers(0, 2))
def test_subjects_of_several_texts_agree_with_trying_all_small_sets(
    old: Rules, new: Rules, default: int
) -> None:
    assume(small.exact(pattern for pattern, _ in [*old, *new]))
    found = differences(
        old, new, old_default=default, new_default=default, several=True, domain=small.DOMAIN
    )
    texts = small.texts(2)
    differing = [
        subject
        for size in range(3)
        for subject in combinations(texts, size)
        if decide(old, default, subject) != decide(new, default, subject)
    ]
    assert found.complete
    if found.differences:
        subject = found.differences[0].texts
        assert decide(old, default, subject) != decide(new, default, subject)
        if differing:
            assert sum(map(len, subject)) <= min(sum(map(len, texts)) for texts in differing)
    else:
        assert not differing


@strategies.examples(50)
@given(rule_lists, rule_lists)
def test_every_difference_has_its_witness(old: Rules, new: Rules) -> None:
    assume(small.exact(pattern for pattern, _ in [*old, *new]))
    found = differences(old, new, domain=small.DOMAIN)
    witnessed = {(difference.old, difference.new) for difference in found.differences}
    for difference in found.differences:
        assert decide(old, None, difference.texts) != decide(new, None, difference.texts)
        assert (difference.old is None) or rustregex.compile(old[difference.old][0]).is_match(
            difference.texts[0]
        )
    lengths = [sum(map(len, difference.texts)) for difference in found.differences]
    assert lengths == sorted(lengths)
    pairs = {(decide(old, None, [text]), decide(new, None, [text])) for text in small.texts(3)}
    outcomes = {
        (None if i is None else old[i][1], None if j is None else new[j][1]) for i, j in witnessed
    }
    assert {(was, now) for was, now in pairs if was != now} <= outcomes


@strategies.examples(40)
@given(rule_lists, st.booleans())
def test_a_list_is_equivalent_to_itself(rules: Rules, several: bool) -> None:
    assert differences(rules, list(rules), several=several) == EQUIVALENT


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([], []),
        ([("a", 1)], [("(?:a)", 1)]),
        ([("a", 1), ("b", 1)], [("a|b", 1)]),
        ([("a", 1), ("b", 1)], [("b", 1), ("a", 1)]),
        ([("^a$", 1), ("^b$", 2)], [("^b$", 2), ("^a$", 1)]),
        ([("^a$", 1), ("a", 1)], [("a", 1)]),
        ([("a", 1), ("^ab", 2)], [("a", 1)]),
        ([("a", 1), ("b", None)], [("a", 1)]),
        ([("[ab]", 1)], [("a", 1), ("b", 1), ("c", None)]),
        ([("x{2,4}", 1)], [("xx", 1)]),
        ([("a", 1), ("", 2)], [("a", 1), ("^[^a]*$", 2)]),
    ],
)
def test_lists_that_decide_alike_are_proven_equivalent(old: list[Case], new: list[Case]) -> None:
    assert differences(old, new) == EQUIVALENT


@pytest.mark.parametrize(
    ("old", "new", "text", "deciding"),
    [
        ([("nginx", 1)], [("^nginx$", 1)], "gnginx", (0, None)),
        ([("a", 1), ("b", 2)], [("b", 2), ("a", 1)], "ba", (0, 0)),
        ([("a", 1)], [("a", 2)], "a", (0, 0)),
        ([], [("a", 1)], "a", (None, 0)),
        ([(".*", 1)], [("^.*$", 1)], "\n", (0, None)),
        ([("java", 1), ("^py", 2)], [("java", 1), ("py", 2)], "ypy", (None, 1)),
    ],
)
def test_a_shortest_text_shows_the_difference(
    old: list[Case], new: list[Case], text: str, deciding: tuple[int | None, int | None]
) -> None:
    comparison = differences(old, new)
    (difference,) = comparison.differences
    assert comparison.equivalent is False
    assert comparison.complete
    assert len(difference.texts[0]) == len(text)
    assert difference.texts == (text,)
    assert (difference.old, difference.new) == deciding


def test_a_default_is_an_outcome_like_others() -> None:
    rules: list[Case] = [("a", "drop")]
    assert differences(rules, [], new_default="drop").differences[0].texts == ("",)
    assert differences([("", "accept")], [], new_default="accept") == EQUIVALENT
    assert differences(rules, [], old_default="drop", new_default="drop") == EQUIVALENT


def test_the_order_of_ancestors_rules_matters_though_no_text_matches_both() -> None:
    old: list[Case] = [("^bash$", "drop"), ("^nginx$", "accept")]
    new = old[::-1]
    assert differences(old, new) == EQUIVALENT
    comparison = differences(old, new, several=True)
    assert comparison.equivalent is False
    assert comparison.differences[0].texts == ("bash", "nginx")
    assert (comparison.differences[0].old, comparison.differences[0].new) == (0, 0)


def test_a_subject_may_have_no_text_at_all() -> None:
    comparison = differences([], [], old_default=1, new_default=2, several=True)
    assert comparison.differences[0].texts == ()
    assert differences([], [], old_default=1, new_default=2).differences[0].texts == ("",)


def test_what_is_not_decided_is_not_called_equivalent() -> None:
    hard: list[Case] = [("^(a|b)*a(a|b){14}$", 1), ("^(a|b)*b(a|b){14}$", 1), ("^(a|b){0,14}$", 1)]
    comparison = differences(hard, [("^(a|b)*$", 1)], limits=Limits(steps=20_000))
    assert comparison == Comparison(equivalent=None, differences=(), complete=False)
    easy = differences([*hard, ("c", 2)], [("^(a|b)*$", 1)], limits=Limits(steps=20_000))
    assert easy.equivalent is False
    assert not easy.complete


@pytest.mark.parametrize("patterns", [lists.EXACT_NAMES, lists.NAMES, lists.WITH_ARGUMENTS])
def test_ordinary_lists_are_compared_to_the_end(patterns: list[str]) -> None:
    old = cases(patterns)
    middle = len(old) // 2
    pattern, outcome = old[middle]
    domain = lists.COMMAND_LINES

    rewritten = [*old[:middle], (f"(?:{pattern}|{pattern}{pattern})", outcome), *old[middle + 1 :]]
    same = differences(old, rewritten, domain=domain)
    assert (same.equivalent, same.complete) == (True, True)

    dropped = [*old[:middle], *old[middle + 1 :]]
    fewer = differences(old, dropped, domain=domain)
    assert (fewer.equivalent, fewer.complete) == (False, True)
    assert fewer.differences[0].old == middle
