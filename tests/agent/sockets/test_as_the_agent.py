"""The agent's algorithm written down as plainly as it goes, and ours, on random machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from proccli.agent.sockets.collect import join_sockets, read_sockets
from proccli.agent.sockets.result import sent_sockets
from proccli.model.outcome import Outcome
from proccli.model.process import FieldError
from proccli.model.sockets import (
    TABLES,
    Endpoint,
    Family,
    NetTables,
    Protocol,
    SocketFd,
    SocketRow,
    SyncedSocket,
    TableName,
)
from proccli.versions import behaviour_of
from tests.agent.sockets.looking import MIN_LIFETIME_S, NS_PER_S, REFUSED
from tests.build import NOW_S, ListSource, Machine, config, host, net_tables, process

IPS4 = ("10.0.0.1", "10.0.0.2", "0.0.0.0")
IPS6 = (*IPS4, "::", "::1")
STATES = {
    "tcp": ("LISTEN", "ESTABLISHED", "ESTABLISHED", "CLOSE_WAIT"),
    "udp": ("ESTABLISHED", "UNCONNECTED"),
}
NETNS = (1, 2)
OFTEN = st.sampled_from([True, True, False])
MOSTLY = st.sampled_from([True, True, True, True, True, True, True, False])

BEHAVIOUR = behaviour_of("6.5", "static_config")


@dataclass
class RandomMachine:
    """Processes named `shop` (accepted) or `other` (dropped), with sockets and tables."""

    names: list[str]
    netns: list[int]
    sockets: dict[int, Sequence[SocketFd] | FieldError]
    nets: dict[int, NetTables]


@st.composite
def rows(draw: st.DrawFn, name: TableName, inode: int) -> SocketRow:
    protocol: Protocol = "tcp" if name.startswith("tcp") else "udp"
    family: Family = "ipv6" if name.endswith("6") else "ipv4"
    ips = st.sampled_from(IPS6 if family == "ipv6" else IPS4)
    local, remote = (Endpoint(draw(ips), draw(st.sampled_from([1, 2]))) for _ in "lr")
    return SocketRow(
        protocol, family, draw(st.sampled_from(STATES[protocol])), local, remote, inode
    )


@st.composite
def machines(draw: st.DrawFn) -> RandomMachine:
    # An inode number belongs to one socket, and so to one row of one table of one namespace.
    by_table: dict[tuple[int, TableName], list[SocketRow]] = {}
    inodes = range(100, 100 + draw(st.integers(min_value=8, max_value=24)))
    for inode in inodes:
        place = draw(st.sampled_from(NETNS)), draw(st.sampled_from(TABLES))
        by_table.setdefault(place, []).append(draw(rows(place[1], inode)))
    missing = FieldError(field="net", problem="missing", detail="ENOENT")
    nets = {
        netns: net_tables(
            **{
                name: by_table.get((netns, name), []) if draw(MOSTLY) else missing
                for name in TABLES
            }
        )
        for netns in NETNS
    }
    pids = range(1, draw(st.integers(min_value=2, max_value=5)))
    sockets: dict[int, Sequence[SocketFd] | FieldError] = {}
    for pid in pids:
        held = [inode for inode in inodes if draw(OFTEN)]
        sockets[pid] = (
            REFUSED
            if not draw(MOSTLY)
            else tuple(
                SocketFd(fd, inode, (NOW_S - (60 if draw(MOSTLY) else 1)) * NS_PER_S, "fd-ctime")
                for fd, inode in enumerate(held, start=3)
            )
        )
    return RandomMachine(
        ["shop" if draw(MOSTLY) else "other" for _ in pids],
        [draw(st.sampled_from(NETNS)) for _ in pids],
        sockets,
        nets,
    )


def as_ipv4(end: Endpoint) -> Endpoint | None:
    return None if ":" in end.ip else end


def unspecified(row: SocketRow, end: Endpoint) -> bool:
    return end.ip == ("::" if row.family == "ipv6" else "0.0.0.0")


def the_agents_way(machine: RandomMachine) -> list[SyncedSocket]:
    """linux_socket.rs of agent v6.5, step by step."""
    owner: dict[int, tuple[int, SocketFd]] = {}
    numbers: dict[int, int] = {}
    any_address: set[tuple[int, int]] = set()
    one_address: set[Endpoint] = set()
    tables: list[tuple[Sequence[SocketRow], int]] = []
    for pid, name in enumerate(machine.names, start=1):
        sockets, netns = machine.sockets[pid], machine.netns[pid - 1]
        if isinstance(sockets, FieldError) or name == "other":
            continue
        for item in sockets:
            owner[item.inode] = (pid, item)
        if netns in numbers:
            continue
        numbers[netns] = len(numbers) + 1
        tcp, udp, tcp6, udp6 = machine.nets[netns]
        for table in (tcp, tcp6):
            for row in table.rows:
                if row.state != "LISTEN":
                    continue
                if unspecified(row, row.local):
                    any_address.add((row.local.port, netns))
                elif (end := as_ipv4(row.local)) is not None:
                    one_address.add(end)
        for one, other in ((tcp, udp), (tcp6, udp6)):
            if one.error is None and other.error is None:
                tables += (one.rows, netns), (other.rows, netns)
    sent = []
    for some, netns in tables:
        for row in some:
            if row.protocol == "tcp" and row.state != "ESTABLISHED":
                continue
            if row.inode not in owner:
                continue
            pid, item = owner[row.inode]
            assert item.since_ns is not None
            if NOW_S - item.since_ns // NS_PER_S < MIN_LIFETIME_S:
                continue
            if row.protocol == "udp" and unspecified(row, row.remote):
                continue
            local, remote = as_ipv4(row.local), as_ipv4(row.remote)
            if local is None or remote is None:
                continue
            serves = row.protocol == "tcp" and (
                (local.port, netns) in any_address or local in one_address
            )
            number = numbers[netns]
            sent.append(
                SyncedSocket(row.protocol, "server", None, *remote, pid, *local, number)
                if serves
                else SyncedSocket(row.protocol, "client", pid, *local, None, *remote, number)
            )
    return sent


@given(machines())
def test_what_is_synced_is_what_the_agent_sends(machine: RandomMachine) -> None:
    processes = [
        process(pid, name, netns=netns)
        for pid, (name, netns) in enumerate(zip(machine.names, machine.netns, strict=True), 1)
    ]
    at = host(observed_since_ns=0)
    judge = Machine(processes, config(("^other$", "process_name", "drop")), at=at)
    outcomes: list[Outcome] = [judge.outcome(one.pid) for one in processes]
    source = ListSource(processes, at=at, sockets=machine.sockets, nets=machine.nets)
    reading = read_sockets(outcomes, source, config())
    found = join_sockets(reading)

    def order(sent: SyncedSocket) -> tuple[str, ...]:
        return tuple(map(str, sent))

    assert sorted(sent_sockets(reading, BEHAVIOUR).synced, key=order) == sorted(
        the_agents_way(machine), key=order
    )
    assert all(
        (socket.status == "synced") == (socket.reason is None) and socket.status != "undecided"
        for socket in found.sockets
    )
