"""Counts and lists of things in English sentences."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, noun: str, many: str | None = None) -> str:
    """`1 process`, `2 processes`."""
    if number == 1:
        return f"1 {noun}"
    plural = many or (f"{noun}es" if noun.endswith("s") else f"{noun}s")
    return f"{number:,} {plural}"


def agreeing(number: int, singular: str, plural: str) -> str:
    """The form of a verb or pronoun that agrees with a number: `is` or `are`."""
    return singular if number == 1 else plural


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
