"""Where in a YAML text each character of a value is written.

A pattern's mistake is at some character of the pattern; the user looks at the file, where quotes,
escapes, folds and indentation stand in between. Every answer is checked: what was followed must
come to the value that the reader found.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from proccli.config.yaml.nodes import Scalar

_Unit: TypeAlias = "tuple[str, int]"
"""What is written at an offset: a character of the value; `" "` or `"\\t"` that may be folded
away; `"\\n"` for a line break; empty for an escaped line break."""

# Compiled when they are first used: few values are looked at character by character.
_UNIT: Final = r"(?P<blank>[ \t])|(?P<fold>\r\n|[\r\n])|(?P<text>(?s:.))"
_SINGLE: Final = r"(?P<text>''|[^ \t\r\n])|(?P<blank>[ \t])|(?P<fold>\r\n|[\r\n])"
_DOUBLE: Final = (
    r"(?P<blank>[ \t])|(?P<fold>\r\n|[\r\n])|(?P<join>\\(?:\r\n|[\r\n]))"
    r"|(?P<text>\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|\\?(?s:.))"
)
_HEADER: Final = r"[|>](?P<options>[-+0-9]*)[ \t]*(?:#[^\r\n]*)?(?:\r\n|[\r\n])?"
_LINE: Final = r"(?P<indent> *)(?P<content>[^\r\n]*)(?P<end>\r\n|[\r\n]|\Z)"
_ESCAPED: Final = dict(
    zip(
        "0abt\tnvfre \"'/\\N_LP",
        "\0\a\b\t\t\n\v\f\r\x1b \"'/\\\x85\xa0\u2028\u2029",
        strict=True,
    )
)


def source_offset(text: str, scalar: Scalar, position: int) -> int:
    """The offset in `text` where the character at `position` of a scalar's value is written.

    The end of the value is where it ends in the text: at the closing quote, after the last
    character of other styles. Where the writing can't be followed, the scalar's own start.
    """
    offsets = _offsets(text, scalar)
    if offsets is None:
        return scalar.start
    if 0 <= position < len(offsets):
        return offsets[position]
    if scalar.style in ("single", "double"):
        return scalar.end - 1
    return offsets[-1] + 1 if offsets else scalar.end


def source_span(text: str, scalar: Scalar, start: int, end: int) -> tuple[int, int]:
    """Where a part of a scalar's value is written, from its first character to after its last.

    An empty part is an empty place.
    """
    first = source_offset(text, scalar, start)
    if end <= start:
        return first, first
    behind = source_offset(text, scalar, end)
    last = source_offset(text, scalar, end - 1)
    return first, behind if behind > last and "\n" not in text[last:behind] else last + 1


def _offsets(text: str, scalar: Scalar) -> list[int] | None:
    """The offset of each character of the value, or None where the writing can't be followed."""
    for units in _readings(text, scalar):
        pairs = list(units)
        if "".join(char for char, _ in pairs) == scalar.text:
            return [offset for _, offset in pairs]
    return None


def _readings(text: str, scalar: Scalar) -> Iterator[Iterator[_Unit]]:
    """The ways in which a scalar's writing may have to be read: one, but for block scalars."""
    start, end = scalar.start, scalar.end
    if scalar.style == "plain":
        yield _folded(_units(_UNIT, text, start, end))
    elif scalar.style == "single":
        yield _folded(_units(_SINGLE, text, start + 1, end - 1))
    elif scalar.style == "double":
        yield _folded(_units(_DOUBLE, text, start + 1, end - 1))
    else:
        header = re.compile(_HEADER).match(text, start, end)
        if header is None:
            return
        found = re.compile(_LINE).finditer(text, header.end(), end)
        lines = [line for line in found if line.group()]
        first = next((line for line in lines if line["content"]), None)
        # An indentation that is not given is that of the first line with text in it; one that is
        # given counts from the indentation of what is around, which is not known here.
        for indent in range(len(first["indent"]) if first else 1, 0, -1):
            yield _block(lines, indent, header["options"], folds=scalar.style == "folded")


def _units(pattern: str, text: str, start: int, end: int) -> Iterator[tuple[str, _Unit]]:
    for found in re.compile(pattern).finditer(text, start, end):
        kind, written = found.lastgroup or "", found.group()
        char = written
        if kind == "text" and len(written) > 1:
            char = _unescaped(written)
        yield kind, (char, found.start())


def _unescaped(written: str) -> str:
    if written == "''":
        return "'"
    if len(written) == 2:
        return _ESCAPED.get(written[1], written)
    code = int(written.lstrip("\\xuU"), 16)
    return chr(code) if code <= 0x10FFFF else written


def _folded(units: Iterator[tuple[str, _Unit]]) -> Iterator[_Unit]:
    """Flow scalars: blanks around line breaks vanish, one break is a space, more are one less."""
    blanks: list[_Unit] = []
    breaks: list[int] = []
    joined = False
    for kind, (char, offset) in units:
        if kind == "blank":
            if not breaks and not joined:
                blanks.append((char, offset))
        elif kind == "fold":
            blanks.clear()
            breaks.append(offset)
        else:
            yield from _gap(blanks, breaks, joined=joined)
            blanks, breaks, joined = [], [], kind == "join"
            if not joined:
                yield char, offset
    yield from _gap(blanks, breaks, joined=joined)


def _gap(blanks: list[_Unit], breaks: list[int], *, joined: bool) -> Iterator[_Unit]:
    if joined:
        yield from (("\n", offset) for offset in breaks)
    elif len(breaks) == 1:
        yield " ", breaks[0]
    elif breaks:
        yield from (("\n", offset) for offset in breaks[1:])
    else:
        yield from blanks


def _block(
    lines: list[re.Match[str]], indent: int, options: str, *, folds: bool
) -> Iterator[_Unit]:
    """Block scalars: lines without their indentation, joined by spaces where they fold."""
    pending: int | None = None  # the break after the last line with text
    empty: list[int] = []  # the breaks of the lines without text since then
    was_blank = False
    for line in lines:
        start = line.start("indent") + indent
        content = line.group()[indent : line.start("end") - line.start()]
        has_end = bool(line["end"])
        if not content:
            if has_end:
                empty.append(line.start("end"))
            continue
        is_blank = content[0] in " \t"
        if pending is not None:
            if not folds or was_blank or is_blank:
                yield "\n", pending
            elif not empty:
                yield " ", pending
        yield from (("\n", offset) for offset in empty)
        empty = []
        was_blank = is_blank
        yield from zip(content, itertools.count(start), strict=False)
        pending = line.start("end") if has_end else None
    if "-" not in options and pending is not None:
        yield "\n", pending
    if "+" in options:
        yield from (("\n", offset) for offset in empty)
