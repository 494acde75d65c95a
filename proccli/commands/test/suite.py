"""What a file of rule tests says: processes, and what should become of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from proccli.config.loading import Via
from proccli.config.yaml.nodes import Node, SourceText
from proccli.errors import Location, ProccliError

FIELDS: Final = ("status", "reason", "rule", "action", "gprocess", "tags")
"""What can be expected, in the order in which it is told."""

Pairs: TypeAlias = tuple[tuple[str, str], ...]
Value: TypeAlias = str | int | Pairs | None


class SuiteError(ProccliError):
    """A file of rule tests is not what it should be, or can't be used as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invented:
    """A process that exists only in its test."""

    argv: tuple[str, ...] = ()
    """None at all: a process without a command line."""
    title: str | None = None
    """A rewritten title, instead of `argv`."""
    user: str | None = None
    uptime_s: int | None = None
    """None: old enough; negative: it starts in the future."""
    parents: tuple[tuple[str, ...], ...] = ()
    """Their arguments, nearest first."""
    tags: Pairs | None = None
    """What the tag command says of it; None: it doesn't name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A process of a recording: named by exactly one of `pid` and `process_name`."""

    recording: str
    """Relative to the file of tests."""
    recording_at: Location
    pid: int | None
    process_name: str | None
    which_at: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One expectation, with the node that says so."""

    value: Value
    """Tags as pairs sorted by key, with several pairs for a key that has several values."""
    node: Node = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test."""

    name: str
    at: Location
    process: Invented | Recorded
    expect: Mapping[str, Expected]
    """By the names in `FIELDS`; at least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A file of tests."""

    file: str
    source: SourceText
    config: str | None
    """Relative to the file of tests; None where it doesn't name one."""
    config_at: Location | None
    agent: str | None
    via: Via | None
    env: Mapping[str, str]
    cases: tuple[Case, ...]
