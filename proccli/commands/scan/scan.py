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
from proccli.commands.warnings import verdict_notices
from proccli.model.config import Config
from proccli.model.notice import Notice
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
    """Verdicts sorted by pid, with what they rest on."""

    host: Host
    config: Config
    verdicts: tuple[Outcome, ...]
    notices: tuple[Notice, ...]

    @property
    def summary(self) -> Summary:
        """Counts over all verdicts."""
        by_status: Counter[Status] = Counter(verdict.status for verdict in self.verdicts)
        return Summary(
            total=len(self.verdicts),
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
        for verdict in self.verdicts:
            if verdict.decided_by is not None:
                hits[verdict.decided_by] += 1
        return hits

    @property
    def incomplete(self) -> bool:
        """Whether something that the agent would know is unknown here."""
        return incomplete(self.notices, {"sockets", "owners"}, verdicts=self.verdicts)


def scan(inputs: Inputs) -> ScanResult:
    """What the agent makes of every process of the source.

    Raises: SourceError.
    """
    verdicts = Pipeline(inputs, ALL_FIELDS | {"fds"}).outcomes(inputs.source.pids())
    host = inputs.source.host
    sockets = collect_sockets(verdicts, inputs.source, inputs.config.min_lifetime_s)
    counts = counts_by_pid(sockets, (verdict.process.pid for verdict in verdicts))
    unseen = unseen_by_us(sockets, host)
    return ScanResult(
        host=host,
        config=inputs.config,
        verdicts=tuple(
            replace(verdict, sockets=counts[verdict.process.pid]) for verdict in verdicts
        ),
        notices=(*inputs.notices, *verdict_notices(inputs.config, host, verdicts), *unseen),
    )
