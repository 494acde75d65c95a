"""What the module `regex` is handed, and what it is never trusted with."""

from __future__ import annotations

import pytest
import regex as backtracking

from proccli.rustregex.match.alphabet import Alphabet, Substitution
from proccli.rustregex.match.regex import Regex
from proccli.rustregex.match.translate import SAFE_WAYS, longest_text, needs_automaton, translate
from proccli.rustregex.parse.parser import parse
from proccli.rustregex.tree.simplify import simplify


def translated(pattern: str) -> str:
    tree = simplify(parse(pattern).root)
    return translate(tree, Alphabet(tree))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a++", "(?:a+)+"),
        ("a{2}+", "(?:a{2})+"),
        ("a{2,}?", "a{2,}?"),
        ("(?:ab){0,1}", "(?:ab)?"),
        ("(?:a|bc)d", "(?:a|bc)d"),
        (r"\A\z", r"\A\Z"),
        ("^a$", r"\Aa\Z"),
        ("(?m)^$", r"(?<![^\n])(?![^\n])"),
        (r"[\&]", r"\U00000026"),
        ("#", r"\U00000023"),
        (r"\w\d\S.", r"\w\d\S."),
        (r"(?P<n>a)(?:b)", "(a)b"),
        ("", ""),
    ],
)
def test_a_pattern_is_spelled_out(pattern: str, expected: str) -> None:
    assert translated(pattern) == expected


def test_shorthands_are_used_only_where_they_mean_the_same() -> None:
    # The module calls U+001C a space, the crate doesn't.
    assert Regex(parse(r"\s")).search("\x1c") is None
    assert Regex(parse(r"\S")).search("\x1c") is not None
    # ASCII digits alone are not what the module's \d is.
    assert Regex(parse("[0-9]|١")).search("٢") is None
    assert translated("[0-9]") == r"\d"
    assert r"\d" not in translated("[0-9]|[٣]x")


def test_sets_stay_small_whatever_they_hold() -> None:
    assert max(len(translated(text)) for text in [r"\w", r"\pL", r"\p{Han}x\W", r"(?i)\PM"]) < 120


def test_one_character_stands_for_all_with_its_symbol() -> None:
    tree = parse(r"\w[а-я]é").root
    text = "aя數é数 \U0001f600Я"
    seen = text.translate(Substitution(Alphabet(tree)))
    assert len(seen) == len(text)
    assert seen[0] == "a"
    assert seen[2] == seen[4] == seen[7] != seen[1]
    assert seen[3] == "é"


@pytest.mark.parametrize("pattern", ["(?i)straße", r"\bé\b", r"[^\W\d]+", "a{2}+", r"(?x) a # b"])
def test_a_translated_pattern_compiles_without_flags(pattern: str) -> None:
    backtracking.compile(translated(pattern), backtracking.V0)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("(a*)*", True),
        ("(a|b?)+", True),
        (r"(\b)*", True),
        ("(?:a?b?){2}", True),
        ("(a*)?", False),
        ("(a+)+", False),
        ("(?:a*){0}b", False),
        ("(?:a*){1}b", False),
    ],
)
def test_loops_over_what_may_be_empty_need_an_automaton(pattern: str, expected: bool) -> None:
    assert needs_automaton(simplify(parse(pattern).root)) is expected


@pytest.mark.parametrize(
    ("pattern", "at_least", "at_most"),
    [
        ("java", 4096, 4096),
        ("(a|b)(c|d)", 4096, 4096),
        (".*", 64, 1024),
        (".*x.*", 64, 64),
        ("(a?){30}", -1, 0),
        ("(a|b)*", -1, 0),
        ("(a+)+", -1, 0),
    ],
)
def test_only_harmless_searches_run_without_a_time_limit(
    pattern: str, at_least: int, at_most: int
) -> None:
    assert at_least <= longest_text(parse(pattern).root, SAFE_WAYS) <= at_most
