"""Characters, as far as several patterns together can tell them apart.

Characters that are in the same of the patterns' sets share a symbol: a number from 0. Sets of
symbols are bit masks; the end of the text counts as one more symbol, `end`, so that look-arounds
can ask for it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator

from proccli.rustregex.match.alphabet import ASCII_WORD, NEWLINE, look_set
from proccli.rustregex.match.sides import ASCII_WORD_BIT, NEWLINE_BIT, START, WORD_BIT, holds
from proccli.rustregex.tree.charset import LAST, Ranges, intersect
from proccli.rustregex.tree.nodes import (
    Alternate,
    Class,
    Concat,
    Group,
    Literal,
    Look,
    LookKind,
    Node,
    Repeat,
)


class Partition:
    """The symbols of some trees over the characters of a domain.

    `word` is the set behind Unicode word boundaries.
    """

    def __init__(self, trees: Collection[Node], allowed: Ranges, word: Ranges) -> None:
        looks = {node.kind for tree in trees for node in nodes_of(tree) if isinstance(node, Look)}
        bit_of = {NEWLINE: NEWLINE_BIT, word: WORD_BIT, ASCII_WORD: ASCII_WORD_BIT}
        asked = {
            ranges: bit_of[ranges] for kind in looks if (ranges := look_set(kind, word)) is not None
        }
        sets = dict.fromkeys(ranges for tree in trees for ranges in _sets(tree))
        blocks = _blocks([*sets, *asked], allowed)
        self.members: tuple[Ranges, ...] = tuple(blocks.values())
        """The characters of each symbol."""
        self.end: int = 1 << len(blocks)
        self.symbols: int = self.end - 1
        """All of them, without the end of the text."""
        self._mask_of = {
            ranges: sum(1 << symbol for symbol, held in enumerate(blocks) if held >> bit & 1)
            for bit, ranges in enumerate([*sets, *asked])
        }
        self.kinds: tuple[int, ...] = tuple(
            sum(bit for ranges, bit in asked.items() if self._mask_of[ranges] >> symbol & 1)
            for symbol in range(len(blocks))
        )
        """What each symbol's characters are to a look-around beside them."""
        self.of_kind = {
            kind: sum(1 << symbol for symbol, its in enumerate(self.kinds) if its == kind)
            for kind in set(self.kinds)
        }
        """The symbols of each kind."""
        self.start_kind: int = START if looks else 0
        """What the text's own start is to them."""
        befores = {*self.kinds, self.start_kind}
        self._after = {
            (kind, before): self._admitted(kind, before) for kind in looks for before in befores
        }

    def mask(self, ranges: Ranges) -> int:
        """The symbols in one of the trees' sets."""
        return self._mask_of[ranges]

    def after(self, kind: LookKind, before: int) -> int:
        """What may follow, the end of the text included, where a look-around is to hold."""
        return self._after[kind, before]

    def _admitted(self, kind: LookKind, before: int) -> int:
        admitted = sum(
            1 << symbol for symbol, after in enumerate(self.kinds) if holds(kind, before, after)
        )
        return admitted | self.end if holds(kind, before, START) else admitted


def nodes_of(tree: Node) -> Iterator[Node]:
    """The tree's nodes, itself included."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        match node:
            case Repeat(inner) | Group(inner):
                pending.append(inner)
            case Concat(parts) | Alternate(parts):
                pending.extend(parts)


def ranges_of(char: str) -> Ranges:
    """The set of one character."""
    return ((ord(char), ord(char)),)


def contains(ranges: Ranges, code: int) -> bool:
    """Whether a code point is in the set."""
    index = bisect_right(ranges, (code, LAST))
    return index > 0 and code <= ranges[index - 1][1]


def _sets(tree: Node) -> Iterator[Ranges]:
    for node in nodes_of(tree):
        match node:
            case Literal(char):
                yield ranges_of(char)
            case Class(ranges):
                yield ranges


def _blocks(sets: Iterable[Ranges], allowed: Ranges) -> dict[int, Ranges]:
    """The allowed characters by the sets that they are in: a bit for each set."""
    toggles: dict[int, int] = {0: 0}
    for bit, ranges in enumerate(sets):
        for low, high in ranges:
            toggles[low] = toggles.get(low, 0) ^ 1 << bit
            toggles[high + 1] = toggles.get(high + 1, 0) ^ 1 << bit
    starts = sorted(toggles)
    blocks: dict[int, list[tuple[int, int]]] = {}
    held = 0
    for start, following in zip(starts, [*starts[1:], 0x110000], strict=True):
        held ^= toggles[start]
        if start < following:
            blocks.setdefault(held, []).append((start, following - 1))
    within = {held: intersect(tuple(ranges), allowed) for held, ranges in blocks.items()}
    return {held: ranges for held, ranges in within.items() if ranges}
