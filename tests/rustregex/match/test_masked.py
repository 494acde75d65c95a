"""Matching texts of which parts are unknown."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli import rustregex
from proccli.rustregex.match.regex import Regex
from proccli.rustregex.parse.parser import parse
from tests.rustregex.match.test_differential import loops
from tests.rustregex.strategies import cases, examples

HOLE = "\x00"


def outcome(pattern: str, masked: str) -> bool | None:
    """The outcome on a text whose holes are written as `*`."""
    return rustregex.compile(pattern).is_match_masked(
        masked, [(at, at + 1) for at, char in enumerate(masked) if char == "*"]
    )


@pytest.mark.parametrize(
    ("pattern", "masked", "expected"),
    [
        (r"python3 (.*)\.py", "python3 app.py --password *", True),
        (r"python3 (.*)\.py", "python3 --password * app", None),
        (r"python3 (.*)\.py", "python3 --password * app.py", None),
        (r"^python3 \S+\.py", "java --password *", False),
        (r"python3", "java --password *", None),
        (r"java", "*", None),
        (r"java$", "java *", None),
        (r"java", "java *", True),
        (r"java\b", "java*", None),
        (r"java\B", "java*", None),
        (r"\bjava", "*java", None),
        (r"java\b", "java *", True),
        (r"^java", "*java", None),
        (r"^java", "x*java", False),
        (r"java$", "java*x", False),
        (r"(?m)^java", "x*java", None),
        (r"(?m)java$", "java*x", None),
        (r"\Aa*\z", "*", None),
        (r".*", "*", True),
        (r"", "*", True),
        (r"a", "b*b", None),
        (r"^[^a]*$", "a*", False),
        (r"^.{3}$", "ab*cd", False),
        (r"^.{3}$", "ab*", None),
        (r"x", "a*b*c", None),
        (r"^a[^x]c$", "a*c", None),
    ],
)
def test_the_verdict_is_sure_or_none(pattern: str, masked: str, expected: bool | None) -> None:
    assert outcome(pattern, masked) is expected


def test_without_holes_it_is_is_match() -> None:
    assert rustregex.compile("b$").is_match_masked("ab", []) is True
    assert rustregex.compile("c").is_match_masked("ab", []) is False


def test_holes_may_come_in_any_order_overlap_and_be_empty() -> None:
    regex = rustregex.compile("^ab$")
    assert regex.is_match_masked("ab", [(1, 1)]) is None
    assert regex.is_match_masked("xxab", [(1, 2), (0, 2), (0, 1)]) is None
    assert regex.is_match_masked("xabx", [(3, 4)]) is False


def test_what_stands_in_a_hole_has_no_influence() -> None:
    for inside in ["", "a", "secret", "\n"]:
        text = f"x {inside} y"
        assert rustregex.compile("^x .* y$").is_match_masked(text, [(2, 2 + len(inside))]) is None
        assert rustregex.compile("^z").is_match_masked(text, [(2, 2 + len(inside))]) is False


def test_a_pattern_on_which_the_crate_errs_is_left_open() -> None:
    assert rustregex.compile(r"a?\bb").is_match_masked("b x", [(2, 3)]) is None


known_pieces = st.lists(st.text(st.sampled_from("aab \n"), max_size=4), min_size=2, max_size=3)
fillings = st.lists(st.text(st.sampled_from("abx \né"), max_size=3), min_size=6, max_size=6)


def assert_no_filling_disproves(regex: Regex, pieces: list[str], fills: list[str]) -> None:
    text = HOLE.join(pieces)
    holes = [(at, at + 1) for at, char in enumerate(text) if char == HOLE]
    answer = regex.is_match_masked(text, holes)
    if answer is None:
        return
    for first in fills:
        filled = pieces[0] + "".join(
            fill + piece for fill, piece in zip([first, *fills], pieces[1:], strict=False)
        )
        assert regex.is_match(filled) is answer


@examples(50)
@given(
    loops(),
    st.lists(st.text(st.sampled_from("aab \n"), max_size=4), min_size=2, max_size=3),
    fillings,
)
def test_no_filling_of_a_loop_disproves_the_verdict(
    pattern: str, pieces: list[str], fills: list[str]
) -> None:
    assert_no_filling_disproves(Regex(parse(pattern)), pieces, fills)


@examples(50)
@given(cases(), st.integers(0, 20), st.integers(0, 20), fillings)
def test_no_filling_disproves_the_verdict(
    case: tuple[str, str], first: int, second: int, fills: list[str]
) -> None:
    pattern, text = case
    text = text.replace(HOLE, "")
    low, high = sorted((min(first, len(text)), min(second, len(text))))
    pieces = [text[:low], text[low:high], text[high:]]
    assert_no_filling_disproves(Regex(parse(pattern)), pieces, [*fills, text[low:high]])


def test_a_long_text_with_many_holes_is_quick() -> None:
    text = "java -Dpassword=* " * 20_000
    holes = [(at, at + 1) for at, char in enumerate(text) if char == "*"]
    start = time.process_time()
    assert (
        rustregex.compile(r"^python(\S)*( +-\S+)* +(\S*/)*([^ /]+)").is_match_masked(text, holes)
        is False
    )
    assert time.process_time() - start < 20
