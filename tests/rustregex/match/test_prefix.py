"""How far a pattern that doesn't match gets."""

from __future__ import annotations

import time

import pytest
from hypothesis import given

from proccli.rustregex.match.prefix import longest_prefix
from proccli.rustregex.match.regex import Regex
from proccli.rustregex.parse.parser import parse
from tests.rustregex.strategies import cases, examples


def near_miss(pattern: str, text: str) -> tuple[str, str] | None:
    """What the leading part matched, and what is expected after it."""
    regex = Regex(parse(pattern))
    assert not regex.is_match(text)
    prefix = longest_prefix(regex, text)
    return (text[slice(*prefix.span)], prefix.expected) if prefix else None


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"python3 (.*)\.py", "/usr/bin/python3 app", ("python3 ", r"(.*)\.py")),
        (r"python3 (.*)\.py", "/usr/bin/python2 app.py", ("python", r"3 (.*)\.py")),
        (r"^nginx: worker", "nginx: master process", ("nginx: ", "worker")),
        (r"^nginx$", "nginx: master", ("nginx", "$")),
        ("nginx|apache2", "apache", ("apache", "2")),
        ("nginx|apache2", "nginx"[:3], ("ngi", "nx")),
        ("(nginx|apache2)-worker", "apache2 worker", ("apache2", "-worker")),
        ("(nginx|apache2)-worker", "apache", ("apache", "2-worker")),
        ("run (?:nginx|apache2) now", "run it now", ("run ", "(?:nginx|apache2) now")),
        ("run (?:nginx|apache2) now", "run apache", ("run apache", "2 now")),
        (r"java( -\S+)+ -jar", "java -jar", ("java -jar", r" -jar")),
        (r"java( -\S+)+ -jar", "java x", ("java ", r"-\S+ -jar")),
        (r"java( -\S+)+ -jar", "java", ("java", r"( -\S+)+ -jar")),
        (r"a\d{3}-", "a12", ("a", r"\d{3}-")),
        ("(?:^a){2}", "aa", None),
        (r"java( -\S+)+ -jar", "java - x", ("java -", r"\S+ -jar")),
        (r"(?i)JAVA -(x)", "java /", ("java ", "-(x)")),
        (r"\d{3}-\d{2}", "a 123 4", ("123", r"-\d{2}")),
        ("é名x", "a é名", ("é名", "x")),
        (r"\bjava\b +x", "java8", ("java", r"\b +x")),
        ("zzz", "abc", None),
        ("(z|y)", "abc", None),
        (r"^\bx", "abc", None),
        (r"\d*x", "123", None),
        ("a", "", None),
    ],
)
def test_the_longest_leading_part_that_matches(
    pattern: str, text: str, expected: tuple[str, str] | None
) -> None:
    assert near_miss(pattern, text) == expected


def test_the_pattern_span_is_that_of_the_part() -> None:
    regex = Regex(parse(r"(?i)python3 (.*)\.py"))
    prefix = longest_prefix(regex, "PYTHON3 app")
    assert prefix is not None
    assert regex.pattern[slice(*prefix.matched_pattern_span)].endswith("python3 ")
    assert prefix.span == (0, 8)


@examples(50)
@given(cases())
def test_the_part_and_the_rest_make_sense(case: tuple[str, str]) -> None:
    pattern, text = case
    regex = Regex(parse(pattern))
    prefix = longest_prefix(regex, text)
    if prefix is None or regex.is_match(text):
        return
    start, end = prefix.span
    assert 0 <= start < end <= len(text)
    assert prefix.expected
    low, high = prefix.matched_pattern_span
    assert 0 <= low < high <= len(pattern)


def test_a_long_pattern_and_a_long_text_take_seconds_at_most() -> None:
    pattern = "(" * 60 + "ab" * 200 + "|x)y" * 60
    start = time.process_time()
    longest_prefix(Regex(parse(pattern)), "ab" * 5_000)
    longest_prefix(Regex(parse(r"(a|aa)+(b|bb)+\d{3}(x+x+)+y")), "a" * 3_000 + "b" * 3_000)
    assert time.process_time() - start < 20
