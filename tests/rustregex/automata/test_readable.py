"""Which characters a person is shown."""

from __future__ import annotations

import pytest

from proccli.rustregex.automata.partition import effort, most_readable
from proccli.rustregex.match.regex import compile as compile_pattern
from proccli.rustregex.tree.charset import ANY, Ranges, negate, normalize


def ranges(*pairs: tuple[str, str]) -> Ranges:
    return normalize((ord(low), ord(high)) for low, high in pairs)


@pytest.mark.parametrize(
    ("held", "chosen"),
    [
        (ANY, "a"),
        (ranges(("\0", "z")), "a"),
        (ranges(("A", "Z"), ("0", "9")), "0"),
        (ranges(("\0", "/")), "!"),
        (ranges(("\0", " ")), " "),
        (ranges(("\0", "\x1f")), "\t"),
        (negate(ranges(("\0", "\x7f"))), "ª"),
        (ranges(("\u200b", "\u206f"), ("я", "я")), "я"),
        (ranges(("\u0590", "\u05ff"), ("é", "é")), "é"),
        (ranges(("\u202e", "\u202e")), "\u202e"),
    ],
)
def test_the_most_readable_character_is_chosen(held: Ranges, chosen: str) -> None:
    assert most_readable(held) == chosen


def test_controls_and_bidi_marks_come_last() -> None:
    worse = ["a", "-", " ", "é", "名", "\u0301", "\n", "\u202e", "\0"]
    assert sorted(worse, key=effort) == worse


@pytest.mark.parametrize("pattern", [r"\pL", r"[^\x00-\x7f]", r"\p{Han}", r"\pN", r"\p{Cyrillic}"])
def test_a_script_is_shown_by_a_letter_of_it(pattern: str) -> None:
    root = compile_pattern(pattern).parsed.root
    char = most_readable(root.ranges)  # type: ignore[union-attr]  # a class, as the patterns show
    assert char.isprintable()
    assert compile_pattern(pattern).is_match(char)
