"""The connections between processes of all sources, joined as the server does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from proccli.commands.hosts.gather import fleet_notes, gather, host_names
from proccli.commands.hosts.stored import server_of
from proccli.commands.inputs import InputOptions, Progress
from proccli.commands.samples import WaitPolicy
from proccli.commands.stores import StoredDocuments, host_notes, moment_of, opened_store
from proccli.commands.topology.focus import COLLAPSED_FROM, busiest, near
from proccli.errors import UsageError
from proccli.model.config import Config
from proccli.model.hosts import HostView
from proccli.model.note import Note
from proccli.model.process import NS_PER_S
from proccli.model.topology import Topology, TopologyHost
from proccli.server.graph import ConnectedHosts, ConnectionSelection, Graph, build_graph
from proccli.server.grouping import Grouping, parse_grouping
from proccli.sources.opening import NamedSource
from proccli.store.stored_fleet import StoredFleet, lacks_tags
from proccli.versions import ServerVersion, server_version

_FAR_APART_S = 60
_NAMED = ("gprocess", "name", "pid")
"""Groupings whose nodes have a gprocess."""
"""Recordings made together are not farther apart than this."""


class Part(NamedTuple):
    """Which part of a graph is shown, and what its nodes are."""

    group_by: str | None = "gprocess"
    """None: by gprocess or, with `collapse`, by name if there are many hosts."""
    collapse: bool = False
    neighbours: bool = False
    """Also all connections of the processes that the selected ones are connected to."""
    top: int | None = None
    """Only the connections of so many pairs of nodes, the busiest."""

    def grouping(self, hosts: int) -> tuple[Grouping, tuple[Note, ...]]:
        """The grouping for so many hosts, with a note if it was not asked for.

        Raises: UsageError.
        """
        name = self.group_by or "gprocess"
        collapsed: tuple[Note, ...] = ()
        if self.group_by is None and self.collapse and hosts >= COLLAPSED_FROM:
            name, collapsed = "name", (Note.of("hosts-collapsed", hosts=hosts),)
        try:
            grouping = parse_grouping(name)
        except ValueError as error:
            raise UsageError(f"--group-by: {error}") from error
        if self.neighbours and grouping.name not in _NAMED:
            raise UsageError(f"--neighbours requires --group-by {', '.join(_NAMED)}")
        return grouping, collapsed

    def of(self, result: Topology, globs: Sequence[str]) -> Topology:
        """This part of a graph, whose processes were not selected by name with `neighbours`."""
        if self.neighbours:
            result = near(result, globs)
        return result if self.top is None else busiest(result, self.top)


_WHOLE: Final = Part()


def topology(
    options: InputOptions,
    sources: Sequence[NamedSource],
    selection: ConnectionSelection,
    part: Part = _WHOLE,
    *,
    wait_policy: WaitPolicy,
    progress: Progress,
) -> Topology:
    """The graph of the connections of all sources.

    Raises: UsageError for an unknown grouping; ConfigError, SourceError.
    """
    part.grouping(0)
    gathered = gather(options, sources, wait_policy, progress)
    with gathered.fleet as fleet:
        result = _topology(
            fleet,
            gathered.names,
            part,
            selection,
            server=server_version(gathered.server),
            config=gathered.config,
            notes=gathered.notes,
            incomplete=gathered.incomplete,
        )
    return replace(result, failures=gathered.failures)


def stored_topology(
    options: InputOptions,
    stored: StoredDocuments,
    selection: ConnectionSelection,
    part: Part = _WHOLE,
) -> Topology:
    """The graph of the connections of a store at one moment, joined by the store.

    Raises: UsageError for an unknown grouping; StoreError, StateLocked.
    """
    part.grouping(0)
    with opened_store(stored.request) as opened:
        moment = moment_of(opened, stored.at_s, stored.max_age_s)
        fleet = StoredFleet(opened.engine, moment)
        names = host_names(fleet)
        return _topology(
            fleet,
            names,
            part,
            selection,
            server=server_version(server_of(options)),
            config=None,
            notes=(*host_notes(opened, moment), *fleet_notes(fleet, names)),
            incomplete=lacks_tags(opened.engine, moment),
        )


def _topology(
    fleet: ConnectedHosts,
    names: Sequence[str],
    part: Part,
    selection: ConnectionSelection,
    *,
    server: ServerVersion,
    config: Config | None,
    notes: Sequence[Note],
    incomplete: bool,
) -> Topology:
    by, collapsed = part.grouping(len(fleet.present))
    globs = selection.names
    if part.neighbours:
        selection = replace(selection, names=())
    drawn = build_graph(fleet, by, names, selection, server)
    hosts = [(fleet.hosts[host], names[host]) for host in fleet.present]
    left_out: Counter[str] = Counter()
    for view, _ in hosts:
        left_out.update(view.left_out)
    result = Topology(
        config=config,
        group_by=by.name,
        server=server.number,
        hosts=tuple(_host(view, name) for view, name in hosts),
        nodes=drawn.nodes,
        edges=drawn.edges,
        connections=drawn.connections,
        left_out=dict(left_out.most_common()),
        notes=(*notes, *_notes(drawn, hosts), *collapsed),
        incomplete=incomplete,
    )
    return part.of(result, globs)


def _host(view: HostView, name: str) -> TopologyHost:
    return TopologyHost(
        name=name,
        source=view.source,
        kind=view.kind,
        network=view.network,
        taken_at_ns=view.taken_at_ns,
        addresses=view.addresses,
    )


def _notes(drawn: Graph, hosts: Sequence[tuple[HostView, str]]) -> Iterator[Note]:
    absent, ambiguous = drawn.by_remote.get("absent", 0), drawn.by_remote.get("ambiguous", 0)
    if absent:
        yield _absent(absent, hosts)
    if ambiguous:
        yield Note.of("ambiguous", connections=ambiguous)
    elif drawn.shared_addresses:
        yield Note.of("shared-addresses", addresses=tuple(drawn.shared_addresses))


def _absent(count: int, hosts: Sequence[tuple[HostView, str]]) -> Note:
    (first, _), *_ = ordered = sorted(hosts, key=lambda host: host[0].taken_at_ns)
    last, _ = ordered[-1]
    apart_s = (last.taken_at_ns - first.taken_at_ns) // NS_PER_S
    if apart_s < _FAR_APART_S:
        return Note.of("one-end", connections=count)
    return Note.of(
        "one-end",
        connections=count,
        apart_s=apart_s,
        first_source=first.source,
        last_source=last.source,
    )
