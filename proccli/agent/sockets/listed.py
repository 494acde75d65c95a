"""The sockets of agents of `inputs.proc`: those of the processes that `proc.socket_list` takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from proccli.agent.pipeline import Pipeline
from proccli.agent.sockets.collect import (
    Reading,
    hold,
    read_sockets,
    read_sockets_of,
)
from proccli.agent.sockets.namespaces import (
    NAMELESS,
    Held,
    Namespace,
    Roles,
    add_listeners,
    open_namespaces,
)
from proccli.errors import NoSuchProcess
from proccli.model.outcome import Outcome
from proccli.model.process import FieldError
from proccli.model.sockets import NetTables, TableName
from proccli.model.source import Source
from proccli.versions import InputsProc

_FIRST_PROCESS = 1


def read_agent_sockets(pipeline: Pipeline, outcomes: Iterable[Outcome]) -> Reading:
    """What the agent of the configuration reads of the sockets of these processes, which come in
    the order of their pids."""
    source, config = pipeline.inputs.source, pipeline.inputs.config
    behaviour = pipeline.context.behaviour
    if not isinstance(behaviour, InputsProc):
        pipeline.forget_agent_processes()
        return read_sockets(outcomes, source, config)
    held, unreadable = hold(pipeline.socket_outcomes(outcomes), source, behaviour)
    if behaviour.socket_thread == "per-namespace":
        # Any age will do: the test compares the time of the link itself with the minimum lifetime.
        namespaces = _namespaces(held, source, behaviour)
        roles, min_lifetime_s = Roles(()), 0
    else:
        held = _until_a_namespace_returns(held)
        namespaces = open_namespaces(held, source, behaviour)
        roles, min_lifetime_s = Roles(namespaces), config.min_lifetime_s
    return Reading(
        held=held,
        unreadable=unreadable,
        namespaces=namespaces,
        roles=roles,
        host=source.host,
        min_lifetime_s=min_lifetime_s,
        syncs=behaviour.socket_thread != "ends-at-once" and config.socket_sync_interval_s > 0,
        mapped=behaviour.sockets == "v4-mapped",
    )


def read_agent_sockets_of(pipeline: Pipeline, pids: Collection[int]) -> Reading:
    """What the number of a few processes' sockets depends on; with `static_config`, without
    deciding about the others."""
    source, config = pipeline.inputs.source, pipeline.inputs.config
    if isinstance(pipeline.context.behaviour, InputsProc):
        return read_agent_sockets(pipeline, pipeline.decided_all(source.pids()))
    return read_sockets_of(pids, source, pipeline.decided, config)


def _until_a_namespace_returns(held: Sequence[Held]) -> Sequence[Held]:
    """The processes that the agent looks at: after the second one of a namespace it stops.

    Source: FACTS B8 and measured cases; agent v6.6.9 linux_socket.rs:238-240.
    """
    seen: set[int] = set()
    kept: list[Held] = []
    stopped = False
    for outcome, sockets in held:
        if stopped and outcome.status == "accepted":
            outcome = outcome._replace(status="dropped")  # noqa: PLW2901 - the agent's view of it
        elif outcome.status == "accepted":
            netns = outcome.process.netns or NAMELESS
            stopped = netns in seen
            seen.add(netns)
        kept.append((outcome, sockets))
    return kept


def _namespaces(held: Sequence[Held], source: Source, behaviour: InputsProc) -> Sequence[Namespace]:
    """The namespaces of these processes: those that the agent reads, then the rest.

    The agent reads a namespace through its first process that holds a socket and whose four
    tables can all be read. Where `ns/net` can't be read, it takes the namespace of process 1.

    Source: FACTS B8 and measured cases; agent main linux_socket.rs:222-471.
    """
    found: dict[int, list[Outcome]] = {}
    for outcome, sockets in held:
        if sockets:
            netns = outcome.process.netns
            found.setdefault(_netns_of_first(source) if netns is None else netns, []).append(
                outcome
            )
    namespaces: list[Namespace] = []
    for netns, outcomes in found.items():
        accepted = [one.process.pid for one in outcomes if one.status == "accepted"]
        tables, lost = _readable_tables(accepted or [outcomes[0].process.pid], source)
        namespace = Namespace(
            netns=netns,
            idx=len(namespaces) if accepted else None,
            doubtful=not accepted and any(one.status == "unknown" for one in outcomes),
        )
        namespace.tables, namespace.lost = tables, lost
        add_listeners(namespace, behaviour)
        namespaces.append(namespace)
    return sorted(namespaces, key=lambda namespace: namespace.idx is None)


def _netns_of_first(source: Source) -> int:
    try:
        return source.read(_FIRST_PROCESS, frozenset({"netns"})).netns or NAMELESS
    except NoSuchProcess:
        return NAMELESS


def _readable_tables(
    pids: Sequence[int], source: Source
) -> tuple[NetTables, Mapping[TableName, FieldError]]:
    """The tables of the first of these processes whose tables can all be read; where there is
    none, those of the last one, all of them lost."""
    tables: NetTables = ()
    errors: list[FieldError] = []
    for pid in pids:
        tables = source.net_tables(pid)
        errors = [table.error for table in tables if table.error is not None]
        if not errors:
            return tables, {}
    return tables, {table.name: errors[0] for table in tables}
