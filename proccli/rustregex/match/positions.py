"""Sets of positions in a pattern, and how they change from one character to the next.

A position is a character or set of the pattern, in one copy of each counted repetition around it.
A set of positions is one integer for each run of characters in the pattern, a bit for each copy:
`(?:(?:a{1,40}){1,40}){1,40}` is one integer of 64,000 bits. All copies advance together, with a few
operations for each node of the tree, however large its counts are.

After a character was read, a set says which positions have read it. `Positions.advance` computes
where to read the next one, in two passes over the tree. `out` of a node says in which copies its
end was reached, and is computed from the children to the parents; `in` says in which copies it may
begin, and is computed from the parents to the children. Copy `k` of a repetition is `k * width`
bits above copy 0, with a free bit above the last one for the carry of an addition:

    (ones + x) & carry          the carry bits of the blocks in which x has a bit
    (carries - x) | x           all bits of these blocks from the lowest bit of x on
    (ones + x) ^ ones           all bits of the blocks whose lowest bit is in x

With `backward`, every transition is reversed, for reading a text from its end. Then a position is
in the set if a thread that reads the last read character there reaches a match.

Sources: V. Glushkov, "The Abstract Theory of Automata" (1961); G. Navarro and M. Raffinot,
"Flexible Pattern Matching in Strings" (2002), section 4.2, for the additions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias

from proccli.rustregex.match.alphabet import Alphabet
from proccli.rustregex.tree.charset import Ranges
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
from proccli.rustregex.tree.shape import can_take_text

Sets: TypeAlias = tuple[int, ...]
"""A set of positions: the bits of each run."""

Place: TypeAlias = tuple[int, int]
"""A position: the run, and the bit."""


class Kind(IntEnum):
    """The kinds of nodes of the layout."""

    RUN = 0
    """A character of a set in each copy; the sets of the copies may differ."""
    EMPTY = 1
    LOOK = 2
    CONCAT = 3
    ALTERNATE = 4
    REPEAT = 5


class _Node:
    """A node of the layout, and where its copies are."""

    __slots__ = ("bases", "children", "copies", "kind", "look", "loops", "low", "sets", "width")

    def __init__(self, kind: Kind, width: int = 1, children: tuple[int, ...] = ()) -> None:
        self.kind = kind
        self.children = children
        """In the order in which they are read."""
        self.width = width
        """The number of bits for one copy of this node."""
        self.bases = 0
        """The lowest bit of each copy."""
        self.copies = 1
        """Of the body of a repetition."""
        self.low = 0
        """The least number of repetitions."""
        self.loops = False
        """Whether a repetition has no greatest number."""
        self.look: LookKind | None = None
        self.sets: tuple[Ranges, ...] = ()
        """Of a run, in the order in which they are read."""


class Plan(NamedTuple):
    """The operations of `advance`, for the look-arounds that hold at a position."""

    up: tuple[tuple[Any, ...], ...]
    down: tuple[tuple[Any, ...], ...]
    nullable: bool
    """Whether the whole pattern matches the empty text here."""


_JOIN, _ANY_COPY, _LAST_COPY = range(3)
_SAME, _AFTER, _AFTER_OR_SAME, _RUN, _COPIES, _FILL = range(6)


class Positions:
    """The positions of a tree, over its alphabet."""

    def __init__(self, root: Node, alphabet: Alphabet, *, backward: bool = False) -> None:
        self._backward = backward
        self._bit_of = alphabet.bit_of
        self._nodes: list[_Node] = []
        self._root = self._add(root)
        self._spread()
        self._runs = [number for number, node in enumerate(self._nodes) if node.kind == Kind.RUN]
        self.empty: Sets = (0,) * len(self._runs)
        self.looks = tuple({node.look: None for node in self._nodes if node.look is not None})
        self.words = 1 + sum(self._nodes[number].bases.bit_length() for number in self._runs) // 64
        """The size of a set in machine words, about."""
        self._plans: dict[tuple[frozenset[LookKind], bool], Plan] = {}
        self._readers: dict[int, Sets] = {}

    def advance(  # noqa: C901, PLR0912 - a case an operation
        self, sets: Sets, held: frozenset[LookKind], *, start: bool, skip: bool = False
    ) -> tuple[Sets, bool]:
        """The positions at which the next character may be read, and whether a match ends here.

        `held`: the look-arounds that hold. `start`: a match may also begin here. `skip`: any number
        of positions may be skipped, as if they had read unknown characters.
        """
        plan = self._plans.get((held, skip)) or self._plan(held, skip=skip)
        outs = [0] * len(self._nodes)
        for number, bits in zip(self._runs, sets, strict=True):
            outs[number] = bits
        for code, target, source, *more in plan.up:
            if code == _JOIN:
                joined = 0
                for number in source:
                    joined |= outs[number]
                outs[target] = joined
            elif not outs[source]:
                outs[target] = 0
            elif code == _LAST_COPY:
                bases, shift = more
                outs[target] = outs[source] >> shift & bases
            else:
                ends, ones, carry, shift = more
                outs[target] = (ones + (outs[source] & ends) & carry) >> shift
        ins = [0] * len(self._nodes)
        ins[self._root] = int(start)
        for code, target, parent, *more in plan.down:
            if code == _SAME:
                ins[target] = ins[parent]
            elif code == _AFTER:
                ins[target] = outs[more[0]]
            elif code == _AFTER_OR_SAME:
                ins[target] = outs[more[0]] | ins[parent]
            elif code == _FILL:
                if bits := ins[target]:
                    copies, ones, carry = more
                    ins[target] = ((ones + bits & carry) - bits | bits) & copies
            else:
                read, entered = outs[target], ins[parent]
                step, later, looping, begins, ones = more
                if begins and entered:
                    entered = ((ones + entered) ^ ones) & begins
                if read:
                    entered |= read << step & later | read & looping
                ins[target] = entered
        return tuple([ins[number] for number in self._runs]), bool(outs[self._root]) or (
            start and plan.nullable
        )

    def read(self, places: Sets, symbol: int) -> Sets:
        """The positions among `places` at which a character with this symbol is read."""
        readers = self._readers.get(symbol)
        if readers is None:
            readers = self._readers[symbol] = tuple(
                [_accepting(self._nodes[run], self._bit_of, symbol) for run in self._runs]
            )
        return tuple([bits and bits & reader for bits, reader in zip(places, readers, strict=True)])

    def places(self) -> Iterator[Place]:
        """The positions in the order of the pattern, with repetitions written out."""
        index_of = {number: index for index, number in enumerate(self._runs)}
        pending = [(self._root, 0)]
        while pending:
            number, offset = pending.pop()
            node = self._nodes[number]
            if node.kind == Kind.RUN:
                yield index_of[number], offset
            elif node.kind == Kind.REPEAT:
                step = self._nodes[node.children[0]].width
                copies = range(node.copies)
                # The last one that is pushed comes first.
                order = copies if self._backward else reversed(copies)
                pending += [(node.children[0], offset + copy * step) for copy in order]
            else:
                # Only the parts of a concatenation are read in the other order.
                reverse = self._backward and node.kind == Kind.CONCAT
                children = node.children if reverse else reversed(node.children)
                pending += [(child, offset) for child in children]

    def _add(self, node: Node) -> int:  # noqa: C901 - a case a node
        match node:
            case Empty() | Repeat(max=0):
                return self._push(_Node(Kind.EMPTY))
            case Look(kind):
                look = _Node(Kind.LOOK)
                look.look = kind
                return self._push(look)
            case Literal() | Class():
                return self._add_run([node])
            case Group(inner):
                return self._add(inner)
            case Repeat(inner):
                return self._push_repeat(self._add(inner), node)
            case Concat(parts):
                children = []
                for run in _runs_of(parts[::-1] if self._backward else parts):
                    child = self._add_run(run) if _is_character(run[0]) else self._add(run[0])
                    children.append(child)
                if len(children) == 1:
                    return children[0]
                return self._push_list(Kind.CONCAT, children)
            case Alternate(branches):
                children = []
                for branch in branches:
                    children.append(self._add(branch))
                return self._push_list(Kind.ALTERNATE, children)

    def _add_run(self, characters: Sequence[Node]) -> int:
        run = _Node(Kind.RUN)
        run.sets = tuple(_set_of(node) for node in characters)
        number = self._push(run)
        if len(characters) == 1:
            return number
        # A repetition in which each copy reads a set of its own.
        return self._push_copies(number, len(characters), low=len(characters), loops=False)

    def _push_list(self, kind: Kind, children: list[int]) -> int:
        width = max(self._nodes[child].width for child in children)
        return self._push(_Node(kind, width, tuple(children)))

    def _push_repeat(self, body: int, node: Repeat) -> int:
        low = node.min
        if not can_take_text(node.node):
            copies, loops = 1, False
        elif node.max is None:
            # As the program does it: the last copy, which repeats, is an additional one.
            copies, loops = (low + 1 if low > 1 else 1), True
        else:
            copies, loops = node.max, False
        return self._push_copies(body, copies, low=low, loops=loops)

    def _push_copies(self, body: int, copies: int, *, low: int, loops: bool) -> int:
        step = self._nodes[body].width
        repeat = _Node(Kind.REPEAT, copies * step + 1 if copies > 1 else step, (body,))
        repeat.copies, repeat.low, repeat.loops = copies, low, loops
        return self._push(repeat)

    def _push(self, node: _Node) -> int:
        self._nodes.append(node)
        return len(self._nodes) - 1

    def _spread(self) -> None:
        """Set the lowest bits of all nodes, from the parents to the children."""
        self._nodes[self._root].bases = 1
        for node in reversed(self._nodes):
            for child in node.children:
                bases = node.bases
                if node.copies > 1:
                    bases *= _comb(node.copies, self._nodes[child].width)
                self._nodes[child].bases = bases

    def _plan(  # noqa: C901, PLR0912 - a case a node
        self, held: frozenset[LookKind], *, skip: bool
    ) -> Plan:
        up: list[tuple[Any, ...]] = []
        down: list[tuple[Any, ...]] = []
        nullable: list[bool] = []
        for number, node in enumerate(self._nodes):
            children = node.children
            match node.kind:
                case Kind.RUN:
                    nullable.append(skip)
                case Kind.EMPTY:
                    nullable.append(True)
                case Kind.LOOK:
                    nullable.append(node.look in held)
                case Kind.CONCAT:
                    nullable.append(all(nullable[child] for child in children))
                    first = len(children) - 1
                    while first and nullable[children[first]]:
                        first -= 1
                    up.append((_JOIN, number, children[first:]))
                case Kind.ALTERNATE:
                    nullable.append(any(nullable[child] for child in children))
                    up.append((_JOIN, number, children))
                case Kind.REPEAT:
                    nullable.append(node.low == 0 or nullable[children[0]])
                    up.append(self._up_from_copies(number, nullable=nullable[children[0]]))
        for number in range(len(self._nodes) - 1, -1, -1):
            node = self._nodes[number]
            if node.kind == Kind.CONCAT:
                before = node.children[0]
                down.append((_SAME, before, number))
                for child in node.children[1:]:
                    code = _AFTER_OR_SAME if nullable[before] else _AFTER
                    down.append((code, child, before, before))
                    before = child
            elif node.kind == Kind.ALTERNATE:
                down += [(_SAME, child, number) for child in node.children]
            elif node.kind == Kind.REPEAT:
                down += self._down_to_copies(number, nullable=nullable[node.children[0]])
        plan = self._plans[held, skip] = Plan(tuple(up), tuple(down), nullable[self._root])
        return plan

    def _up_from_copies(self, number: int, *, nullable: bool) -> tuple[Any, ...]:
        node = self._nodes[number]
        body, copies = node.children[0], node.copies
        if copies == 1:
            return (_JOIN, number, (body,))
        step = self._nodes[body].width
        last = 0 if nullable else copies - 1 if self._backward else max(node.low - 1, 0)
        if last == copies - 1:
            return (_LAST_COPY, number, body, node.bases, last * step)
        size = copies * step
        ends = node.bases * _comb(copies - last, step) << last * step
        ones = node.bases * ((1 << size) - 1)
        return (_ANY_COPY, number, body, ends, ones, node.bases << size, size)

    def _down_to_copies(self, number: int, *, nullable: bool) -> list[tuple[Any, ...]]:
        node = self._nodes[number]
        body, copies = node.children[0], node.copies
        if copies == 1:
            return [(_AFTER_OR_SAME if node.loops else _SAME, body, number, body)]
        step = self._nodes[body].width
        size = copies * step
        ones = node.bases * ((1 << size) - 1)
        firsts = 1
        if self._backward:
            firsts = copies if nullable else copies - max(node.low, 1) + 1
        begins = node.bases * _comb(firsts, step) if firsts > 1 else 0
        looping = node.bases << (0 if self._backward else size - step) if node.loops else 0
        every = self._nodes[body].bases
        ops: list[tuple[Any, ...]] = [
            (_COPIES, body, number, step, every ^ node.bases, looping, begins, ones)
        ]
        if nullable:
            ops.append((_FILL, body, number, every, ones, node.bases << size))
        return ops


def _is_character(node: Node) -> bool:
    return isinstance(node, Literal | Class)


def _set_of(node: Node) -> Ranges:
    match node:
        case Literal(char):
            return ((ord(char), ord(char)),)
        case Class(ranges):
            return ranges
    raise TypeError(node)


def _runs_of(parts: Iterable[Node]) -> Iterator[list[Node]]:
    """The parts of a concatenation, with adjacent characters together."""
    for is_character, run in groupby(parts, _is_character):
        if is_character:
            yield list(run)
        else:
            yield from ([node] for node in run)


def _accepting(run: _Node, bit_of: dict[Ranges, int], symbol: int) -> int:
    """The copies of a run that read a character with this symbol."""
    if len(run.sets) == 1:
        return run.bases if symbol >> bit_of[run.sets[0]] & 1 else 0
    digits = ["1" if symbol >> bit_of[ranges] & 1 else "0" for ranges in run.sets]
    pattern = int("".join(reversed(digits)), 2)
    # The copies of one run are adjacent, and the bit above the last one is free.
    return (run.bases & ~(run.bases << 1)) * pattern


def _comb(count: int, step: int) -> int:
    """`count` bits, `step` apart."""
    bits, have = 1, 1
    while have < count:
        more = min(have, count - have)
        bits |= (bits & ((1 << more * step) - 1)) << have * step
        have += more
    return bits
