"""Matching and replacing against the crate itself, on generated patterns."""

from __future__ import annotations

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from proccli.rustregex.match.regex import Regex
from proccli.rustregex.parse.parser import parse
from proccli.rustregex.tree.nodes import LookKind
from proccli.rustregex.tree.shape import looks_in
from tests.rustregex.strategies import cases, chars, examples
from tests.rustregex.witness import MARKS, Witness

LETTERS = "ab"
LITERAL = re.compile(r"[\w ]*")

templates = st.lists(
    st.sampled_from(
        ["$0", "$1", "$2", "${1}", "$n", "${n}", "$name", "$$", "$", "${", "}", "x", "-"]
    )
).map("".join)


def may_match_within_a_character(regex: Regex) -> bool:
    """`(?-u:\\B)` holds between the bytes of a character; there the crate panics, or would."""
    return LookKind.NOT_WORD_ASCII in looks_in(regex.parsed.root)


def slow_witness(regex: Regex) -> bool:
    """Programs of megabytes: the crate needs a second to compile them, each time it is asked."""
    return "{" in regex.pattern and len(regex.pattern) > 60


def answers(regex: Regex, text: str, template: str) -> dict[str, object]:
    match = regex.search(text)
    return {
        "is_match": regex.is_match(text),
        "groups": [match.group(i) if match else None for i in range(len(regex.group_names))],
        "span": match.span() if match else None,
        "spans": [found.span() for found in regex.find_iter(text)],
        "replaced": regex.replace_all(text, template),
        "replaced by text": regex.replace_all(text, "!"),
    }


def asked(regex: Regex, text: str, template: str) -> dict[str, object]:
    witness = Witness(regex.pattern)
    return {
        "is_match": witness.is_match(text),
        "groups": witness.groups(text, len(regex.group_names) - 1),
        "span": witness.span(text),
        "spans": witness.spans(text),
        "replaced": witness.replace_all(text, template),
        "replaced by text": witness.replace_all(text, "!"),
    }


def assert_agreement(pattern: str, text: str, template: str) -> None:
    regex = Regex(parse(pattern))
    assume(not set(MARKS) & set(text) and not slow_witness(regex))
    assume(text.isascii() or not may_match_within_a_character(regex))
    assert answers(regex, text, template) == asked(regex, text, template)


@examples(50)
@given(cases(), templates)
def test_finds_captures_and_replaces_as_the_crate_does(
    case: tuple[str, str], template: str
) -> None:
    assert_agreement(*case, template)


@st.composite
def loops(draw: st.DrawFn) -> str:
    """Loops over loops, empty branches and groups, where engines differ most."""
    atoms = st.sampled_from(
        ["a", "b", "ab", "", ".", "[ab]", "[^a]", "\\b", "\\B", "^", "$", "(?m:^)"]
    )
    quantifiers = st.sampled_from(
        ["", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{2,}", "{0}"]
    )

    def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        row = st.lists(inner, min_size=1, max_size=3).map("".join)
        branches = st.lists(row, min_size=1, max_size=3).map("|".join)
        group = st.builds("{}{})".format, st.sampled_from(["(", "(", "(?:"]), branches)
        return st.builds("{}{}".format, group, quantifiers)

    rows = st.lists(st.recursive(atoms, compound, max_leaves=6), min_size=1, max_size=3).map(
        "".join
    )
    return draw(st.lists(rows, min_size=1, max_size=3).map("|".join).filter(bool))


@examples(50)
@given(loops(), st.text(st.sampled_from("aab \n"), max_size=12), templates)
def test_loops_end_as_in_the_crate(pattern: str, text: str, template: str) -> None:
    assert_agreement(pattern, text, template)


@st.composite
def patterns_with_literal_ends(draw: st.DrawFn) -> str:
    """Where the crate looks for a literal first: at the end, or at the start before a `\\b`."""
    literal = st.text(st.sampled_from("ab"), min_size=3, max_size=4)
    if draw(st.booleans()):
        ends = draw(st.lists(st.tuples(loops(), literal), min_size=1, max_size=2))
        suffix = draw(literal)
        return "|".join(f"(?:{body}){draw(st.sampled_from([suffix, end]))}" for body, end in ends)
    first = draw(st.text(st.sampled_from("ab "), min_size=1, max_size=3))
    look = draw(st.sampled_from(["\\b", "\\B", "(?m:^)"]))
    optional = draw(st.sampled_from(["?", "*", "??", "{0,2}"]))
    return (
        f"(?:{first}){optional}{look}{draw(st.text(st.sampled_from('ab'), min_size=1, max_size=3))}"
    )


@examples(50)
@given(patterns_with_literal_ends(), st.text(st.sampled_from("aab "), max_size=24), templates)
def test_literals_at_the_ends_mislead_as_in_the_crate(
    pattern: str, text: str, template: str
) -> None:
    assert_agreement(pattern, text, template)


@examples(60)
@given(loops(), st.text(chars, max_size=12), templates)
def test_non_ascii_text_changes_engines_as_in_the_crate(
    pattern: str, text: str, template: str
) -> None:
    assert_agreement(pattern, text, template)
