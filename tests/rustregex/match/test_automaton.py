"""The automaton: the answers of the backtracking engine and of the threads, in linear time."""

from __future__ import annotations

import time
import tracemalloc
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.rustregex.match import automaton, exact, spans
from proccli.rustregex.match.regex import Regex
from proccli.rustregex.parse.parser import parse
from tests.rustregex.match.test_differential import loops
from tests.rustregex.strategies import cases, examples

MEGABYTES_4 = 4_000_000


def engines(pattern: str) -> tuple[Regex, Regex]:
    """The pattern with the backtracking engine, and with the automaton."""
    backtracking, linear = Regex(parse(pattern)), Regex(parse(pattern))
    linear._exact._backtracks = False
    return backtracking, linear


def assert_same_answers(pattern: str, text: str) -> None:
    backtracking, linear = engines(pattern)
    assert backtracking.is_match(text) == linear.is_match(text)
    assert backtracking.search(text) == linear.search(text)
    assert list(backtracking.find_iter(text)) == list(linear.find_iter(text))


@examples(50)
@given(cases())
def test_both_engines_find_the_same(case: tuple[str, str]) -> None:
    assert_same_answers(*case)


@examples(50)
@given(loops(), st.text(st.sampled_from("aabé \n"), max_size=20))
def test_both_engines_find_the_same_in_loops(pattern: str, text: str) -> None:
    assert_same_answers(pattern, text)


@examples(25)
@given(loops(), st.text(st.sampled_from("ab"), max_size=30))
def test_a_cleared_cache_changes_no_answer(pattern: str, text: str) -> None:
    expected = list(engines(pattern)[1].find_iter(text))
    memory, automaton.MEMORY = automaton.MEMORY, 3
    try:
        assert list(engines(pattern)[1].find_iter(text)) == expected
    finally:
        automaton.MEMORY = memory


@pytest.mark.parametrize("block", [1, 2, 3])
@examples(25)
@given(loops(), st.text(st.sampled_from("ab \n"), max_size=12))
def test_the_number_of_stored_states_changes_no_answer(block: int, pattern: str, text: str) -> None:
    expected = list(engines(pattern)[1].find_iter(text))
    usual, spans.BLOCK = spans.BLOCK, block
    try:
        assert list(engines(pattern)[1].find_iter(text)) == expected
    finally:
        spans.BLOCK = usual


def work(pattern: str, text: str, replacement: str = "<$0>") -> int:
    """The steps of `is_match` and of `replace_all` with an automaton."""
    _, linear = engines(pattern)
    linear.is_match(text)
    linear.replace_all(text, replacement)
    found = linear._exact
    return found.automaton.work + found.finder.work + found.finder.automaton.work


@pytest.mark.parametrize(
    ("pattern", "unit", "end"),
    [
        ("(a{1,50}){1,50}[bc]", "a", ""),
        ("(a{1,50}){1,50}b", "a", "cb"),
        ("(?:(?:a{1,40}){1,40}){1,40}b", "a", "cb"),
        ("(((a{1,40}){1,40}){1,40})[bc]", "a", "b"),
        ("(?:[a-z]{1,30}-?){1,40}:", "a-ab", "."),
        ("(a?){100}(a|b){100}c", "ab", ""),
        ("(?:a|b)*a(?:a|b){12}c", "aabab", ""),
        (r"\w+:|x", "x", ""),
        (r"(\w+|x)*;|x{2,4}", "x", ""),
        (r"(x+x+)+y", "x", "z"),
        (r"\b(\w+\s*){1,50}=\B", "word ", "="),
        ("(?m)^(.*)$", "ab\n", ""),
        (".*?,", "a,b", ""),
    ],
)
def test_twice_the_text_is_twice_the_work(pattern: str, unit: str, end: str) -> None:
    once = work(pattern, unit * 500 + end)
    assert work(pattern, unit * 1_000 + end) <= 2.5 * once


def test_large_counts_cost_a_word_for_64_copies() -> None:
    text = "a" * 300 + "cb"
    assert work("(?:(?:a{1,40}){1,40}){1,40}b", text) < 3_000 * len(text)


ADVERSARIAL = [
    # A backtracking engine needs between minutes and eternity for each of these.
    (r"(a|aa)+$", "a" * 60 + "b", None),
    (r"(x+x+)+y", "x" * 5_000 + "z", None),
    (r"(x+x+)+y", "x" * 5_000 + "zy", None),
    (r"(\w+\d?)+:", "word7" * 2_000 + ".:", None),
    (r"(a?){60}a{60}!|()b", "a" * 60 + "b", (60, 61)),
    (r"(.*)(.*)(.*)(.*)(.*)=1$", "=1" * 3_000 + "\n", None),
    (r"^([a-z]+)*=", "a" * 40 + "!=", None),
    (r"(?:(?:a{1,9}){1,9}){1,9}b", "a" * 1_000 + "cb", None),
    (r"(a{1,50}){1,50}b", "a" * 3_000 + "cb", None),
    (r"(a{1,50}){1,50}[bc]", "a" * 3_000 + "b", (500, 3_001)),
    (r"(?:(?:a{1,40}){1,40}){1,40}[bc]", "a" * 3_000, None),
    (r"(((a{1,40}){1,40}){1,40})[bc]", "a" * 3_000 + "b", (0, 3_001)),
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
        ("a{100000}", "a" * 99_999 + "b", None),
        ("a{100000}", "b" + "a" * 100_000, (1, 100_001)),
        ("(a){50000}", "a" * 49_999 + "b", None),
        ("(?:a{1000}){100}", "a" * 99_999 + "b", None),
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
    assert taken < 7
    assert peak < 100_000_000


def test_the_answer_does_not_depend_on_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "/usr/bin/java -Xmx2g -Dx=/a.jar -jar /opt/shop/orders.jar --port 8080 " * 200
    pattern = r"\bjava( +\S+)* +-jar +(\S*/)*([^ /]+\.jar)"
    in_time = [match.spans for match in Regex(parse(pattern)).find_iter(text)]
    monkeypatch.setattr(exact, "AUTOMATON_S", 0)
    too_late = Regex(parse(pattern))
    too_late._exact.time_left = 1e-6
    assert [match.spans for match in too_late.find_iter(text)] == in_time
    assert not too_late._exact._backtracks


def test_the_time_limit_is_for_all_searches_together(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count()
    monkeypatch.setattr(exact, "perf_counter", lambda: next(clock) / 100)
    regex = Regex(parse(r"(\S+ )*x"))
    slow = []
    for _ in range(25):
        assert regex.is_match("- x" * 10)
        slow.append(regex.is_slow)
    assert not slow[10]
    assert slow[-1]
