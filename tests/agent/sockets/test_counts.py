from __future__ import annotations

from proccli.agent.sockets.result import counts_by_pid, synced_sockets
from proccli.model.outcome import SocketCounts
from proccli.model.sockets import SyncedSocket
from proccli.versions import behaviour_of
from tests.agent.sockets.looking import REFUSED, fd, look_at_machine, tcp, udp
from tests.build import net_tables, process

NS, POD = 4026531840, 4026532001

BEHAVIOUR = behaviour_of("6.5", "static_config")


def test_the_client_is_side_0_and_only_the_own_side_has_a_pid() -> None:
    found = look_at_machine(
        [process(6, "shop", netns=NS), process(7, "nginx", netns=POD)],
        {6: [fd(3, 901), fd(4, 903), fd(5, 904)], 7: [fd(3, 902)]},
        {
            NS: net_tables(
                tcp=[tcp(901, "10.0.0.5:4000", "10.0.0.9:5432"), tcp(904, "0.0.0.0:1")],
                udp=[udp(903, "10.0.0.5:4001", "10.0.0.9:53")],
            ),
            POD: net_tables(tcp=[tcp(9, "0.0.0.0:80"), tcp(902, "10.1.0.2:80", "10.0.0.9:6000")]),
        },
    )
    assert synced_sockets(found, BEHAVIOUR) == (
        SyncedSocket("tcp", "client", 6, "10.0.0.5", 4000, None, "10.0.0.9", 5432, 1),
        SyncedSocket("udp", "client", 6, "10.0.0.5", 4001, None, "10.0.0.9", 53, 1),
        SyncedSocket("tcp", "server", None, "10.0.0.9", 6000, 7, "10.1.0.2", 80, 2),
    )


def test_what_the_agent_finds_twice_it_sends_twice() -> None:
    tables = net_tables(tcp=[tcp(900, "10.0.0.5:4000", "10.0.0.9:5432")])
    found = look_at_machine(
        [process(6, "init"), process(7, "shop", netns=NS)],
        {7: [fd(3, 900)]},
        {0: tables, NS: tables},
    )
    assert sorted(sent.netns_idx or 0 for sent in synced_sockets(found, BEHAVIOUR)) == [1, 2]


def test_counts_are_of_each_process_and_unknown_where_it_cannot_be_read() -> None:
    found = look_at_machine(
        [process(pid, "shop", netns=NS) for pid in (6, 7, 8)],
        {6: [fd(3, 901), fd(4, 902), fd(5, 903, age_s=0)], 7: REFUSED},
        {
            NS: net_tables(
                tcp=[
                    tcp(901, "10.0.0.5:4000", "10.0.0.9:5432"),
                    tcp(902, "0.0.0.0:80"),
                    tcp(903, "10.0.0.5:4001", "10.0.0.9:5432"),
                ]
            )
        },
    )
    assert counts_by_pid(found, [6, 7, 8]) == {
        6: SocketCounts(synced=1, skipped=1, undecided=1),
        7: None,
        8: SocketCounts(synced=0, skipped=0, undecided=0),
    }
