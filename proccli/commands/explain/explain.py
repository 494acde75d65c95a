"""Why chosen processes, real or made up, get the outcome they get."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from proccli.agent.decision import decide
from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.agent.process import AgentProcess, all_ancestors
from proccli.agent.trace import trace_rules
from proccli.commands.inputs import InputOptions, open_inputs
from proccli.commands.warnings import incomplete, outcome_notes, unseen_by_us
from proccli.errors import NoSuchProcess, ProccliError
from proccli.model.config import Config
from proccli.model.explanation import Ancestor, Explanation, FeatureOutcome
from proccli.model.note import Note
from proccli.model.outcome import Outcome
from proccli.model.process import SHOWN_FIELDS, Host, TagTable
from proccli.sources.made_up import MadeUp, made_up_source
from proccli.text import visible
from proccli.versions import FEATURES


class ExplainResult(NamedTuple):
    """Explanations in the order asked for, with what they rest on."""

    host: Host
    config: Config
    explanations: tuple[Explanation, ...]
    notes: tuple[Note, ...]

    @property
    def incomplete(self) -> bool:
        """Whether something that the agent would know is unknown here."""
        outcomes = [one.outcome for one in self.explanations]
        return incomplete(self.notes, {"sockets", "owners"}, outcomes=outcomes)


_SHOWN: Final = 10
"""Pids in the message about an ambiguous name."""


class Candidate(NamedTuple):
    """A process that an ambiguous name may mean."""

    pid: int
    process_name: str
    cmdline: str


class AmbiguousName(ProccliError):  # noqa: N818 - named for what is wrong
    """Several processes have this name."""

    exit_code = 2

    def __init__(self, name: str, candidates: Sequence[Candidate]) -> None:
        pids = ", ".join(str(candidate.pid) for candidate in candidates[:_SHOWN])
        more = ", …" if len(candidates) > _SHOWN else ""
        super().__init__(
            f"{len(candidates)} processes are named {visible(name)}; give a pid",
            hint=f"pid: {pids}{more}",
        )
        self.name = name
        self.candidates = tuple(candidates)


def explain_pids(inputs: Inputs, pids: Sequence[int]) -> ExplainResult:
    """Explanations of these processes; reads them and their ancestors only.

    Raises: NoSuchProcess, SourceError.
    """
    for pid in pids:
        inputs.source.read(pid)
    pipeline = Pipeline(inputs, SHOWN_FIELDS | {"fds"})
    host = inputs.source.host
    outcomes = pipeline.outcomes(pids)
    unseen: tuple[Note, ...] = ()
    if host.kind != "made-up":  # such processes have no sockets
        outcomes, unseen = _with_sockets(pipeline, outcomes)
    return ExplainResult(
        host=host,
        config=inputs.config,
        explanations=tuple(_explanation(pipeline, outcome) for outcome in outcomes),
        notes=(*inputs.notes, *outcome_notes(inputs.config, host, outcomes), *unseen),
    )


def _with_sockets(
    pipeline: Pipeline, outcomes: Sequence[Outcome]
) -> tuple[tuple[Outcome, ...], tuple[Note, ...]]:
    """The outcomes with the counts of their sockets, and warnings about sockets."""
    from proccli.agent.sockets.listed import collect_agent_sockets_of
    from proccli.agent.sockets.result import counts_by_pid

    pids = [outcome.process.pid for outcome in outcomes]
    sockets = collect_agent_sockets_of(pipeline, pids)
    counts = counts_by_pid(sockets, pids)
    counted = (outcome._replace(sockets=counts[outcome.process.pid]) for outcome in outcomes)
    return tuple(counted), unseen_by_us(sockets, pipeline.inputs.source.host)


def _explanation(pipeline: Pipeline, outcome: Outcome) -> Explanation:
    process = pipeline.agent_process(outcome.process.pid)
    assert process is not None  # noqa: S101 - each outcome is of one
    return Explanation(
        outcome=outcome,
        ancestors=tuple(
            Ancestor(
                pid=above.process.pid,
                process_name=above.texts.process_name.text if above.texts else None,
            )
            for above in all_ancestors(process.process, pipeline.agent_process)
        ),
        trace=trace_rules(process, pipeline.context),
        features=tuple(_other_features(pipeline, process)),
    )


def _other_features(pipeline: Pipeline, process: AgentProcess) -> Iterator[FeatureOutcome]:
    """What the process gets under each other feature that a matcher lists."""
    context = pipeline.context
    if context.config.dialect != "inputs.proc":
        return
    from proccli.agent.every_matcher import EveryMatcher

    if not isinstance(context.strategy, EveryMatcher):
        return
    listed = (name for rule in context.config.rules for name in rule.enabled_features)
    for feature in dict.fromkeys(listed):
        if feature == context.strategy.feature or feature not in FEATURES:
            continue
        other = context._replace(
            config=context.config._replace(feature=feature),
            strategy=context.strategy.of_feature(feature),
        )
        decision = decide(process, other)
        unknown = decision.status == "unknown"
        yield FeatureOutcome(
            feature=feature,
            taken=None if unknown else decision.taken,
            name=decision.name,
        )


def find_by_name(inputs: Inputs, name: str, options: InputOptions | None = None) -> int:
    """The pid of the one process of this name (process_name, else comm, else gprocess).

    proccli itself is not found. `options`, from which `inputs` were opened, are for the error.

    Raises: NoSuchProcess, AmbiguousName.
    """
    pipeline = Pipeline(inputs)
    live = inputs.source.host.kind == "live"
    pids = [pid for pid in inputs.source.pids() if not (live and pid == os.getpid())]
    processes = [process for pid in pids if (process := pipeline.agent_process(pid)) is not None]
    found = (
        [process for process in processes if _process_name(process) == name]
        or [process for process in processes if process.process.comm == name]
        or [process for process in processes if _gprocess(pipeline, process) == name]
    )
    if not found:
        raise NoSuchProcess(
            f"no {'' if inputs.source.host.sees_all else 'visible '}process is called"
            f" {visible(name)}",
            hint=None
            if options is None
            else f"to list all, run {options.command('scan')}; a pid works too",
        )
    if len(found) > 1:
        raise AmbiguousName(name, [_candidate(process) for process in found])
    return found[0].process.pid


def _process_name(process: AgentProcess) -> str | None:
    return process.texts.process_name.text if process.texts is not None else None


def _gprocess(pipeline: Pipeline, process: AgentProcess) -> str | None:
    outcome = pipeline.decided(process.process.pid)
    return outcome.gprocess if outcome is not None else None


def _candidate(process: AgentProcess) -> Candidate:
    return Candidate(
        pid=process.process.pid,
        process_name=_process_name(process) or process.process.comm or "",
        cmdline=process.texts.cmdline.text if process.texts is not None else "",
    )


def open_made_up(options: InputOptions, made_up: MadeUp) -> Inputs:
    """The inputs of a made-up process: no process is read, whatever os-proc-root says.

    A snapshot gives its time and the environment of its agent.

    Raises: UsageError, ConfigError, SourceError.
    """
    source = None if options.snapshot else made_up_source(made_up, time.time_ns())
    return open_inputs(options, with_tags=False, source=source)


def explain_made_up(inputs: Inputs, made_up: MadeUp) -> ExplainResult:
    """The explanation of a process that exists only in the question (pid 0 in the result).

    Its tags are those of the question: `inputs.tags` is about other processes.
    """
    source = made_up_source(made_up, inputs.source.host.taken_at_ns)
    entries = {0: made_up.tags} if made_up.tags else {}
    tags = TagTable(entries=entries, known=True, origin="--tag")
    result = explain_pids(inputs._replace(source=source, tags=tags), [0])
    first, *others = made_up.argv or ("",)
    if first.endswith(":") and others:
        note = Note.of("title-as-arguments", first=first, title=" ".join(made_up.argv))
        return result._replace(notes=(*result.notes, note))
    return result
