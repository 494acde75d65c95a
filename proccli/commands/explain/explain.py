"""Why chosen processes, real or made up, get the outcome they get."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from proccli.agent.decision import decide
from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.agent.process import AgentProcess, all_ancestors, known_name
from proccli.agent.trace import trace_rules
from proccli.commands.inputs import InputOptions, open_inputs
from proccli.commands.warnings import Totals, incomplete, outcome_notes, unseen_by_us
from proccli.errors import NoSuchProcess, ProccliError
from proccli.model.config import Config
from proccli.model.explanation import Ancestor, Explanation, FeatureOutcome
from proccli.model.note import Note
from proccli.model.outcome import Outcome
from proccli.model.process import SHOWN_FIELDS, Field, Host, TagTable
from proccli.model.source import Source
from proccli.text import visible
from proccli.versions import FEATURES

if TYPE_CHECKING:
    from proccli.sources.made_up import MadeUp

_FIELDS: Final[frozenset[Field]] = SHOWN_FIELDS | {"fds"}
"""What explanations show of a process."""


class ExplainResult(NamedTuple):
    """Explanations in the order asked for, with what they rest on."""

    host: Host
    config: Config
    explanations: tuple[Explanation, ...]
    notes: tuple[Note, ...]
    groups: tuple[OutcomeGroup, ...] = ()
    """Processes that are not among the explanations, because they share names and outcomes."""
    missing: tuple[Target, ...] = ()
    """What was asked for and is not there."""
    alike: tuple[str, ...] = ()
    """Names that are similar to the missing ones."""

    @property
    def incomplete(self) -> bool:
        """Whether something that the agent would know is unknown here."""
        outcomes = [one.outcome for one in self.explanations]
        outcomes += [outcome for group in self.groups for outcome in group.outcomes]
        return incomplete(self.notes, {"sockets", "owners"}, outcomes=outcomes)


Target: TypeAlias = int | str
"""A pid, or a name or glob."""


class OutcomeGroup(NamedTuple):
    """The processes of a name with the same outcome, decided by the same rule."""

    name: str
    """As it was asked for."""
    outcomes: tuple[Outcome, ...]
    example: Explanation | None
    """Of the first process; None: an earlier source has an example of this outcome."""

    @property
    def key(self) -> GroupKey:
        """What equal groups of several sources have in common."""
        return _group_key(self.name, self.outcomes[0])


GroupKey: TypeAlias = tuple[object, ...]
"""The name that was asked for, and what the outcomes have in common."""


def _group_key(name: str, outcome: Outcome) -> GroupKey:
    return name, outcome.status, outcome.reason, outcome.decided_by


class OutcomeCount:
    """An `OutcomeGroup` on all hosts."""

    def __init__(self, on: ExplainResult, example: Explanation, pids: tuple[int, ...]) -> None:
        self.on = on
        """The result of the host of the example."""
        self.example = example
        self.pids = pids
        """The first ones, on the first host."""
        self.processes = 0
        self.hosts: dict[str, None] = {}
        self.names: dict[str, None] = {}
        """The different gprocesses."""


class ExplainTotals(Totals):
    """What the explanations of one or several sources add up to."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.shown: list[tuple[ExplainResult, Explanation]] = []
        self.by_name: dict[str, dict[GroupKey, OutcomeCount]] = {}
        """For each name, the counts by outcome."""
        self.explained: set[GroupKey] = set()
        """The groups that have an example."""
        self._missing: list[set[Target]] = []
        self._alike: dict[str, None] = {}

    def add(self, result: ExplainResult) -> None:
        """Add the explanations of one more source, without its host."""
        self.add_notes(result.host, result.notes, incomplete=result.incomplete)
        self.shown.extend((result, explanation) for explanation in result.explanations)
        self._missing.append(set(result.missing))
        self._alike.update(dict.fromkeys(result.alike))
        host = result.host.name or result.host.proc_root
        for group in result.groups:
            counts = self.by_name.setdefault(group.name, {})
            if group.example is not None and group.key not in counts:
                pids = tuple(one.process.pid for one in group.outcomes[:_SHOWN])
                counts[group.key] = OutcomeCount(result, group.example, pids)
                self.explained.add(group.key)
            count = counts[group.key]
            count.processes += len(group.outcomes)
            count.hosts[host] = None
            count.names.update((one.gprocess or "", None) for one in group.outcomes)

    def not_found(self) -> NoSuchProcess | None:
        """The error for the first target that no source has."""
        for target in self._missing[0] if self._missing else ():
            if all(target in missing for missing in self._missing):
                hosts = len(self._missing)
                where = "process" if isinstance(target, str) else f"in {hosts} sources"
                return no_such_process(target, where, tuple(self._alike), None)
        return None


_SHOWN: Final = 10
"""Pids in the message about an ambiguous name, and of a group of processes."""


class AmbiguousName(ProccliError):  # noqa: N818 - named for what is wrong
    """Several processes have this name."""

    exit_code = 2

    def __init__(self, name: str, found: Sequence[int]) -> None:
        pids = ", ".join(map(str, found[:_SHOWN]))
        more = ", …" if len(found) > _SHOWN else ""
        super().__init__(
            f"{len(found)} processes are named {visible(name)}; give a pid",
            hint=f"pid: {pids}{more}",
        )
        self.pids = tuple(found)


def explain_targets(
    inputs: Inputs,
    targets: Sequence[Target],
    *,
    grouped: bool,
    explained: Collection[GroupKey] | None = None,
) -> ExplainResult:
    """Explanations of these pids, and of all processes that have one of these names or match one
    of these globs.

    `grouped`: several processes of a name become groups, of which one process each is explained.
    `explained`: for several sources, the groups that earlier ones have an example of; then all
    names become groups.

    Raises: SourceError.
    """
    source = inputs.source
    single: list[int] = []
    groups: list[tuple[str, list[int]]] = []
    missing: list[Target] = []
    search = _NameSearch(inputs) if any(isinstance(target, str) for target in targets) else None
    for target in targets:
        if isinstance(target, int) or search is None:
            pids = [int(target)] if _has(source, int(target)) else []
        else:
            pids = search.find(target)
        if not pids:
            missing.append(target)
        elif grouped and isinstance(target, str) and (explained is not None or len(pids) > 1):
            groups.append((target, pids))
        else:
            single.extend(pids)
    result = explain_pids(inputs, single)
    found = tuple(
        group for name, pids in groups for group in _grouped(inputs, name, pids, explained or ())
    )
    words = [target for target in missing if isinstance(target, str)]
    return result._replace(
        groups=found,
        missing=tuple(missing),
        alike=tuple(search.alike(words)) if search is not None and words else (),
    )


def _has(source: Source, pid: int) -> bool:
    try:
        source.read(pid, _FIELDS)
    except NoSuchProcess:
        return False
    return True


def _grouped(
    inputs: Inputs, name: str, pids: Sequence[int], explained: Collection[GroupKey]
) -> Iterator[OutcomeGroup]:
    """The processes of a name by outcome, the most frequent first.

    An explanation takes longer than all outcomes of a host: there is one of each group.
    """
    groups: dict[GroupKey, list[Outcome]] = {}
    for outcome in Pipeline(inputs, SHOWN_FIELDS).outcomes(pids):
        groups.setdefault(_group_key(name, outcome), []).append(outcome)
    for key, outcomes in sorted(groups.items(), key=lambda group: -len(group[1])):
        example: Explanation | None = None
        if key not in explained:
            (example,) = explain_pids(inputs, [outcomes[0].process.pid]).explanations
        yield OutcomeGroup(name, tuple(outcomes), example)


class _NameSearch:
    """Finds the processes of a source by name. proccli itself is not found."""

    def __init__(self, inputs: Inputs) -> None:
        self._pipeline = Pipeline(inputs)
        live = inputs.source.host.kind == "live"
        pids = [pid for pid in inputs.source.pids() if not (live and pid == os.getpid())]
        found = (self._pipeline.agent_process(pid) for pid in pids)
        self._processes = [process for process in found if process is not None]

    def find(self, name: str) -> list[int]:
        """The pids of this name: process_name, else comm, else gprocess; else of this glob."""
        from fnmatch import fnmatchcase

        for matches in (lambda known: known == name, lambda known: fnmatchcase(known, name)):
            for names in (known_name, _comm, self._gprocess):
                pids = [
                    process.process.pid
                    for process in self._processes
                    if (known := names(process)) is not None and matches(known)
                ]
                if pids:
                    return pids
        return []

    def alike(self, missing: Sequence[str]) -> Sequence[str]:
        """Names that are similar to the missing ones, the most similar first."""
        import difflib

        names = dict.fromkeys(
            known
            for process in self._processes
            for known in (known_name(process), _comm(process))
            if known
        )
        found: dict[str, None] = {}
        for name in missing:
            found.update(dict.fromkeys(difflib.get_close_matches(name, names)))
            stem = name.strip("*?").lower()
            inside = (known for known in names if stem and stem in known.lower())
            found.update(dict.fromkeys(islice(inside, _ALIKE)))
        return tuple(islice(found, _ALIKE))

    def _gprocess(self, process: AgentProcess) -> str | None:
        return _gprocess(self._pipeline, process)


def _comm(process: AgentProcess) -> str | None:
    return process.process.comm


_ALIKE: Final = 3
"""Names that are suggested for one that does not exist."""
_OF_RECORDINGS: Final = (".jsonl", ".jsonl.gz")
"""How the names of recordings end; those of processes hardly do."""


def no_such_process(
    target: Target, where: str, alike: Sequence[str], options: InputOptions | None
) -> NoSuchProcess:
    """The error for a pid or name that does not exist. `options`: those of the call."""
    if isinstance(target, int):
        return NoSuchProcess(f"no process {target} {where}")
    if target.endswith(_OF_RECORDINGS):
        return NoSuchProcess(
            f"no {where} is called {visible(target)}",
            hint=f"a recording is given with -s: -s {visible(target)}",
        )
    listing = None
    if options is not None:
        listing = f"to list all, run {options.command('scan')}; a pid works too"
    suggestion = f"did you mean {' or '.join(map(visible, alike))}?" if alike else None
    hint = "; ".join(part for part in (suggestion, listing) if part) or None
    return NoSuchProcess(f"no {where} is called {visible(target)}", hint=hint)


def explain_pids(inputs: Inputs, pids: Sequence[int]) -> ExplainResult:
    """Explanations of these processes; reads them and their ancestors only.

    Raises: NoSuchProcess, SourceError.
    """
    for pid in pids:
        inputs.source.read(pid, _FIELDS)
    pipeline = Pipeline(inputs, _FIELDS)
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
    from proccli.agent.sockets.collect import count_sockets
    from proccli.agent.sockets.listed import read_agent_sockets_of

    reading = read_agent_sockets_of(pipeline, [outcome.process.pid for outcome in outcomes])
    counts = count_sockets(reading)
    counted = (outcome._replace(sockets=counts[outcome.process.pid]) for outcome in outcomes)
    return tuple(counted), unseen_by_us(reading, pipeline.inputs.source.host)


def _explanation(pipeline: Pipeline, outcome: Outcome) -> Explanation:
    process = pipeline.agent_process(outcome.process.pid)
    assert process is not None  # noqa: S101 - each outcome is of one
    return Explanation(
        outcome=outcome,
        ancestors=tuple(
            Ancestor(
                pid=above.process.pid,
                process_name=known_name(above),
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


def find_by_name(inputs: Inputs, name: str) -> int:
    """The pid of the one process of this name (process_name, else comm, else gprocess) or glob.

    Raises: NoSuchProcess, AmbiguousName.
    """
    search = _NameSearch(inputs)
    found = search.find(name)
    if not found:
        raise no_such_process(name, visible_process(inputs.source.host), search.alike([name]), None)
    if len(found) > 1:
        raise AmbiguousName(name, found)
    return found[0]


def visible_process(host: Host) -> str:
    """What a name that does not exist is not a name of."""
    return "process" if host.sees_all else "visible process"


def _gprocess(pipeline: Pipeline, process: AgentProcess) -> str | None:
    outcome = pipeline.decided(process.process.pid)
    return outcome.gprocess if outcome is not None else None


def open_made_up(options: InputOptions, made_up: MadeUp) -> Inputs:
    """The inputs of a made-up process: no process is read, whatever os-proc-root says.

    A snapshot gives its time and the environment of its agent.

    Raises: UsageError, ConfigError, SourceError.
    """
    from proccli.sources.made_up import made_up_source

    source = None if options.snapshot else made_up_source(made_up, time.time_ns())
    return open_inputs(options, with_tags=False, source=source)


def explain_made_up(inputs: Inputs, made_up: MadeUp) -> ExplainResult:
    """The explanation of a process that exists only in the question (pid 0 in the result).

    Its tags are those of the question: `inputs.tags` is about other processes.
    """
    from proccli.sources.made_up import made_up_source

    source = made_up_source(made_up, inputs.source.host.taken_at_ns)
    entries = {0: made_up.tags} if made_up.tags else {}
    tags = TagTable(entries=entries, known=True, origin="--tag")
    result = explain_pids(inputs._replace(source=source, tags=tags), [0])
    first, *others = made_up.argv or ("",)
    if first.endswith(":") and others:
        note = Note.of("title-as-arguments", first=first, title=" ".join(made_up.argv))
        return result._replace(notes=(*result.notes, note))
    return result
