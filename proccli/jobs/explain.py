"""Why chosen processes, real or made up, get the verdict they get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proccli.errors import ProccliError
from proccli.jobs.inputs import Inputs
from proccli.model import Config, Explanation, Host, Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainResult:
    """Explanations in the order asked for, with what they rest on."""

    host: Host
    config: Config
    explanations: tuple[Explanation, ...]
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUp:
    """A process that exists only in the question."""

    argv: tuple[str, ...] = ()
    title: str | None = None
    """A rewritten title: one piece, as `nginx: worker process`. Instead of `argv`."""
    parents: tuple[str, ...] = ()
    """Names of the ancestors, nearest first."""
    tags: tuple[tuple[str, str], ...] = ()
    user: str | None = None
    uptime_s: int | None = None
    """None: old enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A process that an ambiguous name may mean."""

    pid: int
    process_name: str
    cmdline: str


class AmbiguousName(ProccliError):  # noqa: N818 - named for what is wrong
    """A name fits several processes."""

    exit_code = 2

    def __init__(self, name: str, candidates: Sequence[Candidate]) -> None:
        super().__init__(f"{name!r} fits {len(candidates)} processes: name one by its pid")
        self.name = name
        self.candidates = tuple(candidates)


def explain_pids(inputs: Inputs, pids: Sequence[int]) -> ExplainResult:
    """Explanations of these processes; reads them and their ancestors only.

    Raises: NoSuchProcess, SourceError.
    """
    raise NotImplementedError


def find_by_name(inputs: Inputs, name: str) -> int:
    """The pid of the one process of this name (process_name, else comm, else gprocess).

    Raises: NoSuchProcess, AmbiguousName.
    """
    raise NotImplementedError


def explain_made_up(inputs: Inputs, made_up: MadeUp) -> ExplainResult:
    """The explanation of a process that exists only in the question (pid 0 in the result)."""
    raise NotImplementedError
