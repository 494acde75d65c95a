"""How large the crate's compiled program would be, and whether it is too large.

The crate compiles a pattern three times: into a program on characters, with capture slots, for its
simulations, and into two on bytes for its lazy automaton, forward and in reverse. It gives up when
one of them has passed 10 MiB as it begins with the next part. An instruction is 32 bytes, and a
repetition is so many copies.

Sizes are computed arithmetically, `a{1000}{1000}{1000}` too, with one place in the program
standing for all (see `size_classes`). Where that leaves the verdict open, less than 5 % from the
limit, every class is looked at in its own place; so verdicts are exact, sizes told are not quite.
Source: regex 1.8.3, compile.rs and exec.rs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from proccli.rustregex.size_classes import bounded, sampled
from proccli.rustregex.size_count import Count, LimitReached
from proccli.rustregex.size_limit import INSTRUCTION, SIZE_LIMIT, Estimate, Program
from proccli.rustregex.tree.nodes import (
    Alternate,
    Concat,
    Group,
    Look,
    LookKind,
    Node,
    Repeat,
    Span,
)
from proccli.rustregex.tree.simplify import simplify

_MARGIN: Final = 0.05
# The forward program looks for a match everywhere: `(?s:.)*?` on bytes.
_DOT_STAR: Final = 25 * INSTRUCTION

_CHARACTERS: Final = Program(on_bytes=False)
_FORWARD: Final = Program(on_bytes=True)
_REVERSE: Final = Program(on_bytes=True, reverse=True)
_PROGRAMS: Final = (_CHARACTERS, _FORWARD, _REVERSE)


def program_size(root: Node) -> int:
    """Bytes of the largest of the three programs, to within 5 %."""
    tree = simplify(root)
    return max(
        _base(tree, program) + Estimate(program, sampled).cost(tree).size for program in _PROGRAMS
    )


def too_big(root: Node) -> Span | None:
    """The smallest part that by itself is too big, or all; None: the program is small enough."""
    tree = simplify(root)
    for program in _PROGRAMS:
        if _exceeds(tree, program):
            return _culprit(tree, program)
    return None


def _exceeds(tree: Node, program: Program) -> bool:
    base = _base(tree, program)
    # A rough bound first: it spares ordinary patterns a look at their classes.
    if base + Estimate(program, bounded).cost(tree).peak <= SIZE_LIMIT:
        return False
    estimate = Estimate(program, sampled)
    peak = base + estimate.cost(tree).peak
    if estimate.exact or abs(peak - SIZE_LIMIT) > SIZE_LIMIT * _MARGIN:
        return peak > SIZE_LIMIT
    try:
        Count(program, base).add(tree)
    except LimitReached:
        return True
    return False


def _culprit(tree: Node, program: Program) -> Span:
    estimate = Estimate(program, sampled)
    while True:
        inner = (child for child in children(tree) if estimate.cost(child).size > SIZE_LIMIT)
        found = next(inner, None)
        if found is None:
            return tree.span
        tree = found


def children(node: Node) -> Sequence[Node]:
    match node:
        case Concat(parts):
            return parts
        case Alternate(branches):
            return branches
        case Group(inner) | Repeat(inner):
            return (inner,)
        case _:
            return ()


def _base(tree: Node, program: Program) -> int:
    if program is _CHARACTERS:
        return INSTRUCTION
    if program is _FORWARD and not _starts_with_text(tree):
        return _DOT_STAR
    return 0


def _starts_with_text(node: Node) -> bool:  # noqa: C901 - a case per node
    """Whether every match has to begin where the text does, as far as the crate can tell."""
    match node:
        case Look(LookKind.START_TEXT):
            return True
        case Group(inner):
            return _starts_with_text(inner)
        case Repeat(inner, least):
            return least > 0 and _starts_with_text(inner)
        case Concat(parts):
            for part in parts:
                if _starts_with_text(part):
                    return True
                if not isinstance(part, Look):
                    return False
            return False
        case Alternate(branches):
            for branch in branches:  # noqa: SIM110 - no frame for a generator
                if not _starts_with_text(branch):
                    return False
            return True
        case _:
            return False
