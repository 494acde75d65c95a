"""Ranges of characters as sequences of byte ranges, the way the crate's automata read UTF-8."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

ByteRanges: TypeAlias = tuple[tuple[int, int], ...]
"""One range for each byte of an encoded character."""

_LAST_OF_LENGTH = (0x7F, 0x7FF, 0xFFFF)


def sequences(low: int, high: int) -> Iterator[ByteRanges]:
    """Byte range sequences that together match the characters from `low` to `high`, in order.

    The range must not hold surrogates. It is cut where the encoded length changes, and then so
    that all bytes but those that differ are fixed or run over their whole range.
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
    """Where to cut the range in two: after this character. None: one sequence does."""
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
