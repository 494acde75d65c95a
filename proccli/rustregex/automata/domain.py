"""The texts that can occur at all, and how much work may be spent on a question about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from proccli.rustregex.match.regex import compile as compile_pattern
from proccli.rustregex.tree.charset import ANY, Ranges, contains, normalize, subtract


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A set of texts. `matching` and `avoiding` are patterns of the Rust dialect."""

    characters: Ranges = ANY
    """The characters that may occur."""
    min_length: int = 0
    """In characters."""
    matching: tuple[str, ...] = ()
    """Each text contains a match of all of these."""
    avoiding: tuple[str, ...] = ()
    """No text contains a match of any of these."""

    def holds(self, text: str) -> bool:
        """Whether the text can occur. Raises: RegexSyntaxError for an invalid pattern."""
        return (
            len(text) >= self.min_length
            and all(contains(self.characters, ord(char)) for char in text)
            and all(compile_pattern(pattern).is_match(text) for pattern in self.matching)
            and not any(compile_pattern(pattern).is_match(text) for pattern in self.avoiding)
        )


ANY_TEXT = Domain()


def texts_of(characters: str, *, min_length: int = 0) -> Domain:
    """The texts that consist only of these characters."""
    allowed = normalize((ord(char), ord(char)) for char in characters)
    return Domain(characters=allowed, min_length=min_length)


def texts_without(
    characters: str,
    *,
    min_length: int = 0,
    matching: tuple[str, ...] = (),
    avoiding: tuple[str, ...] = (),
) -> Domain:
    """The texts that contain none of these characters.

    >>> file_names = texts_without("\\0/", min_length=1, avoiding=(r"^\\.\\.?$",))
    >>> file_names.holds("nginx"), file_names.holds("..")
    (True, False)
    """
    excluded = normalize((ord(char), ord(char)) for char in characters)
    return Domain(
        characters=subtract(ANY, excluded),
        min_length=min_length,
        matching=matching,
        avoiding=avoiding,
    )


_STEPS_PER_LOOK: Final = 2_000


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The work after which a question is left undecided."""

    steps: int = 1_000_000
    """The most steps of one search; a million take about half a second."""
    total: int = 6_000_000
    """The most steps of all searches for a list of rules, or for a comparison of two lists."""
    points: int = 20_000
    """The most points of one pattern: about its length with counted repetitions written out."""
    expired: Callable[[], bool] = _never
    """Whether the time for all questions is over; then the rest is left undecided."""


class ExceededError(Exception):
    """The budget, or the time, was used up before the question was decided."""


@dataclass(slots=True)
class Budget:
    """The steps that are left."""

    left: int
    pool: Budget | None = None
    """A budget from which the same steps are taken, too."""
    expired: Callable[[], bool] = _never
    unchecked: int = 0
    """Steps since the time was looked at."""

    def spend(self, steps: int) -> None:
        """Take steps from the budget.

        Raises: ExceededError if not enough are left, or the time is over.
        """
        self.unchecked += steps
        if self.unchecked >= _STEPS_PER_LOOK:
            self.unchecked = 0
            if self.expired():
                raise ExceededError
        budget: Budget | None = self
        while budget is not None:
            budget.left -= steps
            if budget.left < 0:
                raise ExceededError
            budget = budget.pool
