"""Characters grouped by how several patterns together can distinguish them.

Characters that are in the same of the patterns' sets share a symbol: a number from 0. Sets of
symbols are bit masks. The end of the text counts as one more symbol, `end`, so that look-arounds
can test for it. In examples, a symbol is shown as its most readable character.
"""

from __future__ import annotations

import string
import unicodedata
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from proccli.rustregex.match.alphabet import (
    ASCII_WORD,
    ASCII_WORD_BIT,
    NEWLINE,
    NEWLINE_BIT,
    START,
    WORD_BIT,
    holds,
    look_set,
)
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


PREFERRED: Final = string.ascii_lowercase + string.digits + string.ascii_uppercase
ASCII: Final = PREFERRED + string.punctuation + " "

LETTER, PUNCTUATION, SPACE = 2, 4, 5
"""Effort of an ASCII letter or digit, of another printable ASCII character, of a space."""

FOREIGN_LETTER: Final = 8
_EFFORT_BY_CATEGORY: Final = {"L": FOREIGN_LETTER, "N": 9, "P": 10, "S": 10, "M": 30, "Z": 30}
_RIGHT_TO_LEFT: Final = 25
_LINE_BREAK_OR_TAB: Final = 40
_INVISIBLE: Final = 60
_NUL: Final = 80

_OF_A_RANGE: Final = 128
_LOOKED_AT: Final = 600
"""Code points to try, at most, of one range and in all, until the best so far is taken."""


def effort(char: str) -> int:
    """How hard the character is to read; less is better. Controls and bidi marks come last."""
    if char.isascii():
        if char.isalnum():
            return LETTER
        if char.isprintable():
            return SPACE if char == " " else PUNCTUATION
        if char in "\n\t":
            return _LINE_BREAK_OR_TAB
        return _NUL if char == "\0" else _INVISIBLE
    if unicodedata.bidirectional(char) in {"R", "AL"}:
        return _RIGHT_TO_LEFT
    return _EFFORT_BY_CATEGORY.get(unicodedata.category(char)[0], _INVISIBLE)


def most_readable(ranges: Ranges) -> str:
    """A character out of a set that is not empty: an ASCII letter if there is one, and so on."""
    for char in ASCII:
        if contains(ranges, ord(char)):
            return char
    best = chr(ranges[0][0])
    least = effort(best)
    looked_at = 0
    for low, high in ranges:
        for code in range(low, min(high + 1, low + _OF_A_RANGE)):
            if least <= FOREIGN_LETTER or looked_at > _LOOKED_AT:
                return best
            looked_at += 1
            if (found := effort(chr(code))) < least:
                best, least = chr(code), found
    return best
