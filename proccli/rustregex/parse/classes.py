"""What a class, a dot or a literal stands for under the flags in force: a set of characters."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from proccli.rustregex.parse import syntax
from proccli.rustregex.parse.errors import syntax_error
from proccli.rustregex.tree import charset, nodes, unicode
from proccli.rustregex.tree.charset import Ranges
from proccli.rustregex.tree.nodes import Span

if TYPE_CHECKING:
    from proccli.rustregex.parse.lowering import FlagState

_PERL_ASCII: Final = {"d": "digit", "s": "space", "w": "word"}


def atom(
    ast: syntax.Literal | syntax.Dot | syntax.PerlClass | syntax.UnicodeClass,
    flags: FlagState,
    pattern: str,
) -> nodes.Node:
    """What one of these stands for outside brackets. Raises: RegexSyntaxError."""
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


def bracketed(ast: syntax.Bracketed, flags: FlagState, pattern: str) -> nodes.Node:
    """What a bracketed class stands for. Raises: RegexSyntaxError."""
    return _class(_bracketed(ast, flags, pattern), flags, ast.span)


def _class(ranges: Ranges, flags: FlagState, span: Span) -> nodes.Node:
    return nodes.class_of(ranges, span, on_bytes=not flags.unicode)


def _bracketed(ast: syntax.Bracketed, flags: FlagState, pattern: str) -> Ranges:
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
            # Both sides are folded before, so `(?i)[A--a]` is empty.
            ours = _fold(_content(left, flags, pattern), flags)
            theirs = _fold(_content(right, flags, pattern), flags)
            if operator == "&&":
                return charset.intersect(ours, theirs)
            if operator == "--":
                return charset.subtract(ours, theirs)
            return charset.symmetric_difference(ours, theirs)
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
            return _bracketed(content, flags, pattern)


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


# A pattern may name the same set ten thousand times: it is made once, and is one object.
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
    """The set folded, then negated, which without Unicode would leave ASCII."""
    if negated and not flags.unicode:
        raise syntax_error("invalid-utf8", pattern, span)
    ranges = _fold(ranges, flags)
    return charset.negate(ranges) if negated else ranges


def _fold(ranges: Ranges, flags: FlagState) -> Ranges:
    if not flags.ignore_case:
        return ranges
    return unicode.fold(ranges) if flags.unicode else charset.fold_ascii(ranges)
