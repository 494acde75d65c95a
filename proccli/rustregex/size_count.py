"""The size of a compiled program counted through, each class in its own place."""

from __future__ import annotations

from dataclasses import dataclass

from proccli.rustregex.size_classes import class_instructions, sampled
from proccli.rustregex.size_limit import (
    INSTRUCTION,
    SIZE_LIMIT,
    Estimate,
    Program,
    literal_size,
    runs,
)
from proccli.rustregex.tree.nodes import Alternate, Class, Concat, Empty, Group, Node, Repeat


class LimitReached(Exception):  # noqa: N818 - news, not a mistake
    """The program has passed the limit where the compiler looks."""


@dataclass(slots=True)
class Count:
    """Goes through the program part by part, as the compiler does, and looks at its size there."""

    program: Program
    size: int
    charged: int = 0
    """How much of `size` is for parts that came to nothing."""

    def add(self, node: Node) -> bool:  # noqa: C901, PLR0912 - a case per node
        """Whether an instruction came of it. Raises: LimitReached."""
        if self.size > SIZE_LIMIT:
            raise LimitReached
        match node:
            case Class(ranges) if self.program.on_bytes:
                place = (self.size - self.charged) // INSTRUCTION
                self.size += INSTRUCTION * class_instructions(ranges, self.program.reverse, place)
                return True
            case Group(inner):
                slot = 0 if self.program.on_bytes else INSTRUCTION
                self.size += slot
                some = self.add(inner)
                self.size += slot
                return some or bool(slot)
            case Repeat(inner, least, most):
                return self._repeat(inner, least, most)
            case Concat(parts):
                some = False
                for run in runs(parts, self.program):
                    if isinstance(run, list):
                        if self.size > SIZE_LIMIT:
                            raise LimitReached
                        self.size += literal_size(run, self.program)
                        some = True
                    else:
                        some |= self.add(run)
                return self._row(some)
            case Alternate(branches):
                for branch in branches:
                    self.size += INSTRUCTION if branch is not branches[-1] else 0
                    self.add(branch)
                return True
            case Empty():
                return self._row(False)
            case _:
                self.size += Estimate(self.program, sampled).cost(node).size
                return True

    def _row(self, some: bool) -> bool:
        charge = 0 if some else INSTRUCTION
        self.size += charge
        self.charged += charge
        return some

    def _repeat(self, inner: Node, least: int, most: int | None) -> bool:
        if (least, most) == (1, None):
            some = self.add(inner)
            self.size += INSTRUCTION if some else 0
            return some
        if least or most not in (1, None):
            some = False
            for _ in range(least):
                some |= self.add(inner)
            self._row(some)
            if least == most:
                return some
        for _ in range(1 if most is None else most - least):
            self.size += INSTRUCTION
            if not self.add(inner):
                self.size -= INSTRUCTION
                return False
        return True
