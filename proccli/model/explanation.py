"""Why an outcome is what it is: each rule's part in it."""

# Annotations are not strings here: a NamedTuple compiles each string, at every start of proccli.

from typing import Literal, NamedTuple, TypeAlias

from proccli.model.config import Rule
from proccli.model.outcome import Outcome
from proccli.model.process import TextSpan

RuleOutcome: TypeAlias = Literal[
    "hit",
    "no-match",
    "not-reached",
    "ignored",
    "unknown",
    "held-back",
    "ignored-before",
    "inert",
]
"""The last three, of inputs.proc: a requirement of the matcher is not met; an earlier ignore
matcher hit; the matcher does not belong to the feature."""
Requirement: TypeAlias = Literal["container", "tag"]
Effect: TypeAlias = Literal["takes", "names", "overridden", "ignores"]
"""What a matcher that hit does to the outcome: it takes the process, and its name stands, or a
later matcher's name replaces its own; or it keeps later matchers from taking the process."""


class GroupMatch(NamedTuple):
    """A capture group after a match; `text` and `span` are None where it did not participate."""

    index: int  # type: ignore[assignment]  # the field hides the method of tuples
    name: str | None
    text: str | None
    span: TextSpan | None


class Replacement(NamedTuple):
    """One match that a rewrite replaced, and the replacement."""

    span: TextSpan
    text: str


class RewriteTrace(NamedTuple):
    """How rewrite-name became a name."""

    template: str
    expanded: str | None
    """With %NAME% replaced, before groups are; None: the value of a variable is not known."""
    unset_env: tuple[str, ...]
    unknown_env: tuple[str, ...]
    """Names that may or may not be set: the environment is not completely known."""
    missing_groups: tuple[str, ...]
    """References to groups that the pattern doesn't have: they expand to nothing."""
    replacements: tuple[Replacement, ...]
    result: str | None
    """None: not known (a masked text, or an environment that a recording doesn't carry)."""
    of_match_alone: bool = False
    """Whether the text around the match is lost, and not kept as part of the name."""


class NearMiss(NamedTuple):
    """How much of a pattern matched that did not match as a whole."""

    matched_prefix: str
    """The leading part of the pattern that does match, as written."""
    span: TextSpan
    """Where it matched in the subject."""
    expected: str
    """The rest of the pattern, which did not match."""
    subject: str
    subject_pid: int | None


class RuleTrace(NamedTuple):
    """One rule's part in an outcome."""

    rule: Rule
    outcome: RuleOutcome
    would_match: bool | None
    subject: str | None
    """The text that was tried; None where there is none (no ancestor or tag matched)."""
    subject_pid: int | None
    span: TextSpan | None = None
    groups: tuple[GroupMatch, ...] = ()
    rewrite: RewriteTrace | None = None
    near_miss: NearMiss | None = None
    also_matches: tuple[str, ...] = ()
    """Other match types under which the same pattern would have matched."""
    error: str | None = None
    requirement: Requirement | None = None
    """What the process lacks where the outcome is `held-back`."""
    effect: Effect | None = None
    by: int | None = None
    """The matcher that replaces the name (`overridden`), or that removed the process
    (`ignored-before`)."""


class Ancestor(NamedTuple):
    """A process above another; `process_name` is None where it can't be read or has none."""

    pid: int
    process_name: str | None


class FeatureOutcome(NamedTuple):
    """What another feature of `inputs.proc` does with a process."""

    feature: str
    taken: bool | None
    """Whether its pid is in the feature's list; None: not known."""
    name: str | None
    """The name in the feature's data; None: they are not published, or not known."""


class Explanation(NamedTuple):
    """An outcome with everything that led to it."""

    outcome: Outcome
    ancestors: tuple[Ancestor, ...]
    """Nearest first."""
    trace: tuple[RuleTrace, ...]
    features: tuple[FeatureOutcome, ...] = ()
    """Of the other features that a matcher lists, in the order of the matchers."""
