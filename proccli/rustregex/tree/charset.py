"""Sets of characters: sorted, disjoint, inclusive code point ranges, and operations on them.

The crate's byte programs read a range as sequences of byte ranges (`utf8_sequences`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

Ranges: TypeAlias = tuple[tuple[int, int], ...]

LAST: Final = 0x10FFFF
LAST_ASCII: Final = 0x7F
SURROGATES: Final = (0xD800, 0xDFFF)
ANY: Final[Ranges] = ((0, 0xD7FF), (0xE000, LAST))
"""Every character of a Rust string: no surrogates."""
NOT_NEWLINE: Final[Ranges] = ((0, 9), (11, 0xD7FF), (0xE000, LAST))
NOT_CRLF: Final[Ranges] = ((0, 9), (11, 12), (14, 0xD7FF), (0xE000, LAST))

WHITE_SPACE: Final = frozenset(
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""Unicode's White_Space. Python's `str.isspace` also includes U+001C to U+001F."""

ASCII_SETS: Final[dict[str, Ranges]] = {
    "alnum": ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
    "alpha": ((0x41, 0x5A), (0x61, 0x7A)),
    "ascii": ((0x00, 0x7F),),
    "blank": ((0x09, 0x09), (0x20, 0x20)),
    "cntrl": ((0x00, 0x1F), (0x7F, 0x7F)),
    "digit": ((0x30, 0x39),),
    "graph": ((0x21, 0x7E),),
    "lower": ((0x61, 0x7A),),
    "print": ((0x20, 0x7E),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "space": ((0x09, 0x0D), (0x20, 0x20)),
    "upper": ((0x41, 0x5A),),
    "word": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
    "xdigit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
}
"""The POSIX classes, by name."""


def normalize(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The ranges sorted, overlapping and adjacent ones merged, surrogates removed."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            if high > merged[-1][1]:
                merged[-1] = merged[-1][0], high
        else:
            merged.append((low, high))
    return _without_surrogates(merged)


def _without_surrogates(ranges: list[tuple[int, int]]) -> Ranges:
    first, last = SURROGATES
    if not any(low <= last and high >= first for low, high in ranges):
        return tuple(ranges)
    return intersect(tuple(ranges), ANY)


def union(left: Ranges, right: Ranges) -> Ranges:
    return normalize((*left, *right))


def negate(ranges: Ranges) -> Ranges:
    """Every character that is not in the set."""
    gaps: list[tuple[int, int]] = []
    after = 0
    for low, high in ranges:
        if low > after:
            gaps.append((after, low - 1))
        after = high + 1
    if after <= LAST:
        gaps.append((after, LAST))
    return _without_surrogates(gaps)


def intersect(left: Ranges, right: Ranges) -> Ranges:
    out: list[tuple[int, int]] = []
    i = j = 0
    while i < len(left) and j < len(right):
        low = max(left[i][0], right[j][0])
        high = min(left[i][1], right[j][1])
        if low <= high:
            out.append((low, high))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return tuple(out)


def subtract(left: Ranges, right: Ranges) -> Ranges:
    return intersect(left, negate(right))


def symmetric_difference(left: Ranges, right: Ranges) -> Ranges:
    return subtract(union(left, right), intersect(left, right))


def fold_ascii(ranges: Ranges) -> Ranges:
    """The set with both cases of its ASCII letters."""
    upper = intersect(ranges, ((0x41, 0x5A),))
    lower = intersect(ranges, ((0x61, 0x7A),))
    if not upper and not lower:
        return ranges
    other_case = [(low + 32, high + 32) for low, high in upper]
    other_case += [(low - 32, high - 32) for low, high in lower]
    return normalize([*ranges, *other_case])


def contains(ranges: Ranges, code_point: int) -> bool:
    at = bisect_right(ranges, (code_point, LAST))
    return at > 0 and code_point <= ranges[at - 1][1]


ByteRanges: TypeAlias = tuple[tuple[int, int], ...]
"""One range for each byte of an encoded character."""

_LAST_OF_LENGTH = (0x7F, 0x7FF, 0xFFFF)


def utf8_sequences(low: int, high: int) -> Iterator[ByteRanges]:
    """Byte range sequences that together match the characters from `low` to `high`, in order.

    The range must not contain surrogates. It is split where the encoded length changes, and then
    until the range of each byte does not depend on the other bytes.
    """
    stack = [(low, high)]
    while stack:
        first, last = stack.pop()
        cut = _cut(first, last)
        if cut is None:
            encoded = zip(chr(first).encode(), chr(last).encode(), strict=True)
            yield tuple(encoded)
        else:
            stack.append((cut + 1, last))
            stack.append((first, cut))


def _cut(first: int, last: int) -> int | None:
    """The character after which to split the range; None: one sequence matches all of it."""
    for border in _LAST_OF_LENGTH:
        if first <= border < last:
            return border
    if last <= _LAST_OF_LENGTH[0]:
        return None
    for bits in (6, 12, 18):
        low_bits = (1 << bits) - 1
        if first >> bits == last >> bits:
            continue
        if first & low_bits:
            return first | low_bits
        if last & low_bits != low_bits:
            return (last & ~low_bits) - 1
    return None
