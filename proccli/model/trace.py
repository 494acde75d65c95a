"""Why: one rule's part in a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from proccli.model.config import Rule
from proccli.model.outcome import Outcome
from proccli.model.process import TextSpan

RuleOutcome: TypeAlias = Literal["hit", "no-match", "not-reached", "ignored", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMatch:
    """A capture group after a match; `text` and `span` are None where it took no part."""

    index: int
    name: str | None
    text: str | None
    span: TextSpan | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """One match that a rewrite replaced, and what came in its place."""

    span: TextSpan
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteTrace:
    """How rewrite-name became a name."""

    template: str
    expanded: str | None
    """With %NAME% replaced, before the groups are; None: a variable is not known."""
    unset_env: tuple[str, ...]
    unknown_env: tuple[str, ...]
    """Names that may or may not be set: the environment is not known whole."""
    missing_groups: tuple[str, ...]
    """References to groups that the pattern doesn't have: they expand to nothing."""
    replacements: tuple[Replacement, ...]
    result: str | None
    """None: not known (a masked text, or an environment that a recording doesn't carry)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """How far a pattern got that did not match."""

    matched_prefix: str
    """The leading part of the pattern that does match, as written."""
    span: TextSpan
    """Where it matched in the subject."""
    expected: str
    """The rest of the pattern, which would have had to follow."""
    subject: str
    subject_pid: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTrace:
    """One rule's part in a verdict."""

    rule: Rule
    outcome: RuleOutcome
    would_match: bool | None
    subject: str | None
    """The text that was tested; None where there is none (no ancestor or tag that matched)."""
    subject_pid: int | None
    span: TextSpan | None = None
    groups: tuple[GroupMatch, ...] = ()
    rewrite: RewriteTrace | None = None
    near_miss: NearMiss | None = None
    also_matches: tuple[str, ...] = ()
    """Other match types under which the same pattern would have matched."""
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestor:
    """A process above another; `process_name` is None where it can't be read or has none."""

    pid: int
    process_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A verdict with everything that led to it."""

    verdict: Outcome
    ancestors: tuple[Ancestor, ...]
    """Nearest first."""
    trace: tuple[RuleTrace, ...]
