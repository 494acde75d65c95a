"""What is left of a tree when only "does the text contain a match?" counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.rustregex.automata.reduce import reduced, relaxed
from proccli.rustregex.parse.parser import parse
from proccli.rustregex.tree.nodes import Empty, Group, Node, Repeat
from tests.rustregex import strategies
from tests.rustregex.automata import small


def reduced_root(pattern: str) -> Node:
    return reduced(parse(pattern).root)


@strategies.examples(150)
@given(small.patterns)
def test_a_reduced_pattern_matches_in_the_same_texts(pattern: str) -> None:
    root = parse(pattern).root
    assert small.meant(reduced(root), small.texts()) == small.meant(root, small.texts())


@strategies.examples(100)
@given(small.patterns, st.integers(0, 3))
def test_a_relaxed_tree_matches_in_the_same_texts_and_more(pattern: str, most: int) -> None:
    root = parse(pattern).root
    assert small.meant(relaxed(root, most), small.texts()) >= small.meant(root, small.texts())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (".*foo.*", "foo"),
        (r"\w{1,80}$", r"\w$"),
        (r"(?:[a-z]+)+", "[a-z]"),
        ("(a*b){3}", "b(?:a*b){2}"),
        ("x{2,5}y", "x{2}y"),
        ("(?:a|b*)c", "c"),
        ("(foo)(?P<name>bar)", "foobar"),
        ("foo.*?bar", "foo.*bar"),
        ("a|b|[d-f]", "[abd-f]"),
        ("sleep|bash|sh|ssh", "s(?:leep|h|sh)|bash"),
        ("ab|ab|cd", "ab|cd"),
        ("^(?:$|x{0})", "^$|^"),
        (r"(?:\b)*x", "x"),
        (r"x(?:\b){3}y", r"x\by"),
        ("(?:(?:a|b)|(?:c))?d", "d"),
    ],
)
def test_equivalent_patterns_reduce_to_equal_trees(one: str, other: str) -> None:
    assert reduced_root(one) == reduced_root(other)


@pytest.mark.parametrize(
    "pattern", ["", ".*", "a?", "(a|b*)*", "(a*){1000}", "x{0}", "(|a)+", r"(?:\b)*", "()"]
)
def test_a_pattern_that_matches_everywhere_has_nothing_left(pattern: str) -> None:
    assert reduced_root(pattern) == Empty()


@pytest.mark.parametrize(
    ("one", "other"),
    [("^a*$", "^$"), ("foo", "foo$"), ("a.b", "(?s)a.b"), ("a{2}", "a"), (r"\b", "")],
)
def test_patterns_that_differ_keep_their_difference(one: str, other: str) -> None:
    assert reduced_root(one) != reduced_root(other)


def test_alternatives_with_ever_longer_beginnings_do_not_nest_without_end() -> None:
    words = "|".join("ab" * length for length in range(1, 150))
    root = parse(f"^(?:{words})$").root
    assert small.meant(reduced(root), ["ab" * 149, "ab" * 150, "aba"]) == {"ab" * 149}


def test_deep_groups_are_no_trouble() -> None:
    node: Node = parse("a").root
    for index in range(240):
        node = Repeat(Group(node, index + 1, None), 1, 2, greedy=True)
    assert reduced(node) == reduced_root("a")
