"""The simulation: linear in time, and of one mind with the backtracking engine."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.rustregex.match import exact, simulate
from proccli.rustregex.match.regex import Regex
from proccli.rustregex.parse.parser import parse
from tests.rustregex.match.test_differential import loops
from tests.rustregex.strategies import cases, examples

MEGABYTES_4 = 4_000_000


def engines(pattern: str) -> tuple[Regex, Regex]:
    backtracking, simulated = Regex(parse(pattern)), Regex(parse(pattern))
    simulated._exact._backtracks = False
    return backtracking, simulated


def assert_of_one_mind(pattern: str, text: str) -> None:
    backtracking, simulated = engines(pattern)
    assert backtracking.is_match(text) == simulated.is_match(text)
    assert backtracking.search(text) == simulated.search(text)
    assert list(backtracking.find_iter(text)) == list(simulated.find_iter(text))


@examples(80)
@given(cases())
def test_both_engines_find_the_same(case: tuple[str, str]) -> None:
    assert_of_one_mind(*case)


@examples(80)
@given(loops(), st.text(st.sampled_from("aabé \n"), max_size=20))
def test_both_engines_loop_alike(pattern: str, text: str) -> None:
    assert_of_one_mind(pattern, text)


@examples(25)
@given(loops(), st.text(st.sampled_from("ab"), max_size=30))
def test_forgetting_changes_nothing(pattern: str, text: str) -> None:
    _, simulated = engines(pattern)
    expected = list(simulated.find_iter(text))
    remember, simulate.MEMORY = simulate.MEMORY, 3
    try:
        assert list(engines(pattern)[1].find_iter(text)) == expected
    finally:
        simulate.MEMORY = remember


ADVERSARIAL = [
    # A backtracking engine needs minutes, or longer than the universe is old, for each of these.
    (r"(a|aa)+$", "a" * 60 + "b", None),
    (r"(x+x+)+y", "x" * 5_000 + "z", None),
    (r"(x+x+)+y", "x" * 5_000 + "zy", None),
    (r"(\w+\d?)+:", "word7" * 2_000 + ".:", None),
    (r"(a?){60}a{60}!|()b", "a" * 60 + "b", (60, 61)),
    (r"(.*)(.*)(.*)(.*)(.*)=1$", "=1" * 3_000 + "\n", None),
    (r"^([a-z]+)*=", "a" * 40 + "!=", None),
    (r"(?:(?:a{1,9}){1,9}){1,9}b", "a" * 1_000 + "cb", None),
    (
        r"\b(java|node)( +\S+)* +-jar +(\S*/)*([^ /]+\.jar)$",
        "java" + " -x/y.jar" * 2_000 + " ",
        None,
    ),
]


@pytest.mark.parametrize(
    ("pattern", "text", "span"), ADVERSARIAL, ids=[row[0] for row in ADVERSARIAL]
)
def test_adversarial_patterns_are_answered_in_seconds(
    pattern: str, text: str, span: tuple[int, int] | None
) -> None:
    regex = Regex(parse(pattern))
    start = time.process_time()
    match = regex.search(text)
    is_match = regex.is_match(text)
    assert time.process_time() - start < 15
    assert (match and match.span()) == span
    assert is_match == (span is not None)


@pytest.mark.parametrize(
    ("pattern", "text", "spans"),
    [
        (r"python3 (.*)\.py", "python3 " + "x" * MEGABYTES_4 + ".py", [(0, MEGABYTES_4 + 11)]),
        (r"[a-z]+z[a-z]+-", "z" * MEGABYTES_4 + " -", []),
        (r".*a.*b.*c.*d.*e\n", "abcd" * (MEGABYTES_4 // 4) + "\ne", []),
        (r"(?:a|b)*a(?:a|b){9}c", "ab" * (MEGABYTES_4 // 2) + " c", []),
        (r"(\S*/)*([^ /]+\.jar)$", "/opt" * (MEGABYTES_4 // 4) + ".jar ", []),
    ],
)
def test_a_command_line_of_4_megabytes_is_answered_in_seconds(
    pattern: str, text: str, spans: list[tuple[int, int]]
) -> None:
    regex = Regex(parse(pattern))
    start = time.process_time()
    assert regex.is_match(text) == bool(spans)
    assert [match.span() for match in regex.find_iter(text)] == spans
    assert time.process_time() - start < 30


@pytest.mark.parametrize(
    ("pattern", "text", "span"),
    [
        ("a{300000}", "a" * 299_999 + "b", None),
        ("a{300000}", "b" + "a" * 300_000, (1, 300_001)),
        ("(a){100000}", "a" * 99_999 + "b", None),
        ("(?:a{1000}){300}", "a" * 299_999 + "b", None),
        ("[a-z]{262144}", "a" * 1000, None),
        (r"([a-z]{1,1000})x", "z" * 100_000 + "-x", None),
    ],
)
def test_large_counts_explode_neither_in_time_nor_in_memory(
    pattern: str, text: str, span: tuple[int, int] | None
) -> None:
    regex = Regex(parse(pattern))
    tracemalloc.start()
    start = time.process_time()
    match = regex.search(text)
    taken, (_, peak) = time.process_time() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (match and match.span()) == span
    assert taken < 20
    assert peak < 300_000_000


def test_the_answer_does_not_depend_on_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "/usr/bin/java -Xmx2g -Dx=/a.jar -jar /opt/shop/orders.jar --port 8080 " * 200
    pattern = r"\bjava( +\S+)* +-jar +(\S*/)*([^ /]+\.jar)"
    in_time = [match.spans for match in Regex(parse(pattern)).find_iter(text)]
    monkeypatch.setattr(exact, "TIME_LIMIT_S", 1e-6)
    too_late = Regex(parse(pattern))
    assert [match.spans for match in too_late.find_iter(text)] == in_time
    assert not too_late._exact._backtracks
