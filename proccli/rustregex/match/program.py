"""Compiles a simplified tree into the program that finds groups, and that the lazy DFA runs.

Instructions are those of a Thompson NFA: consume one character of a set, save a position, split in
two (the first target has priority), look around, match. The targets of a loop's instructions decide
what its groups capture when the body matches the empty text, so the layout of loops is the crate's.

Source: regex 1.8.3 `compile.rs`; R. Cox, "Regular Expression Matching: the Virtual Machine
Approach" (2009).
"""

from __future__ import annotations

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
    """What an instruction does; its operands are `Program.x` and `Program.y`."""

    SET = 0
    """Consume a character whose symbol has bit `y`, go to `x`."""
    SAVE = 1
    """Save the position in slot `y`, go to `x`."""
    SPLIT = 2
    """Go to `x` and, with lower priority, to `y`."""
    LOOK = 3
    """Go to `x` if look-around `y` holds here."""
    MATCH = 4


class Program:
    """A compiled pattern. Execution starts at instruction 0.

    `slots` is the number of positions to save; a `SAVE` of a higher slot has no effect. `anchored`:
    every match starts at the start of the text.
    """

    __slots__ = ("anchored", "looks", "op", "slots", "x", "y")

    def __init__(self, *, slots: int, anchored: bool) -> None:
        self.op: list[int] = []
        self.x: list[int] = []
        self.y: list[int] = []
        self.looks: list[LookKind] = []
        self.slots = slots
        self.anchored = anchored


def compile_program(root: Node, groups: int, alphabet: Alphabet) -> Program:
    """The program of a simplified tree, over its alphabet.

    `groups` is the number of groups that a match reports, the whole match included.
    """
    program = Program(slots=2 * groups, anchored=is_anchored(root))
    compiler = _Compiler(program, alphabet)
    exits = compiler.group(root, 0)[1]
    compiler.connect(exits, len(program.op))
    compiler.push(Op.MATCH)
    return program


Exit = tuple[int, bool]
"""An instruction whose target is not set yet; True: its second target (`y`)."""

Fragment = tuple[int, list[Exit]]
"""Part of a program: its first instruction, and its exits."""


class _Compiler:
    def __init__(self, program: Program, alphabet: Alphabet) -> None:
        self.program = program
        self.set_ids = alphabet.bit_of
        self.look_ids: dict[LookKind, int] = {}

    def push(self, op: Op, y: int = -1) -> int:
        self.program.op.append(op)
        self.program.x.append(-1)
        self.program.y.append(y)
        return len(self.program.op) - 1

    def connect(self, exits: list[Exit], target: int) -> None:
        for pc, second in exits:
            (self.program.y if second else self.program.x)[pc] = target

    def look_id(self, kind: LookKind) -> int:
        if kind not in self.look_ids:
            self.look_ids[kind] = len(self.program.looks)
            self.program.looks.append(kind)
        return self.look_ids[kind]

    def emit(self, node: Node) -> Fragment | None:
        """The program of `node`; None if it needs no instruction."""
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
                fragment: Fragment | None = None
                for part in parts:
                    fragment = self.then(fragment, self.emit(part))
                return fragment
            case Alternate(branches):
                return self.alternate(branches)

    def then(self, first: Fragment | None, second: Fragment | None) -> Fragment | None:
        if first is None or second is None:
            return second or first
        self.connect(first[1], second[0])
        return first[0], second[1]

    def group(self, inner: Node, index: int) -> Fragment:
        entry = self.push(Op.SAVE, 2 * index)
        fragment = self.emit(inner)
        end = self.push(Op.SAVE, 2 * index + 1)
        self.program.x[entry] = fragment[0] if fragment else end
        if fragment:
            self.connect(fragment[1], end)
        return entry, [(end, False)]

    def alternate(self, branches: tuple[Node, ...]) -> Fragment:
        entry = len(self.program.op)
        exits: list[Exit] = []
        open_split: list[Exit] = []
        for branch in branches[:-1]:
            self.connect(open_split, len(self.program.op))
            split = self.push(Op.SPLIT)
            fragment = self.emit(branch)
            if fragment:
                self.program.x[split] = fragment[0]
                exits += fragment[1]
            else:
                exits.append((split, False))
            open_split = [(split, True)]
        fragment = self.emit(branches[-1])
        if fragment:
            self.connect(open_split, fragment[0])
            exits += fragment[1]
        else:
            exits += open_split
        return entry, exits

    def repeat(self, node: Repeat) -> Fragment | None:
        body, low, high, greedy = node.node, node.min, node.max, node.greedy
        if high is None and low == 1:
            fragment = self.emit(body)
            if fragment is None:
                return None
            self.connect(fragment[1], len(self.program.op))
            split = self.push(Op.SPLIT)
            return fragment[0], [self.half_split(split, fragment[0], greedy=greedy)]
        required: Fragment | None = None
        for _ in range(low):
            copy = self.emit(body)
            if copy is None:
                return None
            required = self.then(required, copy)
        if high is None:
            return self.then(required, self.star(body, greedy=greedy))
        exits: list[Exit] = []
        fragment = required
        for _ in range(high - low):
            split = self.push(Op.SPLIT)
            copy = self.emit(body)
            if copy is None:
                self.pop()
                return None
            exits.append(self.half_split(split, copy[0], greedy=greedy))
            fragment = self.then(fragment, (split, copy[1]))
        return (fragment[0], exits + fragment[1]) if fragment else None

    def star(self, body: Node, *, greedy: bool) -> Fragment | None:
        split = self.push(Op.SPLIT)
        fragment = self.emit(body)
        if fragment is None:
            self.pop()
            return None
        self.connect(fragment[1], split)
        return split, [self.half_split(split, fragment[0], greedy=greedy)]

    def half_split(self, split: int, body: int, *, greedy: bool) -> Exit:
        """Connect the preferred target (greedy: the first) to the body; returns the other one."""
        if greedy:
            self.program.x[split] = body
        else:
            self.program.y[split] = body
        return split, greedy

    def pop(self) -> None:
        del self.program.op[-1], self.program.x[-1], self.program.y[-1]
