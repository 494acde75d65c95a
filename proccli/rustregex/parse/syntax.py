"""The syntax tree of a pattern as written, with the span of each part.

Nothing is resolved here: flags are items of the text, classes are set expressions. The nodes
follow regex-syntax 0.7's `ast` module, because its nesting limit counts these nodes and its error
positions are their spans.

Nodes are compared by type with `match` or `isinstance`, never with `==`: two NamedTuples with the
same fields are equal whatever their types.
"""

# Annotations are not strings here: a NamedTuple compiles each string, at every start of proccli.

from typing import Literal as OneOf
from typing import NamedTuple, TypeAlias

from proccli.rustregex.tree.nodes import Span

ClassOperator: TypeAlias = OneOf["&&", "--", "~~"]


class Empty(NamedTuple):
    """Nothing between two operators, as in `(|a)`."""

    span: Span


class Flags(NamedTuple):
    """`(?i-s)` by itself, or the flags of a group; `on` and `off` are letters of `imsRUux`."""

    span: Span
    on: str
    off: str

    def state(self, letter: str) -> bool | None:
        """Whether the flag is switched on (True) or off (False) here; None: neither."""
        if letter in self.on:
            return True
        return False if letter in self.off else None


class Literal(NamedTuple):
    """One character.

    `byte`: `\\xNN`, which is a byte under `(?-u)`. `verbose`: escaped while verbose mode was on.
    """

    span: Span
    char: str
    byte: bool = False
    verbose: bool = False


class Dot(NamedTuple):
    """`.`"""

    span: Span


class Assertion(NamedTuple):
    """An anchor or a word boundary, by its letter: `^ $ A z b B`."""

    span: Span
    letter: str


class PerlClass(NamedTuple):
    """`\\d`, `\\s`, `\\w` (letter in lower case), or negated."""

    span: Span
    letter: str
    negated: bool


class UnicodeClass(NamedTuple):
    """`\\pL`, `\\p{name}` or `\\p{name=value}`; `value` is None for the first two.

    `negated` means `\\P`: 1.8.3 reads `!=` as `=`.
    """

    span: Span
    negated: bool
    name: str
    value: str | None = None


class AsciiClass(NamedTuple):
    """`[:name:]` or `[:^name:]`, inside brackets."""

    span: Span
    name: str
    negated: bool


class ClassRange(NamedTuple):
    """`a-z` inside brackets."""

    span: Span
    start: Literal
    end: Literal


class ClassUnion(NamedTuple):
    """Items side by side in brackets: none, or two or more."""

    span: Span
    items: tuple["ClassItem", ...]


class ClassOperation(NamedTuple):
    """`left && right`, `left -- right` or `left ~~ right`."""

    span: Span
    operator: ClassOperator
    left: "ClassSet"
    right: "ClassSet"


class Bracketed(NamedTuple):
    """`[…]` or `[^…]`."""

    span: Span
    negated: bool
    content: "ClassSet"


class Repetition(NamedTuple):
    """`node` repeated; `max` None: without limit; `lazy`: a `?` follows the operator."""

    span: Span
    operator_span: Span
    node: "Ast"
    min: int
    max: int | None
    lazy: bool


class Group(NamedTuple):
    """A group. `number` None: it does not capture, and may have `flags`."""

    span: Span
    node: "Ast"
    number: int | None
    name: str | None
    flags: Flags | None


class Concat(NamedTuple):
    """Two parts or more, one after the other; `Flags` may be among them."""

    span: Span
    parts: tuple["Ast", ...]


class Alternation(NamedTuple):
    """Two branches or more."""

    span: Span
    branches: tuple["Ast", ...]


ClassItem: TypeAlias = (
    Literal | PerlClass | UnicodeClass | AsciiClass | ClassRange | ClassUnion | Bracketed
)
ClassSet: TypeAlias = ClassItem | ClassOperation
Primitive: TypeAlias = Literal | Dot | Assertion | PerlClass | UnicodeClass
Ast: TypeAlias = Empty | Flags | Primitive | Bracketed | Repetition | Group | Concat | Alternation
