"""The hosts of a store as a fleet, as if their documents had been read from files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from proccli.commands.hosts.gather import Gathered, fleet_notes, host_names
from proccli.commands.inputs import InputOptions
from proccli.commands.stores import StoredDocuments, host_notes, moment_of, opened_store
from proccli.errors import SourceError
from proccli.model.note import Note
from proccli.server.store import Fleet
from proccli.store.stored_fleet import lacks_tags, whole_views
from proccli.store.stored_flows import StoredFlows
from proccli.versions import DEFAULT_AGENT


@dataclass(frozen=True, slots=True, kw_only=True)
class GatheredFlows:
    """The hosts of a store for flows, as `Gathered` has those of sources."""

    fleet: StoredFlows
    names: tuple[str, ...]
    server: str
    notes: tuple[Note, ...]
    incomplete: bool
    failures: tuple[SourceError, ...] = ()
    """None: a store is read whole or not at all."""


def gather_stored(options: InputOptions, stored: StoredDocuments) -> Gathered:
    """The hosts of a store at one moment, with all their ends.

    An end existed since its first sighting on that day, not only when the document was made.

    Raises: StoreError, StateLocked.
    """
    with opened_store(stored.request) as opened:
        moment = moment_of(opened, stored.at_s, stored.max_age_s)
        fleet = Fleet()
        try:
            for view in whole_views(opened.engine, moment):
                fleet.add(view)
            names = host_names(fleet)
            return Gathered(
                fleet=fleet,
                names=names,
                config=None,
                server=server_of(options),
                notes=(*host_notes(opened, moment), *fleet_notes(fleet, names)),
                incomplete=lacks_tags(opened.engine, moment),
            )
        except BaseException:
            fleet.close()
            raise


@contextmanager
def gather_flows(options: InputOptions, stored: StoredDocuments) -> Iterator[GatheredFlows]:
    """The same hosts, while the store is open; their ends are fetched when flows need them.

    Raises: StoreError, StateLocked.
    """
    with opened_store(stored.request) as opened:
        moment = moment_of(opened, stored.at_s, stored.max_age_s)
        fleet = StoredFlows(opened.engine, moment)
        names = host_names(fleet)
        yield GatheredFlows(
            fleet=fleet,
            names=names,
            server=server_of(options),
            notes=(*host_notes(opened, moment), *fleet_notes(fleet, names)),
            incomplete=lacks_tags(opened.engine, moment),
        )


def server_of(options: InputOptions) -> str:
    """The server's version: as asked for, or that of the agent."""
    return options.server or options.agent or DEFAULT_AGENT
