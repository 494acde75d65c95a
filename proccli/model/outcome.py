"""What the agent decides about a process."""

# Annotations are not strings here: a NamedTuple compiles each string, at every start of proccli.

from typing import Literal, NamedTuple, TypeAlias

from proccli.model.config import Rule
from proccli.model.process import Process

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
