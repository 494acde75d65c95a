"""Every agent and server version that proccli can emulate, as one table of behaviours.

What differs between versions is a field here, with its source; the code that emulates a behaviour
reads the field. No other module names a version.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

from proccli.errors import UsageError
from proccli.text import visible

Dialect: TypeAlias = Literal["static_config"]


class AgentVersion(NamedTuple):
    """What one agent version does with its configuration.

    A further version is an entry in `AGENTS`; a further dialect is a module beside
    `proccli.config.static_config`, and a strategy beside `proccli.agent.first_match`.
    """

    number: str
    dialect: Dialect
    match_types: tuple[str, ...]
    """The first is what an empty match-type means."""
    actions: tuple[str, ...]


AGENTS: Final[Mapping[str, AgentVersion]] = MappingProxyType(
    {
        version.number: version
        for version in (
            AgentVersion(
                number="6.5",
                dialect="static_config",
                match_types=("process_name", "cmdline", "parent_process_name", "tag"),
                actions=("accept", "drop"),
            ),
        )
    }
)
DEFAULT_AGENT: Final = "6.5"
"""The agent without a configuration, and of a `static_config` one."""

LAST_STATIC_CONFIG: Final = "6.5"
"""The last branch whose configuration has `static_config` alone (FACTS A0)."""
STATIC_CONFIG_ALTERED: Final = ("6.6.5", "6.6.8")
"""From and to: these releases ignore os-proc-regex or change it (FACTS A0)."""
STATIC_CONFIG_GONE: Final = "6.6.9"
"""From this release on, the os-proc-* keys are unknown (FACTS A0)."""
OLDER_REGEX_CRATE: Final = "6.2"
"""The branch whose agents have the crate regex 1.6 (REGEX)."""
SENDS_ON_NEW_PIDS_ONLY: Final = "6.5.4"
"""Since this release, an agent sends processes again only if pids changed (FACTS A9)."""


class ServerVersion(NamedTuple):
    """How one server version distinguishes gprocesses, keeps them, and splits tags.

    Source: server/controller/genesis (updater, store), recorder/updater/process.go,
    recorder/config/config.go, cloud/cloud.go, tagrecorder (split of os.app tags),
    db/mysql/migration/rawsql (ch_os_app_tag); branch v6.5 and main.
    """

    number: str
    aggregates: bool
    """True: processes of one name, agent and command line, or of one name and workload, have one
    id. False: each pid of an agent has its own."""
    tag_values_may_contain_colons: bool
    """True: split a tag at the first colon. False: ignore a tag unless it has exactly one."""
    tag_keys_ignore_case: bool
    """Whether the table compares tag keys without regard to upper and lower case."""
    name_bytes: int = 256
    """Longer names are cut, within a character if need be (`process_name_len_max`)."""
    aging_s: int = 86_400
    """`genesis.aging_time`: how long a process is kept after its agent last reported it."""
    kept_s: int = 168 * 3600
    """`deleted_resource_retention_time`: how long a deleted one is kept, as `NAME (deleted)`."""


SERVERS: Final[Mapping[str, ServerVersion]] = MappingProxyType(
    {
        version.number: version
        for version in (
            ServerVersion(
                number="6.5",
                aggregates=False,
                tag_values_may_contain_colons=True,
                tag_keys_ignore_case=True,
            ),
            ServerVersion(
                number="7.1",
                aggregates=True,
                tag_values_may_contain_colons=False,
                tag_keys_ignore_case=False,
            ),
        )
    }
)
DEFAULT_SERVER: Final = "6.5"
NEWEST_SERVER: Final = "7.1"


def agent_version(number: str) -> AgentVersion:
    """The agent of a version. Raises: UsageError for one that is not emulated."""
    if number not in AGENTS:
        known = ", ".join(AGENTS)
        raise UsageError(f"agent {visible(number)} is not emulated; emulated: {known}")
    return AGENTS[number]


def server_beside(agent: str) -> ServerVersion:
    """The server that belongs to an agent's version."""
    return SERVERS[DEFAULT_SERVER if agent.startswith("6.") else NEWEST_SERVER]
