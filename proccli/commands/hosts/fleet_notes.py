"""Warnings about a set of hosts as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proccli.model.note import Note
from proccli.server.store import Fleet


def fleet_notes(fleet: Fleet, names: Sequence[str]) -> Iterator[Note]:
    """Agents that send nothing, and connections that the server mixes up."""
    for host in fleet.present:
        # Of a look with a configuration, that is said already.
        if fleet.hosts[host].kind == "sync" and not fleet.hosts[host].enabled:
            yield Note.of("sync-disabled", host=names[host])
    if crossed := _crossed(fleet):
        yield crossed


def _crossed(fleet: Fleet) -> Note | None:
    """The server knows no networks: agents send no VPC with a connection."""
    count = fleet.count_collisions()
    return Note.of("networks-collide", pairs=count) if count else None
