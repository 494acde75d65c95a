"""Characters grouped by how several patterns together can distinguish them.

Characters that are in the same of the patterns' sets share a symbol: a number from 0. Sets of
symbols are bit masks. The end of the text counts as one more symbol, `end`, so that look-arounds
can test for it. In examples, a symbol is shown as its most readable character.
"""

from __future__ import annotations

import string
import unicodedata
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
from proccli.rustregex.tree.charset import Ranges, contains, intersect
from proccli.rustregex.tree.nodes import (
    Class,
    Literal,
    Look,
    LookKind,
    Node,
)
from proccli.rustregex.tree.shape import descendants

PREFERRED: Final = string.ascii_lowercase + string.digits + string.ascii_uppercase
ASCII: Final = PREFERRED + string.punctuation + " "

LETTER, PUNCTUATION, SPACE = 2, 4, 5
"""The effort of an ASCII letter or digit, another printable ASCII character, and a space."""

FOREIGN_LETTER: Final = 8
_EFFORT_BY_CATEGORY: Final = {"L": FOREIGN_LETTER, "N": 9, "P": 10, "S": 10, "M": 30, "Z": 30}
_RIGHT_TO_LEFT: Final = 25
_LINE_BREAK_OR_TAB: Final = 40
_INVISIBLE: Final = 60
_NUL: Final = 80

_TRIED_PER_RANGE: Final = 128
_TRIED_IN_TOTAL: Final = 600
"""The most code points to try of one range, and in total; then the best one so far is used."""


class Partition:
    """The symbols of some trees over the characters of a domain.

    `word` is the set that Unicode word boundaries test.
    """

    def __init__(self, trees: Collection[Node], allowed: Ranges, word: Ranges) -> None:
        looks = {
            node.kind for tree in trees for node in descendants(tree) if isinstance(node, Look)
        }
        bit_of = {NEWLINE: NEWLINE_BIT, word: WORD_BIT, ASCII_WORD: ASCII_WORD_BIT}
        tested = {
            ranges: bit_of[ranges] for kind in looks if (ranges := look_set(kind, word)) is not None
        }
        sets = dict.fromkeys(ranges for tree in trees for ranges in _sets(tree))
        blocks = _blocks([*sets, *tested], allowed)
        self.members: tuple[Ranges, ...] = tuple(blocks.values())
        """The characters of each symbol."""
        self.end: int = 1 << len(blocks)
        self.symbols: int = self.end - 1
        """All symbols, without the end of the text."""
        self._mask_of = {
            ranges: sum(1 << symbol for symbol, held in enumerate(blocks) if held >> bit & 1)
            for bit, ranges in enumerate([*sets, *tested])
        }
        self.kinds: tuple[int, ...] = tuple(
            sum(bit for ranges, bit in tested.items() if self._mask_of[ranges] >> symbol & 1)
            for symbol in range(len(blocks))
        )
        """The kind of each symbol's characters, as look-arounds test it."""
        self.of_kind = {
            kind: sum(1 << symbol for symbol, own in enumerate(self.kinds) if own == kind)
            for kind in set(self.kinds)
        }
        """The symbols of each kind."""
        self.start_kind: int = START if looks else 0
        """The kind of the start of the text."""
        befores = {*self.kinds, self.start_kind}
        self._after = {
            (kind, before): self._admitted(kind, before) for kind in looks for before in befores
        }

    def mask(self, ranges: Ranges) -> int:
        """The symbols of a set that occurs in the trees."""
        return self._mask_of[ranges]

    def after(self, kind: LookKind, before: int) -> int:
        """The symbols (and the end of the text) that may follow for a look-around to hold."""
        return self._after[kind, before]

    def _admitted(self, kind: LookKind, before: int) -> int:
        admitted = sum(
            1 << symbol for symbol, after in enumerate(self.kinds) if holds(kind, before, after)
        )
        return admitted | self.end if holds(kind, before, START) else admitted


def ranges_of(char: str) -> Ranges:
    """The set of one character."""
    return ((ord(char), ord(char)),)


def _sets(tree: Node) -> Iterator[Ranges]:
    for node in descendants(tree):
        match node:
            case Literal(char):
                yield ranges_of(char)
            case Class(ranges):
                yield ranges


def _blocks(sets: Iterable[Ranges], allowed: Ranges) -> dict[int, Ranges]:
    """The allowed characters by the sets that they are in (a bit mask, one bit for each set)."""
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


def effort(char: str) -> int:
    """How hard the character is to read: less is better, controls and bidi marks are last."""
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
    """The character of a non-empty set that needs the least effort, preferably an ASCII letter."""
    for char in ASCII:
        if contains(ranges, ord(char)):
            return char
    best = chr(ranges[0][0])
    least = effort(best)
    tried = 0
    for low, high in ranges:
        for code in range(low, min(high + 1, low + _TRIED_PER_RANGE)):
            if least <= FOREIGN_LETTER or tried > _TRIED_IN_TOTAL:
                return best
            tried += 1
            if (found := effort(chr(code))) < least:
                best, least = chr(code), found
    return best
