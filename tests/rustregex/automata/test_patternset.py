"""A text with matches of some patterns and none of others, against all short texts."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proccli import rustregex
from proccli.rustregex import RegexSyntaxError
from proccli.rustregex.automata.domain import Limits, texts_without
from proccli.rustregex.automata.patternset import Answer, PatternSet, find_text
from tests.rustregex import strategies
from tests.rustregex.automata import small


class Watched(PatternSet):
    """Fails where a text that was found turns out to be none."""

    def _verified(
        self, text: str, all_of: Sequence[Collection[int]], none_of: Collection[int]
    ) -> bool:
        assert super()._verified(text, all_of, none_of), (text, all_of, none_of)
        return True


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[str], list[list[int]], list[int]]:
    patterns = draw(st.lists(small.patterns, min_size=1, max_size=5))
    numbers = st.sampled_from(range(len(patterns)))
    groups = draw(st.lists(st.lists(numbers, min_size=1, max_size=2), max_size=3))
    return patterns, groups, draw(st.lists(numbers, max_size=3))


@strategies.examples(150)
@given(questions(), st.one_of(st.none(), st.integers(0, 3)))
def test_answers_agree_with_trying_all_short_texts(
    question: tuple[list[str], list[list[int]], list[int]], shorter_than: int | None
) -> None:
    patterns, all_of, none_of = question
    assume(small.exact(patterns))
    answer = Watched(patterns, small.DOMAIN).find(all_of, none_of, shorter_than=shorter_than)
    matched = [small.matching(pattern, small.texts()) for pattern in patterns]
    expected = {
        text
        for text in small.texts()
        if all(any(text in matched[i] for i in group) for group in all_of)
        and not any(text in matched[i] for i in none_of)
        and (shorter_than is None or len(text) < shorter_than)
    }
    assert answer.decided
    if answer.text is not None and len(answer.text) > small.LENGTH:
        assert not expected
    else:
        assert small.shortest(expected) == (None if answer.text is None else len(answer.text))


@strategies.examples(100)
@given(
    st.lists(strategies.patterns, min_size=1, max_size=2), st.lists(strategies.patterns, max_size=3)
)
def test_no_text_that_is_found_turns_out_to_be_none(
    required: list[str], excluded: list[str]
) -> None:
    """With all that the dialect has; an answer that is refuted would fail in `Watched`."""
    try:
        assume(small.exact([*required, *excluded]))
    except RegexSyntaxError:
        assume(False)
    texts = Watched([*required, *excluded])
    groups = [[index] for index in range(len(required))]
    texts.find(groups, range(len(required), len(required) + len(excluded)))


@strategies.examples(60)
@given(small.patterns, small.patterns)
def test_an_alternation_matches_what_its_branches_match(one: str, other: str) -> None:
    both = f"(?:{one})|(?:{other})"
    assume(small.exact([one, other, both]))
    texts = PatternSet([one, other, both], small.DOMAIN)
    assert texts.find([[0]], [2]) == texts.find([[1]], [2]) == Answer(None)
    assert texts.find([[2]], [0, 1]) == Answer(None)


@strategies.examples(60)
@given(small.patterns)
def test_a_pattern_never_reaches_past_itself(pattern: str) -> None:
    assert find_text(matching=[pattern], avoiding=[pattern]) == Answer(None)


@pytest.mark.parametrize(
    ("matching", "avoiding", "expected"),
    [
        ([], [], ""),
        (["nginx"], [], "nginx"),
        (["nginx"], ["^nginx$"], "gnginx"),
        ([".*"], ["^.*$"], "\n"),
        ([], ["(?s)^.*$"], None),
        ([], ["a", "[^a]", "^$"], None),
        (["a", "b"], ["ab"], "ba"),
        (["abc", "cde"], [], "abcde"),
        (["[a-z]{3}"], ["[aeiou]"], "bbb"),
        ([r"\w\W\w"], [], "a!a"),
        ([r"^\S+ \S+$"], [], "a a"),
        ([r"\pL"], [r"[\x00-\x7f]"], "ª"),
        (["(?i)k"], ["[kK]"], "\u212a"),
        (["^$"], ["^$"], None),
        (["a^"], [], None),
        (["$a"], [], None),
        ([r"a\bb"], [], None),
        ([r"a\B "], [], None),
        ([r"\b"], [r"\w\W", r"\W\w"], "a"),
        (["(?m)^b"], ["^b"], "\nb"),
        (["(?m)a$"], ["a$"], "a\n"),
        ([r"(?-u:\b)é"], [], "aé"),
        ([r"\bé"], [r"(?-u:\b)é"], "é"),
        ([r"\x{10ffff}"], [], "\U0010ffff"),
    ],
)
def test_a_shortest_and_readable_text_is_found(
    matching: list[str], avoiding: list[str], expected: str | None
) -> None:
    assert find_text(matching=matching, avoiding=avoiding) == Answer(expected)


def test_controls_are_avoided_where_a_text_as_short_has_none() -> None:
    assert find_text(matching=["[\\x00-\\x1f -]x"], avoiding=[]).text == "-x"
    assert find_text(matching=["[\u202a-\u202e\u0430]x"], avoiding=[]).text == "\u0430x"
    assert find_text(matching=["[\\x00-\\x1f]x|xyz"], avoiding=["\n"]).text == "\tx"


def test_texts_are_written_with_the_letters_of_what_must_match() -> None:
    answer = find_text(matching=["[a-z]{3}-q"], avoiding=["[a-p]"])
    assert answer.text == "qqq-q"


@pytest.mark.parametrize("pattern", [r"x?\bfoo", r"-*\bfoo"])
def test_where_the_crate_errs_nothing_is_proven_and_texts_are_true(pattern: str) -> None:
    """The crate finds them in "yfoo", whatever they say; so they are not the same as `\\bfoo`."""
    rx = rustregex.compile(pattern)
    assert rx.may_err
    assert rx.is_match("yfoo")
    texts = PatternSet([pattern, r"\bfoo", ".*"])
    assert texts.find([[0]], [1]) == Answer(None, decided=False)
    assert texts.find([[0]], [2]) == texts.find([[0]], [0]) == Answer(None)
    assert texts.find([[0], [1]]) == Answer("foo")
    assert texts.find([[2]], [0]) == Answer("")


def test_what_is_too_large_is_relaxed_and_the_matcher_has_the_last_word() -> None:
    limits = Limits(points=50)
    large, words = "a{200}", r"^\w+$"
    texts = PatternSet([large, "a", f"^{large}$", words, "b"], limits=limits)
    assert texts.find([[0]], [1]) == texts.find([[2]], [3]) == Answer(None)
    assert texts.find([[1]], [2]) == Answer("a")
    assert texts.find([[0]], [4]) == texts.find([[0], [4]]) == Answer(None, decided=False)


def test_a_text_may_be_as_long_as_it_takes() -> None:
    domain = texts_without("\0", min_length=1)
    answer = find_text(matching=["^[a-z]{1,300}$"], avoiding=["^[a-z]{1,280}$"], domain=domain)
    assert answer.text == "a" * 281
