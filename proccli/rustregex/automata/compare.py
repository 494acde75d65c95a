"""Compares two ordered lists of rules, in each of which the first matching rule decides."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from proccli.rustregex.automata.domain import ANY_TEXT, Budget, Domain, Limits
from proccli.rustregex.automata.patternset import NONE, Answer, PatternSet

Case: TypeAlias = tuple[str, Hashable]
"""A rule: its pattern, and its outcome. Outcomes are compared with `==`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A subject on which two lists of rules have different outcomes."""

    texts: tuple[str, ...]
    """The subject: one text; two texts or none only where subjects have several."""
    old: int | None
    """The index of the rule of the old list that decides; None: no rule matches."""
    new: int | None
    """The same for the new list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The differences of two lists of rules."""

    equivalent: bool | None
    """True: it is proven that both have the same outcome for every subject; None: undecided."""
    differences: tuple[Difference, ...]
    """The shortest first."""
    complete: bool
    """False: something is undecided, so there may be more differences, or shorter ones."""


def differences(
    old: Sequence[Case],
    new: Sequence[Case],
    *,
    old_default: Hashable = None,
    new_default: Hashable = None,
    several: bool = False,
    domain: Domain = ANY_TEXT,
    limits: Limits | None = None,
) -> Comparison:
    """For each pair of deciding rules, a shortest subject for which two lists have other outcomes.

    Neighbouring rules with the same outcome count as one rule, and trailing rules with the default
    outcome count as the default. If no rule matches, the outcome is the default. `several`: a
    subject is any number of texts, and a rule matches it if it matches one of them, as with the
    names of a process's ancestors; so the order of two rules can matter even if no text matches
    both.

    Raises: RegexSyntaxError.
    """
    lists = _RuleList(old, old_default, 0), _RuleList(new, new_default, len(old))
    return _Comparer(*lists, several, domain, limits or Limits()).compare()


class _RuleList:
    """One list, split into runs of rules with the same outcome.

    The last run is that of the default: any rules with that outcome at the end of the list, and the
    case that no rule matches.
    """

    def __init__(self, cases: Sequence[Case], default: Hashable, offset: int) -> None:
        self.patterns = [pattern for pattern, _ in cases]
        self._offset = offset
        self.outcomes: list[Hashable] = []
        self._starts: list[int] = []
        for index, outcome in enumerate([*(outcome for _, outcome in cases), default]):
            if not self.outcomes or self.outcomes[-1] != outcome:
                self.outcomes.append(outcome)
                self._starts.append(index)

    def before(self, run: int) -> range:
        """The patterns before a run; numbers start at `offset`."""
        return range(self._offset, self._offset + self._starts[run])

    def deciding(self, run: int) -> list[range]:
        """The patterns, one of which must match if the run decides; empty for the default."""
        if run == len(self._starts) - 1:
            return []
        return [range(self._offset + self._starts[run], self._offset + self._starts[run + 1])]

    def decider(self, texts: PatternSet, subject: Sequence[str]) -> int | None:
        """The first rule that matches, according to the matcher."""
        return next(
            (
                index
                for index in range(len(self.patterns))
                if any(texts.matches(self._offset + index, text) for text in subject)
            ),
            None,
        )


class _Comparer:
    def __init__(
        self, old: _RuleList, new: _RuleList, several: bool, domain: Domain, limits: Limits
    ) -> None:
        self._old, self._new = old, new
        self._several = several
        self._texts = PatternSet([*old.patterns, *new.patterns], domain, limits)
        self._pool = Budget(limits.total)
        self._certain = True

    def compare(self) -> Comparison:
        found: list[Difference] = []
        for old_run, outcome in enumerate(self._old.outcomes):
            for new_run, other in enumerate(self._new.outcomes):
                if outcome == other:
                    continue
                subject = self._subject(old_run, new_run)
                if subject is not None:
                    found.append(self._difference(subject))
        found.sort(key=lambda difference: _length(difference.texts))
        return Comparison(
            equivalent=False if found else True if self._certain else None,
            differences=tuple(found),
            complete=self._certain,
        )

    def _subject(self, old_run: int, new_run: int) -> tuple[str, ...] | None:
        """A shortest subject for which these two runs decide."""
        earlier = [*self._old.before(old_run), *self._new.before(new_run)]
        deciding = [*self._old.deciding(old_run), *self._new.deciding(new_run)]
        if not self._several:
            return self._texts_for([deciding], earlier)
        if len(deciding) < 2:
            return self._texts_for([[run] for run in deciding], earlier)
        together = self._texts_for([deciding], earlier)
        bound = None if together is None else _length(together)
        return self._texts_for([[run] for run in deciding], earlier, bound) or together

    def _texts_for(
        self, conditions: list[list[range]], earlier: list[int], bound: int | None = None
    ) -> tuple[str, ...] | None:
        """A shortest text for each condition, if together they are shorter than `bound`."""
        answers: list[Answer] = []
        for all_of in conditions:
            budget = self._texts.budget(self._pool)
            answer = self._texts.find(all_of, earlier, shorter_than=bound, budget=budget)
            if answer == NONE:
                return None
            answers.append(answer)
        texts = tuple(answer.text for answer in answers if answer.text is not None)
        if len(texts) < len(answers):
            self._certain = False
            return None
        return texts if bound is None or _length(texts) < bound else None

    def _difference(self, subject: tuple[str, ...]) -> Difference:
        return Difference(
            texts=subject,
            old=self._old.decider(self._texts, subject),
            new=self._new.decider(self._texts, subject),
        )


def _length(texts: Sequence[str]) -> int:
    return sum(map(len, texts))
