"""Where the crate's shortcuts are taken, and from which literals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.rustregex.match import literals
from proccli.rustregex.match.lazy_dfa import GaveUpError
from proccli.rustregex.match.regex import Regex
from proccli.rustregex.match.shortcuts import Shortcuts
from proccli.rustregex.parse.parser import parse
from proccli.rustregex.tree.shape import required_literals, required_runs
from proccli.rustregex.tree.simplify import simplify
from tests.rustregex.match.test_differential import loops
from tests.rustregex.strategies import examples


def extracted(pattern: str, *, suffixes: bool) -> list[str] | None:
    """The literals, the inexact ones with a trailing `…`."""
    found = literals.extract(simplify(parse(pattern).root), suffixes=suffixes)
    if found is None:
        return None
    return [text.decode(errors="replace") + ("" if exact else "…") for text, exact in found]


@pytest.mark.parametrize(
    ("pattern", "prefixes", "suffixes"),
    [
        ("abc", ["abc"], ["abc"]),
        ("ab|cd", ["ab", "cd"], ["ab", "cd"]),
        ("a[bc]d?", ["abd", "ab", "acd", "ac"], ["abd", "ab", "acd", "ac"]),
        ("a*b", ["a…", "b"], ["ab…", "b"]),
        ("a+b", ["a…"], ["ab…"]),
        ("a*?", ["", "a…"], ["", "a…"]),
        ("a{3}", ["aaa"], ["aaa"]),
        ("a{12}", ["a" * 10 + "…"], ["a" * 10 + "…"]),
        ("a{2,3}", ["aa…"], ["aa…"]),
        (r"\wab", None, ["ab…"]),
        (r"a\w", ["a…"], None),
        ("[a-j]", [*"abcdefghij"], [*"abcdefghij"]),
        ("[a-k]", None, None),
        (r"^a\b", ["a"], ["a"]),
        ("é名", ["é名"], ["é名"]),
        ("x" * 120, ["x" * 100 + "…"], ["x" * 100 + "…"]),
    ],
)
def test_literals_are_the_crates_own(
    pattern: str, prefixes: list[str] | None, suffixes: list[str] | None
) -> None:
    assert extracted(pattern, suffixes=False) == prefixes
    assert extracted(pattern, suffixes=True) == suffixes


def test_many_literals_are_cut_down_until_there_are_few() -> None:
    found = extracted("(?:ab|cd|ef)[0-9]{2}[x-z]", suffixes=False)
    assert found is not None
    assert len(found) <= 50
    assert all(literal.endswith("…") for literal in found)


def test_common_ends_of_literals() -> None:
    found: literals.Seq = [(b"a.jar", True), (b"b.jar", False), (b"war", True)]
    assert literals.common_suffix(found) == b"ar"
    assert literals.common_prefix(found) == b""
    assert literals.common_suffix(None) == literals.common_suffix([]) == b""


def errs(pattern: str, text: str, start: int = 0) -> bool:
    regex = Regex(parse(pattern))
    found = regex._exact.search(text, start)
    return Shortcuts(regex._tree, regex._alphabet).errs_at(text, start, found[0] if found else None)


@pytest.mark.parametrize(
    ("pattern", "text", "start"),
    [
        (r"\bjava( +\S+)*", "java -jar", 0),
        (r"([^ /]+\.jar)", "/opt/a.jar b.jar", 0),
        (r"(\S*/)*([^ /]+\.jar)", "/opt/a.jar x", 0),
        ("a|b", "ab", 1),
        ("^a|b$", "ab", 0),
        (r"a\b", "a a", 1),
        (r"(?m)^a", "a\na", 0),
        (r"x?\d+\.py", "12.py", 0),
    ],
)
def test_ordinary_searches_are_left_to_the_exact_engine(
    pattern: str, text: str, start: int
) -> None:
    assert not errs(pattern, text, start)


@pytest.mark.parametrize(
    ("pattern", "text", "start"),
    [
        (r"\bjava", "x java", 1),
        (r"(-cp \S+)? \S+\.jar", " a.jar.jar", 0),
        (r"a?\bb", "b", 0),
        (r"(?m)^a$", "a", 0),
        (r"(\b|a)+", "a", 0),
    ],
)
def test_doubtful_searches_are_noticed(pattern: str, text: str, start: int) -> None:
    assert errs(pattern, text, start)


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        (r"python3 (.*)\.py", "python3 "),
        (r"\bjava( +\S+)* +-jar", "java"),
        ("(?:ab|cd)", ""),
        ("a(bc)d", "abcd"),
        ("a(?:bc)+d", "bc"),
        ("a(?:bcd)?e", "a"),
        ("x?", ""),
        ("(?i)java", ""),
        ("a^b", "ab"),
    ],
)
def test_a_literal_that_every_match_holds(pattern: str, literal: str) -> None:
    assert (*required_literals(parse(pattern).root), "")[0] == literal


def test_runs_that_every_match_holds() -> None:
    tree = simplify(parse("(?:a{40}){30}b{5}|c").root)
    assert not list(required_runs(tree, 100))
    tree = simplify(parse("x(?:a{40}){30}(b{500,}c?)+").root)
    assert [least for _, least in required_runs(tree, 100)] in ([1200, 500], [500, 1200])


@examples(50)
@given(loops(), st.text(st.sampled_from("aab \né"), max_size=12), st.booleans())
def test_a_run_that_continues_an_earlier_one_ends_alike(
    pattern: str, text: str, backward: bool
) -> None:
    shortcuts = Shortcuts(simplify(parse(pattern).root), Regex(parse(pattern))._alphabet)
    starts = range(len(text) + 1)
    for start in reversed(starts) if backward else starts:
        outcomes = [ending(shortcuts, text, start, joined=joined) for joined in (False, True)]
        assert outcomes[0] == outcomes[1]


def ending(shortcuts: Shortcuts, text: str, start: int, *, joined: bool) -> int | str | None:
    dfa, before = shortcuts._forward, text[start - 1 : start]
    try:
        if joined:
            return dfa.end(text, before, start)
        return dfa.run(text, before, start=start, alone=False).end
    except GaveUpError:
        return "gave up"
