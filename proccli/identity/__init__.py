"""Which processes a server takes for one gprocess."""

from proccli.identity.keys import (
    Basis,
    Continuity,
    Doubt,
    Identity,
    Refusal,
    Reported,
    identities,
)
from proccli.identity.names import NameUse, by_name
from proccli.identity.server import SERVERS, Server, server_beside

__all__ = [
    "SERVERS",
    "Basis",
    "Continuity",
    "Doubt",
    "Identity",
    "NameUse",
    "Refusal",
    "Reported",
    "Server",
    "by_name",
    "identities",
    "server_beside",
]
