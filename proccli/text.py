"""Text for people: untrusted text made safe to print, counts and lists in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

# All are compiled when they are first used: most texts are ASCII.
_UNSAFE: Final = (
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: they move the cursor, change colours, ring bells
    "\u00ad\u200b\u2060-\u2064\ufeff\u180e"  # take no room: two texts that look the same
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # turn the direction of what follows
    "\u2028\u2029"  # start a new line for some programs
    "\ufff9-\ufffb\U000e0000-\U000e007f"  # annotations and tags, never shown
    "\ud800-\udfff\ufffe\uffff"  # no characters at all; surrogates can't be encoded
    "]"
)

_UNSAFE_ASCII: Final = "[\x00-\x1f\x7f]"
_ACTING: Final = "[\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]"


def visible(text: str) -> str:
    r"""The text with everything that can't be seen, or that acts on a terminal, as an escape.

    Control characters become `\x1b`, others `\u202e` or `\U000e0041`. What can be seen stays:
    letters of all scripts, emoji with their joiners and variation selectors, backslashes. So it
    can't be turned back, and is for people, not for programs.
    """
    if text.isprintable():  # none of them is, and to compile the set takes milliseconds
        return text
    return re.sub(_UNSAFE_ASCII if text.isascii() else _UNSAFE, _escape, text)


def inert_json(text: str) -> str:
    """JSON text with what acts on a terminal as an escape: the same JSON.

    JSON itself escapes C0 alone; DEL, C1 and what turns directions act on terminals, too.
    """
    if text.isascii() and "\x7f" not in text:
        return text
    return re.sub(_ACTING, lambda found: f"\\u{ord(found.group()):04x}", text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def counted(number: int, noun: str, many: str | None = None) -> str:
    """`1 process`, `2 processes`."""
    if number == 1:
        return f"1 {noun}"
    plural = many or (f"{noun}es" if noun.endswith("s") else f"{noun}s")
    return f"{number:,} {plural}"


def agreeing(number: int, singular: str, plural: str) -> str:
    """The form of a verb or pronoun that agrees with a number: `is` or `are`."""
    return singular if number == 1 else plural


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
