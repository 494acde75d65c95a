"""What a YAML text says, as a tree: values as they are written, each with its place.

Offsets count characters from the start of the text.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Style: TypeAlias = Literal["plain", "single", "double", "literal", "folded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One value, not yet of a type: which it has is for the reader of a program to say."""

    text: str
    """The content, quotes and escapes resolved; empty where nothing is written."""
    style: Style
    start: int
    """Of the content: behind a tag or an anchor, at the opening quote or the `|`."""
    end: int
    tag: str | None = None
    """`!!int` for the core types however written, else the tag itself; `!` for the empty one."""
    written_tag: str | None = None
    absent: bool = False
    """Nothing at all is written: no content, no quotes, no tag, no anchor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    start: int
    end: int
    tag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Keys with their values, in the order of the text, duplicates included."""

    pairs: tuple[tuple[Node, Node], ...]
    start: int
    end: int
    tag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """`*name`: another node once more. It may stand inside that very node."""

    name: str
    start: int
    end: int
    anchored: MappingType[int, Node] = field(repr=False, compare=False)
    """All nodes of the document that have an anchor, by a number."""
    number: int

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
