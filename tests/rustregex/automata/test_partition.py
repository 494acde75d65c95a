"""Characters that patterns can't tell apart share a symbol."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proccli.rustregex.automata.partition import Partition
from proccli.rustregex.parse.parser import parse
from proccli.rustregex.tree.charset import ANY, LAST, contains, negate, normalize
from proccli.rustregex.tree.nodes import Class, LookKind
from proccli.rustregex.tree.shape import descendants
from proccli.rustregex.tree.unicode import perl
from tests.rustregex import strategies
from tests.rustregex.automata import small

CODES = st.one_of(st.integers(0, 0x250), st.integers(0, LAST)).filter(
    lambda code: contains(ANY, code)
)


def partition(*patterns: str, without: str = "") -> Partition:
    excluded = normalize((ord(char), ord(char)) for char in without)
    return Partition([parse(p).root for p in patterns], negate(excluded), perl("w"))


def symbols_of(it: Partition, char: str) -> list[int]:
    return [symbol for symbol, held in enumerate(it.members) if contains(held, ord(char))]


@strategies.examples(60)
@given(st.lists(small.patterns, max_size=3), CODES, CODES)
def test_each_character_has_one_symbol_and_its_company_is_in_the_same_sets(
    patterns: list[str], code: int, other: int
) -> None:
    it = partition(*patterns)
    (symbol,) = symbols_of(it, chr(code))
    (other_symbol,) = symbols_of(it, chr(other))
    sets = [
        node.ranges
        for p in patterns
        for node in descendants(parse(p).root)
        if isinstance(node, Class)
    ]
    for ranges in sets:
        assert contains(ranges, code) == bool(it.mask(ranges) >> symbol & 1)
        assert symbol != other_symbol or contains(ranges, code) == contains(ranges, other)


def test_characters_outside_the_domain_have_no_symbol() -> None:
    it = partition("[/a-z]", without="/\0")
    assert symbols_of(it, "/") == symbols_of(it, "\0") == symbols_of(it, "\ud800") == []
    assert len(symbols_of(it, "a")) == 1


def test_a_set_may_have_no_character_in_the_domain() -> None:
    it = partition("/", without="/")
    assert it.mask(((0x2F, 0x2F),)) == 0


def test_word_characters_differ_only_where_a_boundary_tests_them() -> None:
    assert len(partition("ab").members) == 3
    assert len(partition(r"a\bb").members) == 4
    assert len(partition(r"a\b(?-u:\b)b").members) == 5


def test_a_word_boundary_admits_what_differs_from_what_is_before() -> None:
    it = partition(r"\b")
    word, other = (symbols_of(it, char)[0] for char in "a-")
    assert it.after(LookKind.WORD, it.kinds[word]) == 1 << other | it.end
    assert it.after(LookKind.WORD, it.start_kind) == 1 << word
    assert it.after(LookKind.WORD, it.kinds[other]) == 1 << word


def test_line_ends_admit_a_newline_and_the_end_of_the_text() -> None:
    it = partition("(?m:$)")
    newline = symbols_of(it, "\n")[0]
    assert it.after(LookKind.END_LINE, it.start_kind) == 1 << newline | it.end
