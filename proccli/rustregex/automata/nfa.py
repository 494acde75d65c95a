"""Nondeterministic automata of several patterns over the symbols of one partition.

A point is a position in a pattern. A thread at a point, with a certain kind of character to its
left, can continue to other points by each symbol, or complete a match: see `steps`. It resolves all
look-arounds, because the character to the right is the symbol itself.

Source: K. Thompson, "Regular Expression Search Algorithm" (1968).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from proccli.rustregex.automata.partition import Partition, ranges_of
from proccli.rustregex.automata.reduce import is_zero_width
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

MATCHED = 0
"""The point of a thread that has matched, whatever follows."""

Options: TypeAlias = tuple[int, ...]
"""Points to which one thread can continue."""


class TooLargeError(Exception):
    """A pattern needs more points than allowed."""


class Steps(NamedTuple):
    """How a thread can continue."""

    matching: int
    """The symbols (including the end of the text) on which the match is complete, before or after
    reading them."""
    moves: tuple[tuple[int, int], ...]
    """For the other symbols: the symbols to read, and the point after them."""


class _Point:
    """`reads`: the symbols, one of which leads to the target; None: no symbol is read."""

    __slots__ = ("look", "reads", "targets")

    def __init__(
        self,
        targets: Iterable[int] = (),
        *,
        reads: int | None = None,
        look: LookKind | None = None,
    ) -> None:
        self.targets = list(targets)
        self.reads = reads
        self.look = look


class Nfa:
    """Patterns as points; the only point that they share is `MATCHED`."""

    def __init__(self, partition: Partition, most_points: int) -> None:
        self.partition = partition
        self._most_points = most_points
        self._limit = most_points
        self._points = [_Point()]
        self.distance: dict[int, int] = {}
        """For each point that can lead to a match: the least number of characters to it."""
        self._steps: dict[tuple[int, int], Steps] = {}
        self._ways: dict[tuple[int, int], list[tuple[Options, int]]] = {}

    def add(self, tree: Node) -> int:
        """Add a pattern; returns its first point. Raises: TooLargeError, and adds nothing."""
        before = len(self._points)
        self._limit = before + self._most_points
        try:
            return self._emit(tree, MATCHED)
        except TooLargeError:
            del self._points[before:]
            raise

    def add_search(self, entry: int) -> int:
        """Add a point from which the pattern at `entry` may start now or anywhere later."""
        waiting = self._push(_Point(reads=self.partition.symbols))
        choice = self._push(_Point([entry, waiting]))
        self._points[waiting].targets.append(choice)
        return choice

    def complete(self) -> None:
        """Compute distances; call it after all patterns were added, before `steps`."""
        sources: defaultdict[int, list[int]] = defaultdict(list)
        for number, point in enumerate(self._points):
            if point.reads != 0:
                for target in point.targets:
                    sources[target].append(number)
        pending = deque([(MATCHED, 0)])
        while pending:
            number, distance = pending.popleft()
            if number in self.distance:
                continue
            self.distance[number] = distance
            for source in sources[number]:
                if self._points[source].reads is None:
                    pending.appendleft((source, distance))
                else:
                    pending.append((source, distance + 1))

    def steps(self, point: int, before: int) -> Steps:
        """How a thread at `point` can continue, with the kind `before` (bits) to its left."""
        key = point, before
        if key not in self._steps:
            self._steps[key] = self._resolve(point, before)
        return self._steps[key]

    def ways(self, point: int, before: int) -> list[tuple[Options, int]]:
        """The same by target: each choice of points, and the symbols that lead to them."""
        key = point, before
        if key not in self._ways:
            self._ways[key] = self._split(point, before)
        return self._ways[key]

    def always_matches(self, point: int) -> bool:
        """Whether a match is complete at this point whatever is on both sides."""
        seen = {point}
        pending = [point]
        while pending:
            number = pending.pop()
            if number == MATCHED:
                return True
            here = self._points[number]
            if here.reads is None and here.look is None:
                pending.extend(target for target in here.targets if target not in seen)
                seen.update(here.targets)
        return False

    def starts_only_at_start(self, entry: int) -> bool:
        """Whether a match from `entry` can begin only at the start of the text."""
        kinds = set(self.partition.kinds)
        if self.partition.start_kind in kinds:
            return False
        return all(self.steps(entry, kind) == Steps(0, ()) for kind in kinds)

    def _resolve(self, point: int, before: int) -> Steps:
        partition = self.partition
        everything = partition.symbols | partition.end
        # For each point that is reached without reading: the symbols that may follow.
        admitted = {point: everything}
        pending = [point]
        while pending:
            number = pending.pop()
            here = self._points[number]
            if here.reads is not None:
                continue
            onward = admitted[number]
            if here.look is not None:
                onward &= partition.after(here.look, before)
            for target in here.targets:
                known = admitted.get(target, 0)
                if target in self.distance and onward & ~known:
                    admitted[target] = known | onward
                    pending.append(target)
        matching = admitted.get(MATCHED, 0)
        moves: dict[int, int] = {}
        for number, onward in admitted.items():
            here = self._points[number]
            read = (here.reads or 0) & onward
            if read and here.targets[0] in self.distance:
                if self.always_matches(here.targets[0]):
                    matching |= read
                else:
                    moves[here.targets[0]] = moves.get(here.targets[0], 0) | read
        return Steps(
            matching,
            tuple((read & ~matching, to) for to, read in moves.items() if read & ~matching),
        )

    def _split(self, point: int, before: int) -> list[tuple[Options, int]]:
        if point == MATCHED:
            return [((MATCHED,), self.partition.symbols)]
        steps = self.steps(point, before)
        parts: list[tuple[Options, int]] = []
        for read, to in steps.moves:
            new = read
            for index, (options, held) in enumerate(parts):
                if both := held & read:
                    parts[index] = ((*options, to), both)
                    if held & ~read:
                        parts.append((options, held & ~read))
                    new &= ~both
            if new:
                parts.append(((to,), new))
        # A thread that has matched can do everything that the others can.
        if matching := steps.matching & self.partition.symbols:
            parts.append(((MATCHED,), matching))
        return parts

    def _push(self, point: _Point) -> int:
        if len(self._points) >= self._limit:
            raise TooLargeError
        self._points.append(point)
        return len(self._points) - 1

    def _emit(self, node: Node, then: int) -> int:
        """Add `node`, which leads to the point `then`; returns its first point."""
        match node:
            case Empty():
                return then
            case Literal(char):
                return self._push(_Point([then], reads=self.partition.mask(ranges_of(char))))
            case Class(ranges):
                return self._push(_Point([then], reads=self.partition.mask(ranges)))
            case Look(kind):
                return self._push(_Point([then], look=kind))
            case Group(inner):
                return self._emit(inner, then)
            case Concat(parts):
                for part in reversed(parts):
                    then = self._emit(part, then)
                return then
            case Alternate(branches):
                return self._push(_Point([self._emit(branch, then) for branch in branches]))
            case Repeat():
                return self._emit_repeat(node, then)

    def _emit_repeat(self, node: Repeat, then: int) -> int:
        body, low, high = node.node, node.min, node.max
        if is_zero_width(body):
            low, high = min(low, 1), 1 if high is None else min(high, 1)
        if high is None:
            loop = self._push(_Point())
            inside = self._emit(body, loop)
            self._points[loop].targets += [inside, then]
            then, low = (inside, low - 1) if low else (loop, 0)
        else:
            leave = then
            for _ in range(high - low):
                then = self._push(_Point([self._emit(body, then), leave]))
        for _ in range(low):
            then = self._emit(body, then)
        return then
