r"""How many instructions a class takes in the crate's programs on bytes.

A class is an alternation of UTF-8 sequences, which share their tails (in reverse: their heads)
through a hash table of 1,000 slots. What the table forgets depends on where in the program the
class stands, so `\w` takes 3,762 to 3,807 instructions.
Source: regex 1.8.3, `CompileClass` and `SuffixCache` in compile.rs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from proccli.rustregex.tree.charset import Ranges
from proccli.rustregex.tree.utf8 import ByteRanges, sequences

_SLOTS: Final = 1000
_U64: Final = (1 << 64) - 1


def bounded(ranges: Ranges, reverse: bool) -> int:  # noqa: ARG001 - a ClassSize
    """Instructions that a class on bytes takes at most.

    A range within ASCII is one of two, one within 64 characters five; any other falls into at most
    13 sequences.
    """
    total = 0
    for low, high in ranges:
        if high <= 0x7F:
            total += 2
        else:
            total += 5 if low >> 6 == high >> 6 else 65
    return total


@lru_cache(maxsize=256)
def sampled(ranges: Ranges, reverse: bool) -> int:
    return class_instructions(ranges, reverse, 0)


@lru_cache(maxsize=16)
def _sequences(ranges: Ranges) -> tuple[ByteRanges, ...]:
    return tuple(sequence for low, high in ranges for sequence in sequences(low, high))


def class_instructions(ranges: Ranges, reverse: bool, place: int) -> int:
    """Instructions that a class takes in a program on bytes, if it stands at that instruction."""
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
            slot = _hash(*key)
            if slot in known and known[slot][0] == key:
                target = known[slot][1]
                continue
            known[slot] = key, place
            target = place
            place += 1
    return place - start


def _hash(target: int, low: int, high: int) -> int:
    """The slot of an instruction in the crate's table: FNV-1a over its three numbers."""
    value = 14_695_981_039_346_656_037
    for number in (target, low, high):
        value = ((value ^ number) * 1_099_511_628_211) & _U64
    return value % _SLOTS
