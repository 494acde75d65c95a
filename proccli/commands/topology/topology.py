"""The connections between processes of all sources, joined as the server does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from proccli.commands.hosts.gather import Progress, gather
from proccli.commands.inputs import InputOptions
from proccli.commands.samples import WaitPolicy
from proccli.commands.topology.focus import COLLAPSED_FROM, busiest, near
from proccli.errors import UsageError
from proccli.model.hosts import HostView
from proccli.model.note import Note
from proccli.model.process import NS_PER_S
from proccli.model.topology import Topology, TopologyHost
from proccli.server.graph import ConnectionSelection, Graph, build_graph
from proccli.server.grouping import parse_grouping
from proccli.sources.opening import NamedSource
from proccli.versions import server_version

_FAR_APART_S = 60
_NAMED = ("gprocess", "name", "pid")
"""Groupings whose nodes have a gprocess."""
"""Recordings made together are not farther apart than this."""


def topology(
    options: InputOptions,
    sources: Sequence[NamedSource],
    selection: ConnectionSelection,
    *,
    group_by: str | None,
    wait_policy: WaitPolicy,
    progress: Progress,
    collapse: bool = False,
    neighbours: bool = False,
    top: int | None = None,
) -> Topology:
    """The graph of all connections of all sources.

    `group_by`: None: by gprocess or, with `collapse`, by name if there are many hosts.
    `neighbours`: also all connections of the processes that the selected ones are connected to.
    `top`: only the connections of so many pairs of nodes, the busiest.

    Raises: UsageError for an unknown grouping; ConfigError, SourceError.
    """
    try:
        by = None if group_by is None else parse_grouping(group_by)
    except ValueError as error:
        raise UsageError(f"--group-by: {error}") from error
    if neighbours and (by is not None and by.name not in _NAMED):
        raise UsageError(f"--neighbours requires --group-by {', '.join(_NAMED)}")
    gathered = gather(options, sources, wait_policy, progress)
    collapsed: tuple[Note, ...] = ()
    if by is None:
        hosts_read = len(gathered.fleet.present)
        by = parse_grouping("gprocess")
        if collapse and hosts_read >= COLLAPSED_FROM:
            by = parse_grouping("name")
            collapsed = (Note.of("hosts-collapsed", hosts=hosts_read),)
    globs = selection.names
    if neighbours:
        selection = replace(selection, names=())
    server = server_version(gathered.server)
    with gathered.fleet as fleet:
        names = gathered.names
        drawn = build_graph(fleet, by, names, lambda sides: selection.matches(sides, names), server)
        hosts = [(fleet.hosts[host], names[host]) for host in fleet.present]
        left_out: Counter[str] = Counter()
        for view, _ in hosts:
            left_out.update(view.left_out)
        result = Topology(
            config=gathered.config,
            group_by=by.name,
            server=server.number,
            hosts=tuple(_host(view, name) for view, name in hosts),
            nodes=drawn.nodes,
            edges=drawn.edges,
            connections=drawn.connections,
            left_out=dict(left_out.most_common()),
            notes=(*gathered.notes, *_notes(drawn, hosts), *collapsed),
            incomplete=gathered.incomplete,
        )
    if neighbours:
        result = near(result, globs)
    return result if top is None else busiest(result, top)


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
