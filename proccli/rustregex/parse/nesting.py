"""The crate's limit on how deep a pattern may nest.

Groups, bracketed classes, repetitions, alternations, concatenations and the parts of a class count
one level each; 250 are allowed. It bounds the recursion of everything that walks the tree later.
Source: regex-syntax 0.7.2, `NestLimiter` in ast/parse.rs.
"""

from __future__ import annotations

from typing import TypeAlias

from proccli.rustregex.parse.errors import syntax_error
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

NEST_LIMIT = 250

_Any: TypeAlias = Ast | ClassSet


def check_nesting(pattern: str, root: Ast) -> None:
    """Raises: RegexSyntaxError at the first node, in reading order, that is too deep."""
    # Depth first with a stack of our own: the tree is as deep as the pattern says.
    stack: list[tuple[_Any, int]] = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        inner = _children(node)
        if inner is None:
            continue
        if depth == NEST_LIMIT:
            raise syntax_error("nest-limit-exceeded", pattern, node.span)
        stack.extend((child, depth + 1) for child in reversed(inner))


def _children(node: _Any) -> tuple[_Any, ...] | None:
    """The nodes inside; None for a leaf, which takes no level."""
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
