"""Control characters become visible; readable text stays unchanged."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.text import inert_json, visible

TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\rc\td", r"a\x0ab\x0dc\x09d"),
        ("\x7f\x85\x9b", r"\x7f\x85\x9b"),
        ("txt.\u202egpj", r"txt.\u202egpj"),
        ("a\u2028b\u2029", r"a\u2028b\u2029"),
        ("\ufeffkey", r"\ufeffkey"),
        ("\udcff", r"\udcff"),
        ("\U000e0041", r"\U000e0041"),
        ("in\u00advisible\u200b", r"in\xadvisible\u200b"),
    ],
)
def test_what_acts_on_a_terminal_becomes_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text", ["", "plain", "进程 信息", "Straße", "👩‍💻 ❤️", "a\\x1bb", "می‌خواهم", "[bold]"]
)
def test_what_people_read_stays(text: str) -> None:
    assert visible(text) == text


def test_every_character_of_all_is_shown_or_escaped_as_it_is_among_others() -> None:
    """Text that Python can print is not searched: no character to escape may be such."""
    every = [chr(code) for code in range(0x110000)]
    alone = {char for char in every if visible(char) != char}
    among = visible("".join(every) + "\n")  # a character that can't be printed: all are searched

    assert not {char for char in alone if char.isprintable()}
    assert not alone & set(among)
    assert set(every) - alone <= set(among)


@given(st.text())
def test_nothing_in_the_result_is_a_control_or_a_surrogate(text: str) -> None:
    shown = visible(text)

    assert not any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in shown)
    assert visible(shown) == shown
    shown.encode()


@given(st.text())
def test_json_without_what_acts_is_the_same_json(text: str) -> None:
    written = inert_json(json.dumps(text, ensure_ascii=False))

    assert json.loads(written) == text
    assert not any(unicodedata.category(char) in {"Cc", "Zl", "Zp"} for char in written)
    assert not any(unicodedata.bidirectional(char) in TURNS for char in written)
