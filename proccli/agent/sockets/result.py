"""What a sample shows: the connections that the agent sends, and peers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from proccli.agent.sockets.collect import SocketSample, by_pid_and_fd
from proccli.model.sockets import Endpoint, Peer, Protocol, Socket, SyncedSocket
from proccli.versions import Behaviour


def synced_sockets(sample: SocketSample, behaviour: Behaviour) -> tuple[SyncedSocket, ...]:
    """The connections that the agent sends, in the order of pids and fds.

    One that it finds in two namespaces that it can't distinguish, it sends twice.
    """
    found = sorted((*sample.sockets, *sample.repeated), key=by_pid_and_fd)
    return tuple(_synced(socket, behaviour) for socket in found if socket.status == "synced")


def connections_left_out(sample: SocketSample) -> Mapping[str, int]:
    """Connections that the agent does not send, each counted once, by reason; `undecided`: it is
    not known whether it sends them. The most frequent reason is first."""
    reasons = Counter(
        "undecided" if socket.status == "undecided" else socket.reason or "unreadable"
        for socket in (*sample.best_known, *sample.hidden)
        if socket.role is not None and socket.status != "synced"
    )
    return dict(reasons.most_common())


def _synced(socket: Socket, behaviour: Behaviour) -> SyncedSocket:
    # Only such sockets are synced.
    assert socket.role is not None  # noqa: S101
    assert socket.netns_idx is not None  # noqa: S101
    row = socket.row
    ours = socket.role == "client"
    client, server = (row.local, row.remote) if ours else (row.remote, row.local)
    return SyncedSocket(
        protocol=row.protocol,
        role=socket.role,
        pid_0=socket.pid if ours else None,
        ip_0=client.ip,
        port_0=client.port,
        pid_1=None if ours else socket.pid,
        ip_1=server.ip,
        port_1=server.port,
        netns_idx=socket.netns_idx if behaviour.netns_idx else None,
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
