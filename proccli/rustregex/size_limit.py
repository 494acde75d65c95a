"""The size of a compiled program by arithmetic, without going through its copies."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from proccli.rustregex.tree.charset import Ranges
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

SIZE_LIMIT: Final = 10 * (1 << 20)
INSTRUCTION: Final = 32
"""Bytes, both."""
_RANGE: Final = 8

ClassSize: TypeAlias = Callable[[Ranges, bool], int]
"""Instructions of a class in a program on bytes; the flag: in reverse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One of the three programs that a pattern is compiled into."""

    on_bytes: bool
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes that a part adds; `peak`: how many it had added where the crate last looked.

    `nothing`: no instruction comes of it, though its size may be charged all the same.
    """

    size: int
    peak: int = 0
    nothing: bool = False


def runs(parts: Sequence[Node], program: Program) -> list[Node | list[Literal]]:
    """The parts in the order of compilation; literals side by side are one."""
    runs: list[Node | list[Literal]] = []
    for part in reversed(parts) if program.reverse else parts:
        if not isinstance(part, Literal):
            runs.append(part)
        elif runs and isinstance(runs[-1], list):
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


def literal_size(literals: Sequence[Literal], program: Program) -> int:
    text = "".join(literal.char for literal in literals)
    return INSTRUCTION * (len(text.encode()) if program.on_bytes else len(text))


@dataclass(slots=True)
class Estimate:
    """Sizes by arithmetic. `exact` tells afterwards whether a class made them uncertain."""

    program: Program
    class_size: ClassSize
    exact: bool = True
    _sizes: dict[int, int] = field(default_factory=dict)
    """By the identity of a class's ranges, which classes of one name share."""

    def cost(self, node: Node) -> Cost:  # noqa: C901, PLR0912 - a case per node
        match node:
            case Empty():
                return Cost(INSTRUCTION, nothing=True)
            case Literal():
                return Cost(literal_size((node,), self.program))
            case Look():
                return Cost(INSTRUCTION)
            case Class(ranges):
                if not self.program.on_bytes:
                    return Cost(INSTRUCTION + _RANGE * _range_count(ranges))
                self.exact = False
                size = self._sizes.get(id(ranges))
                if size is None:
                    size = INSTRUCTION * self.class_size(ranges, self.program.reverse)
                    self._sizes[id(ranges)] = size
                return Cost(size)
            case Group(inner):
                cost = self.cost(inner)
                slot = 0 if self.program.on_bytes else INSTRUCTION
                return Cost(cost.size + 2 * slot, slot + cost.peak, cost.nothing and not slot)
            case Repeat(inner):
                return _repeated(node, self.cost(inner))
            case Concat(parts):
                costs = []
                for run in runs(parts, self.program):
                    if isinstance(run, list):
                        costs.append(Cost(literal_size(run, self.program)))
                    else:
                        costs.append(self.cost(run))
                return _in_a_row(costs)
            case Alternate(branches):
                size = peak = 0
                for branch in branches:
                    size += INSTRUCTION if branch is not branches[-1] else 0
                    cost = self.cost(branch)
                    peak = max(peak, size + cost.peak)
                    size += cost.size
                return Cost(size, peak)


def _in_a_row(costs: Sequence[Cost]) -> Cost:
    size = peak = 0
    for cost in costs:
        peak = max(peak, size + cost.peak)
        size += cost.size
    return _charged(Cost(size, peak, all(cost.nothing for cost in costs)))


def _charged(cost: Cost) -> Cost:
    """A row that came to nothing is charged as an empty part."""
    return Cost(cost.size + INSTRUCTION, cost.peak, nothing=True) if cost.nothing else cost


def _copies(cost: Cost, count: int) -> Cost:
    peak = (count - 1) * cost.size + cost.peak if count else 0
    return _charged(Cost(count * cost.size, peak, cost.nothing or not count))


def _repeated(node: Repeat, cost: Cost) -> Cost:
    split = Cost(INSTRUCTION + cost.size, INSTRUCTION + cost.peak)
    # A part that comes to nothing takes its branching back.
    optional = Cost(cost.size, split.peak, nothing=True) if cost.nothing else split
    match node.min, node.max:
        case (0, 1) | (0, None):
            return optional
        case (1, None):
            return cost if cost.nothing else Cost(split.size, cost.peak)
        case (least, None):
            first, rest = _copies(cost, least), optional
        case (least, most):
            first = _copies(cost, least)
            if least == most:
                return first
            more = most - least
            if cost.nothing:
                rest = optional
            else:
                rest = Cost(more * split.size, (more - 1) * split.size + split.peak)
    peak = max(first.peak, first.size + rest.peak)
    return Cost(first.size + rest.size, peak, rest.nothing)


def _range_count(ranges: Ranges) -> int:
    """The ranges as the crate counts them: to it, nothing lies between U+D7FF and U+E000."""
    after = bisect_left(ranges, (0xE000,))
    joined = 0 < after < len(ranges) and (ranges[after - 1][1], ranges[after][0]) == (
        0xD7FF,
        0xE000,
    )
    return len(ranges) - joined
