"""Finds what earlier rules leave for a later rule to match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from proccli.rustregex.automata.domain import ANY_TEXT, Budget, Domain, ExceededError, Limits
from proccli.rustregex.automata.patternset import UNDECIDED, Answer, PatternSet

SHARE = 5
"""A search with fewer patterns may use one fifth of the steps for all such searches."""

Grade: TypeAlias = Literal["proven", "partial", "disjoint", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """How earlier patterns cover the texts that a pattern matches.

    `grade`:
    - `proven`: they cover all texts. If `by` is empty, the pattern matches no text of the domain.
    - `partial`: they cover some texts, but not all.
    - `disjoint`: they cover no text.
    - `unknown`: it would take too long to decide; the other fields are nevertheless true.
    """

    grade: Grade
    reaches: str | None
    """A shortest text that the pattern matches and none of the earlier ones matches."""
    taken: str | None
    """A shortest text that both the pattern and one of the earlier ones match."""
    by: tuple[int, ...]
    """Indices of earlier patterns. `proven`: together they cover all texts, and none of them could
    be left out. Otherwise: the one that matches `taken`."""


_UNDECIDED = Shadow(grade="unknown", reaches=None, taken=None, by=())


def shadowed(
    pattern: str, by: Sequence[str], *, domain: Domain = ANY_TEXT, limits: Limits | None = None
) -> Shadow:
    """How the patterns `by`, tried first, cover `pattern`. Raises: RegexSyntaxError."""
    texts = PatternSet([*by, pattern], domain, limits)
    rule = _Shadowing(texts, len(by), Budget(texts.limits.total))
    rule.find_rest()
    return rule.shadow()


def shadows(
    patterns: Sequence[str], *, domain: Domain = ANY_TEXT, limits: Limits | None = None
) -> tuple[Shadow, ...]:
    """The result of `shadowed` for each pattern of an ordered list and those before it.

    Raises: RegexSyntaxError.
    """
    try:
        texts = PatternSet(patterns, domain, limits)
    except ExceededError:
        return (_UNDECIDED,) * len(patterns)
    pool = Budget(texts.limits.total)
    rules = [_Shadowing(texts, index, pool) for index in range(len(patterns))]
    # Unreachable rules matter most, and are cheap to find.
    for rule in rules:
        rule.find_rest()
    return tuple(rule.shadow() for rule in rules)


class _Shadowing:
    """One pattern of a list, and those before it."""

    def __init__(self, texts: PatternSet, index: int, pool: Budget) -> None:
        self._texts = texts
        self._index = index
        self._earlier = range(index)
        self._pool = pool
        self._spare = texts.budget(pool)
        self._found = UNDECIDED

    def find_rest(self) -> None:
        self._found = self._rest(self._earlier)

    def shadow(self) -> Shadow:
        rest = self._found
        if self._texts.limits.expired():
            # Even the result of `find_rest` does not show how much is taken.
            return replace(_UNDECIDED, reaches=rest.text)
        if not rest.decided:
            return self._without_the_rest()
        if rest.text is None:
            return self._proven(self._earlier)
        taken, by = self._taken()
        if not taken.decided:
            return Shadow(grade="unknown", reaches=rest.text, taken=taken.text, by=by)
        return Shadow(
            grade="disjoint" if taken.text is None else "partial",
            reaches=rest.text,
            taken=taken.text,
            by=by,
        )

    def _rest(self, earlier: Sequence[int]) -> Answer:
        budget = self._texts.budget(self._pool)
        return self._texts.find([[self._index]], earlier, budget=budget)

    def _taken(self) -> tuple[Answer, tuple[int, ...]]:
        budget = self._texts.budget(self._pool)
        taken = self._texts.find([[self._index], self._earlier], budget=budget)
        return taken, () if taken.text is None else (self._first_to_take(taken.text),)

    def _first_to_take(self, text: str) -> int:
        return next(i for i in self._earlier if self._texts.matches(i, text))

    def _proven(self, by: Sequence[int]) -> Shadow:
        taken = self._rest(())
        if taken.decided and taken.text is None:
            return Shadow(grade="proven", reaches=None, taken=None, by=())
        needed = tuple(by) if len(by) < 2 else self._needed(list(by))
        return Shadow(grade="proven", reaches=None, taken=taken.text, by=needed)

    def _without_the_rest(self) -> Shadow:
        """The result if a search with all earlier patterns takes too long."""
        for single in self._earlier:
            if self._suffice([single]):
                return self._proven((single,))
        taken, by = self._taken()
        own = self._rest(()).text
        free = own is not None and not any(self._texts.matches(i, own) for i in self._earlier)
        return Shadow(grade="unknown", reaches=own if free else None, taken=taken.text, by=by)

    def _suffice(self, chosen: Sequence[int]) -> bool:
        # There can be many of these searches, so each gets only a share of the steps.
        budget = self._texts.budget(self._spare, share=SHARE)
        rest = self._texts.find([[self._index]], chosen, budget=budget)
        return rest.decided and rest.text is None

    def _needed(self, candidates: list[int]) -> tuple[int, ...]:
        """Candidates that together suffice: one if possible, otherwise as many as needed."""
        for single in candidates:
            if self._suffice([single]):
                return (single,)
        return tuple(self._indispensable([], candidates, tried=True))

    def _indispensable(self, kept: list[int], candidates: list[int], *, tried: bool) -> list[int]:
        """The candidates that are needed; all of them together with `kept` suffice.

        `tried`: `kept` alone is known not to suffice.

        Source: U. Junker, "QuickXplain: Preferred Explanations and Relaxations for
        Over-Constrained Problems" (2004).
        """
        if not tried and self._suffice(kept):
            return []
        if len(candidates) == 1:
            return candidates
        middle = len(candidates) // 2
        first, second = candidates[:middle], candidates[middle:]
        of_second = self._indispensable([*kept, *first], second, tried=False)
        of_first = self._indispensable([*kept, *of_second], first, tried=not of_second)
        return of_first + of_second
