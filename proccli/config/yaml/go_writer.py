"""Go values as YAML text: what yaml.v3's Marshal writes, to the byte.

Source: yaml.v3 3.0.1 encode.go, emitterc.go, sorter.go.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cmp_to_key
from typing import Final

from proccli.config.yaml.go_values import Key, Leaf, MapValue, Value, leaf
from proccli.config.yaml.nodes import Node, Scalar

INDENT: Final = 4
"""Of Marshal; an encoder can have another one."""
_LONGEST_SIMPLE_KEY: Final = 128  # bytes
_LEAST_EXPONENT: Final = 6
_BREAKS: Final = "\r\n\x85\u2028\u2029"
_BASE_60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_OLD_BOOLS: Final = frozenset(
    "y Y yes Yes YES on On ON n N no No NO off Off OFF".split()  # noqa: SIM905 - words
)
_ESCAPES: Final[Mapping[str, str]] = {
    "\0": "0",
    "\a": "a",
    "\b": "b",
    "\t": "t",
    "\n": "n",
    "\v": "v",
    "\f": "f",
    "\r": "r",
    "\x1b": "e",
    '"': '"',
    "\\": "\\",
    "\x85": "N",
    "\xa0": "_",
    "\u2028": "L",
    "\u2029": "P",
}


def marshal(value: MapValue, indent: int = INDENT) -> str:
    """The text of a map; `indent` is what the encoder's SetIndent takes."""
    writer = _Writer(indent)
    writer.node(value, indent=-1, in_item=False)
    return writer.finished()


def spelled(text: str) -> str:
    """A text as a value in one line, which every reader of YAML takes for a text."""
    style = _style(text, "double" if "\n" in text else _wanted(text), is_key=False)
    if style == "plain":
        return text
    if style == "single" and not _has_breaks(text):
        quoted = text.replace("'", "''")
        return f"'{quoted}'"
    return '"' + "".join(_escaped(char, always=False) for char in text) + '"'


class _Writer:
    """Writes nodes one after another, and knows the column that it is in."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.parts: list[str] = []
        self.column = 0
        self.whitespace = True
        self.indention = True

    def finished(self) -> str:
        """The text, ended by a line break."""
        if self.column:
            self._break()
        return "".join(self.parts)

    def node(self, value: Value, indent: int, *, in_item: bool) -> None:
        """One value; `in_item` tells whether it is an item of a list."""
        if isinstance(value, Leaf):
            text, kind = _spelled(value)
            self._scalar(text, kind, self._deeper(indent, in_item=in_item, flow=True), is_key=False)
        elif isinstance(value, MapValue):
            self._mapping(value, indent, in_item=in_item)
        elif not value.items:
            self._indicator("[", space=True)
            self._indicator("]")
        else:
            inner = self._deeper(indent, in_item=in_item)
            for item in value.items:
                self._indent(inner)
                self._indicator("-", space=True, indention=True)
                self.node(item, inner, in_item=True)

    def _mapping(self, value: MapValue, indent: int, *, in_item: bool) -> None:
        if not value.entries:
            self._indicator("{", space=True)
            self._indicator("}")
            return
        inner = self._deeper(indent, in_item=in_item)
        for key in sorted_keys(value.entries):
            self._indent(inner)
            text, kind = _spelled(key if isinstance(key, Leaf) else Leaf(key, _NODE))
            deeper = self._deeper(inner, in_item=False, flow=True)
            simple = not _has_breaks(text) and len(text.encode()) <= _LONGEST_SIMPLE_KEY
            if simple:
                self._scalar(text, kind, deeper, is_key=True)
                self._indicator(":")
            else:
                self._indicator("?", space=True, indention=True)
                self._scalar(text, kind, deeper, is_key=False)
                self._indent(inner)
                self._indicator(":", space=True, indention=True)
            self.node(value.entries[key][1], inner, in_item=False)

    def _scalar(self, text: str, kind: str, indent: int, *, is_key: bool) -> None:
        style = _style(text, kind, is_key=is_key)
        if style == "plain":
            if text and not self.whitespace:
                self._put(" ")
            self._write(text)
        elif style == "single":
            self._indicator("'", space=True)
            self._single(text, indent)
            self._indicator("'")
        elif style == "double":
            self._indicator('"', space=True)
            # For each character it tests whether the text begins with a byte order mark.
            every = text.startswith("\ufeff")
            self._write("".join(_escaped(char, always=every) for char in text))
            self._indicator('"')
        else:
            self._literal(text, indent)

    def _single(self, text: str, indent: int) -> None:
        breaks = False
        for char in text:
            if char in _BREAKS:
                self.parts.append(char)
                self.column = 0
                self.indention = True
                breaks = True
                continue
            if breaks and char != " ":
                self._indent(indent)
                breaks = False
            self._write("''" if char == "'" else char)

    def _literal(self, text: str, indent: int) -> None:
        self._indicator("|", space=True)
        if text[0] == " " or text[0] in _BREAKS:
            self._indicator(str(self.step))
        if text[-1] not in _BREAKS:
            self._indicator("-")
        elif len(text) == 1 or text[-2] in _BREAKS:
            self._indicator("+")
        self.whitespace = True
        breaks = True
        for piece in re.split(f"([{_BREAKS}])", text):
            if piece == "\n":
                self._break()
                breaks = True
            elif piece and piece in _BREAKS:
                self.parts.append(piece)
                self.column = 0
                self.indention = True
                breaks = True
            elif piece:
                if breaks:
                    self._indent(indent)
                self._write(piece)
                breaks = False

    def _deeper(self, indent: int, *, in_item: bool, flow: bool = False) -> int:
        """The indentation of what is inside: two columns after a dash, else the next step."""
        if indent < 0:
            return self.step if flow else 0
        return indent + 2 if in_item else self.step * ((indent + self.step) // self.step)

    def _put(self, text: str) -> None:
        self.parts.append(text)
        self.column += len(text)

    def _write(self, text: str) -> None:
        self._put(text)
        self.whitespace = self.indention = False

    def _break(self) -> None:
        self.parts.append("\n")
        self.column = 0
        self.indention = True

    def _indent(self, indent: int) -> None:
        indent = max(indent, 0)
        if (
            not self.indention
            or self.column > indent
            or (self.column == indent and not self.whitespace)
        ):
            self._break()
        if self.column < indent:
            self._put(" " * (indent - self.column))
        self.whitespace = True

    def _indicator(self, text: str, *, space: bool = False, indention: bool = False) -> None:
        if space and not self.whitespace:
            self._put(" ")
        self._put(text)
        self.whitespace = False
        self.indention = self.indention and indention


_NODE: Final[Node] = Scalar(text="", style="plain", start=0, end=0)


def _spelled(value: Leaf) -> tuple[str, str]:
    """How a value is spelled, and the style that is asked for."""
    found = value.value
    if isinstance(found, str):
        return found, "plain" if value.is_date else _wanted(found)
    if found is None:
        return "null", "plain"
    if isinstance(found, bool):
        return "true" if found else "false", "plain"
    return (str(found) if isinstance(found, int) else format_float(found)), "plain"


def _wanted(text: str) -> str:
    if "\n" in text:
        return "literal"
    scalar = Scalar(text=text, style="plain", start=0, end=0)
    found = leaf(scalar)
    stays = isinstance(found.value, str) and not found.is_date
    return (
        "plain" if stays and not _BASE_60.fullmatch(text) and text not in _OLD_BOOLS else "double"
    )


def format_float(value: float) -> str:
    """The shortest spelling, as Go's %g: with an exponent from 1e+06 on and below 1e-04."""
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    if math.isnan(value):
        return ".nan"
    mantissa, _, power = repr(value).partition("e")
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    exponent = len(whole) - 1 + int(power or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    sign = "-" if math.copysign(1, value) < 0 else ""
    if not digits:
        return f"{sign}0"
    if exponent < -4 or exponent >= _LEAST_EXPONENT:
        point = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
        return f"{sign}{point}e{'-' if exponent < 0 else '+'}{abs(exponent):02}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    digits = digits.ljust(exponent + 1, "0")
    rest = digits[exponent + 1 :]
    return sign + digits[: exponent + 1] + (f".{rest}" if rest else "")


def _style(text: str, wanted: str, *, is_key: bool) -> str:
    """The style that a text can have, as near as possible to the one that is asked for."""
    plain, single, block = _allowed(text)
    multiline = _has_breaks(text)
    style = "double" if is_key and multiline else wanted
    if style == "plain" and (not plain or (is_key and not text)):
        style = "single"
    if style == "single" and not single:
        style = "double"
    if style == "literal" and (not block or is_key):
        style = "double"
    return style


def _has_breaks(text: str) -> bool:
    return any(char in _BREAKS for char in text)


def _allowed(text: str) -> tuple[bool, bool, bool]:
    """Whether a text can be plain, in single quotes and a block."""
    if not text:
        return True, True, False
    indicators = text.startswith(("---", "...")) or text[0] in "#,[]{}&*!|>'\"%@`"
    blank_after = len(text) == 1 or text[1] in " \t"
    indicators = indicators or (text[0] in "?:-" and blank_after)
    special = tabs = breaks = break_space = space_break = False
    before_space = before_break = False
    before_blank = True
    for at, char in enumerate(text):
        if at:
            followed = at + 1 >= len(text) or text[at + 1] in " \t"
            indicators = indicators or (char == ":" and followed) or (char == "#" and before_blank)
        if char == "\t":
            tabs = True
        elif not _is_printable(char):
            special = True
        if char == " ":
            break_space = break_space or before_break
            before_space, before_break = True, False
        elif char in _BREAKS:
            breaks = True
            space_break = space_break or before_space
            before_space, before_break = False, True
        else:
            before_space = before_break = False
        before_blank = char in " \t\0" or char in _BREAKS
    edges = text[0] == " " or text[-1] == " " or text[0] in _BREAKS or text[-1] in _BREAKS
    single = not (break_space or space_break or tabs or special)
    plain = single and not (edges or breaks or indicators)
    block = not (text[-1] == " " or space_break or special)
    return plain, single, block


def _is_printable(char: str) -> bool:
    code = ord(char)
    return (
        char == "\n"
        or 0x20 <= code <= 0x7E
        or (0xA0 <= code <= 0xFFFD and not 0xD800 <= code <= 0xDFFF and code != 0xFEFF)
    )


def _escaped(char: str, *, always: bool) -> str:
    if not always and char not in '"\\' and char not in _BREAKS and _is_printable(char):
        return char
    if char in _ESCAPES:
        return f"\\{_ESCAPES[char]}"
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def sorted_keys(entries: Mapping[Key, tuple[Node, Value]]) -> Iterator[Key]:
    """Keys in the order in which they are written: digits in them as numbers."""
    yield from sorted(entries, key=cmp_to_key(_compare))


def _compare(one: Key, other: Key) -> int:
    return -1 if _less(one, other) else 1 if _less(other, one) else 0


_KINDS: Final[tuple[type, ...]] = (type(None), bool, int, float, str)


def _less(one: Key, other: Key) -> bool:
    first = one.value if isinstance(one, Leaf) else one
    second = other.value if isinstance(other, Leaf) else other
    if isinstance(first, str) and isinstance(second, str):
        return _text_less(first, second)
    numbers = isinstance(first, bool | int | float) and isinstance(second, bool | int | float)
    if numbers and first != second:
        return bool(first < second)  # type: ignore[operator]
    return _KINDS.index(type(first)) < _KINDS.index(type(second))


def _text_less(one: str, other: str) -> bool:
    digits = False
    for at, (left, right) in enumerate(zip(one, other, strict=False)):
        if left == right:
            digits = _is_digit(left)
            continue
        left_letter, right_letter = _is_letter(left), _is_letter(right)
        if left_letter and right_letter:
            return left < right
        if left_letter or right_letter:
            return left_letter if digits else right_letter
        start = 0
        if "0" in (left, right):
            before = at - 1
            while before >= 0 and _is_digit(one[before]):
                if one[before] != "0":
                    start = 1
                    break
                before -= 1
        left_number, left_end = _number(one, at, start)
        right_number, right_end = _number(other, at, start)
        if left_number != right_number:
            return left_number < right_number
        if left_end != right_end:
            return left_end < right_end
        return left < right
    return len(one) < len(other)


def _number(text: str, at: int, start: int) -> tuple[int, int]:
    """The number at a place, in 64 bits, and where it ends."""
    number = start
    while at < len(text) and _is_digit(text[at]):
        number = (number * 10 + ord(text[at]) - ord("0") + 2**63) % 2**64 - 2**63
        at += 1
    return number, at


def _is_digit(char: str) -> bool:
    return unicodedata.category(char) == "Nd"


def _is_letter(char: str) -> bool:
    return unicodedata.category(char).startswith("L")
