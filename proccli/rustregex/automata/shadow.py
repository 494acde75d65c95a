"""Whether the rules before a rule leave anything for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from proccli.rustregex.automata.domain import ANY_TEXT, Budget, Domain, Limits
from proccli.rustregex.automata.patternset import UNDECIDED, Answer, PatternSet

SHARE = 5
"""A search with fewer patterns may take this part (a fifth) of what all such searches may."""

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
    rule = _Shadowing(texts, len(by), Budget(texts.limits.total))
    rule.look_for_rest()
    return rule.shadow()


def shadows(
    patterns: Sequence[str], *, domain: Domain = ANY_TEXT, limits: Limits | None = None
) -> tuple[Shadow, ...]:
    """`shadowed` for each pattern of an ordered list by those before it.

    Raises: RegexSyntaxError.
    """
    texts = PatternSet(patterns, domain, limits)
    pool = Budget(texts.limits.total)
    rules = [_Shadowing(texts, index, pool) for index in range(len(patterns))]
    # What can't be reached matters most, and is cheap to find out.
    for rule in rules:
        rule.look_for_rest()
    return tuple(rule.shadow() for rule in rules)


class _Shadowing:
    """One pattern of a list under those before it."""

    def __init__(self, texts: PatternSet, index: int, pool: Budget) -> None:
        self._texts = texts
        self._index = index
        self._earlier = range(index)
        self._pool = pool
        self._spare = texts.budget(pool)
        self._found = UNDECIDED

    def look_for_rest(self) -> None:
        self._found = self._rest(self._earlier)

    def shadow(self) -> Shadow:
        rest = self._found
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
        """What can still be said where all earlier patterns together are too much."""
        for single in self._earlier:
            if self._suffice([single]):
                return self._proven((single,))
        taken, by = self._taken()
        own = self._rest(()).text
        free = own is not None and not any(self._texts.matches(i, own) for i in self._earlier)
        return Shadow(grade="unknown", reaches=own if free else None, taken=taken.text, by=by)

    def _suffice(self, chosen: Sequence[int]) -> bool:
        # There can be many of these searches; one that takes long is given up.
        budget = self._texts.budget(self._spare, share=SHARE)
        rest = self._texts.find([[self._index]], chosen, budget=budget)
        return rest.decided and rest.text is None

    def _needed(self, candidates: list[int]) -> tuple[int, ...]:
        """Of these, which suffice together: one if one will do, else as many as it takes."""
        for single in candidates:
            if self._suffice([single]):
                return (single,)
        return tuple(self._indispensable([], candidates, tried=True))

    def _indispensable(self, kept: list[int], candidates: list[int], *, tried: bool) -> list[int]:
        """As many of the candidates, which suffice together with `kept`, as it takes.

        `tried`: it is known that `kept` alone does not suffice.

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
