"""Characters grouped by how a pattern can distinguish them, and what look-arounds test.

A pattern tests only whether a character is in one of a few sets: its classes and literals, and the
sets that its look-arounds need. Characters that are in the same of these sets share a symbol. The
automata work on symbols; the translation replaces each non-ASCII character with the
representative of its symbol, so that no set in the translated pattern has more than a few members.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property

from proccli.rustregex.tree.charset import ASCII_SETS, Ranges
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
from proccli.rustregex.tree.shape import looks_in
from proccli.rustregex.tree.unicode import perl

ASCII_WORD: Ranges = ASCII_SETS["word"]
NEWLINE: Ranges = ((0x0A, 0x0A),)

FIRST_NON_ASCII = 0x80

START, NEWLINE_BIT, WORD_BIT, ASCII_WORD_BIT, UNKNOWN = 1, 2, 4, 8, 16
"""What is on one side of a position (its kind): either end of the text (`START`), a kind of
character, or something unknown, next to which no look-around is known to hold (`UNKNOWN`)."""

KINDS = 32
"""Every kind is less than this."""

END = ""
"""Represents the end of the text, where a character is expected."""

MASKED = "masked"
"""Represents the unknown characters of a masked span, where a character is expected."""

ANY_CHARACTER = frozenset({0, NEWLINE_BIT, WORD_BIT, WORD_BIT | ASCII_WORD_BIT})
"""All kinds of character."""


class Alphabet:
    """The symbols of the sets in a tree.

    A symbol is a bit mask: bit i is set if the character is in set i.

    All is computed when it is first needed: of many patterns no text has all the literals, and they
    never run.
    """

    def __init__(self, root: Node) -> None:
        self._root = root

    @cached_property
    def word(self) -> Ranges:
        """The characters of `\\w` if the tree has Unicode word boundaries, which test them."""
        looks = looks_in(self._root)
        return perl("w") if LookKind.WORD in looks or LookKind.NOT_WORD in looks else ()

    @cached_property
    def bit_of(self) -> dict[Ranges, int]:
        """The bit of each set."""
        bits: dict[Ranges, int] = {}
        for ranges in _sets(self._root, self.word):
            bits.setdefault(ranges, len(bits))
        return bits

    @cached_property
    def _symbols(self) -> tuple[list[int], list[int]]:
        """The code points from which on characters have another symbol, and these symbols."""
        toggles: dict[int, int] = {0: 0, FIRST_NON_ASCII: 0}
        for ranges, bit in self.bit_of.items():
            for low, high in ranges:
                toggles[low] = toggles.get(low, 0) ^ (1 << bit)
                toggles[high + 1] = toggles.get(high + 1, 0) ^ (1 << bit)
        starts = sorted(toggles)
        masks: list[int] = []
        mask = 0
        for start in starts:
            mask ^= toggles[start]
            masks.append(mask)
        return starts, masks

    def symbol(self, code: int) -> int:
        """The symbol of a code point."""
        starts, masks = self._symbols
        return masks[bisect_right(starts, code) - 1]

    def symbols(self) -> frozenset[int]:
        """Every symbol that at least one character has."""
        return frozenset(
            mask for start, mask in zip(*self._symbols, strict=True) if start <= 0x10FFFF
        )

    def representatives(self) -> dict[int, int]:
        """For each symbol of a non-ASCII character, the lowest code point that has it."""
        # A text that was read as UTF-8 contains no surrogates.
        lowest: dict[int, int] = {}
        for start, mask in zip(*self._symbols, strict=True):
            if FIRST_NON_ASCII <= start <= 0x10FFFF and not 0xD800 <= start <= 0xDFFF:
                lowest.setdefault(mask, start)
        return lowest


class Substitution(dict[int, int]):
    """For `str.translate`: replaces each character by the representative of its symbol.

    ASCII characters do not change, and the text keeps its length, so that spans stay valid.
    """

    def __init__(self, alphabet: Alphabet) -> None:
        super().__init__((code, code) for code in range(FIRST_NON_ASCII))
        self._alphabet = alphabet
        self._lowest = alphabet.representatives()

    def __missing__(self, code: int) -> int:
        self[code] = representative = self._lowest.get(self._alphabet.symbol(code), code)
        return representative


def look_set(kind: LookKind, word: Ranges) -> Ranges | None:
    """The set that a look-around tests its neighbours for; None: it tests for the text's ends."""
    match kind:
        case LookKind.WORD | LookKind.NOT_WORD:
            return word
        case LookKind.WORD_ASCII | LookKind.NOT_WORD_ASCII:
            return ASCII_WORD
        case LookKind.START_LINE | LookKind.END_LINE:
            return NEWLINE
        case LookKind.START_TEXT | LookKind.END_TEXT:
            return None


def _sets(root: Node, word: Ranges) -> Iterator[Ranges]:
    pending = [root]
    while pending:
        match pending.pop():
            case Literal(char):
                yield ((ord(char), ord(char)),)
            case Class(ranges):
                yield ranges
            case Look(kind):
                if tested := look_set(kind, word):
                    yield tested
            case Repeat(inner) | Group(inner):
                pending.append(inner)
            case Concat(parts) | Alternate(parts):
                pending.extend(parts)


def holds(kind: LookKind, before: int, after: int) -> bool:
    """Whether a look-around holds between the kind to the left and the kind to the right."""
    match kind:
        case LookKind.START_TEXT:
            return bool(before & START)
        case LookKind.END_TEXT:
            return bool(after & START)
        case LookKind.START_LINE:
            return bool(before & (START | NEWLINE_BIT))
        case LookKind.END_LINE:
            return bool(after & (START | NEWLINE_BIT))
        case LookKind.WORD:
            return bool((before ^ after) & WORD_BIT)
        case LookKind.NOT_WORD:
            return not (before ^ after) & WORD_BIT
        case LookKind.WORD_ASCII:
            return bool((before ^ after) & ASCII_WORD_BIT)
        case LookKind.NOT_WORD_ASCII:
            return not (before ^ after) & ASCII_WORD_BIT
