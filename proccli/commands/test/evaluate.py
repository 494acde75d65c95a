"""Evaluates the processes of test files under a configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.commands.explain.explain import (
    AmbiguousName,
    ExplainResult,
    explain_pids,
    find_by_name,
)
from proccli.commands.inputs import InputOptions, mentioned_names, open_inputs
from proccli.commands.test.test_file import MadeUpProcess, RecordedProcess, Suite, SuiteError
from proccli.config import loading
from proccli.config.loading import Via
from proccli.errors import ConfigError, Location, NoSuchProcess, SourceError
from proccli.files import read_file
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.outcome import Outcome
from proccli.model.process import Environment, TagTable
from proccli.model.source import Source
from proccli.sources.made_up import MadeUp, made_up_source
from proccli.text import visible

_NOW_NS = 1_767_225_600_000_000_000
"""2026-01-01: the time of made-up processes is the same in every run."""
_NO_FILES = ("<stdin>", "/dev/fd/", "/dev/stdin", "/proc/self/fd/")
"""How the names of pipes begin, such as those of a shell's <(command)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Values on the command line that override those of the test files."""

    config: str | None = None
    """A path, `-` for stdin."""
    agent: str | None = None
    via: Via | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to those of the files; overrides equal names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The outcome of one process, with the inputs that decided it."""

    inputs: Inputs
    outcome: Outcome

    def explain(self) -> ExplainResult:
        """The explanation of the outcome."""
        return explain_pids(self.inputs, [self.outcome.process.pid])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    config: Config
    text: bytes
    path: str


class Evaluators:
    """Makes the evaluators of several test files; shared inputs are read once."""

    def __init__(self, overrides: Overrides) -> None:
        self._overrides = overrides
        self._loaded: dict[tuple[str, str | None, Via], _Loaded] = {}
        self._read: dict[str, bytes] = {}
        self._notes: dict[Note, None] = {}

    @property
    def configs(self) -> tuple[Config, ...]:
        """All configurations, each once, in order of first use."""
        return tuple(loaded.config for loaded in self._loaded.values())

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes on configurations, recordings and environments, each once."""
        return tuple(self._notes)

    def evaluator(self, suite: Suite) -> Evaluator:
        """The evaluator for a test file. Raises: ConfigError, SuiteError."""
        overrides = self._overrides
        agent = overrides.agent or suite.agent
        via = overrides.via or suite.via or "server"
        if overrides.config is not None:
            path, at = overrides.config, None
        elif suite.config is not None:
            path, at = resolved_path(suite.file, suite.config), suite.config_at
        else:
            hint = "add config: FILE, or use -c FILE"
            raise SuiteError("no configuration given", suite.source.at(0), hint=hint)
        key = (path if path == "-" else os.path.realpath(path), agent, via)
        if key not in self._loaded:
            self._loaded[key] = self._load(path, agent, via, at)
        loaded = self._loaded[key]
        self.note(loaded.config.notes)
        return Evaluator(suite, loaded, {**suite.env, **overrides.env}, self)

    def note(self, notes: tuple[Note, ...]) -> None:
        """Add notes to `notes`."""
        self._notes.update(dict.fromkeys(notes))

    def _load(self, path: str, agent: str | None, via: Via, at: Location | None) -> _Loaded:
        if path not in self._read:
            try:
                self._read[path] = read_file(path)
            except ConfigError as error:
                if at is None:
                    raise
                raise SuiteError(f"config: {error.problem}", at) from None
        # Without `x/..` the name is easier to read.
        name = "<stdin>" if path == "-" else os.path.normpath(path)
        config = loading.load(self._read[path], name, agent=agent, via=via)
        return _Loaded(config=config, text=self._read[path], path=path)


class Evaluator:
    """The configuration and environment of one test file. It reads nothing of this machine."""

    def __init__(
        self, suite: Suite, loaded: _Loaded, env: Mapping[str, str], shared: Evaluators
    ) -> None:
        self.config = loaded.config
        self._suite = suite
        self._loaded = loaded
        self._env = env
        self._shared = shared
        self._recordings: dict[str, Pipeline] = {}

    def evaluate(self, process: MadeUpProcess | RecordedProcess) -> Evaluation:
        """One process before the rules.

        Raises: SuiteError if a recording, or the process in it, cannot be read.
        """
        if isinstance(process, MadeUpProcess):
            return self._made_up(process)
        pipeline = self._recording(process)
        pid = self._pid(process, pipeline.inputs)
        (outcome,) = pipeline.outcomes([pid])
        return Evaluation(inputs=pipeline.inputs, outcome=outcome)

    def _made_up(self, process: MadeUpProcess) -> Evaluation:
        environment = Environment(values=self._env, complete=False, origin="env: of the tests")
        evaluation = evaluate_made_up(process, self.config, environment)
        if evaluation.outcome.reason == "env-unknown":
            names = tuple(name for name in mentioned_names(self.config) if name not in self._env)
            file = visible(self._suite.file)
            self._shared.note((Note.of("env-unknown", names=names, tests=file),))
        return evaluation

    def _recording(self, process: RecordedProcess) -> Pipeline:
        path = resolved_path(self._suite.file, process.recording)
        if path not in self._recordings:
            options = InputOptions(
                config=self._loaded.path,
                config_text=self._loaded.text,
                snapshot=path,
                agent=self.config.agent,
                via=self.config.via,
                env=self._env,
            )
            try:
                inputs = open_inputs(options)
            except SourceError as error:
                # The message of a fault inside the recording has a location of its own.
                raise SuiteError(f"recording: {error}", process.recording_at) from None
            self._shared.note(tuple(n for n in inputs.notes if n not in inputs.config.notes))
            self._recordings[path] = Pipeline(inputs._replace(config=self.config))
        return self._recordings[path]

    def _pid(self, process: RecordedProcess, inputs: Inputs) -> int:
        try:
            if process.pid is None:
                return find_by_name(inputs, process.process_name or "")
            inputs.source.read(process.pid)
        except AmbiguousName as error:
            raise SuiteError(error.problem, process.which_at, hint=error.hint) from None
        except NoSuchProcess as error:
            raise SuiteError(error.problem, process.which_at) from None
        return process.pid


def evaluate_made_up(
    process: MadeUpProcess, config: Config, environment: Environment
) -> Evaluation:
    """The outcome of a made-up process under a configuration."""
    made_up = MadeUp(
        argv=process.argv,
        title=process.title,
        parents=process.parents,
        user=process.user,
        uptime_s=process.uptime_s,
        comm=process.comm,
        exe=process.exe,
        container_id=process.container_id,
    )
    source: Source = made_up_source(made_up, _NOW_NS)
    tags = TagTable(
        entries={} if process.tags is None else {0: process.tags},
        known=True,
        origin="tags: of the test",
    )
    inputs = Inputs(config=config, source=source, environment=environment, tags=tags, notes=())
    (outcome,) = Pipeline(inputs).outcomes([0])
    return Evaluation(inputs=inputs, outcome=outcome)


def resolved_path(file: str, path: str) -> str:
    """A path resolved from the folder of a file; pipes count as in the current folder."""
    folder = "" if file.startswith(_NO_FILES) else os.path.dirname(file)  # noqa: PTH120 - shown as given
    # A file can have the name -, which means stdin elsewhere.
    return os.path.join(folder or "." if path == "-" else folder, path)  # noqa: PTH118 - likewise
