"""Compiles a simplified tree into the program that the simulation runs.

Instructions are those of a Thompson NFA: consume one character out of a set, save a position,
split in two (the first target has priority), look around, match. Where the targets of a loop
point decides what its groups capture when the body matches the empty text, so the layout follows
the crate's, loop by loop.

Source: regex 1.8.3 `compile.rs`; R. Cox, "Regular Expression Matching: the Virtual Machine
Approach" (2009).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from proccli.rustregex.match.alphabet import Alphabet
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
from proccli.rustregex.tree.shape import is_anchored


class Op(IntEnum):
    """What an instruction does; its operands are `Program.x` and, for a split, `Program.y`."""

    SET = 0
    """Consume a character whose symbol has bit `y`, go to `x`."""
    SAVE = 1
    """Note the position in slot `y`, go to `x`."""
    SPLIT = 2
    """Go to `x`, and with less priority to `y`."""
    LOOK = 3
    """Go to `x` if look-around `y` holds here."""
    MATCH = 4


@dataclass(slots=True)
class Program:
    """A compiled pattern. Execution starts at instruction 0."""

    op: list[int] = field(default_factory=list)
    x: list[int] = field(default_factory=list)
    y: list[int] = field(default_factory=list)
    looks: list[LookKind] = field(default_factory=list)
    slots: int = 2
    """Positions to save; a `SAVE` of a higher one has no effect."""
    anchored: bool = False
    """Every match starts at the start of the text."""


def compile_program(root: Node, groups: int, alphabet: Alphabet) -> Program:
    """The program of a simplified tree, over its alphabet.

    `groups` is the number of groups that a match reports, the whole match included.
    """
    compiler = _Compiler(alphabet)
    compiler.program.slots = 2 * groups
    compiler.program.anchored = is_anchored(root)
    holes = compiler.group(root, 0)[1]
    compiler.fill(holes, len(compiler.program.op))
    compiler.push(Op.MATCH)
    return compiler.program


Hole = tuple[int, bool]
"""An instruction, and whether it is its second target (`y`) that is still open."""

Patch = tuple[int, list[Hole]]
"""Where a piece of program is entered, and which targets are to lead on from it."""


class _Compiler:
    def __init__(self, alphabet: Alphabet) -> None:
        self.program = Program()
        self.set_ids = alphabet.bit_of
        self.look_ids: dict[LookKind, int] = {}

    def push(self, op: Op, y: int = -1) -> int:
        self.program.op.append(op)
        self.program.x.append(-1)
        self.program.y.append(y)
        return len(self.program.op) - 1

    def fill(self, holes: list[Hole], target: int) -> None:
        for pc, second in holes:
            (self.program.y if second else self.program.x)[pc] = target

    def look_id(self, kind: LookKind) -> int:
        if kind not in self.look_ids:
            self.look_ids[kind] = len(self.program.looks)
            self.program.looks.append(kind)
        return self.look_ids[kind]

    def emit(self, node: Node) -> Patch | None:
        """The program of `node`; None where it takes no instruction at all."""
        match node:
            case Empty():
                return None
            case Literal(char):
                pc = self.push(Op.SET, self.set_ids[((ord(char), ord(char)),)])
                return pc, [(pc, False)]
            case Class(ranges):
                pc = self.push(Op.SET, self.set_ids[ranges])
                return pc, [(pc, False)]
            case Look(kind):
                pc = self.push(Op.LOOK, self.look_id(kind))
                return pc, [(pc, False)]
            case Group(inner, index):
                return self.group(inner, index)
            case Repeat():
                return self.repeat(node)
            case Concat(parts):
                patch: Patch | None = None
                for part in parts:
                    patch = self.then(patch, self.emit(part))
                return patch
            case Alternate(branches):
                return self.alternate(branches)

    def then(self, first: Patch | None, second: Patch | None) -> Patch | None:
        if first is None or second is None:
            return second or first
        self.fill(first[1], second[0])
        return first[0], second[1]

    def group(self, inner: Node, index: int) -> Patch:
        entry = self.push(Op.SAVE, 2 * index)
        patch = self.emit(inner)
        end = self.push(Op.SAVE, 2 * index + 1)
        self.program.x[entry] = patch[0] if patch else end
        if patch:
            self.fill(patch[1], end)
        return entry, [(end, False)]

    def alternate(self, branches: tuple[Node, ...]) -> Patch:
        entry = len(self.program.op)
        holes: list[Hole] = []
        open_split: list[Hole] = []
        for branch in branches[:-1]:
            self.fill(open_split, len(self.program.op))
            split = self.push(Op.SPLIT)
            patch = self.emit(branch)
            if patch:
                self.program.x[split] = patch[0]
                holes += patch[1]
            else:
                holes.append((split, False))
            open_split = [(split, True)]
        patch = self.emit(branches[-1])
        if patch:
            self.fill(open_split, patch[0])
            holes += patch[1]
        else:
            holes += open_split
        return entry, holes

    def repeat(self, node: Repeat) -> Patch | None:
        body, low, high, greedy = node.node, node.min, node.max, node.greedy
        if high is None and low == 1:
            patch = self.emit(body)
            if patch is None:
                return None
            self.fill(patch[1], len(self.program.op))
            split = self.push(Op.SPLIT)
            return patch[0], [self.half_split(split, patch[0], greedy=greedy)]
        required: Patch | None = None
        for _ in range(low):
            copy = self.emit(body)
            if copy is None:
                return None
            required = self.then(required, copy)
        if high is None:
            return self.then(required, self.star(body, greedy=greedy))
        exits: list[Hole] = []
        patch = required
        for _ in range(high - low):
            split = self.push(Op.SPLIT)
            copy = self.emit(body)
            if copy is None:
                self.pop()
                return None
            exits.append(self.half_split(split, copy[0], greedy=greedy))
            patch = self.then(patch, (split, copy[1]))
        return (patch[0], exits + patch[1]) if patch else None

    def star(self, body: Node, *, greedy: bool) -> Patch | None:
        split = self.push(Op.SPLIT)
        patch = self.emit(body)
        if patch is None:
            self.pop()
            return None
        self.fill(patch[1], split)
        return split, [self.half_split(split, patch[0], greedy=greedy)]

    def half_split(self, split: int, body: int, *, greedy: bool) -> Hole:
        """Points the split's preferred side (greedy: the first) at the body; the other is open."""
        if greedy:
            self.program.x[split] = body
        else:
            self.program.y[split] = body
        return split, greedy

    def pop(self) -> None:
        del self.program.op[-1], self.program.x[-1], self.program.y[-1]
