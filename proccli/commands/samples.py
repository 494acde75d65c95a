"""Samples of a source's processes and sockets: one, or a second one when ages are known."""

# Annotations are not strings here: a NamedTuple compiles each string, at every start of proccli.

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.agent.sockets.collect import Reading, ages_that_decide
from proccli.agent.sockets.listed import read_agent_sockets
from proccli.model.note import Note
from proccli.model.outcome import Outcome
from proccli.model.process import SHOWN_FIELDS, Field, Process
from proccli.model.source import Source
from proccli.sources.observed import Observations, ObservedSource, first_seen_by_socket
from proccli.sources.opening import open_source

DEFAULT_MAX_WAIT_S = 10.0


def _sleep(seconds: float, _undecided: int) -> None:
    time.sleep(seconds)


class WaitPolicy(NamedTuple):
    """How long to wait for a second sample, which shows the ages of new sockets."""

    no_wait: bool = False
    max_wait_s: float = DEFAULT_MAX_WAIT_S
    wait: Callable[[float, int], None] = _sleep
    """Is called with the seconds to wait and the number of sockets of unknown age."""


NO_WAIT = WaitPolicy(no_wait=True)


class Sample(NamedTuple):
    """The processes and sockets of one moment."""

    inputs: Inputs
    """With the source that was read."""
    outcomes: tuple[Outcome, ...]
    """Without tags and users, which the pipeline adds."""
    pipeline: Pipeline
    sockets: Reading
    """Not joined yet: each command makes of them what it needs."""
    notes: tuple[Note, ...] = ()
    """Why ages are not known."""


def take_sample(inputs: Inputs, fields: frozenset[Field] = SHOWN_FIELDS) -> Sample:
    """All processes and sockets of a source, as they are now.

    `fields` are what the result needs of the processes. Raises: SourceError.
    """
    pipeline = Pipeline(inputs, fields | {"fds"})
    outcomes = tuple(pipeline.decided_all(inputs.source.pids()))
    return Sample(
        inputs=inputs,
        outcomes=outcomes,
        pipeline=pipeline,
        sockets=read_agent_sockets(pipeline, outcomes),
    )


def take_sample_with_ages(
    inputs: Inputs,
    wait_policy: WaitPolicy,
    *remembered: Observations,
    fields: frozenset[Field] = SHOWN_FIELDS,
) -> Sample:
    """A sample of a source, or on a live machine a second one if the first leaves ages unknown.

    The second follows when the youngest such socket has reached the minimum lifetime, or after
    `max_wait_s`; then processes, rules and ages are those of the second. There is none where it
    would not show any age. `remembered` is what earlier runs observed of the sockets. `fields` are
    what the result needs of the processes.

    Raises: SourceError.
    """
    first = take_sample(_remembering(inputs, inputs.source, remembered), fields)
    ages = ages_that_decide(first.sockets)
    if not ages:
        return first
    if inputs.source.host.kind != "live":
        return _with_unknown_ages(first, len(ages), "one-look")
    if wait_policy.no_wait:
        return _with_unknown_ages(first, len(ages), "no-wait")
    min_lifetime_s = inputs.config.min_lifetime_s
    if min_lifetime_s - max(ages) > wait_policy.max_wait_s:
        return _with_unknown_ages(first, len(ages), "max-wait", wait_policy)
    del first
    wait_policy.wait(min(min_lifetime_s - min(ages), wait_policy.max_wait_s), len(ages))
    host = inputs.source.host
    earlier = Observations(
        first_seen_ns=first_seen_by_socket(inputs.source),
        age_source="observed",
        observed_since_ns=host.taken_at_ns,
    )
    again = open_source(None, host.proc_root, inputs.jobs)
    second = take_sample(_remembering(inputs, again, (*remembered, earlier)), fields)
    unknown = len(ages_that_decide(second.sockets))
    return _with_unknown_ages(second, unknown, "max-wait", wait_policy) if unknown else second


def addresses_of(source: Source, processes: Iterable[Process]) -> Sequence[str] | None:
    """The IPv4 addresses of all network namespaces, each read from the first of its processes that
    shows them; None: no namespace could be read."""
    known: dict[int, Sequence[str]] = {}
    for process in processes:
        if process.netns is not None and process.netns not in known:
            found = source.addresses(process.pid)
            if found is not None:
                known[process.netns] = found
    return [address for found in known.values() for address in found] if known else None


def _remembering(inputs: Inputs, source: Source, observations: Sequence[Observations]) -> Inputs:
    return inputs._replace(source=ObservedSource(source, *observations) if observations else source)


def _with_unknown_ages(
    sample: Sample,
    sockets: int,
    why: Literal["one-look", "no-wait", "max-wait"],
    wait_policy: WaitPolicy = NO_WAIT,
) -> Sample:
    """A sample with a warning about so many sockets whose age stays unknown, and why."""
    min_lifetime_s = sample.inputs.config.min_lifetime_s
    note = Note.of(
        "age-unknown",
        sockets=sockets,
        why=why,
        key=sample.inputs.config.key("min_lifetime_s"),
        min_lifetime_s=min_lifetime_s,
        max_wait_s=wait_policy.max_wait_s,
    )
    return sample._replace(notes=(note,))
