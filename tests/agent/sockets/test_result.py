from __future__ import annotations

from proccli.agent.sockets.collect import SocketSample
from proccli.agent.sockets.result import with_peers
from proccli.model.process import Process
from proccli.model.sockets import Peer, SocketFd, SocketRow
from tests.agent.sockets.looking import fd, look_at_machine, tcp, tcp6, udp
from tests.build import config, net_tables, process

NS, POD, POD2 = 4026531840, 4026532001, 4026532002
DROP_OTHERS = config(("^other", "process_name", "drop"))

Placed = tuple[Process, SocketRow, int]


def peers(*placed: Placed, sockets: dict[int, list[SocketFd]] | None = None) -> list[Peer | None]:
    """The peers of sockets that stand each in a namespace, in order of pids."""
    rows: dict[int, list[SocketRow]] = {}
    for _, row, netns in placed:
        rows.setdefault(netns, []).append(row)
    tables = {
        netns: net_tables(
            tcp=[row for row in some if (row.protocol, row.family) == ("tcp", "ipv4")],
            udp=[row for row in some if (row.protocol, row.family) == ("udp", "ipv4")],
            tcp6=[row for row in some if (row.protocol, row.family) == ("tcp", "ipv6")],
            udp6=[row for row in some if (row.protocol, row.family) == ("udp", "ipv6")],
        )
        for netns, some in rows.items()
    }
    held = sockets or {one.pid: [fd(3, row.inode)] for one, row, _ in placed}
    found: SocketSample = look_at_machine([one for one, _, _ in placed], held, tables, DROP_OTHERS)
    return [socket.peer for socket in with_peers(found).sockets]


def test_both_ends_of_a_loopback_connection_find_each_other() -> None:
    assert peers(
        (process(6, "shop", netns=NS), tcp(901, "127.0.0.1:4000", "127.0.0.1:5432"), NS),
        (process(7, "postgres", netns=NS), tcp(902, "127.0.0.1:5432", "127.0.0.1:4000"), NS),
    ) == [Peer(7, "postgres"), Peer(6, "shop")]


def test_a_loopback_address_of_another_namespace_is_another_machine() -> None:
    assert (
        peers(
            (process(6, "shop", netns=NS), tcp(901, "127.0.0.1:4000", "127.0.0.1:5432"), NS),
            (process(7, "postgres", netns=POD), tcp(902, "127.0.0.1:5432", "127.0.0.1:4000"), POD),
            (process(8, "shop", netns=NS), tcp6(903, "::1:4000", "::1:5432"), NS),
            (process(9, "postgres", netns=POD), tcp6(904, "::1:5432", "::1:4000"), POD),
        )
        == [None] * 4
    )


def test_other_addresses_lead_into_other_namespaces() -> None:
    assert peers(
        (process(6, "shop", netns=NS), tcp(901, "10.0.0.5:4000", "10.1.0.9:5432"), NS),
        (process(7, "postgres", netns=POD), tcp(902, "10.1.0.9:5432", "10.0.0.5:4000"), POD),
    ) == [Peer(7, "postgres"), Peer(6, "shop")]


def test_the_own_namespace_comes_first() -> None:
    found = peers(
        (process(6, "shop", netns=NS), tcp(901, "10.0.0.5:4000", "10.0.0.5:5432"), NS),
        (process(7, "postgres", netns=NS), tcp(902, "10.0.0.5:5432", "10.0.0.5:4000"), NS),
        (process(8, "postgres", netns=POD), tcp(903, "10.0.0.5:5432", "10.0.0.5:4000"), POD),
    )
    assert found[0] == Peer(7, "postgres")


def test_addresses_used_in_several_namespaces_have_no_peer() -> None:
    found = peers(
        (process(6, "shop", netns=NS), tcp(901, "10.0.0.5:4000", "10.1.0.9:5432"), NS),
        (process(7, "postgres", netns=POD), tcp(902, "10.1.0.9:5432", "10.0.0.5:4000"), POD),
        (process(8, "mysql", netns=POD2), tcp(903, "10.1.0.9:5432", "10.0.0.5:4000"), POD2),
    )
    assert found[0] is None


def test_a_peer_that_is_not_accepted_has_a_pid_alone() -> None:
    assert peers(
        (process(6, "shop", netns=NS), tcp(901, "127.0.0.1:4000", "127.0.0.1:5432"), NS),
        (process(7, "other", netns=NS), tcp(902, "127.0.0.1:5432", "127.0.0.1:4000"), NS),
    ) == [Peer(7, None), Peer(6, "shop")]


def test_a_client_over_ipv4_meets_a_server_on_ipv6() -> None:
    assert peers(
        (process(6, "shop", netns=NS), tcp(901, "127.0.0.1:4000", "127.0.0.1:80"), NS),
        (process(7, "nginx", netns=NS), tcp6(902, "127.0.0.1:80", "127.0.0.1:4000"), NS),
    ) == [Peer(7, "nginx"), Peer(6, "shop")]


def test_a_peer_that_several_processes_hold_is_the_one_the_agent_chooses() -> None:
    parent, child, dropped = (
        process(7, "nginx", netns=NS),
        process(8, "nginx-worker", netns=NS),
        process(9, "other", netns=NS),
    )
    client = tcp(901, "127.0.0.1:4000", "127.0.0.1:80")
    served = tcp(902, "127.0.0.1:80", "127.0.0.1:4000")
    found = peers(
        (process(6, "shop", netns=NS), client, NS),
        (parent, served, NS),
        (child, tcp(950, "0.0.0.0:80"), NS),
        (dropped, tcp(951, "0.0.0.0:81"), NS),
        sockets={
            6: [fd(3, 901)],
            7: [fd(3, 902)],
            8: [fd(3, 902)],
            9: [fd(3, 902)],
        },
    )
    assert found[0] == Peer(8, "nginx-worker")
    assert set(found[1:]) == {Peer(6, "shop")}


def test_a_udp_server_answers_from_a_socket_that_is_not_connected() -> None:
    client = (process(6, "app", netns=NS), udp(901, "127.0.0.1:4000", "127.0.0.1:53"), NS)
    for local, family in (("127.0.0.1:53", "ipv4"), ("0.0.0.0:53", "ipv4"), (":::53", "ipv6")):
        server = udp(902, local, ":::0" if family == "ipv6" else "0.0.0.0:0", family=family)
        assert peers(client, (process(7, "dns", netns=NS), server, NS)) == [Peer(7, "dns"), None]
        assert peers(client, (process(7, "dns", netns=POD), server, POD)) == [None, None]


def test_two_servers_on_one_udp_port_are_no_peer() -> None:
    found = peers(
        (process(6, "app", netns=NS), udp(901, "127.0.0.1:4000", "127.0.0.1:53"), NS),
        (process(7, "dns", netns=NS), udp(902, "127.0.0.1:53"), NS),
        (process(8, "dns", netns=NS), udp(903, "127.0.0.1:53"), NS),
    )
    assert found[0] is None


def test_tcp_and_udp_are_strangers() -> None:
    assert peers(
        (process(6, "app", netns=NS), tcp(901, "127.0.0.1:4000", "127.0.0.1:53"), NS),
        (process(7, "dns", netns=NS), udp(902, "127.0.0.1:53", "127.0.0.1:4000"), NS),
    ) == [None, None]


def test_listeners_have_no_peer() -> None:
    assert peers((process(6, "app", netns=NS), tcp(901, "0.0.0.0:80"), NS)) == [None]
