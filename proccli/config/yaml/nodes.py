"""What a YAML text says, as a tree: values as they are written, each with its place.

Offsets count characters from the start of the text. `Refusal` says why a text, or a part of it,
can't be used.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping as MappingType
from typing import Final, Literal, NamedTuple, TypeAlias

from proccli.errors import FaultCode, Location, Refuser
from proccli.model.note import Note, NoteValue
from proccli.text import visible

Style: TypeAlias = Literal["plain", "single", "double", "literal", "folded"]


class Scalar(NamedTuple):
    """One value, not yet of a type: which it has is for the reader of a program to say."""

    text: str
    """The content, quotes and escapes resolved; empty where nothing is written."""
    style: Style
    start: int
    """Of the content: after a tag or an anchor, at the opening quote or the `|`."""
    end: int
    tag: str | None = None
    """`!!int` for the core types however written, else the tag itself; `!` for the empty one."""
    written_tag: str | None = None
    absent: bool = False
    """Nothing at all is written: no content, no quotes, no tag, no anchor."""
    origin: Scalar | None = None
    """The scalar of the user's text, where this one is written by the server; places are its."""


class Sequence(NamedTuple):
    """A list."""

    items: tuple[Node, ...]
    start: int
    end: int
    tag: str | None = None


class Mapping(NamedTuple):
    """Keys with their values, in the order of the text, duplicates included."""

    pairs: tuple[tuple[Node, Node], ...]
    start: int
    end: int
    tag: str | None = None


class Alias:
    """`*name`: another node once more. It may stand inside that very node."""

    __slots__ = ("anchored", "end", "name", "number", "start")

    def __init__(
        self, *, name: str, start: int, end: int, anchored: MappingType[int, Node], number: int
    ) -> None:
        self.name = name
        self.start = start
        self.end = end
        self.anchored = anchored
        """All nodes of the document that have an anchor, by a number."""
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alias) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Alias{self._key()}"

    def _key(self) -> tuple[str, int, int, int]:
        # Without the nodes: an alias may be inside one of them.
        return self.name, self.start, self.end, self.number

    @property
    def target(self) -> Written:
        """The node that the name stands for. An alias can't have an anchor itself."""
        node = self.anchored[self.number]
        assert not isinstance(node, Alias)  # noqa: S101 - the grammar has no anchored alias
        return node


Written: TypeAlias = "Scalar | Sequence | Mapping"
Node: TypeAlias = "Scalar | Sequence | Mapping | Alias"


def resolved(node: Node) -> Written:
    """The node itself, or what an alias stands for."""
    return node.target if isinstance(node, Alias) else node


def described(node: Written) -> str:
    """What kind of thing a node is, for a message."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    return "a single value"


class Refusal(Exception):  # noqa: N818 - what a reader does to a text
    """A text that one of its readers would refuse, or that we can't read as they would.

    `offset` counts characters in the text; `by` says who refuses; `hint` what to write instead;
    `code` what kind of fault it is, None where the reader that catches it knows.
    """

    def __init__(
        self,
        problem: str,
        offset: int,
        *,
        by: Refuser = "proccli",
        hint: str | None = None,
        code: FaultCode | None = None,
        panics: bool = False,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.offset = offset
        self.by = by
        self.hint = hint
        self.code = code
        self.panics = panics
        """Whether the reader doesn't refuse the text but crashes on it."""


class TooMuch(Refusal):
    """A text beyond a limit of ours, which its reader may take."""


_LINE_BREAK: Final = r"\r\n?|\n"
LONGEST_SHOWN: Final = 400  # characters
"""Longer lines are left out of messages: a caret in them is not visible."""


class SourceText:
    """A decoded text and its name. Lines end at LF, CR or CRLF, as editors count them."""

    __slots__ = ("_starts", "name", "text")

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self._starts = [0, *(found.end() for found in re.finditer(_LINE_BREAK, text))]

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

    def line(self, number: int) -> str:
        """A line by its number from 1, without its end."""
        start = self._starts[number - 1]
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")

    def note(self, code: str, offset: int, **values: NoteValue) -> Note:
        """A warning about a place in this text."""
        return Note.of(code, self.at(offset), **values)


_GZIP: Final = b"\x1f\x8b"


def check_size(text: bytes, limit: int) -> None:
    """Raises: Refusal for a text that is too big."""
    if len(text) > limit:
        raise TooMuch(f"{len(text)} bytes are too many: proccli reads up to {limit}", 0)


def check_bytes(text: bytes, limit: int) -> None:
    """Raises: Refusal for a text that is too big or no UTF-8."""
    check_size(text, limit)
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        offset = len(text[: error.start].decode("utf-8"))
        hint = "save it as UTF-8" if text.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else None
        if text.startswith(_GZIP):
            hint = "it is compressed with gzip; a recording is given with -s"
        problem = f"not UTF-8: byte 0x{text[error.start]:02x}"
        raise Refusal(problem, offset, hint=hint) from None


def is_null(node: Node) -> bool:
    """Whether a value is nothing, or the word for it."""
    scalar = resolved(node)
    return (
        isinstance(scalar, Scalar)
        and scalar.style == "plain"
        and scalar.tag is None
        and (scalar.absent or scalar.text in ("~", "null"))
    )
