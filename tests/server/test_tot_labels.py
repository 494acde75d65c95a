"""Labels of captured connections by TCP option tracing, where no socket is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from proccli.model.flows import ACK, PSH, SYN, CapturedOption, SideLabel
from proccli.model.hosts import HostView
from tests.build import NOW_S
from tests.server.building import (
    NOW_NS,
    NS_PER_S,
    SYN_ACK,
    captured,
    end,
    host_process,
    labels,
    option,
    refused,
    view,
    words,
)

SHORT = "10.0.0.1:4000 > 10.0.0.2:80"
CLIENT, SERVER = "10.0.0.1:4000", "10.0.0.2:80"


def hosts(**client: Any) -> tuple[HostView, HostView]:
    """The processes of two hosts, of whose short connection nobody knows a socket."""
    return (
        view("a", processes=[host_process(1, **client), refused(9)], addresses=("10.0.0.1",)),
        view("b", processes=[host_process(2)], addresses=("10.0.0.2",)),
    )


def of_client(*options: CapturedOption, **how: Any) -> str:
    """How the client's side is labelled by these."""
    return words(captured(SHORT, options), *hosts(), **how)[0]


def test_each_side_is_the_process_that_its_options_name() -> None:
    one, other = labels(
        captured(SHORT, [option(CLIENT, 1)], [option(SERVER, 2, PSH | ACK)]), *hosts()
    )

    assert (one.label, one.gprocess, one.host, one.pid) == ("tot", "p1", "a", 1)
    # Data may be sent by the kernel, while another process runs.
    assert (other.label, other.gprocess, other.host, other.pid) == ("tot-likely", "p2", "b", 2)


def test_a_socket_has_precedence_over_an_option() -> None:
    known = view("a", end(SHORT, 5), processes=[host_process(1), host_process(5)])

    one, _ = labels(captured(SHORT, [option(CLIENT, 1)]), known, hosts()[1])

    assert (one.label, one.pid) == ("socket", 5)


def test_without_options_the_reason_is_that_of_the_sockets() -> None:
    assert words(captured(SHORT), *hosts()) == ("no-connection", "no-connection")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([option(CLIENT, 1, SYN_ACK)], "tot-syn-ack"),
        ([option(CLIENT, 0)], "tot-no-pid"),
        ([option(CLIENT, 0, SYN_ACK)], "tot-syn-ack"),
        ([option(CLIENT, 0), option(CLIENT, 1, PSH | ACK)], "tot-likely"),
        ([option(CLIENT, 0, SYN_ACK), option(CLIENT, 0, PSH | ACK)], "tot-no-pid"),
        ([option(CLIENT, 9, SYN_ACK), option(CLIENT, 1, PSH | ACK)], "tot-likely"),
        ([option(CLIENT, 9)], "dropped"),
        ([option(CLIENT, 4)], "no-process"),
        ([option(CLIENT, 2**32 - 1)], "no-process"),
        ([option(CLIENT, 1), option(CLIENT, 9, PSH | ACK)], "tot"),
        ([option(CLIENT, 1), option(CLIENT, 9)], "tot"),  # sent again, by a timer
        ([option(CLIENT, 1, PSH | ACK), option(CLIENT, 9, PSH | ACK)], "ambiguous"),
        ([option(CLIENT, 1, PSH | ACK), option(CLIENT, 4, PSH | ACK)], "ambiguous"),
        ([option(CLIENT, 4, PSH | ACK), option(CLIENT, 4, PSH | ACK)], "no-process"),
        ([option(CLIENT, 1), option(CLIENT, 1, PSH | ACK)], "tot"),
        ([option("10.9.9.9:4000", 1)], "no-host"),
    ],
)
def test_a_partial_option_is_used_as_far_as_it_goes(
    options: Sequence[CapturedOption], expected: str
) -> None:
    assert of_client(*options) == expected


def test_a_translated_address_is_seen_through() -> None:
    """The segment comes from a gateway that is a host of ours, with a process of that pid."""
    gateway = view("gateway", processes=[host_process(1)], addresses=("192.0.2.1",))
    carried = option("192.0.2.1:61000", 1, address="10.0.0.1")

    one, _ = labels(captured("192.0.2.1:61000 > 10.0.0.2:80", [carried]), *hosts(), gateway)

    assert (one.label, one.host) == ("tot", "a")


def test_without_an_address_the_sender_is_that_of_the_segment_with_a_note() -> None:
    assert of_client(option(CLIENT, 1, version=2, address=None, agent_id=3)) == "tot-likely"


def test_four_bytes_that_are_a_known_hosts_address_are_that() -> None:
    """Twelve bytes, translated on the way, and the gateway is a host of ours, too."""
    gateway = view("gateway", processes=[host_process(1)], addresses=("192.0.2.1",))
    connection = "192.0.2.1:61000 > 10.0.0.2:80"

    def of(candidate: str) -> SideLabel:
        sent = option("192.0.2.1:61000", 1, address=None, ambiguous=True, candidate=candidate)
        return labels(captured(connection, [sent]), *hosts(), gateway)[0]

    assert (of("10.0.0.1").label, of("10.0.0.1").host) == ("tot", "a")
    assert of("10.0.0.7").label == "no-host"


def test_one_option_with_an_address_vouches_for_the_others() -> None:
    without = option(CLIENT, 1, PSH | ACK, address=None)

    assert of_client(without, option(CLIENT, 1)) == "tot"


def test_an_agent_of_a_known_host_is_found_across_nat() -> None:
    """The segment comes from a gateway that is a host of ours, with a process of that pid."""
    gateway = view("gateway", processes=[host_process(1)], addresses=("192.0.2.1",))
    carried = option("192.0.2.1:61000", 1, version=2, address=None, agent_id=3)
    connection = captured("192.0.2.1:61000 > 10.0.0.2:80", [carried])

    one, _ = labels(connection, *hosts(), gateway, agents={3: "a"})
    assert (one.label, one.host) == ("tot", "a")

    one, _ = labels(connection, *hosts(), gateway, agents={4: "a"})
    assert (one.label, one.host) == ("tot-likely", "gateway")


def test_over_ipv6_an_option_names_no_process() -> None:
    source = option("2001:db8::1:4000", 1, address=None)

    one, _ = labels(captured(SHORT, [source]), *hosts())

    assert one.label == "no-host"


def test_an_address_of_several_hosts_names_none_of_them() -> None:
    twin = view("twin", processes=[host_process(1)], addresses=("10.0.0.1",))

    assert words(captured(SHORT, [option(CLIENT, 1)]), *hosts(), twin)[0] == "ambiguous"


def test_a_network_distinguishes_hosts_with_the_same_address() -> None:
    twin = view("twin", processes=[host_process(1)], addresses=("10.0.0.1",), network="blue")
    connection = captured(SHORT, [option(CLIENT, 1)])

    assert words(connection, *hosts(), twin)[0] == "ambiguous"
    assert labels(connection, *hosts(), twin, network="blue")[0].host == "twin"
    assert labels(connection, *hosts(), twin, network="")[0].host == "a"


def test_over_loopback_only_a_single_host_can_be_meant() -> None:
    sent = option("127.0.0.1:4000", 1)
    connection = captured("127.0.0.1:4000 > 127.0.0.1:80", [sent])

    assert words(connection, *hosts())[0] == "ambiguous"
    assert words(connection, hosts()[0])[0] == "tot-likely"


@pytest.mark.parametrize(
    ("started_s", "taken_s", "expected"),
    [
        (-3600, 0, "tot"),
        (-2, 0, "tot"),
        (-1, 0, "tot-likely"),
        (0, 0, "tot-likely"),
        (1, 0, "other-time"),
        (None, 0, "other-time"),
        (-3600, -1, "tot-likely"),
        (-3600, -10, "tot-likely"),
        (-3600, -11, "other-time"),
        (-3600, 86_400, "tot"),
    ],
)
def test_a_pid_counts_while_its_process_is_known_to_have_lived(
    started_s: int | None, taken_s: int, expected: str
) -> None:
    """From two seconds after what is told of its start, of which the rest is cut off, to the look;
    and perhaps for 10 seconds more."""
    lived = host_process(1, started_s=None if started_s is None else NOW_S + started_s)
    at = NOW_NS + taken_s * NS_PER_S
    host = view("a", processes=[lived], addresses=("10.0.0.1",), taken_at_ns=at)

    assert words(captured(SHORT, [option(CLIENT, 1)]), host, within_s=10)[0] == expected


def test_what_an_agent_has_reckoned_in_its_floats_may_be_seconds_off() -> None:
    for started_s, expected in ((-10, "tot"), (-9, "tot-likely"), (1, "other-time")):
        lived = host_process(1, started_s=NOW_S + started_s)
        host = view("a", processes=[lived], addresses=("10.0.0.1",), kind="sync")
        assert words(captured(SHORT, [option(CLIENT, 1)]), host)[0] == expected


def test_a_segment_without_a_time_may_belong_to_another_process() -> None:
    assert of_client(option(CLIENT, 1, time_s=None)) == "tot-likely"


def test_a_retransmitted_syn_names_no_process() -> None:
    """The first one was the kernel's, and so is the second, while some process runs."""
    assert of_client(option(CLIENT, 0), option(CLIENT, 1)) == "tot-no-pid"
    assert of_client(option(CLIENT, 0), option(CLIENT, 9), option(CLIENT, 1, PSH | ACK)) == (
        "tot-likely"
    )


def test_another_agents_host_is_not_the_one_of_the_segment() -> None:
    """Its own agent has another id, so somebody has translated the address."""
    sent = option(CLIENT, 1, version=2, address=None, agent_id=3)

    assert of_client(sent, agents={3: "a"}) == "tot"
    assert of_client(sent, agents={4: "b"}) == "tot-likely"
    assert of_client(sent, agents={4: "a"}) == "no-host"


@pytest.mark.parametrize(
    ("seen_s", "ended", "expected"),
    [
        (-1, False, ("socket", 5)),
        (-30, False, ("tot", 1)),
        (-30, True, ("tot", 1)),
        (-61, False, ("tot", 1)),
        (-61, True, ("tot", 1)),
    ],
)
def test_a_socket_of_about_that_time_gives_way_to_a_syn_of_another_process(
    seen_s: int, ended: bool, expected: tuple[str, int]
) -> None:
    """It may be that of a later connection between the same ends."""
    later = end(SHORT, 5, since_ns=NOW_NS - NS_PER_S)
    host = view("a", later, processes=[host_process(1), host_process(5)])
    sent = option(CLIENT, 1, time_s=float(NOW_S - 100))
    connection = captured(
        SHORT, [sent], start_s=NOW_S - 100.0, end_s=float(NOW_S + seen_s), ended=ended
    )

    one, _ = labels(connection, host, hosts()[1])

    assert (one.label, one.pid) == expected


def test_a_socket_that_exists_after_the_end_of_a_connection_belongs_to_another_one() -> None:
    old = end(SHORT, 5, since_ns=NOW_NS - 3600 * NS_PER_S)
    host = view("a", old, processes=[host_process(5)])
    start_s, end_s = NOW_S - 200.0, NOW_S - 100.0

    for ended, expected in ((False, "socket"), (True, "other-time")):
        connection = captured(SHORT, start_s=start_s, end_s=end_s, ended=ended)
        assert words(connection, host)[0] == expected


def test_the_syn_itself_is_no_answer_to_one() -> None:
    assert not option(CLIENT, 1, SYN).is_ack
    assert of_client(option(CLIENT, 1, SYN)) == "tot"
