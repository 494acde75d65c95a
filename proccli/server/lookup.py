"""The agent's look-up: which processes the two sides of a flow may get from the server's join.

An agent sends its sockets to the server, one row for each. The server answers every row with two
processes: at the agent's own side the one that the agent named, at the remote side the one that it
has stored for the row's key (`join.py`). The agent keeps the answers in a table by protocol,
addresses and ports, exactly as in the row, and finds a packet there in either direction. Of several
rows with the same two addresses, the table keeps the last.

Which row is last depends on the order of the kernel's tables and of namespaces, which may differ
between two scans, so a side may have several possible processes.

Source: server/controller/trisolaris/vtap/process_info.go (v6.5), GetGPIDResponseByReq; agent v6.5
policy.rs:182-290.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Literal, TypeAlias

from proccli.model.sockets import Endpoint, SocketRole
from proccli.server.join import Claims, HostEnd, claims, one_per_process

BothSides: TypeAlias = tuple[Claims, Claims]


def agent_answer(ends: Sequence[HostEnd], one: Endpoint, other: Endpoint, agent: int) -> BothSides:
    """What the agent of this host may find for a flow between two addresses.

    `ends`: at least all ends that have the key of an end between these addresses.
    """
    rows = [
        end for end in between(ends, one, other) if end.host == agent and end.status != "skipped"
    ]
    stored = defaultdict[object, list[HostEnd]](list)
    for end in ends:
        stored[end.role, end.key].append(end)
    # Rows that get equal answers, for a side that has thousands of them.
    equal_rows = defaultdict[tuple[Literal[0, 1], object], list[HostEnd]](list)
    for row in rows:
        remote_role: SocketRole = "server" if row.role == "client" else "client"
        equal_rows[side_of(row, one), (remote_role, row.key)].append(row)
    answers: list[BothSides] = []
    for (own_side, remote_key), equal in equal_rows.items():
        own, remote = Claims(tuple(equal), or_none=False), claims(stored[remote_key])
        answers.append((remote, own) if own_side else (own, remote))
    if not any(row.status == "synced" for row in rows):
        nothing = Claims(undecided=bool(rows))
        answers.append((nothing, nothing))
    side_0, side_1 = zip(*answers, strict=True)
    return _last_of(side_0), _last_of(side_1)


def server_answer(ends: Sequence[HostEnd], one: Endpoint, other: Endpoint) -> BothSides:
    """What the server may have stored, in either direction, of a flow between two addresses."""
    forward, backward = (
        [end for end in ends if (end.client, end.server) == direction]
        for direction in ((one, other), (other, one))
    )
    if one == other:
        backward = []
    return (
        claims([*_with_role("client", forward), *_with_role("server", backward)]),
        claims([*_with_role("server", forward), *_with_role("client", backward)]),
    )


def between(ends: Iterable[HostEnd], one: Endpoint, other: Endpoint) -> Iterator[HostEnd]:
    """The ends with exactly these two addresses, in either direction."""
    directions = ((one, other), (other, one))
    return (end for end in ends if (end.client, end.server) in directions)


def side_of(end: HostEnd, one: Endpoint) -> Literal[0, 1]:
    """The side of an end in a flow whose side 0 has the address `one`. A socket that is connected
    to itself has one end, as the client."""
    return 0 if (end.client == one) == (end.role == "client") else 1


def _last_of(answers: Iterable[Claims]) -> Claims:
    """What one side is if any of the answers may be the last."""
    answers = tuple(answers)
    return Claims(
        one_per_process(chain.from_iterable(answer.ends for answer in answers)),
        or_none=any(answer.or_none for answer in answers),
        undecided=any(answer.undecided for answer in answers),
    )


def _with_role(role: SocketRole, ends: Iterable[HostEnd]) -> Iterator[HostEnd]:
    return (end for end in ends if end.role == role)
