"""Characters that look like others, as Chinese keyboards, editors and web pages produce them.

To YAML and to a pattern, U+3000 is no space, U+FF1A no colon and U+FF08 no parenthesis: such a
character is part of a word, so that a key which is visibly there is missing, or a pattern never
matches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from proccli.config.yaml.nodes import Refusal, Scalar, SourceText
from proccli.config.yaml.positions import source_offset
from proccli.model.note import Note
from proccli.text import visible

CODE: Final = "lookalike-character"

_SPACES: Final = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_INVISIBLE: Final = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\u180e\ufeff"
_QUOTES: Final = {"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'"}
_MARKS: Final = {
    **{chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F)},  # U+FF01 to U+FF5E
    **_QUOTES,
    "\u3001": ",",
    "\u3002": ".",
    "\u3010": "[",
    "\u3011": "]",
    "\uffe5": "$",
    "\u2013": "-",
    "\u2014": "-",
    "\u2212": "-",
}
_PUNCTUATION_OF_SENTENCES: Final = "\uff0c\u3002\u3001\uff1a\uff1b\uff01\uff1f\u2014"
"""Between two letters of Chinese, these are what they look like."""
# These are compiled when they are first used: few texts contain what they search for.
_IGNORED: Final = f"[{_INVISIBLE}]"
_OTHER_MARKS: Final = "".join(mark for mark in _MARKS if not "\uff01" <= mark <= "\uff5e")
# Characters one by one take many times longer to compile than the range.
_ODD: Final = f"[{_SPACES}{_INVISIBLE}\uff01-\uff5e{_OTHER_MARKS}]"
_COMMENT: Final = re.compile(r"(?:^|[ \t])#.*")
_TABLE: Final = {
    **{ord(char): plain for char, plain in _MARKS.items()},
    **dict.fromkeys((160, 5760, *range(8192, 8203), 8239, 8287, 12288), " "),
}
_DASH: Final = f"-[{_SPACES}{_INVISIBLE}]"
_LONGEST: Final = 80
_LINES_BEFORE: Final = 5
"""How far above the place where YAML stops making sense the cause is searched for."""


class Odd(NamedTuple):
    """A character of a text that is not what it looks like."""

    position: int
    char: str

    def __str__(self) -> str:
        """`U+3000 (ideographic space)`."""
        import unicodedata

        name = "byte order mark" if self.char == "\ufeff" else unicodedata.name(self.char, "")
        label = f"U+{ord(self.char):04X}"
        return f"{label} ({name.lower()})" if name else label

    @property
    def is_seen(self) -> bool:
        """Whether the character has a shape of its own."""
        return self.char in _MARKS

    @property
    def plain(self) -> str:
        """The ASCII character that it looks like; empty for one that takes no room."""
        return plain(self.char)


def odd_characters(text: str) -> Iterator[Odd]:
    """The characters of a text that look like ASCII or like nothing, and are neither."""
    if text.isascii():
        return
    for found in re.finditer(_ODD, text):
        start, end = found.span()
        if (
            found.group() in _PUNCTUATION_OF_SENTENCES
            and _is_han(text[max(start - 1, 0) : start])
            and _is_han(text[end : end + 1])
        ):
            continue
        yield Odd(start, found.group())


def _is_han(char: str) -> bool:
    return "\u3400" <= char <= "\u4dbf" or "\u4e00" <= char <= "\u9fff"


def plain(text: str) -> str:
    """The text in ASCII as it was probably meant."""
    return text if text.isascii() else re.sub(_IGNORED, "", text).translate(_TABLE)


def meant_by(text: str) -> str:
    """The word that was probably meant: in ASCII, without a dash and space before it."""
    return re.sub(r"^[\s-]+(?=\S)|\s+$", "", plain(text)).strip("'\"")


def is_list_item(key: str) -> bool:
    """Whether a key was meant as a dash with something after it."""
    return key.startswith("-") and re.match(_DASH, key) is not None


def in_key(key: Scalar, source: SourceText, where: str) -> Note | None:
    """A warning for a key with such a character; None for a key without."""
    odd = next(odd_characters(key.text), None)
    if odd is None:
        return None
    meant = plain(key.text).strip() if is_list_item(key.text) else meant_by(key.text)
    return _note(odd, key, source, kind="key", what=f"a key of {where}", meant=meant)


def in_text(value: Scalar, source: SourceText, what: str) -> Note | None:
    """A warning for a value with such a character; None for a value without."""
    return _in_value(value, source, "value", what, odd_characters(value.text))


def in_pattern(value: Scalar, source: SourceText, what: str) -> Note | None:
    """The same for a pattern."""
    return _in_value(value, source, "pattern", what, odd_characters(value.text))


def in_name(value: Scalar, source: SourceText, what: str) -> Note | None:
    """The same for a name, in which full-width punctuation is as good as any other character.

    What stands around the name, can't be seen, or would be a reference in ASCII is still reported.
    """
    found = odd_characters(value.text)
    edges = 0, len(value.text) - 1
    odd = (
        one
        for one in found
        if not one.is_seen or one.plain in "$%{}" or (one.char in _QUOTES and one.position in edges)
    )
    return _in_value(value, source, "value", what, odd)


def _in_value(
    value: Scalar, source: SourceText, kind: str, what: str, found: Iterator[Odd]
) -> Note | None:
    odd = next(found, None)
    if odd is None:
        return None
    meant = plain(value.text).strip()
    if value.text[:1] in _QUOTES or value.text[-1:] in _QUOTES:
        meant = f"'{meant.strip(chr(34) + chr(39))}'"
    return _note(odd, value, source, kind=kind, what=what, meant=meant)


def _note(
    odd: Odd, scalar: Scalar, source: SourceText, *, kind: str, what: str, meant: str
) -> Note:
    shown = visible(meant) if len(meant) <= _LONGEST else None
    return source.note(
        CODE,
        source_offset(source.text, scalar, odd.position),
        kind=kind,
        char=str(odd),
        escape=f"\\x{{{ord(odd.char):04X}}}" if kind == "pattern" else None,
        what=what,
        meant=shown,
        is_seen=odd.is_seen or odd.plain == " ",
    )


def advice(refusal: Refusal, source: SourceText) -> str | None:
    """What to write instead of what is refused: where such a character is the likely cause, that.

    The character is on the same line; YAML notices a full-width colon, or a wide space after a
    dash, only when a later line makes no sense. Comments are not searched.
    """
    start = source.at(refusal.offset).line
    before = _LINES_BEFORE if refusal.code == "yaml-syntax" else 0
    for line in range(start, max(start - before, 1) - 1, -1):
        text = source.line(line)
        odd = next(odd_characters(_COMMENT.sub("", text)), None)
        if odd is not None:
            place = f"{line}:{odd.position + 1}"
            instead = f'write "{odd.plain}"' if odd.plain.strip() else "write a space"
            if not odd.plain:
                instead = "remove it"
            return f"the character at {place} is {odd}, which YAML takes for a letter: {instead}"
    return refusal.hint


def looks_like_gb18030(text: bytes) -> bool:
    """Whether bytes that are not UTF-8 are probably Chinese in the encodings GBK or GB18030."""
    try:
        decoded = text.decode("gb18030")
    except UnicodeDecodeError:
        return False
    foreign = [char for char in decoded if not char.isascii()]
    # Almost any two bytes are some character of GB18030; those of GB2312 are the common ones.
    common = len("".join(foreign).encode("gb2312", "ignore")) // 2
    return bool(foreign) and common * 10 >= len(foreign) * 9
