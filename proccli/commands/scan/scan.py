"""Every process of a source, with what the agent makes of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.agent.sockets.collect import collect_sockets
from proccli.agent.sockets.result import counts_by_pid
from proccli.commands.completeness import incomplete
from proccli.commands.socket_warnings import unseen_by_us
from proccli.commands.warnings import outcome_notes
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.outcome import Outcome, Status
from proccli.model.process import ALL_FIELDS, Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How many processes came to which end."""

    total: int
    accepted: int
    dropped: int
    skipped: int
    unknown: int
    reported: int
    """What would be sent: the accepted ones, or 0 with sync disabled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """Outcomes sorted by pid, with what they rest on."""

    host: Host
    config: Config
    outcomes: tuple[Outcome, ...]
    notes: tuple[Note, ...]

    @property
    def summary(self) -> Summary:
        """Counts over all outcomes."""
        by_status: Counter[Status] = Counter(outcome.status for outcome in self.outcomes)
        return Summary(
            total=len(self.outcomes),
            accepted=by_status["accepted"],
            dropped=by_status["dropped"],
            skipped=by_status["skipped"],
            unknown=by_status["unknown"],
            reported=by_status["accepted"] if self.config.sync_enabled else 0,
        )

    @property
    def hits_by_rule(self) -> dict[int, int]:
        """Processes by the index of the rule that decided; 0 is the implicit accept.

        Rules that nothing hit are there with 0.
        """
        hits = {rule.index: 0 for rule in self.config.rules} | {0: 0}
        for outcome in self.outcomes:
            if outcome.decided_by is not None:
                hits[outcome.decided_by] += 1
        return hits

    @property
    def incomplete(self) -> bool:
        """Whether something that the agent would know is unknown here."""
        return incomplete(self.notes, {"sockets", "owners"}, outcomes=self.outcomes)


def scan(inputs: Inputs) -> ScanResult:
    """What the agent makes of every process of the source.

    Raises: SourceError.
    """
    outcomes = Pipeline(inputs, ALL_FIELDS | {"fds"}).outcomes(inputs.source.pids())
    host = inputs.source.host
    sockets = collect_sockets(outcomes, inputs.source, inputs.config.min_lifetime_s)
    counts = counts_by_pid(sockets, (outcome.process.pid for outcome in outcomes))
    unseen = unseen_by_us(sockets, host)
    return ScanResult(
        host=host,
        config=inputs.config,
        outcomes=tuple(
            replace(outcome, sockets=counts[outcome.process.pid]) for outcome in outcomes
        ),
        notes=(*inputs.notes, *outcome_notes(inputs.config, host, outcomes), *unseen),
    )
