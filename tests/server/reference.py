"""A slow reference implementation of the server's join, written like the server's own code.

Source: FACTS of server/controller/trisolaris/vtap (v6.5 process_info.go, main
agent_process_info.go): getKey, addData.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, permutations
from typing import NamedTuple

from proccli.model.sockets import Endpoint, Protocol, SocketRole, SocketStatus

Pid = tuple[str, int]
"""The agent and the pid on its host."""
Answer = tuple[Pid | None, Pid | None]
"""Of the client and of the server."""
Key = tuple[object, ...]


class Entry(NamedTuple):
    """What an agent knows of one socket, and whether it sends it."""

    agent: str
    epc: str
    netns: int | None
    protocol: Protocol
    role: SocketRole
    client: Endpoint
    server: Endpoint
    pid: int
    status: SocketStatus


def key(entry: Entry) -> Key:
    """The key under which the server stores an entry."""
    if entry.server.ip.split(".")[0] == "127":
        ends = (entry.agent, entry.netns, entry.client.port, entry.server.port)
        return ("loopback", entry.protocol, *ends)
    return ("normal", entry.protocol, entry.epc, *entry.client, *entry.server)


def joined(entries: Iterable[Entry]) -> Mapping[Key, Answer]:
    """The processes that the server stores after reading the entries in this order."""
    kept: dict[Key, list[Pid | None]] = {}
    for entry in entries:
        pair = kept.setdefault(key(entry), [None, None])
        pair[entry.role == "server"] = (entry.agent, entry.pid)
    return {of: (pair[0], pair[1]) for of, pair in kept.items()}


def answers(entries: Sequence[Entry]) -> Mapping[Key, set[Answer]]:
    """All possible results, for any order of the entries and any choice of the undecided ones that
    are sent. Keys are independent of each other."""
    by_key: dict[Key, list[Entry]] = {}
    for entry in entries:
        by_key.setdefault(key(entry), []).append(entry)
    return {of: set(_answers(of, some)) for of, some in by_key.items()}


def _answers(of: Key, entries: Sequence[Entry]) -> Iterator[Answer]:
    different = dict.fromkeys(entries)
    sent = [entry for entry in different if entry.status == "synced"]
    perhaps = [entry for entry in different if entry.status == "undecided"]
    for more in _subsets(perhaps):
        for order in _orders((*sent, *more)):
            yield joined(order).get(of, (None, None))


def look_ups(
    entries: Sequence[Entry], protocol: Protocol, one: Endpoint, other: Endpoint, agent: str | None
) -> tuple[set[Pid | None], set[Pid | None]]:
    """All that the two addresses of a flow may get: from the table of an agent, or, without one,
    from the server in either direction.

    For any order of the entries and any choice of the undecided ones that are sent. The last two
    entries and the undecided ones among them decide, so more need not be tried.
    """
    pairs = ({entry.client.port, entry.server.port} for entry in entries)
    ports = {one.port, other.port}
    near = dict.fromkeys(entry for entry, its in zip(entries, pairs, strict=True) if its == ports)
    sent = [entry for entry in near if entry.status == "synced"]
    perhaps = [entry for entry in near if entry.status == "undecided"]
    found: tuple[set[Pid | None], set[Pid | None]] = (set(), set())
    for more in _subsets(perhaps, most=2):
        for order in _orders((*sent, *more)):
            if agent is None:
                answers = _stored(order, protocol, one, other)
            else:
                known = agent_table(order, agent).get((protocol, one, other), (None, None))
                answers = ({known[0]}, {known[1]})
            for side, processes in zip(found, answers, strict=True):
                side.update(processes)
    return found


def agent_table(
    order: Sequence[Entry], agent: str
) -> Mapping[tuple[Protocol, Endpoint, Endpoint], Answer]:
    """The table of an agent, by source and destination of a packet, when the server has read the
    entries in this order."""
    stored = joined(order)
    table: dict[tuple[Protocol, Endpoint, Endpoint], Answer] = {}
    for entry in order:
        if entry.agent != agent:
            continue
        client, server = stored[key(entry)]
        own = (entry.agent, entry.pid)
        client, server = (own, server) if entry.role == "client" else (client, own)
        table[entry.protocol, entry.server, entry.client] = (server, client)
        table[entry.protocol, entry.client, entry.server] = (client, server)
    return table


def _stored(
    order: Iterable[Entry], protocol: Protocol, one: Endpoint, other: Endpoint
) -> tuple[set[Pid | None], set[Pid | None]]:
    stored = joined(order)
    forward = stored.get(("normal", protocol, "", *one, *other), (None, None))
    backward = stored.get(("normal", protocol, "", *other, *one), (None, None))
    if one == other:
        backward = (None, None)
    sides = zip(forward, backward[::-1], strict=True)
    side_0, side_1 = ({*both} - {None} or {None} for both in sides)
    return side_0, side_1


def _orders(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Enough orders to have every pair of entries at the end."""
    if len(entries) < 2:
        yield entries
    for last in permutations(entries, 2):
        yield (*(entry for entry in entries if entry not in last), *last)


def _subsets(entries: Sequence[Entry], most: int | None = None) -> Iterator[tuple[Entry, ...]]:
    sizes = range(1 + (len(entries) if most is None else min(most, len(entries))))
    return chain.from_iterable(combinations(entries, size) for size in sizes)
