"""What a command looks at: a configuration, a source, the agent's environment, the tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from proccli.model import Config, Environment, Notice, TagTable
from proccli.procfs.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class InputOptions:
    """The common options of the commands, as given."""

    config: str | None = None
    """A path, `-` for stdin, None for the agent's defaults."""
    snapshot: str | None = None
    """A recording, a directory, `-` for a recording on stdin, None for the live machine."""
    proc_root: str | None = None
    agent: str | None = None
    via: Literal["server", "file"] = "server"
    env: Mapping[str, str] = field(default_factory=dict)
    tags: str | None = None
    """A path or `-`: the output of the tag command."""
    tag_exec: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything that the pipeline needs to know."""

    config: Config
    source: Source
    environment: Environment
    tags: TagTable
    notices: tuple[Notice, ...]
    """Of the configuration, the source, the environment and the tags, in this order."""


def open_inputs(options: InputOptions) -> Inputs:
    """Load and open what the options name.

    Raises: UsageError (contradicting options), ConfigError, SourceError.
    """
    raise NotImplementedError
