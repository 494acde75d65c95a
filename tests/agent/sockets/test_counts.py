from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Iterable, Mapping

from hypothesis import given as for_all
from hypothesis import strategies as st

from proccli.agent.sockets.collect import (
    SocketSample,
    ages_that_decide,
    by_pid_and_fd,
    count_sockets,
    join_sockets,
    read_sockets,
    read_sockets_of,
)
from proccli.agent.sockets.result import connections_left_out, sent_sockets
from proccli.model.config import Config
from proccli.model.outcome import Outcome, SocketCounts
from proccli.model.process import Host
from proccli.model.sockets import Socket, SocketStatus, SyncedSocket
from proccli.versions import behaviour_of
from tests.agent.sockets.looking import REFUSED, fd, look_at_machine, read_machine, tcp, tcp6, udp
from tests.build import ListSource, Machine, config, host, net_tables, process

NS, POD = 4026531840, 4026532001

BEHAVIOUR = behaviour_of("6.5", "static_config")


def test_the_client_is_side_0_and_only_the_own_side_has_a_pid() -> None:
    reading = read_machine(
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
    assert sent_sockets(reading, BEHAVIOUR).synced == (
        SyncedSocket("tcp", "client", 6, "10.0.0.5", 4000, None, "10.0.0.9", 5432, 1),
        SyncedSocket("udp", "client", 6, "10.0.0.5", 4001, None, "10.0.0.9", 53, 1),
        SyncedSocket("tcp", "server", None, "10.0.0.9", 6000, 7, "10.1.0.2", 80, 2),
    )


def test_what_the_agent_finds_twice_it_sends_twice() -> None:
    tables = net_tables(tcp=[tcp(900, "10.0.0.5:4000", "10.0.0.9:5432")])
    reading = read_machine(
        [process(6, "init"), process(7, "shop", netns=NS)],
        {7: [fd(3, 900)]},
        {0: tables, NS: tables},
    )
    assert [sent.netns_idx for sent in sent_sockets(reading, BEHAVIOUR).synced] == [2, 1]


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


def counts_by_pid(sample: SocketSample, pids: Iterable[int]) -> Mapping[int, SocketCounts | None]:
    """The counts of each of these processes; None where its sockets could not be read."""
    counts = Counter((socket.pid, socket.status) for socket in sample.sockets)
    unreadable = {outcome.process.pid for outcome, _ in sample.unreadable}
    statuses: tuple[SocketStatus, ...] = ("synced", "skipped", "undecided")
    return {
        pid: None
        if pid in unreadable
        else SocketCounts(*(counts[pid, status] for status in statuses))
        for pid in pids
    }


PIDS = (6, 7, 8)
INODES = st.integers(min_value=900, max_value=904)
ENDS = st.sampled_from(["10.0.0.5:4000", "10.0.0.9:5432", "0.0.0.0:0"])
ROWS = st.builds(
    tcp,
    INODES,
    ENDS,
    ENDS,
    st.sampled_from(["", "CLOSE_WAIT"]),
)
ROWS6 = st.builds(tcp6, INODES, st.sampled_from(["::1:1", "10.0.0.5:1"]), st.just("10.0.0.9:2"))
HELD = st.dictionaries(
    st.integers(min_value=3, max_value=6),
    st.tuples(INODES, st.sampled_from([None, 0, 2.5, 3, 60])),
    max_size=4,
)
TABLES = st.builds(
    net_tables,
    tcp=st.lists(ROWS, max_size=6) | st.just(REFUSED),
    udp=st.lists(st.builds(udp, INODES, ENDS, ENDS), max_size=3),
    tcp6=st.lists(ROWS6, max_size=3) | st.just(REFUSED),
)


@for_all(
    held=st.fixed_dictionaries({pid: HELD | st.just(REFUSED) for pid in PIDS}),
    nets=st.fixed_dictionaries({NS: TABLES, POD: TABLES}),
    places=st.tuples(*[st.sampled_from([NS, POD, None])] * 3),
    statuses=st.tuples(*[st.sampled_from(["accepted", "unknown", "dropped", "skipped"])] * 3),
    at=st.sampled_from([host(), host(privileged=False), host(observed_since_ns=0)]),
    configuration=st.sampled_from([config(), config(agent="6.2.0"), config(min_lifetime_s=0)]),
)
def test_counting_finds_what_joining_finds(  # type: ignore[no-untyped-def]
    held, nets, places, statuses, at: Host, configuration: Config
) -> None:
    processes = [process(pid, "shop", netns=netns) for pid, netns in zip(PIDS, places, strict=True)]
    machine = Machine(processes, configuration, at=at)
    outcomes: list[Outcome] = [
        machine.outcome(pid)._replace(status=status)
        for pid, status in zip(PIDS, statuses, strict=True)
    ]
    sockets = {
        pid: found
        if found is REFUSED
        else [fd(number, inode, age_s) for number, (inode, age_s) in sorted(found.items())]
        for pid, found in held.items()
    }
    source = ListSource(processes, at=at, sockets=sockets, nets=nets)
    reading = read_sockets(outcomes, source, configuration)
    joined = join_sockets(reading)

    assert count_sockets(reading) == counts_by_pid(joined, PIDS)
    assert sorted(ages_that_decide(reading)) == sorted(
        socket.age_s or 0
        for socket in joined.sockets
        if (socket.status, socket.reason) == ("undecided", "min-lifetime")
    )
    sent = sent_sockets(reading, BEHAVIOUR)
    assert sent.synced == tuple(map(as_sent, synced_of(joined)))
    assert tuple(sent.left_out.items()) == tuple(connections_left_out(joined).items())
    assert sent.undecided == any(socket.status == "undecided" for socket in joined.sockets)
    assert (sent.lost, sent.without_process) == (joined.lost, joined.without_process)
    assert list(reading.rows()) == []


def synced_of(joined: SocketSample) -> Iterable[Socket]:
    """The sockets that are sent, in the order in which they are sent."""
    every = sorted((*joined.sockets, *joined.repeated), key=by_pid_and_fd)
    return (socket for socket in every if socket.status == "synced")


def as_sent(socket: Socket) -> SyncedSocket:
    local, remote, row = socket.row.local, socket.row.remote, socket.row
    if socket.role == "client":
        return SyncedSocket(
            row.protocol, "client", socket.pid, *local, None, *remote, socket.netns_idx
        )
    assert socket.role == "server"
    return SyncedSocket(row.protocol, "server", None, *remote, socket.pid, *local, socket.netns_idx)


def test_what_is_sent_takes_the_place_of_the_rows() -> None:
    """In memory, where thousands of sockets are all sent."""
    count = 4000
    tracemalloc.start()
    try:
        reading = read_machine(
            [process(7, "shop", netns=NS)],
            {7: [fd(n, 9000 + n) for n in range(count)]},
            {
                NS: net_tables(
                    tcp=[tcp(9000 + n, "10.0.0.5:80", f"10.0.0.9:{n + 1}") for n in range(count)]
                )
            },
        )
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        sent = sent_sockets(reading, BEHAVIOUR)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(sent.synced) == count
    assert after < before
    assert peak - before < 150 * count  # bytes; 217 where whole sockets are made


WHOLE_TABLES = st.builds(
    net_tables,
    tcp=st.lists(ROWS, max_size=6),
    udp=st.lists(st.builds(udp, INODES, ENDS, ENDS), max_size=3),
    tcp6=st.lists(ROWS6, max_size=3),
)


@for_all(
    held=st.fixed_dictionaries(dict.fromkeys(PIDS, HELD)),
    tables=WHOLE_TABLES,
    statuses=st.tuples(*[st.sampled_from(["accepted", "unknown", "dropped", "skipped"])] * 3),
    at=st.sampled_from([host(), host(privileged=False), host(observed_since_ns=0)]),
)
def test_the_counts_of_one_process_do_not_need_all_the_others(  # type: ignore[no-untyped-def]
    held, tables, statuses, at: Host
) -> None:
    processes = [process(pid, "shop", netns=NS) for pid in PIDS]
    machine = Machine(processes, config(), at=at)
    by_pid: dict[int, Outcome] = {
        pid: machine.outcome(pid)._replace(status=status)
        for pid, status in zip(PIDS, statuses, strict=True)
    }
    sockets = {
        pid: [fd(number, inode, age_s) for number, (inode, age_s) in sorted(found.items())]
        for pid, found in held.items()
    }
    source = ListSource(processes, at=at, sockets=sockets, nets={NS: tables})
    of_all = count_sockets(read_sockets(by_pid.values(), source, config()))

    for pid in PIDS:
        of_one = count_sockets(read_sockets_of([pid], source, by_pid.get, config()))
        assert of_one[pid] == of_all[pid]
