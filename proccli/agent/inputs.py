"""What the agent's decisions are computed from."""

from __future__ import annotations

from typing import NamedTuple

from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.process import Environment, TagTable
from proccli.model.source import Source


class Inputs(NamedTuple):
    """A configuration, a source, and what is known of the agent's environment and tags."""

    config: Config
    source: Source
    environment: Environment
    tags: TagTable
    notes: tuple[Note, ...]
    """Of the configuration, the source, the environment and the tags, in this order."""
    config_text: bytes | None = None
    """The file that the configuration was read from; None: the agent's defaults."""
    jobs: int | None = 1
    """How many workers read a live machine, if it has to be opened again; None: as many as pay."""
