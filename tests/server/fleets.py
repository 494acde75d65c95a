"""Unrealistic fleets with few addresses and ports, so that many ends collide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from hypothesis import strategies as st

from proccli.model.hosts import ConnectionEnd, HostView
from proccli.model.sockets import Protocol, SocketRole, SocketStatus
from tests.server.building import NOW_NS, endpoint, host_process, refused, view
from tests.server.reference import Entry

CONNECTIONS = (
    "10.0.0.1:4000 10.0.0.2:80",
    "10.0.0.2:80 10.0.0.1:4000",
    "10.0.0.1:4000 10.0.0.1:80",
    "10.0.0.1:80 10.0.0.1:80",
    "127.0.0.1:4000 127.0.0.1:80",
    "127.0.0.9:4000 127.0.0.8:80",
    "10.0.0.1:4000 127.0.0.1:80",
    "127.0.0.1:4000 10.0.0.1:80",
    "127.0.0.1:80 127.0.0.1:80",
    "127.0.0.1:80 127.0.0.2:80",
    "127.0.0.2:80 127.0.0.1:80",
)
"""Plain ones, turned round, within a host, over loopback with other addresses, half over it."""
PIDS_PER_NAMESPACE = 2
NAMESPACES = (1, 2)
UNOPENED = (None, -4026531840)


@st.composite
def ends(draw: st.DrawFn, connections: Sequence[str]) -> ConnectionEnd:
    """Of a process that is in one namespace, as processes are."""
    netns = draw(st.sampled_from((*NAMESPACES, *NAMESPACES, *UNOPENED)))
    sends = netns is not None and netns > 0
    statuses: Sequence[SocketStatus] = get_args(SocketStatus)
    status = draw(st.sampled_from([one for one in statuses if sends or one != "synced"]))
    number = draw(st.integers(1, PIDS_PER_NAMESPACE))
    client, server = map(endpoint, draw(st.sampled_from(connections)).split())
    return ConnectionEnd(
        protocol=draw(st.sampled_from(get_args(Protocol))),
        role=draw(st.sampled_from(get_args(SocketRole))),
        client_ip=client.ip,
        client_port=client.port,
        server_ip=server.ip,
        server_port=server.port,
        netns=netns,
        pid=10 * (1 + (*NAMESPACES, *UNOPENED).index(netns)) + number,
        status=status,
        reason=None if status == "synced" else "min-lifetime",
        since_ns=NOW_NS,
    )


@st.composite
def hosts(
    draw: st.DrawFn, name: str, networks: Sequence[str], connections: Sequence[str]
) -> HostView:
    """A host with a few connections, some of them again."""
    made = draw(st.lists(ends(connections), max_size=4))
    again = draw(st.lists(st.sampled_from(made), max_size=1)) if made else []
    pids = sorted({one.pid for one in made})
    sending = {one.pid for one in made if one.status == "synced"}
    processes = [
        host_process(pid, draw(st.sampled_from(("app", "db", ""))))
        if pid in sending
        else refused(pid)
        for pid in pids
    ]
    return view(name, *made, *again, processes=processes, network=draw(st.sampled_from(networks)))


@st.composite
def fleets(draw: st.DrawFn, networks: Sequence[str] = ("", "blue")) -> tuple[HostView, ...]:
    """One to three hosts, with very few connections between them."""
    connections = draw(st.lists(st.sampled_from(CONNECTIONS), min_size=1, max_size=2))
    names = ("a", "b", "c")[: draw(st.integers(1, 3))]
    return tuple(draw(hosts(name, networks, connections)) for name in names)


def entries(views: Sequence[HostView]) -> list[Entry]:
    """What the agents of these hosts know."""
    return [
        Entry(
            agent=one.name,
            epc=one.network,
            netns=known.netns,
            protocol=known.protocol,
            role=known.role,
            client=known.client,
            server=known.server,
            pid=known.pid,
            status=known.status,
        )
        for one in views
        for known in one.ends
    ]
