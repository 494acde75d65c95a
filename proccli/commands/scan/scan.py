"""Every process of a source, with its outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline, Progress, sends
from proccli.agent.sockets.collect import count_sockets
from proccli.agent.sockets.listed import read_agent_sockets
from proccli.commands.warnings import (
    Totals,
    incomplete,
    outcome_notes,
    unseen_by_us,
)
from proccli.errors import UsageError
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.outcome import Outcome, Reason, Status
from proccli.model.process import SHOWN_FIELDS, Host


class Summary(NamedTuple):
    """The number of processes by outcome."""

    total: int
    accepted: int
    dropped: int
    skipped: int
    unknown: int
    reported: int | None
    """What would be sent: the accepted ones, or 0 with sync disabled; None: not known, because the
    source does not show all processes."""


Reasons: TypeAlias = Counter[tuple[Status, Reason]]


class ScanTotals(Totals):
    """What the scans of one or several sources add up to."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.summary = Summary(0, 0, 0, 0, 0, 0)
        self.hits_by_rule = hits_by_rule(config, ())
        self.reasons: Reasons = Counter()
        self.sends = False
        """Whether the agent of any host sends the accepted processes."""

    def add(self, result: ScanResult) -> None:
        """Add the scan of one more source, without its host."""
        self.summary = add_summaries(self.summary, result.summary)
        for index, hits in result.hits_by_rule.items():
            self.hits_by_rule[index] = self.hits_by_rule.get(index, 0) + hits
        self.reasons.update(result.reasons)
        self.sends = self.sends or result.sends
        self.add_notes(result.host, result.notes, incomplete=result.incomplete)


class ScanResult(NamedTuple):
    """Outcomes sorted by pid, with what they rest on."""

    host: Host
    config: Config
    outcomes: tuple[Outcome, ...]
    notes: tuple[Note, ...]
    sends: bool
    """Whether the agent sends the accepted processes."""

    @property
    def summary(self) -> Summary:
        """Counts over all outcomes."""
        by_status: Counter[Status] = Counter(outcome.status for outcome in self.outcomes)
        reported = by_status["accepted"] if self.host.sees_all else None
        return Summary(
            total=len(self.outcomes),
            accepted=by_status["accepted"],
            dropped=by_status["dropped"],
            skipped=by_status["skipped"],
            unknown=by_status["unknown"],
            reported=reported if self.sends else 0,
        )

    @property
    def totals(self) -> ScanTotals:
        """The same result, as that of the only source."""
        totals = ScanTotals(self.config)
        totals.hosts.append(self.host)
        totals.add(self)
        return totals

    @property
    def reasons(self) -> Reasons:
        """The number of processes by status and reason."""
        return Counter((outcome.status, outcome.reason) for outcome in self.outcomes)

    @property
    def hits_by_rule(self) -> dict[int, int]:
        """Processes by the index of the rule that decided; 0 is the implicit accept.

        Rules that nothing hit are there with 0.
        """
        return hits_by_rule(self.config, self.outcomes)

    @property
    def incomplete(self) -> bool:
        """Whether something that the agent would know is unknown here."""
        return incomplete(self.notes, {"processes", "sockets", "owners"}, outcomes=self.outcomes)


def add_summaries(one: Summary, other: Summary) -> Summary:
    """The counts of both."""
    known = one.reported is not None and other.reported is not None
    return Summary(
        total=one.total + other.total,
        accepted=one.accepted + other.accepted,
        dropped=one.dropped + other.dropped,
        skipped=one.skipped + other.skipped,
        unknown=one.unknown + other.unknown,
        reported=(one.reported or 0) + (other.reported or 0) if known else None,
    )


def hits_by_rule(config: Config, outcomes: Iterable[Outcome]) -> dict[int, int]:
    """Processes by the index of the rule that decided, 0 for the implicit accept; also rules that
    decided nothing."""
    hits = {rule.index: 0 for rule in config.rules} | {0: 0}
    for outcome in outcomes:
        if outcome.decided_by is not None:
            hits[outcome.decided_by] += 1
    return hits


def scan(inputs: Inputs, progress: Progress | None = None) -> ScanResult:
    """What the agent makes of every process of the source.

    Raises: SourceError.
    """
    pipeline = Pipeline(inputs, SHOWN_FIELDS | {"fds"}, progress)
    decided = tuple(pipeline.decided_all(inputs.source.pids()))
    host = inputs.source.host
    reading = read_agent_sockets(pipeline, decided)
    outcomes = tuple(pipeline.completed(decided, count_sockets(reading)))
    unseen = unseen_by_us(reading, host)
    return ScanResult(
        host=host,
        config=inputs.config,
        outcomes=outcomes,
        notes=(*inputs.notes, *outcome_notes(inputs.config, host, outcomes), *unseen),
        sends=sends(inputs.config, inputs.tags),
    )


Row = TypeVar("Row")
SortKey: TypeAlias = Literal["pid", "name", "rule", "status", "uptime", "user"]

_BY_STATUS: dict[Status, int] = {"accepted": 0, "dropped": 1, "skipped": 2, "unknown": 3}


class Selection(NamedTuple):
    """What a user asks to see. Questions that are not asked are empty; a process has to answer
    every question that is, each with any one of the values given."""

    statuses: Collection[Status] = ()
    rules: Collection[int] = ()
    """Indices of the rule that decided; 0 is the implicit accept."""
    names: Sequence[str] = ()
    """Globs for the gprocess or the process_name."""
    users: Sequence[str] = ()
    """User names or uids."""
    tags: Sequence[tuple[str, str]] = ()
    """A key, with or without its `os.app.`, and a glob for the value."""
    unmatched: bool = False
    """Only what no rule hit, and fell through to the implicit accept."""
    sort: SortKey = "pid"
    reverse: bool = False

    def of(self, outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
        """The outcomes to show, in order; processes without a value for the sort key are last."""
        chosen = sorted(
            (outcome for outcome in outcomes if self._asks_for(outcome)),
            key=lambda outcome: outcome.process.pid,
        )
        return tuple(self.ordered(chosen, lambda outcome: outcome))

    def ordered(self, rows: Sequence[Row], outcome_of: Callable[[Row], Outcome]) -> list[Row]:
        """Rows in the order of their outcomes."""
        key = _SORT_KEYS[self.sort]
        values = [(key(outcome_of(row)), row) for row in rows]
        known = [pair for pair in values if pair[0] is not None]
        known.sort(key=lambda pair: pair[0], reverse=self.reverse)
        return [row for _, row in (*known, *(pair for pair in values if pair[0] is None))]

    def check(self, config: Config) -> None:
        """Raises: UsageError if it asks for a rule that the configuration doesn't have."""
        last = len(config.rules)
        for index in self.rules:
            if not 0 <= index <= last:
                there = f"rules 1 to {last}" if last > 1 else "1 rule" if last else "no rules"
                raise UsageError(f"there is no rule {index}: the configuration has {there}")

    def _asks_for(self, outcome: Outcome) -> bool:
        return (
            (not self.statuses or outcome.status in self.statuses)
            and (not self.rules or outcome.decided_by in self.rules)
            and (not self.unmatched or outcome.decided_by == 0 or outcome.reason == "no-match")
            and (not self.names or _any(self.names, outcome.gprocess, outcome.process_name))
            and (not self.users or _has_user(outcome, self.users))
            and (not self.tags or _has_tag(outcome, self.tags))
        )


def _any(globs: Iterable[str], *names: str | None) -> bool:
    return any(
        fnmatchcase(name, pattern) for pattern in globs for name in names if name is not None
    )


def _has_user(outcome: Outcome, users: Collection[str]) -> bool:
    return outcome.user in users or str(outcome.process.uid) in users


def _has_tag(outcome: Outcome, wanted: Iterable[tuple[str, str]]) -> bool:
    return any(
        tag.key == key.removeprefix("os.app.") and fnmatchcase(tag.value, value)
        for tag in outcome.tags or ()
        for key, value in wanted
    )


_SORT_KEYS: dict[SortKey, Callable[[Outcome], Any]] = {
    "pid": lambda outcome: outcome.process.pid,
    "name": lambda outcome: outcome.process_name if outcome.gprocess is None else outcome.gprocess,
    "rule": lambda outcome: outcome.decided_by,
    "status": lambda outcome: _BY_STATUS[outcome.status],
    "uptime": lambda outcome: outcome.uptime_s,
    "user": lambda outcome: outcome.user,
}
