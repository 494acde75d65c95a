"""Resolves a syntax tree: applies flags, computes classes, looks up Unicode properties.

A flag holds from its position to the end of its group, across `|`.

Under `(?-u)` the crate works on bytes. A regex for text must not match half a character, so every
set under `(?-u)` has to stay within ASCII; this is checked where the crate checks it.
Source: regex-syntax 0.7.2, hir/translate.rs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from proccli.rustregex.parse import syntax
from proccli.rustregex.parse.errors import RegexSyntaxError, syntax_error
from proccli.rustregex.tree import charset, nodes, unicode
from proccli.rustregex.tree.charset import Ranges
from proccli.rustregex.tree.nodes import LookKind, Span
from proccli.rustregex.tree.simplify import simplify


class FlagState(NamedTuple):
    """The flags in force at one position of the pattern; the grammar handles `x` itself."""

    ignore_case: bool = False
    multi_line: bool = False
    dot_matches_newline: bool = False
    swap_greed: bool = False
    unicode: bool = True
    crlf: bool = False

    def apply(self, flags: syntax.Flags) -> FlagState:
        """These flags, changed as `flags` says."""
        changes = {
            name: state
            for letter, name in _FLAG_NAMES.items()
            if (state := flags.state(letter)) is not None
        }
        return self._replace(**changes)


_FLAG_NAMES = {
    "i": "ignore_case",
    "m": "multi_line",
    "s": "dot_matches_newline",
    "U": "swap_greed",
    "u": "unicode",
    "R": "crlf",
}


class Lowering:
    """Resolves the syntax tree of one pattern; use an instance only once."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._flags = FlagState()
        self._group_names: dict[int, str | None] = {0: None}
        self._crlf_anchors: set[Span] = set()

    def lower(self, root: syntax.Ast) -> nodes.Parsed:
        """The resolved tree. Raises: RegexSyntaxError."""
        tree = self._compilable(self._node(root))
        names = tuple(self._group_names[index] for index in range(len(self._group_names)))
        return nodes.Parsed(self._pattern, tree, names)

    def _node(  # noqa: C901, PLR0912 - a case per node
        self, ast: syntax.Ast
    ) -> nodes.Node:
        # One stack frame for each level; `parser.NEST_LIMIT` bounds them.
        match ast:
            case syntax.Empty(span):
                return nodes.Empty(span)
            case syntax.Flags(span):
                self._flags = self._flags.apply(ast)
                return nodes.Empty(span)
            case syntax.Literal() | syntax.Dot() | syntax.PerlClass() | syntax.UnicodeClass():
                return _atom(ast, self._flags, self._pattern)
            case syntax.Bracketed():
                return _bracketed(ast, self._flags, self._pattern)
            case syntax.Assertion(span, letter):
                return nodes.Look(self._look(letter, span), span)
            case syntax.Group(span, inner, number, name, flags):
                outer = self._flags
                if flags is not None:
                    self._flags = outer.apply(flags)
                if number is not None:
                    self._group_names[number] = name
                content = self._node(inner)
                self._flags = outer
                return content if number is None else nodes.Group(content, number, name, span)
            case syntax.Repetition(span, _, inner, least, most, lazy):
                greedy = lazy == self._flags.swap_greed
                return nodes.Repeat(self._node(inner), least, most, greedy, span)
            case syntax.Concat(span, parts):
                lowered = []
                for part in parts:
                    lowered.append(self._node(part))  # noqa: PERF401 - no frame for a generator
                return nodes.concat(lowered, span)
            case syntax.Alternation(span, branches):
                lowered = []
                for branch in branches:
                    lowered.append(self._node(branch))
                return nodes.alternate(lowered, span)

    def _look(self, letter: str, span: Span) -> LookKind:
        flags = self._flags
        if letter in "^$" and flags.multi_line and flags.crlf:
            self._crlf_anchors.add(span)
        match letter:
            case "^":
                return LookKind.START_LINE if flags.multi_line else LookKind.START_TEXT
            case "$":
                return LookKind.END_LINE if flags.multi_line else LookKind.END_TEXT
            case "A":
                return LookKind.START_TEXT
            case "z":
                return LookKind.END_TEXT
            case "b":
                return LookKind.WORD if flags.unicode else LookKind.WORD_ASCII
            case _:
                return LookKind.NOT_WORD if flags.unicode else LookKind.NOT_WORD_ASCII

    def _compilable(self, tree: nodes.Node) -> nodes.Node:
        """The tree, unless the crate's compiler rejects what its parser accepted.

        It joins branches that are all classes, even after a prefix that they share. So
        `[a&&b]|[c-d]` compiles, although `[a&&b]|c` contains an empty class.

        Raises: RegexSyntaxError.
        """
        if self._fault(tree) is None:
            return tree
        simplified = simplify(tree)
        fault = self._fault(simplified)
        if fault is not None:
            raise fault
        return simplified

    def _fault(self, root: nodes.Node) -> RegexSyntaxError | None:
        stack = [root]
        while stack:
            node = stack.pop()
            match node:
                case nodes.Class((), span):
                    return syntax_error("class-empty", self._pattern, span)
                case nodes.Look(_, span) if span in self._crlf_anchors:
                    return syntax_error("crlf-anchor", self._pattern, span)
                case nodes.Repeat(inner) if node.max != 0:
                    stack.append(inner)
                case nodes.Group(inner):
                    stack.append(inner)
                case nodes.Concat(inner_nodes) | nodes.Alternate(inner_nodes):
                    stack.extend(reversed(inner_nodes))
                case _:
                    pass
        return None


_PERL_ASCII: Final = {"d": "digit", "s": "space", "w": "word"}


def _atom(
    ast: syntax.Literal | syntax.Dot | syntax.PerlClass | syntax.UnicodeClass,
    flags: FlagState,
    pattern: str,
) -> nodes.Node:
    """The node for one of these outside brackets. Raises: RegexSyntaxError."""
    match ast:
        case syntax.Literal(span, char):
            code_point = _code_point(ast, flags, pattern)
            if not flags.ignore_case:
                return nodes.Literal(char, span)
            return _class(_fold(((code_point, code_point),), flags), flags, span)
        case syntax.Dot(span):
            if not flags.unicode:
                raise syntax_error("invalid-utf8", pattern, span)
            if flags.dot_matches_newline:
                return nodes.Class(charset.ANY, span)
            return nodes.Class(charset.NOT_CRLF if flags.crlf else charset.NOT_NEWLINE, span)
        case syntax.PerlClass(span):
            return _class(_perl(ast, flags, pattern), flags, span)
        case syntax.UnicodeClass(span):
            return nodes.class_of(_unicode(ast, flags, pattern), span)


def _bracketed(ast: syntax.Bracketed, flags: FlagState, pattern: str) -> nodes.Node:
    """The node for a bracketed class. Raises: RegexSyntaxError."""
    return _class(_bracketed_set(ast, flags, pattern), flags, ast.span)


def _class(ranges: Ranges, flags: FlagState, span: Span) -> nodes.Node:
    return nodes.class_of(ranges, span, on_bytes=not flags.unicode)


def _bracketed_set(ast: syntax.Bracketed, flags: FlagState, pattern: str) -> Ranges:
    content = _content(ast.content, flags, pattern)
    return _finish(content, ast.negated, flags, pattern, ast.span)


def _content(  # noqa: C901 - a case per node
    content: syntax.ClassSet, flags: FlagState, pattern: str
) -> Ranges:
    match content:
        case syntax.ClassUnion(_, items):
            sets: dict[int, Ranges] = {}
            for item in items:
                ranges = _content(item, flags, pattern)
                sets[id(ranges)] = ranges
            return charset.normalize(pair for ranges in sets.values() for pair in ranges)
        case syntax.ClassOperation(_, operator, left, right):
            # Both operands are folded first, so `(?i)[A--a]` is empty.
            first = _fold(_content(left, flags, pattern), flags)
            second = _fold(_content(right, flags, pattern), flags)
            if operator == "&&":
                return charset.intersect(first, second)
            if operator == "--":
                return charset.subtract(first, second)
            return charset.symmetric_difference(first, second)
        case syntax.Literal():
            code_point = _code_point(content, flags, pattern)
            return ((code_point, code_point),)
        case syntax.ClassRange(_, start, end):
            low = _code_point(start, flags, pattern)
            return charset.normalize([(low, _code_point(end, flags, pattern))])
        case syntax.AsciiClass(span, name, negated):
            return _finish(charset.ASCII_SETS[name], negated, flags, pattern, span)
        case syntax.PerlClass():
            return _perl(content, flags, pattern)
        case syntax.UnicodeClass():
            return _unicode(content, flags, pattern)
        case syntax.Bracketed():
            return _bracketed_set(content, flags, pattern)


def _code_point(ast: syntax.Literal, flags: FlagState, pattern: str) -> int:
    code_point = ord(ast.char)
    if not flags.unicode and code_point > charset.LAST_ASCII:
        kind = "invalid-utf8" if ast.byte else "unicode-not-allowed"
        raise syntax_error(kind, pattern, ast.span)
    return code_point


def _perl(ast: syntax.PerlClass, flags: FlagState, pattern: str) -> Ranges:
    if not flags.unicode:
        ascii_set = charset.ASCII_SETS[_PERL_ASCII[ast.letter]]
        return _finish(ascii_set, ast.negated, flags, pattern, ast.span)
    return _perl_set(ast.letter, ast.negated)


def _unicode(ast: syntax.UnicodeClass, flags: FlagState, pattern: str) -> Ranges:
    if not flags.unicode:
        raise syntax_error("unicode-not-allowed", pattern, ast.span)
    try:
        return _unicode_set(ast.name, ast.value, ast.negated, flags.ignore_case)
    except unicode.UnknownPropertyError:
        raise syntax_error("unicode-property-not-found", pattern, ast.span) from None
    except unicode.UnknownValueError:
        raise syntax_error("unicode-property-value-not-found", pattern, ast.span) from None


# A pattern may name the same set ten thousand times: it is computed once, and is one object.
@lru_cache(maxsize=6)
def _perl_set(letter: str, negated: bool) -> Ranges:
    ranges = unicode.perl(letter)
    return charset.negate(ranges) if negated else ranges


@lru_cache(maxsize=64)
def _unicode_set(name: str, value: str | None, negated: bool, ignore_case: bool) -> Ranges:
    ranges = unicode.lookup(name, value)
    if ignore_case:
        ranges = unicode.fold(ranges)
    return charset.negate(ranges) if negated else ranges


def _finish(ranges: Ranges, negated: bool, flags: FlagState, pattern: str, span: Span) -> Ranges:
    """The set folded, then negated. Negated without Unicode it would include non-ASCII bytes."""
    if negated and not flags.unicode:
        raise syntax_error("invalid-utf8", pattern, span)
    ranges = _fold(ranges, flags)
    return charset.negate(ranges) if negated else ranges


def _fold(ranges: Ranges, flags: FlagState) -> Ranges:
    if not flags.ignore_case:
        return ranges
    return unicode.fold(ranges) if flags.unicode else charset.fold_ascii(ranges)
