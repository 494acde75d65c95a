"""Reduces a tree to what decides whether a text contains a match.

Groups and greed are removed, and so is everything optional at the edges of a match: `.*foo.*`
matches wherever `foo` does, `\\w{1,80}$` wherever `\\w$` does. Two patterns with equal reduced
trees match the same texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile

from proccli.rustregex.tree.charset import normalize
from proccli.rustregex.tree.nodes import (
    Alternate,
    Class,
    Concat,
    Empty,
    Group,
    Literal,
    Look,
    Node,
    Repeat,
)

DEEPEST = 20
"""The nesting depth of alternatives up to which shared beginnings are factored out."""


def reduced(node: Node) -> Node:
    """A tree without groups, spans and optional edges that matches in the same texts."""
    node = _plain(node)
    while True:
        trimmed = _trim(_trim(node, 0), -1)
        if trimmed == node:
            return node
        node = trimmed


def is_zero_width(node: Node) -> bool:
    """Whether the node can only match the empty text."""
    match node:
        case Empty() | Look():
            return True
        case Literal() | Class():
            return False
        case Group(inner):
            return is_zero_width(inner)
        case Repeat(inner, _, high):
            return high == 0 or is_zero_width(inner)
        case Concat(parts) | Alternate(parts):
            return all(map(is_zero_width, parts))


def relaxed(node: Node, most: int) -> Node:
    """A tree without counts above `most` that matches in the same texts, and perhaps in more."""
    match node:
        case Repeat(inner, low, high):
            unbounded = high is None or high > most
            return Repeat(
                relaxed(inner, most), min(low, most), None if unbounded else high, greedy=True
            )
        case Group(inner):
            return relaxed(inner, most)
        case Concat(parts):
            return Concat(tuple(relaxed(part, most) for part in parts))
        case Alternate(branches):
            return Alternate(tuple(relaxed(branch, most) for branch in branches))
        case _:
            return node


def _plain(node: Node) -> Node:
    match node:
        case Empty():
            return Empty()
        case Literal(char):
            return Literal(char)
        case Class(ranges):
            return Class(ranges)
        case Look(kind):
            return Look(kind)
        case Group(inner):
            return _plain(inner)
        case Repeat(inner, low, high):
            return _repeat(_plain(inner), low, high)
        case Concat(parts):
            return _concat(map(_plain, parts))
        case Alternate(branches):
            return _alternate(map(_plain, branches))


def _repeat(node: Node, low: int, high: int | None) -> Node:
    # If nothing is consumed, one repetition is as good as a thousand, and an optional one as none.
    if high == 0 or isinstance(node, Empty) or (low == 0 and is_zero_width(node)):
        return Empty()
    if is_zero_width(node) or (low, high) == (1, 1):
        return node
    return Repeat(node, low, high, greedy=True)


def _concat(parts: Iterable[Node]) -> Node:
    flat: list[Node] = []
    for part in parts:
        if isinstance(part, Concat):
            flat.extend(part.parts)
        elif not isinstance(part, Empty):
            flat.append(part)
    if len(flat) > 1:
        return Concat(tuple(flat))
    return flat[0] if flat else Empty()


def _alternate(branches: Iterable[Node], depth: int = 0) -> Node:
    flat: list[Node] = []
    for branch in branches:
        flat.extend(branch.branches if isinstance(branch, Alternate) else (branch,))
    flat = _factored(flat, depth)
    if len(flat) == 1:
        return flat[0]
    ranges: list[tuple[int, int]] = []
    for branch in flat:
        match branch:
            case Literal(char):
                ranges.append((ord(char), ord(char)))
            case Class(held):
                ranges.extend(held)
            case _:
                return Alternate(tuple(flat))
    return Class(normalize(ranges))


def _factored(branches: Iterable[Node], depth: int) -> list[Node]:
    """The branches, those with a shared beginning joined: `ab|ac|d` becomes `a[bc]` and `d`."""
    by_first: dict[Node, list[tuple[Node, ...]]] = {}
    for branch in branches:
        parts = branch.parts if isinstance(branch, Concat) else (branch,)
        by_first.setdefault(parts[0], []).append(parts)
    factored: list[Node] = []
    for sequences in by_first.values():
        shared = _shared(sequences)
        rests = [_concat(parts[shared:]) for parts in sequences]
        if len(sequences) == 1 or depth == DEEPEST:
            factored.extend(map(_concat, sequences))
        elif all(isinstance(rest, Empty) for rest in rests):
            factored.append(_concat(sequences[0]))
        else:
            factored.append(_concat((*sequences[0][:shared], _alternate(rests, depth + 1))))
    return factored


def _shared(sequences: Sequence[tuple[Node, ...]]) -> int:
    """The number of leading parts that all of them share."""
    columns = zip(*sequences, strict=False)
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))


def _trim(node: Node, edge: int) -> Node:
    """`node` without what is optional at that edge: 0 is its start, -1 its end.

    The removed part need not match: a match of the whole contains a match of the rest, at the same
    position, so that look-arounds in the rest have the same neighbours.
    """
    match node:
        case Repeat(_, 0):
            return Empty()
        case Repeat(inner, 1):
            return _trim(inner, edge)
        case Repeat(inner, low):
            outer = _trim(inner, edge)
            if isinstance(outer, Empty):
                return outer
            others = _repeat(inner, low - 1, low - 1)
            return _concat((outer, others) if edge == 0 else (others, outer))
        case Alternate(branches):
            trimmed = [_trim(branch, edge) for branch in branches]
            return Empty() if Empty() in trimmed else _alternate(trimmed)
        case Concat(parts):
            left = list(parts)
            while left:
                outer = _trim(left.pop(edge), edge)
                if not isinstance(outer, Empty):
                    return _concat((outer, *left) if edge == 0 else (*left, outer))
            return Empty()
        case _:
            return node
