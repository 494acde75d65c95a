"""The syntax tree of a pattern once its flags are resolved.

Flags (`(?i)`, `(?s)`, `(?x)`, …) leave no trace here: `(?i)k` is a `Class`, `.` is a `Class`,
`$` is a `Look`, and a non-capturing group is just its content. So the tree says what matches,
and everything behind the parser (translation, simulation, automata, printing) has few cases.

Invariants, kept by the parser and by the functions at the end:
- a `Concat` has two or more parts, none of them a `Concat` or `Empty`;
- an `Alternate` has two or more branches, none of them an `Alternate`, unless all of that one's
  branches begin alike (the crate then takes it for one branch, see `simplify`);
- a `Class` of one character is a `Literal`; a `Class` is never empty, but under a repetition of
  zero times, where the crate never looks;
- equality and hash ignore spans, and don't recurse: a tree may be 250 levels deep.

Source: the shape follows regex-syntax 0.7's `hir` module (docs.rs/regex-syntax/0.7.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]
"""Character offsets [start, end) into the pattern's text."""

NOWHERE: Span = (0, 0)


class LookKind(Enum):
    """The places between two characters that a pattern can ask for."""

    START_TEXT = r"\A"
    END_TEXT = r"\z"
    START_LINE = r"(?m:^)"
    END_LINE = r"(?m:$)"
    WORD = r"\b"
    NOT_WORD = r"\B"
    WORD_ASCII = r"(?-u:\b)"
    NOT_WORD_ASCII = r"(?-u:\B)"


class _Tree:
    """Equality of trees, without a frame for each level."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Tree):
            return NotImplemented
        return self is other or all(
            ours == theirs for ours, theirs in zip(_shape(self), _shape(other), strict=False)
        )

    def __hash__(self) -> int:
        return hash(tuple(_shape(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Empty(_Tree):
    """Matches the empty text anywhere."""

    span: Span = NOWHERE


@dataclass(frozen=True, slots=True, eq=False)
class Literal(_Tree):
    """Exactly one character."""

    char: str
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True, eq=False)
class Class(_Tree):
    """One character out of a set: inclusive ranges, sorted, merged, without surrogates.

    `on_bytes`: written under `(?-u)`. It matches the same, but the crate keeps it apart from the
    same set of characters when it looks for a prefix that branches share.
    """

    ranges: tuple[tuple[int, int], ...]
    span: Span = NOWHERE
    on_bytes: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Look(_Tree):
    """An empty match at certain places."""

    kind: LookKind
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True, eq=False)
class Repeat(_Tree):
    """`node` from `min` to `max` times; `max` None: without end."""

    node: Node
    min: int
    max: int | None
    greedy: bool
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True, eq=False)
class Group(_Tree):
    """A capture group; `index` counts from 1 in the order of opening parentheses."""

    node: Node
    index: int
    name: str | None
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True, eq=False)
class Concat(_Tree):
    """The parts, one after the other."""

    parts: tuple[Node, ...]
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True, eq=False)
class Alternate(_Tree):
    """The first branch that leads to a match."""

    branches: tuple[Node, ...]
    span: Span = NOWHERE


Node: TypeAlias = Empty | Literal | Class | Look | Repeat | Group | Concat | Alternate


def _shape(root: _Tree) -> Iterator[tuple[object, ...]]:
    """What each node is, and how many it holds, in reading order: it tells trees apart."""
    stack: list[_Tree] = [root]
    while stack:
        node = stack.pop()
        match node:
            case Literal(char):
                yield ("literal", char)
            case Class(ranges, _, on_bytes):
                yield ("class", ranges, on_bytes)
            case Look(kind):
                yield ("look", kind)
            case Repeat(inner, least, most, greedy):
                yield ("repeat", least, most, greedy)
                stack.append(inner)
            case Group(inner, index, name):
                yield ("group", index, name)
                stack.append(inner)
            case Concat(parts):
                yield ("concat", len(parts))
                stack.extend(reversed(parts))
            case Alternate(branches):
                yield ("alternate", len(branches))
                stack.extend(reversed(branches))
            case _:
                yield ("empty",)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A pattern that the crate accepts: its text, its tree, its groups' names (index 0: None)."""

    pattern: str
    root: Node
    group_names: tuple[str | None, ...]


def class_of(
    ranges: tuple[tuple[int, int], ...], span: Span = NOWHERE, *, on_bytes: bool = False
) -> Class | Literal:
    """One character out of `ranges`."""
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return Literal(chr(ranges[0][0]), span)
    return Class(ranges, span, on_bytes)


def concat(parts: Iterable[Node], span: Span = NOWHERE) -> Node:
    """The parts one after the other, flattened."""
    flat: list[Node] = []
    for part in parts:
        if isinstance(part, Concat):
            flat.extend(part.parts)
        elif not isinstance(part, Empty):
            flat.append(part)
    if not flat:
        return Empty(span)
    return flat[0] if len(flat) == 1 else Concat(tuple(flat), span)


def alternate(branches: Iterable[Node], span: Span = NOWHERE) -> Node:
    """The first of the branches that leads to a match, flattened."""
    flat: list[Node] = []
    for branch in branches:
        if isinstance(branch, Alternate) and not _begin_alike(branch.branches):
            flat.extend(branch.branches)
        else:
            flat.append(branch)
    return flat[0] if len(flat) == 1 else Alternate(tuple(flat), span)


def _begin_alike(branches: tuple[Node, ...]) -> bool:
    first = branches[0]
    if not isinstance(first, Concat):
        return False
    # The literal runs of the crate's tree are compared as a whole; a part of one is enough here.
    return all(
        isinstance(branch, Concat) and branch.parts[0] == first.parts[0] for branch in branches
    )
