"""The algebra of character sets, against sets of numbers."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from proccli.rustregex.tree import charset
from proccli.rustregex.tree.charset import Ranges
from tests.rustregex.strategies import examples

# Around both ends, ASCII's end and the surrogates.
POINTS = [*range(4), *range(0x7D, 0x83), *range(0xD7FD, 0xE003), *range(0x10FFFC, 0x110000)]
UNIVERSE = {point for point in POINTS if not 0xD800 <= point <= 0xDFFF}

pairs = st.tuples(st.sampled_from(POINTS), st.sampled_from(POINTS)).map(
    lambda pair: (min(pair), max(pair))
)
sets = st.lists(pairs, max_size=5).map(charset.normalize)


def members(ranges: Ranges) -> set[int]:
    return {point for point in UNIVERSE if charset.contains(ranges, point)}


def assert_normal(ranges: Ranges) -> None:
    assert all(low <= high for low, high in ranges)
    assert all(not (low <= 0xDFFF and high >= 0xD800) for low, high in ranges)
    assert all(left[1] + 1 < right[0] for left, right in pairwise(ranges))


@examples(200)
@given(sets, sets)
def test_operations_agree_with_those_of_sets(left: Ranges, right: Ranges) -> None:
    ours, theirs = members(left), members(right)
    for result, expected in (
        (charset.union(left, right), ours | theirs),
        (charset.intersect(left, right), ours & theirs),
        (charset.subtract(left, right), ours - theirs),
        (charset.symmetric_difference(left, right), ours ^ theirs),
        (charset.negate(left), UNIVERSE - ours),
    ):
        assert members(result) == expected
        assert_normal(result)


@examples(100)
@given(sets)
def test_negating_twice_changes_nothing(ranges: Ranges) -> None:
    assert charset.negate(charset.negate(ranges)) == ranges


def test_folding_ascii_leaves_the_rest_alone() -> None:
    assert charset.fold_ascii(((0x61, 0x63),)) == ((0x41, 0x43), (0x61, 0x63))
    assert charset.fold_ascii(((0x30, 0x39),)) == ((0x30, 0x39),)
    assert charset.fold_ascii(((0xE9, 0xE9),)) == ((0xE9, 0xE9),)
