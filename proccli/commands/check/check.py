"""Checks configuration files: their diagnostics, and which rules are never reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from proccli.commands.check.observed import Observation, unhit
from proccli.config import loading
from proccli.diagnostics.context import Surroundings
from proccli.diagnostics.lint import Linted, lint, ordered
from proccli.diagnostics.reach import Unreachable
from proccli.errors import EXIT_INPUT, EXIT_NO, ConfigError, ConfigFileError, Location
from proccli.files import read_file
from proccli.local import agent_process
from proccli.model.codes import DIAGNOSTICS
from proccli.model.config import Config, Diagnostic, Severity
from proccli.model.note import Note
from proccli.model.process import Environment
from proccli.model.source import Source
from proccli.sources.opening import open_source
from proccli.text import visible

_PASSWD = "/etc/passwd"  # noqa: S105 - a path
_MAX_PASSWD = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What to check, and what for."""

    files: tuple[str, ...]
    """Paths; `-` is standard input."""
    agent: str = "6.5"
    via: Literal["server", "file"] = "server"
    env: Mapping[str, str] = field(default_factory=dict)
    snapshots: tuple[str, ...] = ()
    """Recordings, or directories laid out like /proc."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """The diagnostics of one file."""

    file: str
    diagnostics: tuple[Diagnostic, ...]
    unreachable: tuple[Unreachable, ...] = ()
    usable: bool = True
    """False: there is no file, or it isn't YAML at all."""
    failure: ConfigError | None = None
    """Why it could not be read; then the one diagnostic says the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """All files, in the order asked for."""

    reports: tuple[FileReport, ...]
    notes: tuple[Note, ...] = ()

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Of all files, by line and column within each."""
        return tuple(found for report in self.reports for found in report.diagnostics)

    def count(self, severity: Severity) -> int:
        """How many there are of a severity."""
        return sum(found.severity == severity for found in self.diagnostics)

    def exit_code(self, fail_on: Severity) -> int:
        """The worst: unusable input, then what is as bad as `fail_on`, then all is well."""
        if not all(report.usable for report in self.reports):
            return EXIT_INPUT
        bad = self.count("error") + (self.count("warning") if fail_on == "warning" else 0)
        return EXIT_NO if bad else 0


def check(options: CheckOptions) -> CheckResult:
    """The diagnostics of each file. Nothing that a configuration names is run.

    Raises: UsageError for an agent that isn't emulated; SourceError for a recording that can't
    be read.
    """
    sources = [open_source(snapshot) for snapshot in options.snapshots]
    surroundings = Surroundings(
        environment=_environment(options.env), users=_users(), exists=_exists
    )
    reports = tuple(_report(file, options, surroundings, sources) for file in options.files)
    notes = tuple(dict.fromkeys(note for source in sources for note in source.notes))
    notes = (*loading.reader_notes(), *notes)
    return CheckResult(reports=reports, notes=notes)


def _report(
    file: str, options: CheckOptions, surroundings: Surroundings, sources: Sequence[Source]
) -> FileReport:
    name = "<stdin>" if file == "-" else file
    try:
        text = read_file(file)
    except ConfigFileError as failure:
        return _unreadable(name, failure)
    found = lint(text, name, agent=options.agent, via=options.via, surroundings=surroundings)
    diagnostics = found.diagnostics
    if sources and found.config is not None:
        diagnostics = ordered((*diagnostics, *_observed(found, found.config, sources, options.env)))
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


def _observed(
    found: Linted, config: Config, sources: Sequence[Source], env: Mapping[str, str]
) -> Sequence[Diagnostic]:
    if found.context is None:
        return ()
    seen = Observation()
    for source in sources:
        seen.add(config, source, env)
    proven = [entry.rule for entry in found.unreachable if entry.proof == "proven"]
    return tuple(unhit(found.context, seen, proven))


def _environment(env: Mapping[str, str]) -> Environment:
    """That of a running agent, if there is one, and what was given."""
    known = agent_process.find_environment() or Environment(
        values={}, complete=False, origin="--env"
    )
    return replace(known, values={**known.values, **env})


def _users() -> frozenset[str] | None:
    """The names in /etc/passwd, which is all that the agent looks at."""
    try:
        with Path(_PASSWD).open("rb") as file:
            content = file.read(_MAX_PASSWD)
    except OSError:
        return None
    lines = content.decode("utf-8", "replace").split("\n")
    return frozenset(line.partition(":")[0] for line in lines if line)


def _exists(path: str) -> bool:
    """Whether there is a file; True also where that is not known."""
    try:
        Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True
