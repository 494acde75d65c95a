"""What a fleet itself has to say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proccli.model.config import Notice
from proccli.server.store import Fleet


def fleet_notices(fleet: Fleet, names: Sequence[str]) -> Iterator[Notice]:
    """Agents that send nothing, and what the server takes for one."""
    for host in fleet.present:
        # Of a look with a configuration, that is said already.
        if fleet.hosts[host].kind == "sync" and not fleet.hosts[host].enabled:
            message = f"the agent of {names[host]} sends nothing: os-proc-sync-enabled was false"
            yield Notice(code="sync-disabled", message=message)
    if crossed := _crossed(fleet):
        yield crossed


def _crossed(fleet: Fleet) -> Notice | None:
    """The server knows no networks: agents send no VPC with a connection."""
    count = fleet.count_collisions()
    if not count:
        return None
    what = (
        "1 pair of addresses and ports is"
        if count == 1
        else (f"{count:,} pairs of addresses and ports are")
    )
    message = (
        f"{what} used in several networks, which are kept apart here; the server takes what it is"
        " sent of them for one connection, and its labels may be wrong"
    )
    return Notice(code="networks-collide", message=message)
