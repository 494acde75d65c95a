"""Server versions: how each of them assigns gprocess ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """How one server version distinguishes gprocesses, and how long it keeps them.

    Source: server/controller/genesis (updater, store), recorder/updater/process.go,
    recorder/config/config.go, cloud/cloud.go; branch v6.5 and main.
    """

    version: str
    aggregates: bool
    """True: processes with the same name, agent and command line, or the same name and workload,
    share an id. False: each pid of an agent has its own id."""
    name_bytes: int = 256
    """Longer names are cut, possibly within a character (`process_name_len_max`)."""
    aging_s: int = 86_400
    """`genesis.aging_time`: how long the last report of an agent stays valid."""
    kept_s: int = 168 * 3600
    """`deleted_resource_retention_time`: how long a deleted gprocess stays, as `NAME (deleted)`."""


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
    """The server version that is deployed with an agent version."""
    return SERVERS["6.5" if agent.startswith("6.") else "7.1"]
