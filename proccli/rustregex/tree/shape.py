"""Properties of a tree that do not depend on a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from proccli.rustregex.tree.nodes import (
    Alternate,
    Class,
    Concat,
    Empty,
    Group,
    Literal,
    Look,
    LookKind,
    Node,
    Repeat,
)

_NOTHING: frozenset[LookKind] = frozenset()
_AHEAD = frozenset({LookKind.END_TEXT, LookKind.END_LINE})
_MIRROR = {
    LookKind.START_TEXT: LookKind.END_TEXT,
    LookKind.END_TEXT: LookKind.START_TEXT,
    LookKind.START_LINE: LookKind.END_LINE,
    LookKind.END_LINE: LookKind.START_LINE,
}


def descendants(root: Node) -> Iterator[Node]:
    """The node and all nodes below it, in no particular order."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        match node:
            case Group(inner) | Repeat(inner):
                pending.append(inner)
            case Concat(parts) | Alternate(parts):
                pending += parts


def looks_in(root: Node) -> list[LookKind]:
    """The kinds of all look-arounds of a tree, one entry each."""
    return [node.kind for node in descendants(root) if isinstance(node, Look)]


def can_be_empty(node: Node) -> bool:
    """Whether the node can match the empty text."""
    match node:
        case Literal() | Class():
            return False
        case Empty() | Look():
            return True
        case Group(inner):
            return can_be_empty(inner)
        case Repeat(inner, low):
            return low == 0 or can_be_empty(inner)
        case Concat(parts):
            return all(map(can_be_empty, parts))
        case Alternate(branches):
            return any(map(can_be_empty, branches))


def can_take_text(node: Node) -> bool:
    """Whether the node can match a text that is not empty."""
    return any(isinstance(below, Literal | Class) for below in descendants(node))


def empty_loops(root: Node) -> Iterator[Repeat]:
    """The loops whose body can match the empty text."""
    for node in descendants(root):
        if isinstance(node, Repeat) and node.max != 1 and can_be_empty(node.node):
            yield node


def is_anchored(node: Node) -> bool:
    """Whether every match of `node` begins with the start of the text."""
    while True:
        match node:
            case Look(LookKind.START_TEXT):
                return True
            case Group(inner):
                node = inner
            case Concat(parts):
                node = parts[0]
            case Repeat(inner, low) if low > 0:
                node = inner
            case Alternate(branches):
                return all(map(is_anchored, branches))
            case _:
                return False


MOST_LITERALS = 4
MOST_ALIKE = 8
"""No letter has as many forms that fold alike."""


def required_literals(root: Node) -> tuple[str, ...]:
    """Literals that every match clearly contains, the longest first; often none."""
    found: list[str] = []
    for literal in sorted(_literals(root), key=len, reverse=True):
        if not any(literal in longer for longer in found):
            found.append(literal)
            if len(found) == MOST_LITERALS:
                break
    return tuple(found)


def required_folded(root: Node) -> tuple[str, ...]:
    """Texts that every match clearly contains once both are casefolded; often none.

    Under `(?i)` a letter is a set of letters that fold alike.
    """
    return tuple(dict.fromkeys(_literals(root, _folded)))


def _folded(node: Literal | Class) -> str | None:
    """The one text that all characters of a node fold to."""
    if isinstance(node, Literal):
        return node.char.casefold()
    if sum(last - first for first, last in node.ranges) > MOST_ALIKE:
        return None
    alike = {chr(code).casefold() for first, last in node.ranges for code in range(first, last + 1)}
    return alike.pop() if len(alike) == 1 else None


def _as_written(node: Literal | Class) -> str | None:
    return node.char if isinstance(node, Literal) else None


def _literals(
    root: Node, text_of: Callable[[Literal | Class], str | None] = _as_written
) -> Iterator[str]:
    run: list[str] = []  # joined at the end: a literal can have a million characters
    pending: list[Node | None] = [root]
    while pending:
        node = pending.pop()
        match node:
            case Literal() | Class() if (text := text_of(node)) is not None:
                run.append(text)
                continue
            case Group(inner):
                pending.append(inner)
                continue
            case Concat(parts):
                pending += reversed(parts)
                continue
            case Empty() | Look():
                continue
            case Repeat(inner, low) if low > 0:
                # Only the first copy is adjacent to what is before, so a run ends here.
                pending += None, inner
        if run:
            yield "".join(run)
        run = []
    if run:
        yield "".join(run)


def required_runs(root: Node, least: int) -> Iterator[tuple[Literal | Class, int]]:
    """Sets, and how many characters of each every match contains in a row (`least` or more)."""
    pending = [root]
    while pending:
        node = pending.pop()
        run = _run(node)
        if run and run[1] >= least:
            yield run
            continue
        match node:
            case Group(inner) | Repeat(inner, 1):
                pending.append(inner)
            case Concat(parts):
                pending += parts


def _run(node: Node) -> tuple[Literal | Class, int] | None:
    """The set and the least number, if the node matches characters of one set only."""
    match node:
        case Literal() | Class():
            return node, 1
        case Group(inner):
            return _run(inner)
        case Repeat(inner, low):
            run = _run(inner)
            return run and (run[0], run[1] * low)
        case _:
            return None


def edge_looks(node: Node) -> tuple[frozenset[LookKind], frozenset[LookKind]]:
    """The look-arounds that come first in every match, and those that may come first.

    As the crate computes them: it does not look past a part that can match a character.
    """
    match node:
        case Look(kind):
            return frozenset({kind}), frozenset({kind})
        case Group(inner):
            return edge_looks(inner)
        case Repeat(inner, low):
            must, may = edge_looks(inner)
            return (must if low else _NOTHING), may
        case Concat(parts):
            must, may = _NOTHING, _NOTHING
            for part in parts:
                part_must, part_may = edge_looks(part)
                must, may = must | part_must, may | part_may
                if can_take_text(part):
                    break
            return must, may
        case Alternate(branches):
            must, may = edge_looks(branches[0])
            for branch in branches[1:]:
                branch_must, branch_may = edge_looks(branch)
                must, may = must & branch_must, may | branch_may
            return must, may
        case _:
            return _NOTHING, _NOTHING


def tests_what_is_before(root: Node) -> bool:
    """Whether a match may begin with a look-around that tests what is before it."""
    return _leading(root)[0]


def _leading(node: Node) -> tuple[bool, bool]:  # noqa: C901 - a case for each node
    """Whether a look-around that tests what is before may come first; whether all may be empty."""
    match node:
        case Empty():
            return False, True
        case Look(kind):
            return kind not in _AHEAD, True
        case Literal() | Class():
            return False, False
        case Group(inner):
            return _leading(inner)
        case Repeat(inner, low):
            tests, empty = _leading(inner)
            return tests, empty or low == 0
        case Concat(parts):
            for part in parts:
                tests, empty = _leading(part)
                if tests or not empty:
                    return tests, empty
            return False, True
        case Alternate(branches):
            tests, empty = False, False
            for branch in branches:
                branch_tests, branch_empty = _leading(branch)
                tests, empty = tests or branch_tests, empty or branch_empty
            return tests, empty


def mirrored(node: Node) -> Node:
    """The tree that matches the reversed texts, without groups."""
    match node:
        case Look(kind):
            return Look(_MIRROR.get(kind, kind), node.span)
        case Group(inner):
            return mirrored(inner)
        case Repeat(inner, low, high, greedy):
            return Repeat(mirrored(inner), low, high, greedy, node.span)
        case Concat(parts):
            return Concat(tuple(map(mirrored, reversed(parts))), node.span)
        case Alternate(branches):
            return Alternate(tuple(map(mirrored, branches)), node.span)
        case _:
            return node
