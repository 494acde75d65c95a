"""Characters, as far as a pattern can tell them apart.

A pattern asks of a character only whether it is in one of a few sets: its classes and literals,
and what its look-arounds need. Characters that are in the same of these sets share a symbol. The
simulation's automaton works on symbols; the translation lets one character of each symbol stand
for all others, so that no set in it has more than a handful of members.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

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

Ranges = tuple[tuple[int, int], ...]

ASCII_WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
NEWLINE: Ranges = ((0x0A, 0x0A),)

FIRST_NON_ASCII = 0x80


class Alphabet:
    """The symbols of a list of sets.

    A symbol is a bit mask: bit i tells that the character is in set i.
    """

    def __init__(self, sets: Iterable[Ranges]) -> None:
        self.bit_of: dict[Ranges, int] = {}
        for ranges in sets:
            self.bit_of.setdefault(ranges, len(self.bit_of))
        toggles: dict[int, int] = {0: 0, FIRST_NON_ASCII: 0}
        for ranges, bit in self.bit_of.items():
            for low, high in ranges:
                toggles[low] = toggles.get(low, 0) ^ (1 << bit)
                toggles[high + 1] = toggles.get(high + 1, 0) ^ (1 << bit)
        self._starts = sorted(toggles)
        self._masks: list[int] = []
        mask = 0
        for start in self._starts:
            mask ^= toggles[start]
            self._masks.append(mask)

    def symbol(self, code: int) -> int:
        """The symbol of a code point."""
        return self._masks[bisect_right(self._starts, code) - 1]

    def symbols(self) -> frozenset[int]:
        """Every symbol that some character has."""
        return frozenset(
            mask for start, mask in zip(self._starts, self._masks, strict=True) if start <= 0x10FFFF
        )

    def representatives(self) -> dict[int, int]:
        """For each symbol of a non-ASCII character, the lowest code point that has it."""
        # No text from UTF-8 holds a surrogate.
        lowest: dict[int, int] = {}
        for start, mask in zip(self._starts, self._masks, strict=True):
            if FIRST_NON_ASCII <= start <= 0x10FFFF and not 0xD800 <= start <= 0xDFFF:
                lowest.setdefault(mask, start)
        return lowest


class Substitution(dict[int, int]):
    """For `str.translate`: puts the representative of its symbol in each character's place.

    ASCII stays as it is, and the text keeps its length, so that spans are those of the original.
    """

    def __init__(self, alphabet: Alphabet) -> None:
        super().__init__((code, code) for code in range(FIRST_NON_ASCII))
        self._alphabet = alphabet
        self._lowest = alphabet.representatives()

    def __missing__(self, code: int) -> int:
        self[code] = stand_in = self._lowest.get(self._alphabet.symbol(code), code)
        return stand_in


def alphabet_of(root: Node, word: Ranges) -> Alphabet:
    """The alphabet of a tree; `word` is the set behind Unicode word boundaries."""
    return Alphabet(_sets(root, word))


def look_set(kind: LookKind, word: Ranges) -> Ranges | None:
    """The set that a look-around asks about its neighbours; None: it asks for the text's ends."""
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
                if asked := look_set(kind, word):
                    yield asked
            case Repeat(inner) | Group(inner):
                pending.append(inner)
            case Concat(parts) | Alternate(parts):
                pending.extend(parts)
