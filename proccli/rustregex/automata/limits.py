"""How much work an answer is worth."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may be spent before an answer is "unknown"."""

    steps: int = 1_000_000
    """Work of one search; a million take about half a second."""
    total: int = 6_000_000
    """Work of all searches for a list of rules, or for a comparison of two."""
    points: int = 20_000
    """Size of one pattern's automaton: about its length with counted repetitions written out."""


class ExceededError(Exception):
    """The budget is used up before the answer is known."""


@dataclass(slots=True)
class Budget:
    """How much work is left, in elementary steps."""

    left: int
    pool: Budget | None = None
    """What is spent here is spent there, too."""

    def spend(self, steps: int) -> None:
        """Raises: ExceededError when nothing is left."""
        budget: Budget | None = self
        while budget is not None:
            budget.left -= steps
            if budget.left < 0:
                raise ExceededError
            budget = budget.pool
