"""What the agent decides about a process, and each rule's part in it."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from proccli.model.config import Rule
from proccli.model.process import Process, TextSpan

Status: TypeAlias = Literal["accepted", "dropped", "skipped", "unknown"]
Reason: TypeAlias = Literal[
    "rule",
    "implicit-accept",
    "ancestor",
    "no-match",
    "ignore-matcher",
    "blacklisted",
    "invisible",
    "no-start-time",
    "reported-as-ancestor",
    "no-cmdline",
    "cmdline-not-utf8",
    "no-name",
    "min-lifetime",
    "future-start",
    "untagged",
    "unreadable",
    "tags-unknown",
    "masked",
    "env-unknown",
    "not-recorded",
]


class Tag(NamedTuple):
    """One business tag of a process; `from_pid` is the ancestor it was inherited from."""

    key: str
    value: str
    from_pid: int

    @property
    def name(self) -> str:
        """The label that it becomes in a query."""
        return f"os.app.{self.key}"


class SocketCounts(NamedTuple):
    """A process's sockets: sent, not sent, and those of which it is not known."""

    synced: int
    skipped: int
    undecided: int


class Outcome(NamedTuple):
    """What the agent decides about one process, and why."""

    process: Process
    status: Status
    reason: Reason
    process_name: str | None
    """The agent's name for it; None where it has none, or where it is not known."""
    cmdline: str | None
    """The pieces that the agent sees, joined by one space."""
    rule: Rule | None
    """The rule that decided; None for the implicit accept and where no rule was tried."""
    hits: tuple[int, ...]
    """The rules that matched as far as they were tried; where every matcher runs, those that took
    the process."""
    gprocess: str | None
    tags: tuple[Tag, ...] | None
    """None: not known."""
    start_s: int | None
    """Seconds since the epoch, from whole-number arithmetic."""
    uptime_s: int | None
    agent_uptime_s: int | None
    """The same from the agent's 32-bit floats."""
    agent_start_s: int | None
    user: str | None = None
    container_id: str | None = None
    sockets: SocketCounts | None = None
    taken: bool | None = None
    """inputs.proc: whether the pid is in the list that the feature publishes; None: not known, or
    static_config."""
    reported_pid: int | None = None
    """inputs.proc: the ancestor whose data are published in place of the process's own."""
    stands_for: tuple[int, ...] | None = None
    """inputs.proc: the processes in whose place this one's data are published."""

    @property
    def decided_by(self) -> int | None:
        """The index of the rule that decided, 0 for the implicit accept; None for a process on
        which no rule was tried, or of which the decision is unknown."""
        if self.rule is not None:
            return self.rule.index
        return 0 if self.reason in ("implicit-accept", "untagged") else None


# ---- why ------------------------------------------------------------------------------------

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
