"""What depends on the server's version when it gives processes their ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """How one server tells gprocesses apart, and how long it keeps them.

    Source: server/controller/genesis (updater, store), recorder/updater/process.go,
    recorder/config/config.go, cloud/cloud.go; branch v6.5 and main.
    """

    version: str
    aggregates: bool
    """Processes of one name, agent and command line, or of one name and workload, share an id;
    otherwise each pid of an agent has its own."""
    name_bytes: int = 256
    """What is longer is cut, if need be within a character (`process_name_len_max`)."""
    aging_s: int = 86_400
    """`genesis.aging_time`: how long what an agent reported last outlives its reports."""
    kept_s: int = 168 * 3600
    """`deleted_resource_retention_time`: how long a deleted one stays, as `NAME (deleted)`."""


SERVERS: Final[Mapping[str, Server]] = MappingProxyType(
    {
        server.version: server
        for server in (
            Server(version="6.5", aggregates=False),
            Server(version="7.1", aggregates=True),
        )
    }
)


def server_beside(agent: str) -> Server:
    """The server that belongs to an agent's version."""
    return SERVERS["6.5" if agent.startswith("6.") else "7.1"]
