"""What the agent makes of a process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from proccli.model.config import Rule
from proccli.model.process import Process

Status: TypeAlias = Literal["accepted", "dropped", "skipped", "unknown"]
Reason: TypeAlias = Literal[
    "rule",
    "implicit-accept",
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
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """One business tag of a process; `from_pid` is the ancestor it was inherited from."""

    key: str
    value: str
    from_pid: int

    @property
    def name(self) -> str:
        """The label that it becomes in a query."""
        return f"os.app.{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketCounts:
    """A process's sockets: sent, not sent, and of an age that can't be told yet."""

    synced: int
    skipped: int
    undecided: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the agent makes of one process, and why."""

    process: Process
    status: Status
    reason: Reason
    process_name: str | None
    """Its name for the agent; None where it has none, or where it can't be known."""
    cmdline: str | None
    """The pieces that the agent sees, joined by one space."""
    rule: Rule | None
    """The rule that decided; None for the implicit accept and for processes no rule looked at."""
    hits: tuple[int, ...]
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

    @property
    def decided_by(self) -> int | None:
        """The index of the rule that decided, 0 for the implicit accept; None for a process that
        never got that far."""
        if self.rule is not None:
            return self.rule.index
        return 0 if self.reason in ("implicit-accept", "untagged") else None
