"""The resolved tree of a pattern: its syntax tree with all flags applied.

Flags (`(?i)`, `(?s)`, `(?x)`, …) leave no trace here: `(?i)k` is a `Class`, `.` is a `Class`,
`$` is a `Look`, and a non-capturing group is just its content. So the tree says what matches, and
everything that works on it (translation, automata, printing) has few cases.

Invariants, guaranteed by the parser and by the functions at the end:
- a `Concat` has two or more parts, none of them a `Concat` or `Empty`;
- an `Alternate` has two or more branches, none of them an `Alternate`, unless all branches of
  the inner one begin alike (the crate then treats it as one branch, see `simplify`);
- a `Class` of one character is a `Literal`; a `Class` is never empty, except under a repetition
  of zero times, which the crate does not check;
- equality and hash ignore spans, and do not recurse: a tree may be 250 levels deep.

Source: the shape follows regex-syntax 0.7's `hir` module (docs.rs/regex-syntax/0.7.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple, TypeAlias

Span: TypeAlias = tuple[int, int]
"""Character offsets [start, end) into the pattern's text."""

NOWHERE: Span = (0, 0)


class LookKind(Enum):
    """The conditions on a position between two characters that a pattern can require."""

    START_TEXT = r"\A"
    END_TEXT = r"\z"
    START_LINE = r"(?m:^)"
    END_LINE = r"(?m:$)"
    WORD = r"\b"
    NOT_WORD = r"\B"
    WORD_ASCII = r"(?-u:\b)"
    NOT_WORD_ASCII = r"(?-u:\B)"


class _Tree:
    """A node. Nodes are values: never change one after it was created.

    They are plain classes because they are defined at every start of proccli, and a dataclass
    takes ten times as long to define. Equality and hash need no stack frame for each level.
    """

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Tree):
            return NotImplemented
        return self is other or all(
            mine == other_part
            for mine, other_part in zip(_shape(self), _shape(other), strict=False)
        )

    def __hash__(self) -> int:
        return hash(tuple(_shape(self)))

    def __repr__(self) -> str:
        fields = (f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({', '.join(fields)})"


class Empty(_Tree):
    """Matches the empty text anywhere."""

    __slots__ = __match_args__ = ("span",)

    def __init__(self, span: Span = NOWHERE) -> None:
        self.span = span


class Literal(_Tree):
    """Exactly one character."""

    __slots__ = __match_args__ = ("char", "span")

    def __init__(self, char: str, span: Span = NOWHERE) -> None:
        self.char = char
        self.span = span


class Class(_Tree):
    """One character of a set: inclusive ranges, sorted, merged, without surrogates.

    `on_bytes`: written under `(?-u)`. It matches the same characters, but the crate treats it as
    different from the same set of characters when it looks for a prefix that branches share.
    """

    __slots__ = __match_args__ = ("ranges", "span", "on_bytes")

    def __init__(
        self, ranges: tuple[tuple[int, int], ...], span: Span = NOWHERE, on_bytes: bool = False
    ) -> None:
        self.ranges = ranges
        self.span = span
        self.on_bytes = on_bytes


class Look(_Tree):
    """An empty match at certain positions."""

    __slots__ = __match_args__ = ("kind", "span")

    def __init__(self, kind: LookKind, span: Span = NOWHERE) -> None:
        self.kind = kind
        self.span = span


class Repeat(_Tree):
    """`node` from `min` to `max` times; `max` None: without limit."""

    __slots__ = __match_args__ = ("node", "min", "max", "greedy", "span")

    def __init__(
        self,
        node: Node,
        min: int,  # noqa: A002 - as in the crate
        max: int | None,  # noqa: A002
        greedy: bool,
        span: Span = NOWHERE,
    ) -> None:
        self.node = node
        self.min = min
        self.max = max
        self.greedy = greedy
        self.span = span


class Group(_Tree):
    """A capture group; `index` counts from 1 in the order of opening parentheses."""

    __slots__ = __match_args__ = ("node", "index", "name", "span")

    def __init__(self, node: Node, index: int, name: str | None, span: Span = NOWHERE) -> None:
        self.node = node
        self.index = index
        self.name = name
        self.span = span


class Concat(_Tree):
    """The parts, one after the other."""

    __slots__ = __match_args__ = ("parts", "span")

    def __init__(self, parts: tuple[Node, ...], span: Span = NOWHERE) -> None:
        self.parts = parts
        self.span = span


class Alternate(_Tree):
    """The first branch that leads to a match."""

    __slots__ = __match_args__ = ("branches", "span")

    def __init__(self, branches: tuple[Node, ...], span: Span = NOWHERE) -> None:
        self.branches = branches
        self.span = span


Node: TypeAlias = Empty | Literal | Class | Look | Repeat | Group | Concat | Alternate


def _shape(root: _Tree) -> Iterator[tuple[object, ...]]:
    """Each node's kind, fields and number of children, in reading order: equal for equal trees."""
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


class Parsed(NamedTuple):
    """A pattern that the crate accepts: its text, its tree, its groups' names (index 0: None)."""

    pattern: str
    root: Node
    group_names: tuple[str | None, ...]


def class_of(
    ranges: tuple[tuple[int, int], ...], span: Span = NOWHERE, *, on_bytes: bool = False
) -> Class | Literal:
    """One character of `ranges`."""
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
    # The crate compares whole runs of literals; the first part of a run is enough here.
    return all(
        isinstance(branch, Concat) and branch.parts[0] == first.parts[0] for branch in branches
    )
