"""How large a pattern may become."""

from __future__ import annotations

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proccli.rustregex import size_limit
from proccli.rustregex.parse.errors import RegexSyntaxError
from proccli.rustregex.parse.grammar import GrammarParser
from proccli.rustregex.parse.lowering import Lowering
from proccli.rustregex.parse.parser import parse
from proccli.rustregex.size_limit import Estimate, sampled, too_big, upper_bound
from proccli.rustregex.tree.nodes import Concat, Literal, Repeat
from proccli.rustregex.tree.simplify import simplify
from tests.rustregex.strategies import examples, patterns
from tests.rustregex.witness import witness_error


def is_accepted(pattern: str) -> bool:
    try:
        parse(pattern)
    except RegexSyntaxError as error:
        if error.kind != "compiled-too-big":
            raise
        return False
    return True


# The largest count with which the crate compiles `atom{count}`.
LARGEST = [
    (r"\w", 87),
    (r"\W", 95),
    (r"\pL", 104),
    (r"\d", 1509),
    (r"\p{Han}", 1778),
    (r"\S", 4148),
    (".", 8857),
    ("[^x]", 8857),
    ("(?s:.)", 9363),
    (r"\s", 10240),
    ("[A-Za-z0-9_]", 46808),
    ("(a)", 109227),
    ("[a-z]", 262144),
    ("a", 327656),
]


@pytest.mark.parametrize(("atom", "count"), LARGEST)
def test_the_largest_count_is_the_crates(atom: str, count: int) -> None:
    assert is_accepted(f"{atom}{{{count}}}")
    assert not is_accepted(f"{atom}{{{count + 1}}}")


# Found by bisection of our own outcomes; the crate has its edge at the same place.
EDGES = [
    (r"(?:\w|x){0,N}", 86),
    ("(?:éa|éb){N}", 46808),
    ("^(?:a|b|){N,}$", 65534),
    (r"\w+(?:(a)|b){1,N}", 54581),
    ("(?:(?i)straße){N}", 13652),
    (r"(?:[\w&&[^a-z]]){N}", 87),
    ("(?:(?:)*a?){N}", 109218),
    ("(?:){N}", 327656),
    ("(?:[α-ω]{3}|名){N}x", 17245),
]


@pytest.mark.parametrize(("template", "largest"), EDGES)
def test_the_edge_of_mixed_patterns_is_the_crates(template: str, largest: int) -> None:
    for count, accepted in ((largest, True), (largest + 1, False)):
        pattern = template.replace("N", str(count))
        assert is_accepted(pattern) == accepted
        assert (witness_error(pattern) is None) == accepted


@pytest.mark.parametrize(
    "pattern",
    [
        "a{1000}{1000}{1000}",
        "(?:a{4294967295}){4294967295}" + "{4294967295}" * 200,
        "(?:(?:){1000}){1000}",
        r"(\w{1,100}|\d{5000}){3,}",
    ],
)
def test_huge_counts_are_never_expanded(pattern: str) -> None:
    started = time.process_time()
    assert not is_accepted(pattern)
    assert time.process_time() - started < 1


def check_upper_bound(pattern: str) -> None:
    root = Lowering(pattern).lower(GrammarParser(pattern).parse()).root
    tree = simplify(root)
    for program in size_limit._PROGRAMS:
        cost = Estimate(program, sampled).cost(tree)
        size = size_limit._base(tree, program) + max(cost.size, cost.peak)
        assert size <= upper_bound(root), program


@given(patterns)
@examples(100)
def test_no_program_exceeds_the_upper_bound(pattern: str) -> None:
    try:
        check_upper_bound(pattern)
    except RegexSyntaxError:
        assume(False)


_PARTS = st.sampled_from(
    ["a", "b", "\x7f", "\x80", "é", "[a-f]", r"\b", "^", "$", "(?:)", "a{0}", "b*"]
)


@given(st.lists(st.lists(_PARTS, max_size=4).map("".join), min_size=2, max_size=9), st.data())
@examples(100)
def test_nor_does_one_of_branches_that_are_joined(branches: list[str], data: st.DataObject) -> None:
    """Shared beginnings are moved in front of an alternation, and characters become a class."""
    count = data.draw(st.sampled_from(["", "{3}", "{2,}", "{0,7}", "*"]))
    check_upper_bound(f"(?:{'|'.join(branches)}){count}")


@pytest.mark.parametrize("template", [template for template, _ in EDGES])
@pytest.mark.parametrize("count", [1, 2, 1000])
def test_nor_does_one_that_the_crate_was_asked_about(template: str, count: int) -> None:
    check_upper_bound(template.replace("N", str(count)))


def test_the_smallest_part_that_is_too_big_is_shown() -> None:
    pattern = r"^java (\w{1,200}|x)+ -jar"
    with pytest.raises(RegexSyntaxError) as caught:
        parse(pattern)
    assert pattern[caught.value.position : caught.value.end] == r"\w{1,200}"


def test_a_literal_of_any_length_is_small_enough() -> None:
    """The crate looks at the size before each part, and a literal is one part."""
    a = Literal("a")
    assert too_big(Concat((a,) * 330_000)) is None
    assert too_big(Repeat(Concat((a, a)), 200_000, 200_000, True)) is not None
