r"""How large the crate's compiled program would be, and whether it exceeds the limit of 10 MiB.

The crate compiles a pattern three times: into a program on characters, with capture slots, for its
simulations, and into two programs on bytes for its lazy DFA, forward and reverse. It gives up as
soon as one of them exceeds the limit when it starts on the next part. An instruction is 32 bytes,
and a repetition is compiled once for each copy.

`Estimate` computes sizes by arithmetic, even for `a{1000}{1000}{1000}`. It measures each class at
one place only, although its size depends on where it is in the program: a class is an alternation
of UTF-8 sequences that share their tails (in reverse: their heads) through a hash table of 1,000
slots, and collisions in it depend on the place, so `\w` takes 3,762 to 3,807 instructions. If the
estimate is within 5 % of the limit, `Count` measures every class at its own place. Whether the
limit is exceeded is therefore exact; the estimates are not.
Source: regex 1.8.3, compile.rs (`CompileClass`, `SuffixCache`) and exec.rs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from proccli.rustregex.tree.charset import ByteRanges, Ranges, utf8_sequences
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
    Span,
)
from proccli.rustregex.tree.simplify import simplify

SIZE_LIMIT: Final = 10 * (1 << 20)
"""In bytes, as are the following sizes."""

INSTRUCTION: Final = 32
_RANGE: Final = 8

_SLOTS: Final = 1000
"""The size of the hash table."""

_U64: Final = (1 << 64) - 1
_FNV_OFFSET: Final = 14_695_981_039_346_656_037
_FNV_PRIME: Final = 1_099_511_628_211

ClassSize: TypeAlias = Callable[[Ranges, bool], int]
"""The instructions of a class in a program on bytes; the flag: in reverse."""


class Program(NamedTuple):
    """One of the three programs that a pattern is compiled into."""

    on_bytes: bool
    reverse: bool = False


class Cost(NamedTuple):
    """Bytes that a part adds; `peak`: how many it had added when the crate last checked.

    `nothing`: it adds no instruction, although its size may be counted anyway.
    """

    size: int
    peak: int = 0
    nothing: bool = False


_MARGIN: Final = 0.05
# The forward program searches for a match everywhere: `(?s:.)*?` on bytes.
_DOT_STAR: Final = 25 * INSTRUCTION

_MOST_OF_RANGE: Final = 65
_MOST_OF_NODE: Final = 4
"""In instructions, for `upper_bound`."""

_CHARACTERS: Final = Program(on_bytes=False)
_FORWARD: Final = Program(on_bytes=True)
_REVERSE: Final = Program(on_bytes=True, reverse=True)
_PROGRAMS: Final = (_CHARACTERS, _FORWARD, _REVERSE)


def too_big(root: Node) -> Span | None:
    """The span of the smallest part that is too big by itself, or of the whole pattern.

    None: the program is small enough.
    """
    if upper_bound(root) <= SIZE_LIMIT:
        return None
    tree = simplify(root)
    for program in _PROGRAMS:
        if _exceeds(tree, program):
            return _culprit(tree, program)
    return None


def upper_bound(root: Node) -> int:
    """What none of the programs exceeds: rough, but enough for every ordinary pattern.

    A range of characters is split into at most 13 sequences of UTF-8, each of at most four
    instructions and a split. Simplifying the tree joins ranges and makes ranges of literals, but
    never more of them. A node itself takes no more than a split, two slots and an empty part.
    """
    instructions = _DOT_STAR // INSTRUCTION
    pending = [(root, 1)]
    while pending:
        node, copies = pending.pop()
        instructions += copies * _MOST_OF_NODE
        match node:
            case Literal():
                instructions += copies * _MOST_OF_RANGE
            case Class(ranges):
                instructions += copies * _MOST_OF_RANGE * len(ranges)
            case Group(inner):
                pending.append((inner, copies))
            case Repeat(inner, least, most):
                pending.append((inner, copies * max(least + 1, most or 0)))
            case Concat(parts) | Alternate(parts):
                pending += [(part, copies) for part in parts]
            case _:
                pass
    return instructions * INSTRUCTION


def _exceeds(tree: Node, program: Program) -> bool:
    base = _base(tree, program)
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
        inner = (child for child in _children(tree) if estimate.cost(child).size > SIZE_LIMIT)
        found = next(inner, None)
        if found is None:
            return tree.span
        tree = found


def _children(node: Node) -> Sequence[Node]:
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
    """Whether the crate recognizes that every match begins at the start of the text."""
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
            for branch in branches:  # noqa: SIM110 - a generator would take another stack frame
                if not _starts_with_text(branch):
                    return False
            return True
        case _:
            return False


def _runs(parts: Sequence[Node], program: Program) -> list[Node | list[Literal]]:
    """The parts in the order of compilation; adjacent literals are one run."""
    runs: list[Node | list[Literal]] = []
    for part in reversed(parts) if program.reverse else parts:
        if not isinstance(part, Literal):
            runs.append(part)
        elif runs and isinstance(runs[-1], list):
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


def _literal_size(literals: Sequence[Literal], program: Program) -> int:
    text = "".join(literal.char for literal in literals)
    return INSTRUCTION * (len(text.encode()) if program.on_bytes else len(text))


class Estimate:
    """Sizes computed by arithmetic. `exact` becomes False if they depend on a class on bytes."""

    def __init__(self, program: Program, class_size: ClassSize) -> None:
        self.program = program
        self.class_size = class_size
        self.exact = True
        # By the identity of a class's ranges, which classes of one name share.
        self._sizes: dict[int, int] = {}

    def cost(self, node: Node) -> Cost:  # noqa: C901, PLR0912 - a case per node
        match node:
            case Empty():
                return Cost(INSTRUCTION, nothing=True)
            case Literal():
                return Cost(_literal_size((node,), self.program))
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
                for run in _runs(parts, self.program):
                    if isinstance(run, list):
                        costs.append(Cost(_literal_size(run, self.program)))
                    else:
                        costs.append(self.cost(run))
                return _sequence(costs)
            case Alternate(branches):
                size = peak = 0
                for branch in branches:
                    size += INSTRUCTION if branch is not branches[-1] else 0
                    cost = self.cost(branch)
                    peak = max(peak, size + cost.peak)
                    size += cost.size
                return Cost(size, peak)


def _sequence(costs: Sequence[Cost]) -> Cost:
    size = peak = 0
    for cost in costs:
        peak = max(peak, size + cost.peak)
        size += cost.size
    return _charged(Cost(size, peak, all(cost.nothing for cost in costs)))


def _charged(cost: Cost) -> Cost:
    """A sequence without instructions is counted as one empty part."""
    return Cost(cost.size + INSTRUCTION, cost.peak, nothing=True) if cost.nothing else cost


def _copies(cost: Cost, count: int) -> Cost:
    peak = (count - 1) * cost.size + cost.peak if count else 0
    return _charged(Cost(count * cost.size, peak, cost.nothing or not count))


def _repeated(node: Repeat, cost: Cost) -> Cost:
    split = Cost(INSTRUCTION + cost.size, INSTRUCTION + cost.peak)
    # A part without instructions removes its split again.
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
    """The number of ranges as the crate counts them: to it, U+E000 directly follows U+D7FF."""
    after = bisect_left(ranges, (0xE000,))
    joined = 0 < after < len(ranges) and (ranges[after - 1][1], ranges[after][0]) == (
        0xD7FF,
        0xE000,
    )
    return len(ranges) - joined


class LimitReached(Exception):  # noqa: N818 - a result, not an error
    """The program exceeds the limit where the compiler checks it."""


class Count:
    """Adds up the program part by part, as the compiler does, and checks its size where that does.

    `charged` is how much of `size` is for parts that add no instruction.
    """

    def __init__(self, program: Program, size: int) -> None:
        self.program = program
        self.size = size
        self.charged = 0

    def add(self, node: Node) -> bool:  # noqa: C901, PLR0912 - a case per node
        """Add a part; returns whether it added an instruction. Raises: LimitReached."""
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
                for run in _runs(parts, self.program):
                    if isinstance(run, list):
                        if self.size > SIZE_LIMIT:
                            raise LimitReached
                        self.size += _literal_size(run, self.program)
                        some = True
                    else:
                        some |= self.add(run)
                return self._charge(some)
            case Alternate(branches):
                for branch in branches:
                    self.size += INSTRUCTION if branch is not branches[-1] else 0
                    self.add(branch)
                return True
            case Empty():
                return self._charge(False)
            case _:
                self.size += Estimate(self.program, sampled).cost(node).size
                return True

    def _charge(self, some: bool) -> bool:
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
            self._charge(some)
            if least == most:
                return some
        for _ in range(1 if most is None else most - least):
            self.size += INSTRUCTION
            if not self.add(inner):
                self.size -= INSTRUCTION
                return False
        return True


@lru_cache(maxsize=256)
def sampled(ranges: Ranges, reverse: bool) -> int:
    """The instructions of a class on bytes, if it is at the beginning of the program."""
    return class_instructions(ranges, reverse, 0)


@lru_cache(maxsize=16)
def _sequences(ranges: Ranges) -> tuple[ByteRanges, ...]:
    return tuple(sequence for low, high in ranges for sequence in utf8_sequences(low, high))


def class_instructions(ranges: Ranges, reverse: bool, place: int) -> int:
    """The instructions of a class in a program on bytes, if it begins at instruction `place`."""
    start = place
    known: dict[int, tuple[tuple[int, int, int], int]] = {}
    splits = len(_sequences(ranges)) - 1
    for sequence in _sequences(ranges):
        if splits:
            place += 1
            splits -= 1
        target = _U64
        for low, high in sequence if reverse else reversed(sequence):
            key = target, low, high
            # The slot in the crate's table: FNV-1a over the three numbers. Not a function: a large
            # repetition asks for millions, and takes a fifth less time so.
            value = (_FNV_OFFSET ^ target) * _FNV_PRIME
            value = (value ^ low) * _FNV_PRIME
            slot = ((value ^ high) * _FNV_PRIME & _U64) % _SLOTS
            found = known.get(slot)
            if found is not None and found[0] == key:
                target = found[1]
                continue
            known[slot] = key, place
            target = place
            place += 1
    return place - start
