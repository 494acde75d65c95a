"""The parser and the printer against the crate itself, on generated patterns."""

from __future__ import annotations

import random

from hypothesis import given

from proccli.rustregex.parse.errors import RegexSyntaxError
from proccli.rustregex.parse.parser import parse
from proccli.rustregex.tree.printer import to_pattern
from tests.rustregex.parse.test_parser import MEASURED
from tests.rustregex.strategies import FUZZ, examples, patterns, wild_patterns
from tests.rustregex.witness import witness_error


def outcome(pattern: str) -> RegexSyntaxError | None:
    try:
        parse(pattern)
    except RegexSyntaxError as error:
        return error
    return None


def assert_same_verdict(pattern: str) -> None:
    ours, theirs = outcome(pattern), witness_error(pattern)
    assert (ours and ours.message) == (theirs and theirs.reason)
    if ours is None or theirs is None or theirs.span is None:
        return
    # The crate draws an empty span as one caret.
    assert (ours.position, max(ours.end, ours.position + 1)) == theirs.span


@examples(80)
@given(patterns)
def test_the_crate_accepts_and_rejects_the_same_patterns_of_the_grammar(pattern: str) -> None:
    assert_same_verdict(pattern)


@examples(80)
@given(wild_patterns)
def test_the_crate_gives_the_same_reason_and_place_for_broken_patterns(pattern: str) -> None:
    assert_same_verdict(pattern)


PIECES = [
    *r"\()[]{}|?*+^$.-&~#:=!<>,PixumsURpd0129aé名 ",
    *("(?", "(?P<", "(?<", "[^", "[[:", "\\x{", "\\p{", "&&", "--", "~~", "{2,", "}", ":]", "(?x)"),
    *("(?i)", "(?-u)", "(?m)", "\n", "\\u", "(?R)", "\x85", "\u2028", "(?U:", "\\b", "\\PL"),
]


def mutated(source: random.Random, corpus: list[str]) -> str:
    """A measured pattern with a few pieces put in, cut out, or taken over from another."""
    pattern = source.choice(corpus)
    for _ in range(source.randint(1, 4)):
        at = source.randint(0, len(pattern))
        head, tail = pattern[:at], pattern[at:]
        kind = source.random()
        if kind < 0.5:
            pattern = head + source.choice(PIECES) + tail
        elif kind < 0.7:
            pattern = head + tail[source.randint(1, 3) :]
        else:
            other = source.choice(corpus)
            start = source.randint(0, len(other))
            pattern = head + other[start : start + source.randint(1, 12)] + tail
    return pattern


def test_mutations_of_measured_patterns_meet_the_same_verdict_and_survive_printing() -> None:
    """Some 1,000 of these take a second; `RUSTREGEX_FUZZ` asks for more."""
    corpus = sorted({case["pattern"] for case in MEASURED if len(case["pattern"]) < 200})
    # A long run must not repeat the short one.
    source = random.Random(FUZZ)
    for _ in range(10 * FUZZ or 1500):
        pattern = mutated(source, corpus)
        assert_same_verdict(pattern)
        if outcome(pattern) is None:
            root = parse(pattern).root
            assert parse(to_pattern(root)).root == root, pattern
