"""The parser against the crate itself, on patterns that nobody thought of."""

from __future__ import annotations

from hypothesis import given

from proccli.rustregex.errors import RegexSyntaxError
from proccli.rustregex.parser import parse
from tests.rustregex.strategies import examples, patterns, wild_patterns
from tests.rustregex.witness import witness_error


def verdict(pattern: str) -> RegexSyntaxError | None:
    try:
        parse(pattern)
    except RegexSyntaxError as error:
        return error
    return None


def assert_same_verdict(pattern: str) -> None:
    ours, theirs = verdict(pattern), witness_error(pattern)
    assert (ours and ours.message) == (theirs and theirs.reason)
    if ours is None or theirs is None or theirs.span is None:
        return
    # The crate draws an empty span as one caret.
    assert (ours.position, max(ours.end, ours.position + 1)) == theirs.span


@examples(150)
@given(patterns)
def test_the_crate_accepts_and_rejects_the_same_patterns_of_the_grammar(pattern: str) -> None:
    assert_same_verdict(pattern)


@examples(150)
@given(wild_patterns)
def test_the_crate_gives_the_same_reason_and_place_for_broken_patterns(pattern: str) -> None:
    assert_same_verdict(pattern)
