"""Where rule tests are run: a configuration, and the processes that are put before it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.commands.explain.explain import (
    AmbiguousName,
    ExplainResult,
    explain_pids,
    find_by_name,
)
from proccli.commands.inputs import InputOptions, mentioned_names, open_inputs
from proccli.commands.test.suite import Invented, Recorded, Suite, SuiteError
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
"""2026-01-01: made-up processes live at the same moment in every run."""
_NO_FILES = ("<stdin>", "/dev/fd/", "/dev/stdin", "/proc/self/fd/")
"""How pipes are called, as those of a shell's <(command)."""
_SHOWN = 10
"""Pids that a message lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What a command line says in place of the files of tests."""

    config: str | None = None
    """A path, `-` for stdin."""
    agent: str | None = None
    via: Via | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    """Beside what the files say, and before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One process before the rules."""

    inputs: Inputs
    outcome: Outcome

    def explain(self) -> ExplainResult:
        """Why it fares as it does."""
        return explain_pids(self.inputs, [self.outcome.process.pid])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    config: Config
    text: bytes
    path: str


class Benches:
    """The benches of several files of tests; what they share is read once."""

    def __init__(self, overrides: Overrides) -> None:
        self._overrides = overrides
        self._loaded: dict[tuple[str, str, Via], _Loaded] = {}
        self._read: dict[str, bytes] = {}
        self._notes: dict[Note, None] = {}

    @property
    def configs(self) -> tuple[Config, ...]:
        """All configurations, each once, in the order in which they were first needed."""
        return tuple(loaded.config for loaded in self._loaded.values())

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was said of configurations, recordings and environments, each once."""
        return tuple(self._notes)

    def of(self, suite: Suite) -> Bench:
        """Where the tests of a file are run. Raises: ConfigError, SuiteError."""
        overrides = self._overrides
        agent = overrides.agent or suite.agent or "6.5"
        via = overrides.via or suite.via or "server"
        if overrides.config is not None:
            path, at = overrides.config, None
        elif suite.config is not None:
            path, at = beside(suite.file, suite.config), suite.config_at
        else:
            hint = "write config: FILE, or give it with -c FILE"
            raise SuiteError("no configuration is named", suite.source.at(0), hint=hint)
        key = (path if path == "-" else os.path.realpath(path), agent, via)
        if key not in self._loaded:
            self._loaded[key] = self._load(path, agent, via, at)
        loaded = self._loaded[key]
        self.note(loaded.config.notes)
        return Bench(suite, loaded, {**suite.env, **overrides.env}, self)

    def note(self, notes: tuple[Note, ...]) -> None:
        """Keep what is to be said."""
        self._notes.update(dict.fromkeys(notes))

    def _load(self, path: str, agent: str, via: Via, at: Location | None) -> _Loaded:
        if path not in self._read:
            try:
                self._read[path] = read_file(path)
            except ConfigError as error:
                if at is None:
                    raise
                raise SuiteError(f"config: {error.problem}", at) from None
        # Without `x/..`, which leads nowhere, the name is easier to read.
        name = "<stdin>" if path == "-" else os.path.normpath(path)
        config = loading.load(self._read[path], name, agent=agent, via=via)
        return _Loaded(config=config, text=self._read[path], path=path)


class Bench:
    """One file's configuration and environment. It reads nothing of the machine it runs on."""

    def __init__(
        self, suite: Suite, loaded: _Loaded, env: Mapping[str, str], shared: Benches
    ) -> None:
        self.config = loaded.config
        self._suite = suite
        self._loaded = loaded
        self._env = env
        self._shared = shared
        self._recordings: dict[str, Pipeline] = {}

    def trial(self, process: Invented | Recorded) -> Trial:
        """One process before the rules.

        Raises: SuiteError where a recording or its process can't be had.
        """
        if isinstance(process, Invented):
            return self._invented(process)
        pipeline = self._recording(process)
        pid = self._pid(process, pipeline.inputs)
        (outcome,) = pipeline.outcomes([pid])
        return Trial(inputs=pipeline.inputs, outcome=outcome)

    def _invented(self, process: Invented) -> Trial:
        environment = Environment(values=self._env, complete=False, origin="env: of the tests")
        trial = invented_trial(process, self.config, environment)
        if trial.outcome.reason == "env-unknown":
            names = tuple(name for name in mentioned_names(self.config) if name not in self._env)
            file = visible(self._suite.file)
            self._shared.note((Note.of("env-unknown", names=names, tests=file),))
        return trial

    def _recording(self, process: Recorded) -> Pipeline:
        path = beside(self._suite.file, process.recording)
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
                # What is wrong inside of it has its own place, and tells it.
                raise SuiteError(f"recording: {error}", process.recording_at) from None
            self._shared.note(tuple(n for n in inputs.notes if n not in inputs.config.notes))
            self._recordings[path] = Pipeline(replace(inputs, config=self.config))
        return self._recordings[path]

    def _pid(self, process: Recorded, inputs: Inputs) -> int:
        try:
            if process.pid is None:
                return find_by_name(inputs, process.process_name or "")
            inputs.source.read(process.pid)
        except AmbiguousName as error:
            pids = ", ".join(str(candidate.pid) for candidate in error.candidates[:_SHOWN])
            more = ", …" if len(error.candidates) > _SHOWN else ""
            raise SuiteError(error.problem, process.which_at, hint=f"pid: {pids}{more}") from None
        except NoSuchProcess as error:
            raise SuiteError(error.problem, process.which_at) from None
        return process.pid


def invented_trial(process: Invented, config: Config, environment: Environment) -> Trial:
    """A made-up process before the rules of a configuration."""
    made_up = MadeUp(
        argv=process.argv,
        title=process.title,
        parents=process.parents,
        user=process.user,
        uptime_s=process.uptime_s,
    )
    source: Source = made_up_source(made_up, _NOW_NS)
    tags = TagTable(
        entries={} if process.tags is None else {0: process.tags},
        known=True,
        origin="tags: of the test",
    )
    inputs = Inputs(config=config, source=source, environment=environment, tags=tags, notes=())
    (outcome,) = Pipeline(inputs).outcomes([0])
    return Trial(inputs=inputs, outcome=outcome)


def beside(file: str, path: str) -> str:
    """A path that is relative to the folder of a file; what is no file is in the current one."""
    folder = "" if file.startswith(_NO_FILES) else os.path.dirname(file)  # noqa: PTH120 - shown as given
    # A file may be called -, which elsewhere is stdin.
    return os.path.join(folder or "." if path == "-" else folder, path)  # noqa: PTH118 - likewise
