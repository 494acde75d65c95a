"""Errors that a user can act on, and the exit codes they end in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

EXIT_NO = 1
EXIT_USAGE = 2
EXIT_INPUT = 3
EXIT_INCOMPLETE = 4
EXIT_BUG = 70
EXIT_LOCKED = 75
EXIT_INTERRUPTED = 130


class Location(NamedTuple):
    """A place in a text file. `line` and `column` count from 1, columns in characters."""

    source: str
    line: int
    column: int
    text: str = ""
    """The line itself, for the caret; empty where it is not to be shown."""

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"


class ProccliError(Exception):
    """Something the user can act on: one line, without a trace. Ends in `exit_code`."""

    exit_code = EXIT_INPUT

    def __init__(
        self, problem: str, at: Location | None = None, *, hint: str | None = None
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.at = at
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.at}: " if self.at else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.problem}{hint}"


class UsageError(ProccliError):
    """The command line contradicts itself."""

    exit_code = EXIT_USAGE


Refuser: TypeAlias = Literal["agent", "server", "proccli"]
FaultCode: TypeAlias = Literal[
    "yaml-syntax",
    "unreadable",
    "second-document",
    "other-dialect",
    "bootstrap-file",
    "config-rejected",
]
"""`unreadable`: not a text that can be read as YAML; `bootstrap-file`: the file that tells an
agent where its server is; `config-rejected`: a value is refused."""


class Fault(NamedTuple):
    """Something for which a whole configuration is refused."""

    code: FaultCode
    problem: str
    """What is wrong, without place, consequence and hint."""
    at: Location
    by: Refuser
    """Who refuses it; `proccli` where it is not known what the agent would do."""
    consequence: str | None
    """What the server and the agent do then; None where proccli refuses it."""
    hint: str | None = None
    """What to write instead."""
    panics: bool = False
    """Whether the agent's reader crashes on it instead of refusing it."""

    @property
    def is_yaml(self) -> bool:
        """Whether the text could be read as YAML up to the end of its first document."""
        return self.code not in ("yaml-syntax", "unreadable")


class ConfigError(ProccliError):
    """The agent, or the server on its way, would refuse the whole configuration."""

    def __init__(
        self,
        problem: str,
        at: Location | None = None,
        *,
        hint: str | None = None,
        fault: Fault | None = None,
    ) -> None:
        super().__init__(problem, at, hint=hint)
        self.fault = fault
        """The fault that the error is about; None where the file can't be read at all."""


class ConfigFileError(ConfigError):
    """The file of a configuration can't be read. `reason` is why, without the file's name."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.reason = reason


class SourceError(ProccliError):
    """A source of processes can't be opened or is not what it claims to be."""


class RecordingError(SourceError):
    """A recording is cut short, damaged, or of another format."""


class RecordingTruncated(RecordingError):  # noqa: N818 - what is the case
    """A recording ends too early."""


class NoSourceRead(SourceError):  # noqa: N818 - what is the case
    """None of several sources can be read; `errors` has the reason for each of them."""

    def __init__(self, errors: Sequence[SourceError]) -> None:
        super().__init__(f"none of {len(errors):,} sources can be read")
        self.errors = errors


class StoreError(SourceError):
    """A store of many hosts can't be used, or refuses a query."""


class FlowsError(ProccliError):
    """Flow records are damaged, or in none of the formats that are known."""


class NoSuchProcess(SourceError):  # noqa: N818 - the field's name for it
    """The source has no process of this id."""


class TagsError(ProccliError):
    """The output of the tag command is not what the agent accepts; it costs all tags."""


class TagsTooMany(TagsError):  # noqa: N818 - named for what is wrong
    """The output of the tag command is more than proccli reads: the tags are not known."""


class TagCommandFailed(ProccliError):  # noqa: N818 - what is the case
    """The agent gets no tags from this command either: no process has tags."""


class TagCommandUndecided(ProccliError):  # noqa: N818 - what is the case
    """A limit of ours ended the command or kept it from running: the tags are not known."""


class OutputError(ProccliError):
    """A result could not be written; what was there before is still there."""


class StateError(ProccliError):
    """What a run should leave for the next can't be read or kept."""


class StateLocked(ProccliError):  # noqa: N818 - what is the case
    """Another run holds the lock of the state."""

    exit_code = EXIT_LOCKED
