"""A text with its lines: where an offset is, for people."""

from __future__ import annotations

import re
from bisect import bisect_right
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import dataclass, field
from typing import Final

from proccli.config.yaml.refusal import Refusal
from proccli.errors import Location
from proccli.model.note import Note, NoteValue
from proccli.text import visible

_LINE_BREAK: Final = re.compile(r"\r\n?|\n")
LONGEST_SHOWN: Final = 400  # characters
"""Longer lines are left out of messages: a caret in them is not visible."""


@dataclass(frozen=True, slots=True)
class SourceText:
    """A decoded text and its name. Lines end at LF, CR or CRLF, as editors count them."""

    text: str
    name: str
    _starts: list[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = [0, *(found.end() for found in _LINE_BREAK.finditer(self.text))]
        object.__setattr__(self, "_starts", starts)

    def at(self, offset: int) -> Location:
        """The place of a character, with its line for the caret."""
        index = bisect_right(self._starts, min(offset, len(self.text))) - 1
        start = self._starts[index]
        last = index + 1 == len(self._starts)
        end = len(self.text) if last else self._starts[index + 1]
        line = ""
        if end - start <= LONGEST_SHOWN:
            line = self.text[start:end].rstrip("\r\n")
            end = start + len(line)
        return Location(visible(self.name), index + 1, min(offset, end) - start + 1, line)

    def note(self, code: str, offset: int, **values: NoteValue) -> Note:
        """A warning about a place in this text."""
        return Note.of(code, self.at(offset), **values)


def check_size(text: bytes, limit: int) -> None:
    """Raises: Refusal for a text that is too big."""
    if len(text) > limit:
        raise Refusal(f"{len(text)} bytes are too many: proccli reads up to {limit}", 0)


def check_bytes(text: bytes, limit: int) -> None:
    """Raises: Refusal for a text that is too big or no UTF-8."""
    check_size(text, limit)
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        offset = len(text[: error.start].decode("utf-8"))
        hint = "save it as UTF-8" if text.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else None
        problem = f"not UTF-8: byte 0x{text[error.start]:02x}"
        raise Refusal(problem, offset, hint=hint) from None
