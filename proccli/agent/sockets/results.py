"""What a look comes to: counts by process, and the connections that the agent sends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from proccli.agent.sockets.collect import SocketSample, by_pid_and_fd
from proccli.model.outcome import SocketCounts
from proccli.model.sockets import Socket, SocketStatus, SyncedSocket


def counts_by_pid(sample: SocketSample, pids: Iterable[int]) -> Mapping[int, SocketCounts | None]:
    """The counts of each of these processes; None where its sockets could not be read."""
    counts: Counter[tuple[int, SocketStatus]] = Counter(
        (socket.pid, socket.status) for socket in sample.sockets
    )
    unreadable = {verdict.process.pid for verdict, _ in sample.unreadable}
    return {
        pid: None
        if pid in unreadable
        else SocketCounts(
            synced=counts[pid, "synced"],
            skipped=counts[pid, "skipped"],
            undecided=counts[pid, "undecided"],
        )
        for pid in pids
    }


def synced_sockets(sample: SocketSample) -> tuple[SyncedSocket, ...]:
    """The connections that the agent sends, in the order of pids and fds.

    One that it comes upon in two namespaces, where it can't tell them apart, it sends twice.
    """
    found = sorted((*sample.sockets, *sample.repeated), key=by_pid_and_fd)
    return tuple(_synced(socket) for socket in found if socket.status == "synced")


def _synced(socket: Socket) -> SyncedSocket:
    # No other gets past the gates.
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
        netns_idx=socket.netns_idx,
    )
