"""What servers make of a configuration on its way, beyond the measured texts."""

from __future__ import annotations

import re
import string
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from proccli.config.pushing import push
from proccli.config.yaml.go_writer import format_float
from proccli.config.yaml.nodes import Refusal

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\x85\u2028\u2029"), max_size=20)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), TEXTS)
KEYS = st.text(string.ascii_lowercase + "_0", min_size=1, max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def starts_with_break(value: Any) -> bool:
    """Whether a text begins with blanks or breaks, which yaml.v3 loses."""
    if isinstance(value, str):
        return "\n" in value and value[0] in " \n\t"
    if isinstance(value, list):
        return any(map(starts_with_break, value))
    return isinstance(value, dict) and any(map(starts_with_break, value.values()))


class Core(yaml.SafeLoader):
    """Resolves the spellings that the server writes."""


Core.yaml_implicit_resolvers = {}
Core.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)\Z"), None)
Core.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"null\Z"), None)
Core.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"(?:0|-?[1-9][0-9]*)\Z"), None)


class Quoting(yaml.SafeDumper):
    """Quotes what looks like a number: yaml.v3 reads more of them than PyYAML does (0E0, 0o17)."""


Quoting.add_implicit_resolver(
    "a number", re.compile(r"[-+.0-9].*", re.DOTALL), list("-+.0123456789")
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
@example({"0": "0E0"})
def test_what_koanf_pushes_says_the_same(value: dict[str, Any]) -> None:
    if starts_with_break(value):
        return
    written = yaml.dump(value, Dumper=Quoting, allow_unicode=True)
    try:
        pushed = push(written, "koanf")
    except Refusal:
        return

    assert pushed.errors == ()
    assert yaml.load(pushed.text, Core) == value


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_what_is_pushed_once_is_pushed_again_unchanged(value: dict[str, Any]) -> None:
    if starts_with_break(value):
        return
    try:
        first = push(yaml.safe_dump(value, allow_unicode=True), "koanf").text
        again = push(first, "koanf").text
    except Refusal:
        return

    assert again == first


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1e6, "1e+06"),
        (123456.0, "123456"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1.5, "1.5"),
        (-0.0, "-0"),
        (1e20, "1e+20"),
        (1.25e-7, "1.25e-07"),
        (float("inf"), ".inf"),
        (float("nan"), ".nan"),
    ],
)
def test_fractions_are_written_as_go_writes_them(value: float, written: str) -> None:
    assert format_float(value) == written


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_fraction_is_read_again_as_it_was(value: float) -> None:
    assert float(format_float(value)) == value


def test_keys_are_sorted_with_their_digits_as_numbers() -> None:
    pushed = push("a10: 1\na2: 1\na: 1\nB: 1\n_: 1\n1: 1\n", "koanf")

    assert [line.partition(":")[0] for line in pushed.text.splitlines()] == [
        "_",
        '"1"',
        "B",
        "a",
        "a2",
        "a10",
    ]


def test_two_keys_alike_in_lower_case_are_chance_behind_viper() -> None:
    with pytest.raises(Refusal, match="chance"):
        push("a: {B: 1, b: 2}\n", "viper")


def test_many_aliases_are_refused_and_cost_no_time() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    pushed = push("\n".join(lines), "koanf")

    assert pushed.errors
    assert pushed.value.entries == {}
