"""Bracketed character classes: `[…]` with ranges, nesting and set operations.

    class = "[" ["^"] {"-"} ["]"] set "]"
    set   = union {("&&" | "--" | "~~") union}
    union = {item ["-" item] | "[:" name ":]" | class}

A leading `]` and leading dashes are literals; a `[` always opens a nested class. All three
operators have the same precedence and are left-associative. The parser keeps its own stack, because
classes may nest as deeply as the text is long: the nesting limit is checked only after the whole
pattern is parsed.
"""

from __future__ import annotations

from proccli.rustregex.parse.scanner import Scanner, parse_escape
from proccli.rustregex.parse.syntax import (
    AsciiClass,
    Assertion,
    Bracketed,
    ClassItem,
    ClassOperation,
    ClassOperator,
    ClassRange,
    ClassSet,
    ClassUnion,
    Dot,
    Literal,
    Primitive,
)
from proccli.rustregex.tree.charset import ASCII_SETS

_LONGEST_ASCII_CLASS = len("xdigit:]")
_OPERATORS: tuple[ClassOperator, ...] = ("&&", "--", "~~")


class _Open:
    """A class whose `]` was not read yet."""

    __slots__ = ("content_start", "items", "negated", "pending", "start", "union_start")

    def __init__(self, start: int, negated: bool, union_start: int) -> None:
        self.start = start
        self.content_start = 0
        self.negated = negated
        self.items: list[ClassItem] = []
        self.union_start = union_start
        self.pending: tuple[ClassSet, ClassOperator] | None = None

    def close_union(self, end: int) -> ClassSet:
        """The set read so far; it is the right operand of a pending operator."""
        right: ClassSet
        if len(self.items) == 1:
            right = self.items[0]
        elif self.items:
            span = self.items[0].span[0], self.items[-1].span[1]
            right = ClassUnion(span, tuple(self.items))
        else:
            right = ClassUnion((self.union_start, self.union_start), ())
        self.items = []
        self.union_start = end
        if self.pending is None:
            return right
        left, operator = self.pending
        return ClassOperation((left.span[0], right.span[1]), operator, left, right)


def parse_bracketed(scan: Scanner) -> Bracketed:
    """The class that opens at the cursor. Raises: RegexSyntaxError."""
    stack = [_open(scan)]
    while True:
        scan.skip_insignificant()
        current = stack[-1]
        char = scan.char
        if not char:
            raise _unclosed(scan, current)
        if char == "[":
            if (ascii_class := _ascii_class(scan)) is not None:
                current.items.append(ascii_class)
            else:
                stack.append(_open(scan))
        elif char == "]":
            content = current.close_union(scan.pos)
            scan.pos += 1
            closed = Bracketed((current.start, scan.pos), current.negated, content)
            stack.pop()
            if not stack:
                return closed
            stack[-1].items.append(closed)
        elif (operator := _operator(scan)) is not None:
            current.pending = current.close_union(scan.pos), operator
        else:
            current.items.append(_parse_range(scan, current))


def _open(scan: Scanner) -> _Open:
    """Read the beginning of a class: `[`, `^`, dashes, a literal `]`."""
    start = scan.pos
    char = scan.advance()
    negated = char == "^"
    if negated:
        char = scan.advance()
    opened = _Open(start, negated, scan.pos)
    while char == "-":
        opened.items.append(Literal(scan.char_span, "-"))
        char = scan.advance()
        if not char:
            raise scan.error("class-unclosed", (start, start))
    if char == "]" and not opened.items:
        opened.items.append(Literal(scan.char_span, "]"))
        char = scan.advance()
    if not char:
        raise scan.error("class-unclosed", (start, scan.pos))
    opened.content_start = scan.pos
    return opened


def _unclosed(scan: Scanner, current: _Open) -> Exception:
    return scan.error("class-unclosed", (current.start, current.content_start))


def _operator(scan: Scanner) -> ClassOperator | None:
    for operator in _OPERATORS:
        if scan.skip(operator):
            return operator
    return None


def _ascii_class(scan: Scanner) -> AsciiClass | None:
    """`[:name:]` with a POSIX name; None: anything else, which is a nested class."""
    start = scan.pos
    if not scan.pattern.startswith("[:", start):
        return None
    negated = scan.pattern.startswith("^", start + 2)
    name_start = start + 2 + negated
    name, closed, _ = scan.pattern[name_start : name_start + _LONGEST_ASCII_CLASS].partition(":]")
    if not closed or name not in ASCII_SETS:
        return None
    scan.pos = name_start + len(name) + 2
    return AsciiClass((start, scan.pos), name, negated)


def _parse_range(scan: Scanner, current: _Open) -> ClassItem:
    """Parse one item, or the range that it starts."""
    start = _parse_item(scan)
    scan.skip_insignificant()
    if scan.at_end:
        raise _unclosed(scan, current)
    if scan.char != "-" or scan.peek_significant() in ("]", "-"):
        if isinstance(start, Assertion | Dot):
            raise scan.error("class-escape-invalid", start.span)
        return start
    if not scan.advance():
        raise _unclosed(scan, current)
    end = _parse_item(scan)
    if not isinstance(start, Literal):
        raise scan.error("class-range-literal", start.span)
    if not isinstance(end, Literal):
        raise scan.error("class-range-literal", end.span)
    span = start.span[0], end.span[1]
    if start.char > end.char:
        raise scan.error("class-range-invalid", span)
    return ClassRange(span, start, end)


def _parse_item(scan: Scanner) -> Primitive:
    if scan.char == "\\":
        return parse_escape(scan)
    literal = Literal(scan.char_span, scan.char)
    scan.pos += 1
    return literal
