"""The process at the other end, where that is on the same machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proccli.agent.sockets.collect import SocketSample
from proccli.model.sockets import Endpoint, Peer, Protocol, Socket


def find_peers(sample: SocketSample) -> None:
    """Note the peer of each connection in the look's sockets.

    A loopback address means the same network namespace. Any other is looked for in the own one
    first, then in all the others, and not named if several of those have such a connection: the
    same addresses are used in many containers.
    """
    ends = _Ends(sample.best_known)
    for socket in sample.sockets:
        socket.peer = ends.peer(socket)


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
        """The process at the other end; None where it is elsewhere, or there is none."""
        if socket.role is None:
            return None
        row = socket.row
        candidates = self._connected.get((row.protocol, row.remote, row.local), ())
        found = _nearest(candidates, socket)
        if found is None and row.protocol == "udp":
            # A UDP server answers everybody from one socket that isn't connected.
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
    """The one process among the candidates that is meant, if that is certain."""
    here = [candidate for candidate in candidates if candidate.netns == socket.netns]
    if not here and not _is_loopback(socket.row.remote.ip):
        here = list(candidates)
    return here[0] if len({candidate.pid for candidate in here}) == 1 else None


def _is_loopback(ip: str) -> bool:
    return ip.startswith("127.") or ip == "::1"
