"""The syntax tree of a pattern as it is written, every part with its place.

Nothing is resolved here: flags are items of the text, classes are set expressions. The shape
follows regex-syntax 0.7's `ast` module, because its nest limit counts these nodes and its error
positions are their spans.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf
from typing import TypeAlias

from proccli.rustregex.tree.nodes import Span


@dataclass(frozen=True, slots=True)
class Empty:
    """Nothing between two operators, as in `(|a)`."""

    span: Span


@dataclass(frozen=True, slots=True)
class Flags:
    """`(?i-s)` alone, or the flags of a group; `on` and `off` are letters out of `imsRUux`."""

    span: Span
    on: str
    off: str

    def state(self, letter: str) -> bool | None:
        """Whether the flag is switched on or off here; None: not mentioned."""
        if letter in self.on:
            return True
        return False if letter in self.off else None


@dataclass(frozen=True, slots=True)
class Literal:
    """One character.

    `byte`: `\\xNN`, which means a byte under `(?-u)`. `verbose`: escaped while verbose mode was on.
    """

    span: Span
    char: str
    byte: bool = False
    verbose: bool = False


@dataclass(frozen=True, slots=True)
class Dot:
    """`.`"""

    span: Span


@dataclass(frozen=True, slots=True)
class Assertion:
    """An anchor or a word boundary, by its letter: `^ $ A z b B`."""

    span: Span
    letter: str


@dataclass(frozen=True, slots=True)
class PerlClass:
    """`\\d`, `\\s`, `\\w` (letter in lower case), or negated."""

    span: Span
    letter: str
    negated: bool


@dataclass(frozen=True, slots=True)
class UnicodeClass:
    """`\\pL`, `\\p{name}` or `\\p{name=value}`; `value` is None for the first two.

    `negated` is `\\P` alone: 1.8.3 reads `!=` as `=`.
    """

    span: Span
    negated: bool
    name: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class AsciiClass:
    """`[:name:]` or `[:^name:]`, inside brackets."""

    span: Span
    name: str
    negated: bool


@dataclass(frozen=True, slots=True)
class ClassRange:
    """`a-z` inside brackets."""

    span: Span
    start: Literal
    end: Literal


@dataclass(frozen=True, slots=True)
class ClassUnion:
    """Items side by side in brackets: none, or two and more."""

    span: Span
    items: tuple[ClassItem, ...]


@dataclass(frozen=True, slots=True)
class ClassOperation:
    """`left && right`, `left -- right` or `left ~~ right`."""

    span: Span
    operator: ClassOperator
    left: ClassSet
    right: ClassSet


@dataclass(frozen=True, slots=True)
class Bracketed:
    """`[…]` or `[^…]`."""

    span: Span
    negated: bool
    content: ClassSet


@dataclass(frozen=True, slots=True)
class Repetition:
    """`node` repeated; `max` None: without end; `lazy`: a `?` follows the operator."""

    span: Span
    operator_span: Span
    node: Ast
    min: int
    max: int | None
    lazy: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A group. `index` None: it does not capture, and may carry `flags`."""

    span: Span
    node: Ast
    index: int | None
    name: str | None
    flags: Flags | None


@dataclass(frozen=True, slots=True)
class Concat:
    """Two parts or more, one after the other; `Flags` may be among them."""

    span: Span
    parts: tuple[Ast, ...]


@dataclass(frozen=True, slots=True)
class Alternation:
    """Two branches or more."""

    span: Span
    branches: tuple[Ast, ...]


ClassOperator: TypeAlias = OneOf["&&", "--", "~~"]
ClassItem: TypeAlias = (
    Literal | PerlClass | UnicodeClass | AsciiClass | ClassRange | ClassUnion | Bracketed
)
ClassSet: TypeAlias = ClassItem | ClassOperation
Primitive: TypeAlias = Literal | Dot | Assertion | PerlClass | UnicodeClass
Ast: TypeAlias = Empty | Flags | Primitive | Bracketed | Repetition | Group | Concat | Alternation
