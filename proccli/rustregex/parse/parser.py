"""Parses a pattern's text into its resolved tree, or raises the error that the crate reports."""

from __future__ import annotations

from typing import Final, TypeAlias

from proccli.rustregex.parse.errors import RegexSyntaxError, syntax_error
from proccli.rustregex.parse.grammar import GrammarParser
from proccli.rustregex.parse.lowering import Lowering
from proccli.rustregex.parse.syntax import (
    Alternation,
    Ast,
    Bracketed,
    ClassOperation,
    ClassSet,
    ClassUnion,
    Concat,
    Group,
    Repetition,
)
from proccli.rustregex.size_limit import too_big
from proccli.rustregex.tree.nodes import Parsed


def parse(pattern: str) -> Parsed:
    """The pattern's tree. Raises: RegexSyntaxError exactly where the crate's `Regex::new` fails.

    The crate works in stages and reports the first error of the earliest stage: the grammar, the
    nesting, the flags and classes, the size of the compiled program.
    """
    try:
        return _parse(pattern)
    except RegexSyntaxError as error:
        from proccli.rustregex.parse.hints import hint

        error.hint = hint(error)
        raise


def _parse(pattern: str) -> Parsed:
    try:
        pattern.encode()
    except UnicodeEncodeError as error:
        raise syntax_error("not-utf8", pattern, (error.start, error.end)) from None
    ast = GrammarParser(pattern).parse()
    check_nesting(pattern, ast)
    parsed = Lowering(pattern).lower(ast)
    if (span := too_big(parsed.root)) is not None:
        raise syntax_error("compiled-too-big", pattern, span)
    return parsed


NEST_LIMIT: Final = 250
"""How deep a pattern may nest in the crate.

Groups, bracketed classes, repetitions, alternations, concatenations and the parts of a class count
as one level each. The limit bounds the recursion of everything that walks the tree later.
Source: regex-syntax 0.7.2, `NestLimiter` in ast/parse.rs.
"""

_Part: TypeAlias = Ast | ClassSet


def check_nesting(pattern: str, root: Ast) -> None:
    """Raises: RegexSyntaxError for the first node, in reading order, that is too deep."""
    # Depth first with an explicit stack: the tree can be as deep as the pattern is long.
    stack: list[tuple[_Part, int]] = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        inner = _children(node)
        if inner is None:
            continue
        if depth == NEST_LIMIT:
            raise syntax_error("nest-limit-exceeded", pattern, node.span)
        stack.extend((child, depth + 1) for child in reversed(inner))


def _children(node: _Part) -> tuple[_Part, ...] | None:
    """The node's children; None for a leaf, which does not count as a level."""
    match node:
        case Concat(parts=parts):
            return parts
        case Alternation(branches=branches):
            return branches
        case Group(node=inner) | Repetition(node=inner):
            return (inner,)
        case Bracketed(content=content):
            return (content,)
        case ClassUnion(items=()):
            return None
        case ClassUnion(items=items):
            return items
        case ClassOperation(left=left, right=right):
            return left, right
        case _:
            return None
