"""Every process of a source, with its outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

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
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.outcome import Outcome, Reason, Status
from proccli.model.process import SHOWN_WITH_SOCKETS, Host


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
    pipeline = Pipeline(inputs, SHOWN_WITH_SOCKETS, progress)
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
