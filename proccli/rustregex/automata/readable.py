"""Characters that a person can read, for texts that are shown as examples."""

from __future__ import annotations

import string
import unicodedata
from typing import Final

from proccli.rustregex.automata.partition import contains
from proccli.rustregex.tree.charset import Ranges

PREFERRED: Final = string.ascii_lowercase + string.digits + string.ascii_uppercase
ASCII: Final = PREFERRED + string.punctuation + " "

LETTER, PUNCTUATION, SPACE = 2, 4, 5
"""Effort of an ASCII letter or digit, of another printable ASCII character, of a space."""

FOREIGN_LETTER: Final = 8
_EFFORT_BY_CATEGORY: Final = {"L": FOREIGN_LETTER, "N": 9, "P": 10, "S": 10, "M": 30, "Z": 30}
_RIGHT_TO_LEFT: Final = 25
_LINE_BREAK_OR_TAB: Final = 40
_INVISIBLE: Final = 60
_NUL: Final = 80

_OF_A_RANGE: Final = 128
_LOOKED_AT: Final = 600
"""Code points to try, at most, of one range and in all, until the best so far is taken."""


def effort(char: str) -> int:
    """How hard the character is to read; less is better. Controls and bidi marks come last."""
    if char.isascii():
        if char.isalnum():
            return LETTER
        if char.isprintable():
            return SPACE if char == " " else PUNCTUATION
        if char in "\n\t":
            return _LINE_BREAK_OR_TAB
        return _NUL if char == "\0" else _INVISIBLE
    if unicodedata.bidirectional(char) in {"R", "AL"}:
        return _RIGHT_TO_LEFT
    return _EFFORT_BY_CATEGORY.get(unicodedata.category(char)[0], _INVISIBLE)


def most_readable(ranges: Ranges) -> str:
    """A character out of a set that is not empty: an ASCII letter if there is one, and so on."""
    for char in ASCII:
        if contains(ranges, ord(char)):
            return char
    best = chr(ranges[0][0])
    least = effort(best)
    looked_at = 0
    for low, high in ranges:
        for code in range(low, min(high + 1, low + _OF_A_RANGE)):
            if least <= FOREIGN_LETTER or looked_at > _LOOKED_AT:
                return best
            looked_at += 1
            if (found := effort(chr(code))) < least:
                best, least = chr(code), found
    return best
