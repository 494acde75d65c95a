"""Looks at the sockets of a source: one, or a second one when their ages have settled."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.agent.sockets.collect import SocketSample, collect_sockets
from proccli.model.config import Notice
from proccli.model.outcome import Outcome
from proccli.model.sockets import Socket
from proccli.model.source import Source
from proccli.recording import open_source
from proccli.sources.observed import Observations, ObservedSource, first_seen_by_socket

DEFAULT_MAX_WAIT_S = 10.0


def _sleep(seconds: float, _undecided: int) -> None:
    time.sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitPolicy:
    """How long the ages of sockets are worth waiting for."""

    no_wait: bool = False
    max_wait_s: float = DEFAULT_MAX_WAIT_S
    wait: Callable[[float, int], None] = _sleep
    """Waits so many seconds for so many sockets."""


NO_WAIT = WaitPolicy(no_wait=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was seen at one moment."""

    inputs: Inputs
    """With the source that was looked at."""
    verdicts: tuple[Outcome, ...]
    """Without tags and users, which the pipeline adds."""
    pipeline: Pipeline
    sockets: SocketSample
    notices: tuple[Notice, ...] = ()
    """Why ages can't be told."""

    @property
    def too_new_to_tell(self) -> Sequence[Socket]:
        """The sockets whose fate hangs on their age."""
        return [
            socket
            for socket in self.sockets.sockets
            if socket.status == "undecided" and socket.reason == "min-lifetime"
        ]


def take_sample(inputs: Inputs) -> Sample:
    """All processes and sockets of a source, as they are now. Raises: SourceError."""
    pipeline = Pipeline(inputs)
    pids = inputs.source.pids()
    verdicts = tuple(found for pid in pids if (found := pipeline.decided(pid)) is not None)
    sockets = collect_sockets(verdicts, inputs.source, inputs.config.min_lifetime_s)
    return Sample(inputs=inputs, verdicts=verdicts, pipeline=pipeline, sockets=sockets)


def take_settled_sample(
    inputs: Inputs, wait_policy: WaitPolicy, *remembered: Observations
) -> Sample:
    """A look at a source, and on a live machine a second one if the first leaves ages open.

    The second is as long after the first as the youngest open socket needs to reach the minimum
    lifetime, at most `max_wait_s`; then processes, rules and ages are those of the second. Where
    that would settle nothing, nobody waits. `remembered` is what earlier runs saw of the sockets.

    Raises: SourceError.
    """
    first = take_sample(_remembering(inputs, inputs.source, remembered))
    undecided = first.too_new_to_tell
    if not undecided:
        return first
    if inputs.source.host.kind != "live":
        return _told(first, "this snapshot was taken with one look")
    if wait_policy.no_wait:
        return _told(first, "there was one look only (--no-wait)")
    lacking = [inputs.config.min_lifetime_s - (socket.age_s or 0) for socket in undecided]
    too_long = (
        f"os-proc-socket-min-lifetime is {inputs.config.min_lifetime_s} s,"
        f" and --max-wait {wait_policy.max_wait_s:g} s"
    )
    if min(lacking) > wait_policy.max_wait_s:
        return _told(first, too_long)
    wait_policy.wait(min(max(lacking), wait_policy.max_wait_s), len(undecided))
    host = inputs.source.host
    earlier = Observations(
        first_seen_ns=first_seen_by_socket(inputs.source),
        age_source="observed",
        observed_since_ns=host.taken_at_ns,
    )
    again = open_source(None, host.proc_root)
    return _told(take_sample(_remembering(inputs, again, (*remembered, earlier))), too_long)


def _remembering(inputs: Inputs, source: Source, observations: Sequence[Observations]) -> Inputs:
    return replace(inputs, source=ObservedSource(source, *observations) if observations else source)


def _told(seen: Sample, why: str) -> Sample:
    undecided = len(seen.too_new_to_tell)
    if not undecided:
        return seen
    what = "1 socket" if undecided == 1 else f"{undecided:,} sockets"
    message = f"the age of {what} can't be told, and so whether the agent sends it: {why}"
    return replace(seen, notices=(Notice(code="age-unknown", message=message),))
