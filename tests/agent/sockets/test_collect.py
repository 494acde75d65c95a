from __future__ import annotations

import pytest

from proccli.agent.sockets.collect import (
    SocketSample,
    count_sockets,
    join_sockets,
    read_sockets_of,
)
from proccli.model.outcome import Outcome, SocketCounts
from proccli.model.process import FieldError, Process
from proccli.model.sockets import NetTables, Socket, SocketFd, SocketRow, TableName
from tests.agent.sockets.looking import (
    MIN_LIFETIME_S,
    REFUSED,
    fd,
    look_at_machine,
    only,
    outcomes,
    tcp,
    tcp6,
    udp,
)
from tests.build import UNKNOWN_TAGS, ListSource, Machine, config, host, net_tables, process

CONNECTION = tcp(900, "10.0.0.5:41000", "10.0.0.9:5432")
NS, OTHER_NS = 4026531840, 4026532000
DROP_OTHERS = config(("^other", "process_name", "drop"))
LATER = host(observed_since_ns=host().taken_at_ns - 10_000_000_000)
"""A second sample, ten seconds after the first."""


def one(row: SocketRow, socket: SocketFd | None = None, table: TableName = "tcp") -> Socket:
    """What becomes of the only socket of the only process."""
    nets = {NS: net_tables(**{table: [row]})}
    sockets = {7: [socket or fd(3, row.inode)]}
    return only(look_at_machine([process(7, "shop", netns=NS)], sockets, nets))


def failed(name: str, problem: str = "missing") -> FieldError:
    return FieldError(field=f"net/{name}", problem=problem, detail="ENOENT")  # type: ignore[arg-type]


def test_a_connection_of_an_accepted_process_is_synced() -> None:
    socket = one(CONNECTION, fd(3, 900, age_s=61))
    assert (socket.status, socket.reason, socket.role) == ("synced", None, "client")
    assert (socket.pid, socket.fd, socket.gprocess) == (7, 3, "shop")
    assert (socket.netns, socket.netns_idx) == (NS, 1)
    assert (socket.age_s, socket.age_source) == (61, "fd-ctime")


@pytest.mark.parametrize(
    ("row", "table", "reason"),
    [
        (tcp(900, "0.0.0.0:80"), "tcp", "listening"),
        (tcp(900, "10.0.0.5:1", "10.0.0.9:2", "CLOSE_WAIT"), "tcp", "not-established"),
        (tcp(900, "10.0.0.5:1", "10.0.0.9:2", "SYN_SENT"), "tcp", "not-established"),
        (tcp(900, "0.0.0.0:0", state="CLOSE"), "tcp", "not-established"),
        (tcp6(900, "::1:80", "::1:90"), "tcp6", "ipv6"),
        (tcp6(900, "2001:db8::1:80", "2001:db8::2:90"), "tcp6", "ipv6"),
        (udp(900, "0.0.0.0:53"), "udp", "udp-unconnected"),
        (udp(900, ":::53", ":::0", family="ipv6"), "udp6", "udp-unconnected"),
        (udp(900, "::1:53", "::1:54", family="ipv6"), "udp6", "ipv6"),
    ],
)
def test_a_socket_that_is_not_sent_has_a_reason(
    row: SocketRow, table: TableName, reason: str
) -> None:
    socket = one(row, table=table)
    assert (socket.status, socket.reason) == ("skipped", reason)


def test_an_ipv4_connection_mapped_into_ipv6_is_sent() -> None:
    socket = one(tcp6(900, "10.0.0.5:80", "10.0.0.9:4000"), table="tcp6")
    assert (socket.status, socket.row.family) == ("synced", "ipv6")


def test_a_connected_udp_socket_is_a_client_even_where_its_port_is_a_servers() -> None:
    nets = net_tables(tcp=[tcp(1, "0.0.0.0:53")], udp=[udp(900, "10.0.0.5:53", "10.0.0.9:54")])
    found = look_at_machine([process(7, "dns", netns=NS)], {7: [fd(3, 900)]}, {NS: nets})
    assert (only(found).status, only(found).role) == ("synced", "client")


# ---- ages -------------------------------------------------------------------------------------


def test_in_a_first_sample_a_young_link_proves_nothing() -> None:
    socket = one(CONNECTION, fd(3, 900, age_s=MIN_LIFETIME_S - 1))
    assert (socket.status, socket.reason) == ("undecided", "min-lifetime")


def test_an_age_of_the_minimum_lifetime_is_enough() -> None:
    assert one(CONNECTION, fd(3, 900, age_s=MIN_LIFETIME_S)).status == "synced"


def test_ages_count_in_whole_seconds_of_the_clock_as_the_agents() -> None:
    """2.1 seconds in which the clock's second turned three times are 3."""
    at = host(taken_at_ns=host().taken_at_ns + 100_000_000)
    nets = {NS: net_tables(tcp=[CONNECTION])}
    found = look_at_machine(
        [process(7, "shop", netns=NS)], {7: [fd(3, 900, age_s=2.0001)]}, nets, at=at
    )
    assert only(found).age_s == 3
    assert only(found).status == "synced"


def test_what_is_new_since_the_first_look_is_too_young() -> None:
    nets = {NS: net_tables(tcp=[CONNECTION])}
    found = look_at_machine(
        [process(7, "shop", netns=NS)], {7: [fd(3, 900, age_s=1)]}, nets, at=LATER
    )
    assert outcomes(found) == {(7, 3): "min-lifetime"}


def test_a_link_made_while_we_look_is_of_age_0() -> None:
    socket = one(CONNECTION, fd(3, 900, age_s=-0.5))
    assert (socket.age_s, socket.status) == (0, "undecided")


def test_an_unknown_age_is_old_enough() -> None:
    socket = one(CONNECTION, fd(3, 900, age_s=None))
    assert (socket.status, socket.age_s, socket.age_source) == ("synced", None, "unknown")


def test_an_open_age_does_not_matter_where_it_is_not_sent_anyhow() -> None:
    socket = one(tcp6(900, "::1:80", "::1:90"), fd(3, 900, age_s=0), table="tcp6")
    assert (socket.status, socket.reason) == ("skipped", "ipv6")


# ---- the order of reasons -----------------------------------------------------------------


def test_the_first_reason_in_the_agents_order_counts() -> None:
    rows = [
        tcp(901, "0.0.0.0:80"),
        tcp(902, "0.0.0.0:81"),
        tcp(903, "10.0.0.5:1", "10.0.0.9:2", "CLOSE_WAIT"),
    ]
    rows6 = [tcp6(904, "::1:80", "::1:90")]
    udps = [udp(905, "0.0.0.0:53")]
    udps6 = [udp(906, ":::53", ":::0", family="ipv6")]
    found = look_at_machine(
        [process(7, "shop", netns=NS), process(8, "shop", netns=NS), process(9, "other", netns=NS)],
        {
            7: [fd(3, 901, age_s=0)],
            8: [fd(n, 898 + n, age_s=1) for n in range(3, 9)],
            9: [fd(3, 902)],
        },
        {NS: net_tables(tcp=rows, tcp6=rows6, udp=udps, udp6=udps6)},
        DROP_OTHERS,
        at=LATER,
    )
    assert outcomes(found) == {
        (7, 3): "no-owner",  # rather than listening
        (8, 3): "listening",  # rather than min-lifetime
        (8, 4): "listening",
        (8, 5): "not-established",
        (8, 6): "min-lifetime",  # rather than ipv6
        (8, 7): "min-lifetime",  # rather than udp-unconnected
        (8, 8): "min-lifetime",
        (9, 3): "process-not-accepted",  # rather than listening
    }


# ---- who owns a socket --------------------------------------------------------------------


def test_a_shared_socket_goes_to_the_highest_pid_and_there_to_its_highest_fd() -> None:
    found = look_at_machine(
        [process(pid, "shop", netns=NS) for pid in (7, 8, 9)],
        {7: [fd(30, 900)], 8: [fd(3, 900), fd(5, 900)], 9: []},
        {NS: net_tables(tcp=[CONNECTION])},
    )
    assert outcomes(found) == {(7, 30): "no-owner", (8, 3): "no-owner", (8, 5): "synced"}


def test_a_process_that_is_not_accepted_takes_no_socket_away() -> None:
    found = look_at_machine(
        [process(7, "shop", netns=NS), process(8, "other", netns=NS)],
        {7: [fd(3, 900)], 8: [fd(3, 900)]},
        {NS: net_tables(tcp=[CONNECTION])},
        DROP_OTHERS,
    )
    assert outcomes(found) == {(7, 3): "synced", (8, 3): "process-not-accepted"}


def test_who_owns_a_socket_is_open_while_a_later_holder_is_in_doubt() -> None:
    doubtful = config(("team:", "tag", "drop"), ("^never$", "process_name", "drop"))
    processes = [process(7, "shop", netns=NS), process(8, "shop", netns=NS)]
    found = look_at_machine(
        processes,
        {7: [fd(3, 900)], 8: [fd(3, 900), fd(4, 901)]},
        {NS: net_tables(tcp=[CONNECTION, tcp(901, "0.0.0.0:80")])},
        doubtful,
        tags=UNKNOWN_TAGS,
    )
    assert outcomes(found) == {
        (7, 3): "undecided: process-not-accepted",
        (8, 3): "undecided: process-not-accepted",
        (8, 4): "listening",
    }

    # Only the later process is in doubt: its line of parents can't be read.
    half = config(("^bash$", "parent_process_name", "drop"))
    hidden = Process(
        pid=5, errors=(FieldError(field="cmdline", problem="denied", detail="EACCES"),)
    )
    processes = [hidden, process(7, "shop", netns=NS), process(8, "shop", ppid=5, netns=NS)]
    found = look_at_machine(
        processes,
        {5: REFUSED, 7: [fd(3, 900)], 8: [fd(3, 900)]},
        {NS: net_tables(tcp=[CONNECTION])},
        half,
        at=host(privileged=False),
    )
    assert outcomes(found) == {
        (7, 3): "undecided: no-owner",
        (8, 3): "undecided: process-not-accepted",
    }


# ---- namespaces -------------------------------------------------------------------------------


def elsewhere(*rows: SocketRow) -> NetTables:
    return net_tables(tcp=rows)


def test_namespaces_are_numbered_as_accepted_processes_lead_to_them() -> None:
    found = look_at_machine(
        [
            process(5, "other", netns=3),
            process(6, "shop", netns=2),
            process(7, "shop", netns=1),
            process(8, "shop", netns=2),
        ],
        {pid: [fd(3, 900 + pid)] for pid in (5, 6, 7, 8)},
        {
            3: elsewhere(tcp(905, "10.0.3.5:1", "10.0.0.9:2")),
            2: elsewhere(
                tcp(906, "10.0.2.5:1", "10.0.0.9:2"), tcp(908, "10.0.2.5:2", "10.0.0.9:2")
            ),
            1: elsewhere(tcp(907, "10.0.1.5:1", "10.0.0.9:2")),
        },
        DROP_OTHERS,
    )
    numbers = {socket.pid: (socket.netns, socket.netns_idx) for socket in found.sockets}
    assert numbers == {5: (3, None), 6: (2, 1), 7: (1, 2), 8: (2, 1)}


def test_a_process_whose_fds_cannot_be_read_does_not_open_its_namespace() -> None:
    found = look_at_machine(
        [process(6, "shop", netns=OTHER_NS), process(7, "shop", netns=NS)],
        {6: REFUSED, 7: [fd(3, 900)]},
        {NS: elsewhere(CONNECTION), OTHER_NS: elsewhere(tcp(901, "10.0.0.5:41000"))},
    )
    assert (only(found).netns_idx, only(found).role) == (1, "client")
    assert [(outcome.process.pid, error) for outcome, error in found.unreadable] == [(6, REFUSED)]


def test_each_namespace_is_read_once_through_its_first_accepted_process() -> None:
    processes = [
        process(5, "other", netns=NS),
        process(6, "shop", netns=NS),
        process(7, "shop", netns=NS),
    ]
    source = ListSource(processes, sockets={5: [fd(3, 900)]}, nets={NS: elsewhere(CONNECTION)})
    machine = Machine(processes, DROP_OTHERS)
    read_sockets_of([5, 6, 7], source, machine.outcome, config())
    assert source.asked_for_tables == [6]


class Vanishing(ListSource):
    """A source whose process 6 exits before its tables are read."""

    def net_tables(self, pid: int) -> NetTables:
        known = super().net_tables(pid)
        if pid != 6:
            return known
        return net_tables(**{table.name: failed(table.name, "gone") for table in known})


def test_a_process_that_exits_before_its_tables_are_read_gives_way_to_the_next() -> None:
    processes = [process(6, "shop", netns=NS), process(7, "shop", netns=NS)]
    source = Vanishing(processes, sockets={7: [fd(3, 900)]}, nets={NS: elsewhere(CONNECTION)})
    machine = Machine(processes, config())
    found = join_sockets(read_sockets_of([6, 7], source, machine.outcome, config()))
    assert outcomes(found) == {(7, 3): "synced"}
    assert found.lost == ()


PAIRS: dict[str, list[SocketRow]] = {
    "tcp": [CONNECTION],
    "udp": [udp(901, "10.0.0.5:1", "10.0.0.9:2")],
    "tcp6": [tcp6(902, "10.0.0.5:3", "10.0.0.9:4")],
    "udp6": [udp(903, "10.0.0.5:5", "10.0.0.9:6", family="ipv6")],
}
FDS = {7: [fd(3, 900), fd(4, 901), fd(5, 902), fd(6, 903)]}


@pytest.mark.parametrize(
    ("broken", "lost"),
    [("tcp", {4}), ("udp", {3}), ("tcp6", {6}), ("udp6", {5})],
)
def test_two_tables_stand_or_fall_together(broken: str, lost: set[int]) -> None:
    """Rows of the broken table are not to be seen at all; those of its partner are skipped."""
    given: dict[str, list[SocketRow] | FieldError] = {**PAIRS, broken: failed(broken)}
    tables = net_tables(**given)
    found = look_at_machine([process(7, "shop", netns=NS)], FDS, {NS: tables})
    reasons = {socket.fd: socket.reason for socket in found.sockets}
    assert {number for number, reason in reasons.items() if reason == "unreadable"} == lost
    assert list(reasons.values()).count(None) == 2
    assert [name for _, name, _ in found.lost] == [broken]


def test_without_ipv6_nothing_is_lost() -> None:
    tables = net_tables(tcp=[CONNECTION], tcp6=failed("tcp6"), udp6=failed("udp6"))
    found = look_at_machine([process(7, "shop", netns=NS)], {7: [fd(3, 900)]}, {NS: tables})
    assert outcomes(found) == {(7, 3): "synced"}


def test_what_only_we_are_refused_is_open() -> None:
    tables = net_tables(tcp=[CONNECTION], udp=failed("udp", "denied"))
    processes = [process(7, "shop", netns=NS)]
    ours = look_at_machine(processes, {7: [fd(3, 900)]}, {NS: tables}, at=host(privileged=False))
    roots = look_at_machine(processes, {7: [fd(3, 900)]}, {NS: tables})
    assert outcomes(ours) == {(7, 3): "undecided: unreadable"}
    assert outcomes(roots) == {(7, 3): "unreadable"}


def test_a_row_of_a_namespace_that_the_agent_does_not_open_is_not_sent() -> None:
    """The socket came from another namespace, and no accepted process is in there."""
    found = look_at_machine(
        [process(6, "other", netns=OTHER_NS), process(7, "shop", netns=NS)],
        {7: [fd(3, 900)]},
        {OTHER_NS: elsewhere(CONNECTION)},
        DROP_OTHERS,
    )
    assert outcomes(found) == {(7, 3): "unreadable"}
    assert only(found).netns == OTHER_NS


def test_a_socket_of_another_namespace_that_is_open_is_sent() -> None:
    found = look_at_machine(
        [process(6, "shop", netns=OTHER_NS), process(7, "shop", netns=NS)],
        {7: [fd(3, 900)]},
        {OTHER_NS: elsewhere(CONNECTION)},
    )
    assert outcomes(found) == {(7, 3): "synced"}
    assert (only(found).netns, only(found).netns_idx) == (OTHER_NS, 1)


def test_what_stands_in_a_hidden_namespace_as_well_is_listed_once() -> None:
    """A process whose `ns` can't be read is in namespace 0 to the agent, with the real tables."""
    tables = elsewhere(CONNECTION)
    found = look_at_machine(
        [process(6, "shop"), process(7, "shop", netns=NS)],
        {7: [fd(3, 900)]},
        {0: tables, NS: tables},
    )
    assert (only(found).netns, only(found).netns_idx) == (NS, 2)
    assert [(socket.netns, socket.netns_idx) for socket in found.repeated] == [(None, 1)]


def test_rows_without_a_process_are_counted() -> None:
    rows = [CONNECTION, tcp(555, "10.0.0.5:1", "10.0.0.9:2"), tcp(0, "0.0.0.0:111")]
    found = look_at_machine(
        [process(7, "shop", netns=NS)], {7: [fd(3, 900)]}, {NS: elsewhere(*rows)}
    )
    assert found.without_process == 1


def test_sockets_of_other_families_are_not_ours_to_tell() -> None:
    found = look_at_machine(
        [process(7, "shop", netns=NS)], {7: [fd(3, 1), fd(4, 2)]}, {NS: elsewhere()}
    )
    assert found.sockets == ()


# ---- roles ------------------------------------------------------------------------------------

SERVED = tcp(900, "10.0.0.5:80", "10.0.0.9:4000")


@pytest.mark.parametrize(
    ("listener", "role"),
    [
        (tcp(1, "0.0.0.0:80"), "server"),
        (tcp6(1, ":::80"), "server"),
        (tcp(1, "10.0.0.5:80"), "server"),
        (tcp6(1, "10.0.0.5:80"), "server"),  # mapped into IPv6
        (tcp(0, "0.0.0.0:80"), "server"),  # of the kernel
        (tcp6(1, "0.0.0.0:80"), "client"),  # ::ffff:0.0.0.0 is an address like any other
        (tcp(1, "10.0.0.6:80"), "client"),
        (tcp(1, "0.0.0.0:81"), "client"),
        (tcp(1, "0.0.0.0:80", state="CLOSE"), "client"),
    ],
)
def test_a_connection_to_a_port_that_is_listened_on_is_a_servers(
    listener: SocketRow, role: str
) -> None:
    table = "tcp" if listener.family == "ipv4" else "tcp6"
    tables = net_tables(**{"tcp": [SERVED], table: [listener, *([SERVED] * (table == "tcp"))]})
    found = look_at_machine([process(7, "shop", netns=NS)], {7: [fd(3, 900)]}, {NS: tables})
    assert only(found).role == role


@pytest.mark.parametrize(
    ("listener", "role"),
    [(tcp(1, "0.0.0.0:80"), "client"), (tcp(1, "10.0.0.5:80"), "server")],
    ids=["on all addresses", "on this address"],
)
def test_a_listener_elsewhere_counts_only_by_its_address(listener: SocketRow, role: str) -> None:
    found = look_at_machine(
        [process(6, "shop", netns=OTHER_NS), process(7, "shop", netns=NS)],
        {7: [fd(3, 900)]},
        {NS: elsewhere(SERVED), OTHER_NS: elsewhere(listener)},
    )
    assert only(found).role == role


def test_a_listener_in_a_namespace_that_the_agent_does_not_open_does_not_count() -> None:
    found = look_at_machine(
        [process(6, "other", netns=OTHER_NS), process(7, "shop", netns=NS)],
        {6: [fd(3, 1)], 7: [fd(3, 900)]},
        {NS: elsewhere(SERVED), OTHER_NS: elsewhere(tcp(1, "10.0.0.5:80"))},
        DROP_OTHERS,
    )
    assert {socket.pid: socket.role for socket in found.sockets} == {6: None, 7: "client"}


def test_listeners_count_even_where_the_connections_of_their_table_are_lost() -> None:
    tables = net_tables(
        tcp=[tcp(1, "0.0.0.0:80")],
        udp=failed("udp"),
        tcp6=[tcp6(900, "10.0.0.5:80", "10.0.0.9:4000")],
    )
    found = look_at_machine([process(7, "shop", netns=NS)], {7: [fd(3, 900)]}, {NS: tables})
    assert (only(found).role, only(found).status) == ("server", "synced")


@pytest.mark.parametrize(
    "row", [tcp(900, "0.0.0.0:80"), tcp(900, "0.0.0.0:0", state="CLOSE"), udp(900, "0.0.0.0:53")]
)
def test_what_is_not_connected_has_no_role(row: SocketRow) -> None:
    assert one(row, table="udp" if row.protocol == "udp" else "tcp").role is None


# ---- a look at a few --------------------------------------------------------------------------


def look_at_7(
    sockets: dict[int, list[SocketFd]], *rows: SocketRow
) -> tuple[SocketSample, list[int]]:
    """A look at process 7 of four, and which of them were judged for it."""
    processes = [process(pid, "shop", netns=NS) for pid in (6, 7, 8, 9)]
    machine = Machine(processes, config())
    judged: list[int] = []

    def outcome_of_pid(pid: int) -> Outcome:
        judged.append(pid)
        return machine.outcome(pid)

    source = ListSource(processes, sockets=sockets, nets={NS: elsewhere(*rows)})
    return join_sockets(read_sockets_of([7], source, outcome_of_pid, config())), judged


def test_sockets_of_one_process_decide_only_those_that_share_them() -> None:
    found, judged = look_at_7(
        {7: [fd(3, 900)], 8: [fd(3, 900)], 9: [fd(3, 999)]},
        CONNECTION,
        tcp(999, "10.0.0.5:1", "10.0.0.9:2"),
    )
    assert judged == [7, 8]
    assert outcomes(found)[7, 3] == "no-owner"


def test_sockets_of_one_process_without_connections_decide_no_other() -> None:
    found, judged = look_at_7({7: [fd(3, 900)], 8: [fd(3, 900)]}, tcp(900, "0.0.0.0:80"))
    assert judged == [7]
    assert outcomes(found) == {(7, 3): "listening"}


def test_a_process_with_a_lower_pid_cannot_take_the_sockets_of_one_process() -> None:
    found, judged = look_at_7({6: [fd(3, 900)], 7: [fd(3, 900)]}, CONNECTION)
    assert judged == [7]
    assert outcomes(found) == {(7, 3): "synced"}


def test_for_a_process_without_sockets_no_table_is_read() -> None:
    processes = [process(pid, "shop", netns=NS) for pid in (6, 7)]
    source = ListSource(processes, sockets={6: [fd(3, 900)]}, nets={NS: elsewhere(CONNECTION)})
    machine = Machine(processes, config())
    reading = read_sockets_of([7], source, machine.outcome, config())
    assert count_sockets(reading) == {7: SocketCounts(synced=0, skipped=0, undecided=0)}
    assert source.asked_for_tables == []


def test_a_process_whose_links_are_refused_opens_a_namespace_of_its_own() -> None:
    """Namespace 0, with the tables of its real one: they go out twice, and others move up by one.

    Source: FACTS A10, run live.
    """
    processes = [process(1, "init", netns=None), process(7, "shop", netns=NS)]
    tables = net_tables(tcp=[CONNECTION])
    sample = look_at_machine(processes, {1: [], 7: [fd(3, 900)]}, {0: tables, NS: tables})
    assert [(one.pid, one.netns_idx, one.status) for one in sample.sockets] == [(7, 2, "synced")]
    assert [(one.pid, one.netns_idx, one.status) for one in sample.repeated] == [(7, 1, "synced")]
