"""%NAME% in templates, as envmnt 0.10.4 expands it."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.agent.rules import expand_windows, names_mentioned

VALUES = {"HOSTNAME": "web-1", "H": "host", "EMPTY": "", "é名": "u", "P": "100%", "a.b": "dot"}


def expanded(template: str) -> str:
    return expand_windows(template, VALUES.get).text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("$1-%HOSTNAME%", "$1-web-1"),
        ("%H%%H%", "hosthost"),
        ("%H%H%H%", "hostHhost"),
        ("%é名%", "u"),
        ("%a.b%", "dot"),
        ("%EMPTY%", ""),
        ("%UNSET%", ""),
        ("%h%", ""),
        ("%%", ""),
        ("a%%b", "ab"),
        ("%", ""),
        ("100%", "100"),
        ("%%%", ""),
        ("%H", "%H"),
        ("a%H%b%H", "ahostb%H"),
        ("50% of %H%", "50% of host"),
        ("%A=B%H%", "%A=Bhost"),
        ("%A=%H%", "%A=host"),
        ("%H\t%H%", "%H\thost"),
        ("% %H%", "% host"),
        ("%P%H%", "100%H"),
        ("", ""),
        ("none", "none"),
    ],
)
def test_a_template_expands_as_the_crate_expands_it(template: str, text: str) -> None:
    assert expanded(template) == text


def test_names_come_once_and_in_order() -> None:
    expansion = expand_windows("%B%-%A%-%B%-%A B%", {"A": "x"}.get)

    assert expansion.names == ("B", "A")
    assert expansion.unset == ("B",)
    assert names_mentioned("%B%-%A%-%B%-%A B%") == ("B", "A")


def test_a_name_that_is_set_to_nothing_is_not_unset() -> None:
    assert expand_windows("%EMPTY%", VALUES.get).unset == ()


def one_character_at_a_time(template: str) -> str:
    """The crate's loop, told as a state machine: an independent witness."""
    out, name, reading = "", "", False
    for char in template:
        if not reading:
            if char == "%":
                reading, name = True, ""
            else:
                out += char
        elif char == "%":
            out, reading, name = out + (VALUES.get(name) or ""), False, ""
        elif char in " \t\r\n=":
            out, reading, name = out + "%" + name + char, False, ""
        else:
            name += char
    return out + ("%" + name if name else "")


@given(st.text(st.sampled_from("%%%H=a \n名")))
def test_every_template_expands_as_the_state_machine_does(template: str) -> None:
    assert expanded(template) == one_character_at_a_time(template)


@given(st.text(st.sampled_from("%%aB=\t ")))
def test_every_name_mentioned_stands_between_percent_signs(template: str) -> None:
    for name in names_mentioned(template):
        assert re.search(f"%{re.escape(name)}%", template)


def test_a_huge_template_takes_linear_time() -> None:
    started = time.process_time()
    expand_windows("%%" * 500_000 + "%a" * 200_000, VALUES.get)
    assert time.process_time() - started < 5
