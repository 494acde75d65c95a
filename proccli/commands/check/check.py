"""Checks configuration files: their problems, and the rules that no recorded process reaches."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Literal, NamedTuple

from proccli.agent.decision import Context as View
from proccli.agent.decision import skip_reason
from proccli.agent.every_matcher import EveryMatcher, evaluate
from proccli.agent.first_match import match_rule
from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.agent.process import AgentProcess, agent_process
from proccli.commands.inputs import (
    InputOptions,
    Progress,
    each_read,
    environment_for,
    no_progress,
    tag_table,
)
from proccli.commands.warnings import NotesOfSources, unread_sources
from proccli.config import loading
from proccli.diagnostics.context import Context, Surroundings
from proccli.diagnostics.lint import Linted, lint, ordered
from proccli.diagnostics.reach import Unreachable
from proccli.diagnostics.upgrade import compare
from proccli.errors import (
    EXIT_INPUT,
    EXIT_NO,
    ConfigError,
    ConfigFileError,
    Location,
    SourceError,
)
from proccli.files import read_file
from proccli.local import agent_process as local_agent
from proccli.model.codes import DIAGNOSTICS
from proccli.model.config import Config, Diagnostic, Severity
from proccli.model.note import Note
from proccli.model.process import Environment, Field
from proccli.model.source import Source
from proccli.sources.opening import open_source
from proccli.sources.recording.reader import Recording
from proccli.text import counted, visible
from proccli.versions import DEFAULT_AGENT, Behaviour, agent_version, behaviour_of

_PASSWD = "/etc/passwd"  # noqa: S105 - a path
_MAX_PASSWD = 16 << 20
_TEXTS: Final[frozenset[Field]] = frozenset({"cmdline", "uid"})
_MOST_PROCESSES: Final = 2_000
"""For examples in messages."""
TIME_LIMIT_S: Final = 20.0
"""For the searches of one run, in all files together: a proof can take hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What to check, and for which agent."""

    files: tuple[str, ...]
    """Paths; `-` is standard input."""
    agent: str | None = None
    """A version; None: that of the configuration's dialect."""
    server: str | None = None
    """The version on the way of the configuration; None: that of the agent."""
    via: Literal["server", "file"] = "server"
    compare: tuple[str, str] | None = None
    """Two agent versions: only what changes from the first to the second is reported."""
    env: Mapping[str, str] = field(default_factory=dict)
    snapshots: tuple[str, ...] = ()
    """Recordings, or directories laid out like /proc."""
    clock: Callable[[], float] = time.monotonic
    """Seconds; the searches end `TIME_LIMIT_S` after the start."""
    progress: Progress = no_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """The diagnostics of one file."""

    file: str
    diagnostics: tuple[Diagnostic, ...]
    unreachable: tuple[Unreachable, ...] = ()
    usable: bool = True
    """False: there is no file, or it is not YAML."""
    failure: ConfigError | None = None
    """Why it could not be read; then the one diagnostic says the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """All files, in the order given."""

    reports: tuple[FileReport, ...]
    notes: tuple[Note, ...] = ()
    failures: tuple[SourceError, ...] = ()
    """Why recordings could not be read; which rules their processes reach is not known."""

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Of all files, by line and column within each."""
        return tuple(found for report in self.reports for found in report.diagnostics)

    def count(self, severity: Severity) -> int:
        """Number of diagnostics of a severity."""
        return sum(found.severity == severity for found in self.diagnostics)

    def exit_code(self, fail_on: Severity) -> int:
        """EXIT_INPUT: a file or recording is not usable; EXIT_NO: a severity of at least
        `fail_on`; else 0."""
        if self.failures or not all(report.usable for report in self.reports):
            return EXIT_INPUT
        bad = self.count("error") + (self.count("warning") if fail_on == "warning" else 0)
        return EXIT_NO if bad else 0


def check(options: CheckOptions) -> CheckResult:
    """The diagnostics of each file. Commands in the configuration are not run.

    Recordings that cannot be read are left out. Raises: UsageError for an agent that is not
    emulated; SourceError as `each_read` does.
    """
    end = options.clock() + TIME_LIMIT_S
    failures: list[SourceError] = []
    opened = each_read(options.snapshots, _processes_of, failures, options.progress)
    sources = [source for _, source in opened]
    surroundings = Surroundings(
        environment=cache(lambda: _environment(options.env)),
        users=_users(),
        exists=_exists,
        processes=_processes(sources, _behaviour(options)),
        expired=lambda: options.clock() >= end,
    )
    observed = _Observed(sources=sources, unread=len(failures))
    reports = tuple(_report(file, options, surroundings, observed) for file in options.files)
    of_sources = NotesOfSources()
    for source in sources:
        of_sources.add(source.host.name or source.host.proc_root, source.notes)
    return CheckResult(
        reports=reports,
        notes=(
            *loading.reader_notes(),
            *of_sources.notes(len(sources)),
            *unread_sources(failures),
        ),
        failures=tuple(failures),
    )


def _processes_of(snapshot: str) -> Source:
    """The source of a recording or directory, all of which are kept. Raises: SourceError."""
    source = open_source(snapshot)
    return source.without_sockets() if isinstance(source, Recording) else source


class _Observed(NamedTuple):
    """The sources in which rules are looked for."""

    sources: Sequence[Source]
    unread: int
    """How many more there are that could not be read."""


def _report(
    file: str, options: CheckOptions, surroundings: Surroundings, observed: _Observed
) -> FileReport:
    name = "<stdin>" if file == "-" else file
    try:
        text = read_file(file)
    except ConfigFileError as failure:
        return _unreadable(name, failure)
    if options.compare is not None:
        found = compare(
            text, name, agents=options.compare, via=options.via, surroundings=surroundings
        )
    else:
        found = lint(
            text,
            name,
            agent=options.agent,
            server=options.server,
            via=options.via,
            surroundings=surroundings,
        )
    diagnostics = found.diagnostics
    if observed.sources and found.config is not None:
        unreached = _unreached(found, found.config, observed, options.env)
        diagnostics = ordered((*diagnostics, *unreached))
    return FileReport(
        file=visible(name),
        diagnostics=diagnostics,
        unreachable=found.unreachable,
        usable=found.is_yaml,
    )


def _unreadable(name: str, failure: ConfigFileError) -> FileReport:
    shown = visible(name)
    place = Location(shown, 1, 1)
    diagnostic = Diagnostic(
        severity=DIAGNOSTICS["unreadable"],
        code="unreadable",
        message=failure.reason,
        at=place,
        end=place,
    )
    return FileReport(file=shown, diagnostics=(diagnostic,), usable=False, failure=failure)


def _unreached(
    found: Linted, config: Config, observed: _Observed, env: Mapping[str, str]
) -> Sequence[Diagnostic]:
    if found.context is None:
        return ()
    hits = RuleHits(unread=observed.unread)
    for source in observed.sources:
        hits.add(config, source, env)
    proven = [entry.rule for entry in found.unreachable if entry.proof == "proven"]
    return tuple(unreached_rules(found.context, hits, proven))


def _environment(env: Mapping[str, str]) -> Environment:
    """The environment of a running agent, if there is one, overridden by `env`."""
    known = local_agent.find_environment() or Environment(values={}, complete=False, origin="--env")
    return known._replace(values={**known.values, **env})


def _users() -> frozenset[str] | None:
    """The user names in /etc/passwd, the only source that the agent reads; None: unreadable."""
    try:
        with Path(_PASSWD).open("rb") as file:
            content = file.read(_MAX_PASSWD)
    except OSError:
        return None
    lines = content.decode("utf-8", "replace").split("\n")
    return frozenset(line.partition(":")[0] for line in lines if line)


def _behaviour(options: CheckOptions) -> Behaviour:
    version = agent_version(options.agent or DEFAULT_AGENT)
    return behaviour_of(version.number, version.dialect)


def _processes(sources: Sequence[Source], behaviour: Behaviour) -> Sequence[tuple[str, str]]:
    """The names and command lines in the sources, without masked and unknown ones, once each."""
    found: dict[tuple[str, str], None] = {}
    for source in sources:
        for process in source.read_many(source.pids(), _TEXTS):
            texts = agent_process(process, source.host, behaviour).texts
            known = texts is not None and texts.process_name.known
            if texts is not None and known and not texts.cmdline.masked_spans:
                found[texts.process_name.text, texts.cmdline.text] = None
            if len(found) == _MOST_PROCESSES:
                return tuple(found)
    return tuple(found)


def _exists(path: str) -> bool:
    """Whether the file exists; True also if that cannot be determined."""
    try:
        Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True


class RuleHits:
    """How many processes of some sources each rule of a configuration matches and decides."""

    def __init__(self, unread: int = 0) -> None:
        self.sources = 0
        self.unread = unread
        """Number of further sources, which could not be read."""
        self.matched: Counter[int] = Counter()
        """Processes that a rule matches, whether or not an earlier rule decides them."""
        self.decided: Counter[int] = Counter()
        self.undetermined: Counter[int] = Counter()
        """Processes for which it cannot be determined."""
        self.taken_by: dict[int, set[int]] = {}
        """For each rule, the earlier ones that decide processes that it matches."""

    def add(self, config: Config, source: Source, env: Mapping[str, str]) -> None:
        """Count the processes of one more source. Tag commands are not run."""
        self.sources += 1
        pipeline = Pipeline(_inputs(config, source, env))
        for pid in source.pids():
            process = pipeline.agent_process(pid)
            if process is None:
                continue
            strategy = pipeline.context.strategy
            if not process.known:
                self.undetermined.update(compiled.rule.index for compiled in strategy.rules)
                continue
            if isinstance(strategy, EveryMatcher):
                self._add_every(strategy, process, pipeline.context)
                continue
            if skip_reason(process, pipeline.context) is not None:
                continue
            findings = {
                compiled.rule.index: match_rule(compiled, process, pipeline.context).hit
                for compiled in strategy.rules
            }
            self._count(findings)

    def _add_every(self, strategy: EveryMatcher, process: AgentProcess, context: View) -> None:
        """Count one process where every rule that matches has its effect."""
        if process.texts is None or strategy.skip_reason(process, context) is not None:
            return
        for compiled in strategy.rules:
            hit = evaluate(compiled, process, context).hit
            if hit is None:
                self.undetermined[compiled.rule.index] += 1
            elif hit:
                self.decided[compiled.rule.index] += 1

    def _count(self, findings: Mapping[int, bool | None]) -> None:
        """Count one process; `findings` are in the order of the rules."""
        first = next((index for index, hit in findings.items() if hit is not False), None)
        decided = first is not None and findings[first] is not None
        for index, hit in findings.items():
            if hit is None or (hit and not decided):
                self.undetermined[index] += 1
            elif hit:
                self.matched[index] += 1
                if first is not None and index != first:
                    self.taken_by.setdefault(index, set()).add(first)
        if first is not None and decided:
            self.decided[first] += 1


def _inputs(config: Config, source: Source, env: Mapping[str, str]) -> Inputs:
    recorded = source if isinstance(source, Recording) else None
    environment, _ = environment_for(
        config, source.host.kind, recorded.environment if recorded else None, env
    )
    tags, _ = tag_table(InputOptions(tag_exec=False), config, None, source)
    return Inputs(config=config, source=source, environment=environment, tags=tags, notes=())


def unreached_rules(
    context: Context, hits: RuleHits, proven: Sequence[int]
) -> Iterator[Diagnostic]:
    """A diagnostic for each rule that no process reaches, except those proven unreachable."""
    where = "this recording" if hits.sources == 1 else f"these {hits.sources:,} recordings"
    if hits.unread:
        total = hits.sources + hits.unread
        where = f"{hits.sources:,} of {total:,} recordings (the others can't be read)"
    word = context.keys.rule
    for rule in context.rules:
        index = rule.index
        if hits.decided[index] or hits.undetermined[index] or index in proven:
            continue
        matched = hits.matched[index]
        if matched:
            takers = sorted(hits.taken_by.get(index, ()))
            names = ", ".join(str(taker) for taker in takers)
            by = f"rule {names}" if len(takers) == 1 else f"rules {names}"
            processes = counted(matched, "process")
            message = f"no process of {where} reaches {word} {index}"
            effect = f"it matches {processes}, all decided by {by}"
        else:
            message, effect = f"no process of {where} matches {word} {index}", None
        yield context.at_rule(rule, "rule-not-observed", message, effect=effect)
