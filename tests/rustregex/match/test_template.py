"""Replacement templates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli import rustregex
from proccli.rustregex.match.template import Reference, Text, expand, parse
from tests.rustregex.strategies import examples
from tests.rustregex.witness import Witness

PATTERN = r"(?P<name>\w)(\w)?(?P<_x9>\w)?(?P<名>é)?"

TEMPLATES = [
    ("$1", [1]),
    ("$1a", ["1a"]),
    ("$1_x", ["1_x"]),
    ("${1}a", [1, "a"]),
    ("$name-$name", ["name", "-", "name"]),
    ("$$1", ["$", "1"]),
    ("$", ["$"]),
    ("a$", ["a$"]),
    ("$-", ["$-"]),
    ("$名", ["$名"]),
    ("${名}", ["名"]),
    ("${}", [""]),
    ("${", ["${"]),
    ("${1", ["${1"]),
    ("${1}}", [1, "}"]),
    ("${a b}", ["a b"]),
    ("${{1}", ["{1"]),
    ("${a\nb}", ["a\nb"]),
    ("$01", [1]),
    ("${+1}", [1]),
    ("${-1}", ["-1"]),
    ("${ 1}", [" 1"]),
    ("$18446744073709551615", [2**64 - 1]),
    ("$18446744073709551616", ["18446744073709551616"]),
    ("$0000000000000000000000000001", [1]),
    ("$" + "9" * 5000, ["9" * 5000]),
    (r"\1\$1", ["\\1\\", 1]),
    ("${١}", ["١"]),
    ("%1 {1}", ["%1 {1}"]),
    ("", []),
]


@pytest.mark.parametrize(("template", "parts"), TEMPLATES)
def test_a_template_is_taken_apart(template: str, parts: list[str | int]) -> None:
    got = [part.text if isinstance(part, Text) else part.group for part in parse(template)]
    assert got == parts


@pytest.mark.parametrize("template", [template for template, _ in TEMPLATES])
def test_the_crate_expands_it_alike(template: str) -> None:
    for text in ["ab", "a", "abcé"]:
        expected = Witness(PATTERN).replace_all(text, template)
        assert rustregex.compile(PATTERN).replace_all(text, template) == expected


@examples(100)
@given(st.text(st.sampled_from("$${}}10a_+é名 n\\")))
def test_spans_cover_the_template(template: str) -> None:
    parts = parse(template)
    assert "".join(template[slice(*part.span)] for part in parts) == template
    assert all(part.span[0] < part.span[1] for part in parts)


def test_a_group_that_is_missing_expands_to_nothing() -> None:
    parts = (Text("<", (0, 1)), Reference(7, (1, 3)), Reference("n", (3, 5)), Text(">", (5, 6)))
    assert expand(parts, lambda group: "seven" if group == 7 else None) == "<seven>"
