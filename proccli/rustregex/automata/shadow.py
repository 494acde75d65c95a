"""Whether the rules before a rule leave anything for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from proccli.rustregex.automata.domain import ANY_TEXT, Domain
from proccli.rustregex.automata.patternset import Answer, Limits, PatternSet
from proccli.rustregex.automata.search import Budget

Grade: TypeAlias = Literal["proven", "partial", "disjoint", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """What earlier patterns take of the texts that a pattern matches.

    `grade`:
    - `proven`: everything. Where `by` is empty, the pattern matches no text of the domain at all.
    - `partial`: something, not everything.
    - `disjoint`: nothing.
    - `unknown`: it would take too long to tell; what is in the other fields is true all the same.
    """

    grade: Grade
    reaches: str | None
    """A shortest text that the pattern matches and none of the earlier ones does."""
    taken: str | None
    """A shortest text that the pattern matches and one of the earlier ones, too."""
    by: tuple[int, ...]
    """Indices of earlier patterns. `proven`: together they take everything, and none of them
    could be left out. Otherwise: the one that takes `taken`."""


def shadowed(
    pattern: str, by: Sequence[str], *, domain: Domain = ANY_TEXT, limits: Limits | None = None
) -> Shadow:
    """What the patterns `by`, tried first, leave of `pattern`. Raises: RegexSyntaxError."""
    texts = PatternSet([*by, pattern], domain, limits)
    return _Shadowing(texts, len(by), Budget(texts.limits.total)).shadow()


def shadows(
    patterns: Sequence[str], *, domain: Domain = ANY_TEXT, limits: Limits | None = None
) -> tuple[Shadow, ...]:
    """`shadowed` for each pattern of an ordered list by those before it.

    Raises: RegexSyntaxError.
    """
    texts = PatternSet(patterns, domain, limits)
    pool = Budget(texts.limits.total)
    return tuple(_Shadowing(texts, index, pool).shadow() for index in range(len(patterns)))


class _Shadowing:
    """One pattern of a list under those before it."""

    def __init__(self, texts: PatternSet, index: int, pool: Budget) -> None:
        self._texts = texts
        self._index = index
        self._earlier = range(index)
        self._pool = pool

    def shadow(self) -> Shadow:
        rest = self._rest(self._earlier)
        if not rest.decided:
            return self._without_the_rest()
        if rest.text is None:
            return self._proven(self._needed())
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

    def _proven(self, by: tuple[int, ...]) -> Shadow:
        return Shadow(grade="proven", reaches=None, taken=self._rest(()).text, by=by)

    def _without_the_rest(self) -> Shadow:
        """What can still be said where all earlier patterns together are too much."""
        for single in self._earlier:
            if self._suffice([single]):
                return self._proven((single,))
        taken, by = self._taken()
        own = self._rest(()).text
        free = own is not None and not any(self._texts.matches(i, own) for i in self._earlier)
        return Shadow(grade="unknown", reaches=own if free else None, taken=taken.text, by=by)

    def _suffice(self, chosen: Sequence[int]) -> bool:
        rest = self._rest(chosen)
        return rest.decided and rest.text is None

    def _needed(self) -> tuple[int, ...]:
        """Of the earlier patterns, which take everything: none if none is needed, one if one
        will do, else as many as it takes."""
        if self._suffice([]):
            return ()
        for single in self._earlier:
            if self._suffice([single]):
                return (single,)
        chosen = list(self._earlier)
        for candidate in reversed(self._earlier):
            without = [other for other in chosen if other != candidate]
            if self._suffice(without):
                chosen = without
        return tuple(chosen)
