"""What depends on the agent's version when it reads its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from proccli.errors import UsageError
from proccli.text import visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One version's dialect, and the words that it knows.

    A second version is an entry in `AGENTS`, and a module beside `static_config` where its
    dialect is another one.
    """

    number: str
    dialect: Literal["static_config"]
    match_types: tuple[str, ...]
    """The first is what an empty match-type means."""
    actions: tuple[str, ...]


AGENTS: Final[Mapping[str, Agent]] = {
    "6.5": Agent(
        number="6.5",
        dialect="static_config",
        match_types=("process_name", "cmdline", "parent_process_name", "tag"),
        actions=("accept", "drop"),
    )
}


def agent_of_version(number: str) -> Agent:
    """The agent of that version. Raises: UsageError for one that is not emulated."""
    if number not in AGENTS:
        known = ", ".join(AGENTS)
        raise UsageError(f"agent {visible(number)} isn't emulated: proccli knows agent {known}")
    return AGENTS[number]
