"""What a sample shows: the connections that the agent sends, and peers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from proccli.agent.sockets.collect import (
    Reading,
    SocketSample,
    best_known_holder,
    joined_rows,
)
from proccli.agent.sockets.namespaces import Namespace
from proccli.model.outcome import Outcome
from proccli.model.process import FieldError
from proccli.model.sockets import (
    Endpoint,
    Peer,
    Protocol,
    Socket,
    SocketRole,
    SocketRow,
    SyncedSocket,
    TableName,
)
from proccli.model.tuples import from_fields
from proccli.versions import Behaviour


class SentSockets(NamedTuple):
    """The connections that the agent sends, and what is known of the others."""

    synced: tuple[SyncedSocket, ...]
    """In the order of pids and fds. One that the agent finds in two namespaces that it can't
    distinguish, it sends twice."""
    left_out: Mapping[str, int]
    """The connections that it does not send, as `connections_left_out` counts them."""
    undecided: bool
    """Whether it is not known of a process's socket whether it is sent."""
    unreadable: Sequence[tuple[Outcome, FieldError]]
    """The rest as in `SocketSample`."""
    lost: tuple[tuple[Namespace, TableName, FieldError], ...]
    without_process: int


def sent_sockets(reading: Reading, behaviour: Behaviour) -> SentSockets:
    """What the agent sends of a reading, whose rows are used up: where most sockets are sent,
    thousands of rows and of what is made of them would take a fifth of all memory."""
    privileged, roles = reading.host.privileged, reading.roles
    synced: list[SyncedSocket] = []
    places: list[int] = []
    reasons: Counter[str] = Counter()
    undecided, without_process, hidden = False, 0, 0
    for row, namespace, holders, again in joined_rows(reading, reading.take_rows()):
        role = roles.of(row, namespace)
        if not holders:
            without_process += 1
            hidden += role is not None and not privileged
            continue
        for outcome, held, status, _ in holders:
            if status == "synced":
                pid = outcome.process.pid
                synced.append(_synced(row, pid, role, namespace.idx, behaviour))
                places.append(pid << 32 | held.fd)
            elif status == "undecided" and not again:
                undecided = True
        if role is not None and not again:
            _, _, status, reason = holders[best_known_holder(holders)]
            if status != "synced":
                reasons["undecided" if status == "undecided" else reason or "unreadable"] += 1
    if hidden:
        reasons["undecided"] += hidden
    return SentSockets(
        synced=tuple(
            synced[number] for number in sorted(range(len(synced)), key=places.__getitem__)
        ),
        left_out=dict(reasons.most_common()),
        undecided=undecided,
        unreadable=reading.unreadable,
        lost=tuple(reading.lost()),
        without_process=without_process,
    )


def connections_left_out(sample: SocketSample) -> Mapping[str, int]:
    """Connections that the agent does not send, each counted once, by reason; `undecided`: it is
    not known whether it sends them. The most frequent reason is first."""
    reasons = Counter(
        "undecided" if socket.status == "undecided" else socket.reason or "unreadable"
        for socket in (*sample.best_known, *sample.hidden)
        if socket.role is not None and socket.status != "synced"
    )
    return dict(reasons.most_common())


_new_synced = from_fields(SyncedSocket)


def _synced(
    row: SocketRow, pid: int, role: SocketRole | None, idx: int | None, behaviour: Behaviour
) -> SyncedSocket:
    # Only such sockets are synced.
    assert role is not None  # noqa: S101
    assert idx is not None  # noqa: S101
    sent_idx = idx if behaviour.netns_idx else None
    local, remote = row.local, row.remote
    return _new_synced(
        (row.protocol, role, pid, *local, None, *remote, sent_idx)
        if role == "client"
        else (row.protocol, role, None, *remote, pid, *local, sent_idx)
    )


# ---- peers ----------------------------------------------------------------------------------


def with_peers(sample: SocketSample) -> SocketSample:
    """The sample with the peer of each connection among its sockets.

    A loopback address means the same network namespace. Any other is searched in the own one
    first, then in all the others; if several of those have such a connection there is no peer: the
    same addresses are used in many containers.
    """
    ends = _Ends(sample.best_known)
    return sample._replace(
        sockets=tuple(
            socket if (peer := ends.peer(socket)) is None else Socket(*socket[:-1], peer=peer)
            for socket in sample.sockets
        )
    )


class _Ends:
    def __init__(self, sockets: Iterable[Socket]) -> None:
        self._connected: dict[tuple[Protocol, Endpoint, Endpoint], list[Socket]] = {}
        self._bound: dict[Endpoint, list[Socket]] = {}
        for socket in sockets:
            row = socket.row
            if socket.role is not None:
                key = (row.protocol, row.local, row.remote)
                self._connected.setdefault(key, []).append(socket)
            elif row.protocol == "udp":
                self._bound.setdefault(row.local, []).append(socket)

    def peer(self, socket: Socket) -> Peer | None:
        """The process at the remote end; None where it is on another host, or there is none."""
        if socket.role is None:
            return None
        row = socket.row
        candidates = self._connected.get((row.protocol, row.remote, row.local), ())
        found = _nearest(candidates, socket)
        if found is None and row.protocol == "udp":
            # A UDP server answers all clients from one socket that isn't connected.
            found = _nearest(self._bound.get(row.remote, ()), socket) or self._on_all(socket)
        return None if found is None else Peer(found.pid, found.gprocess)

    def _on_all(self, socket: Socket) -> Socket | None:
        """A UDP socket on all addresses, for a loopback connection: which namespace another
        address belongs to is not known."""
        remote = socket.row.remote
        if not _is_loopback(remote.ip):
            return None
        on_all = (Endpoint("0.0.0.0", remote.port), Endpoint("::", remote.port))  # noqa: S104 - looked up
        return _nearest([bound for end in on_all for bound in self._bound.get(end, ())], socket)


def _nearest(candidates: Sequence[Socket], socket: Socket) -> Socket | None:
    """The only process that the candidates can mean; None where it is not certain."""
    if not candidates:
        return None
    here = [candidate for candidate in candidates if candidate.netns == socket.netns]
    if not here and not _is_loopback(socket.row.remote.ip):
        here = list(candidates)
    certain = len(here) == 1 or len({candidate.pid for candidate in here}) == 1
    return here[0] if certain else None


def _is_loopback(ip: str) -> bool:
    return ip.startswith("127.") or ip == "::1"
