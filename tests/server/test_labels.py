"""Labels of flows by sockets: the process of each side, or why it is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.model.flows import PlainFlow
from proccli.model.hosts import ConnectionEnd, HostProcess, HostView
from proccli.model.sockets import Endpoint
from proccli.server.join import is_loopback
from proccli.versions import SERVERS
from tests.build import NOW_S
from tests.server.building import (
    NOW_NS,
    NS_PER_S,
    end,
    endpoint,
    flow,
    host_process,
    labeller,
    labels,
    refused,
    timeless,
    view,
    words,
)
from tests.server.fleets import fleets

CLIENT = "10.0.0.1:4000 > 10.0.0.2:80"
SERVER = "10.0.0.2:80 < 10.0.0.1:4000"
LOOPBACK = "127.0.0.1:4000 > 127.0.0.1:80"


def shop(**client: Any) -> tuple[HostView, HostView]:
    """A client on one host and a server on another."""
    return view("a", end(CLIENT, 1, **client)), view("b", end(SERVER, 2))


def test_both_sides_of_a_connection_have_their_process() -> None:
    one, other = labels(flow(CLIENT), *shop())

    assert (one.label, one.gprocess, one.pid, one.host) == ("socket", "p1", 1, "a")
    assert (other.label, other.gprocess, other.pid, other.host) == ("socket", "p2", 2, "b")


def test_sides_keep_their_process_when_a_record_has_them_the_other_way_round() -> None:
    one, other = labels(flow("10.0.0.2:80 > 10.0.0.1:4000"), *shop())

    assert (one.gprocess, other.gprocess) == ("p2", "p1")


def test_both_ends_of_a_udp_connection_are_found() -> None:
    """Each of them is a client to its agent."""
    ends = ("10.0.0.1:4000 > 10.0.0.2:53", "10.0.0.2:53 > 10.0.0.1:4000")
    hosts = [view(text[-6:], end(text, pid, protocol="udp")) for pid, text in enumerate(ends, 1)]

    for text in ends:
        assert words(flow(text, protocol="udp"), *hosts) == ("socket", "socket")
        assert words(flow(text), *hosts) == ("no-connection", "no-connection")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (flow(CLIENT, problem="no ip_0"), "no-flow"),
        (flow(CLIENT)._replace(side_0=None), "no-flow"),
        (flow(CLIENT)._replace(side_1=None), "no-flow"),
        (flow(CLIENT, protocol=None), "other-protocol"),
        (flow(CLIENT)._replace(side_0=Endpoint("::1", 4000)), "ipv6"),
        (flow(CLIENT)._replace(side_1=Endpoint("2001:db8::1", 80)), "ipv6"),
        (flow("10.0.0.1:4001 > 10.0.0.2:80"), "no-connection"),
        (flow("10.9.0.1:4000 > 10.9.0.2:80"), "no-host"),
        (flow("0.0.0.0:4000 > 0.0.0.0:80"), "no-host"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unknown_connection_has_no_label(record: Any, expected: str) -> None:
    assert words(record, *shop()) == (expected, expected)


@pytest.mark.parametrize(
    ("known", "its_party", "expected"),
    [
        ({"status": "skipped", "reason": "min-lifetime"}, host_process(1), "min-lifetime"),
        ({"status": "skipped", "reason": "not-established"}, host_process(1), "not-established"),
        ({"status": "skipped", "reason": "unreadable"}, host_process(1), "unreadable"),
        ({"status": "skipped", "reason": "no-owner"}, host_process(1), "no-owner"),
        ({"status": "skipped", "reason": "process-not-accepted"}, refused(1), "dropped"),
        (
            {"status": "skipped", "reason": "process-not-accepted"},
            refused(1, "skipped", "min-lifetime"),
            "min-lifetime",
        ),
        (
            {"status": "skipped", "reason": "process-not-accepted"},
            refused(1, "skipped", "untagged"),
            "untagged",
        ),
        ({"status": "skipped", "reason": "process-not-accepted"}, None, "process-not-accepted"),
        ({"status": "undecided", "reason": "min-lifetime"}, host_process(1), "undecided"),
        (
            {"status": "undecided", "reason": "process-not-accepted"},
            refused(1, "unknown", "masked"),
            "undecided",
        ),
        ({}, None, "no-process"),
        ({}, refused(1), "dropped"),
    ],
)
def test_a_side_that_is_not_sent_has_its_reason_as_label(
    known: dict[str, Any], its_party: HostProcess | None, expected: str
) -> None:
    processes = [] if its_party is None else [its_party]

    one, other = labels(
        flow(CLIENT), view("a", end(CLIENT, 1, **known), processes=processes), shop()[1]
    )

    assert (one.label, one.gprocess, one.pid, one.host) == (expected, None, 1, "a")
    assert other.label == "socket"


@pytest.mark.parametrize(
    ("first_s", "last_s", "expected"),
    [
        (-40, -31, "other-time"),
        (-40, -30, "socket"),
        (-20, 20, "socket"),
        (-900, 900, "socket"),
        (10, 400, "socket"),
        (11, 400, "other-time"),
        (None, -31, "other-time"),
        (None, -30, "socket"),
        (11, None, "other-time"),
        (10, None, "socket"),
        (None, None, "socket"),
        (float("nan"), float("nan"), "other-time"),
        (float("-inf"), float("inf"), "socket"),
    ],
)
def test_a_connection_is_valid_from_its_first_sample_to_the_last_with_a_tolerance(
    first_s: float | None, last_s: float | None, expected: str
) -> None:
    """Known for 20 seconds, with 10 seconds let pass."""
    times = [None if one is None else NOW_S + one for one in (first_s, last_s)]
    record = flow(CLIENT, start_s=times[0], end_s=times[1])
    hosts = shop(since_ns=NOW_NS - 20 * NS_PER_S)

    assert words(record, *hosts, within_s=10)[0] == expected


def test_a_connection_of_unknown_age_is_valid_at_the_time_of_the_sample() -> None:
    record = flow(CLIENT, start_s=NOW_S - 30.0, end_s=NOW_S - 11.0)

    assert words(record, *shop(since_ns=None), within_s=10)[0] == "other-time"
    assert words(record, *shop(since_ns=None), within_s=11)[0] == "socket"


def test_a_first_sample_later_than_the_snapshot_counts_as_the_snapshot() -> None:
    record = flow(CLIENT, start_s=NOW_S - 9.0, end_s=NOW_S - 9.0)

    assert words(record, *shop(since_ns=NOW_NS + 3600 * NS_PER_S), within_s=10)[0] == "socket"


@pytest.mark.parametrize(("started_s", "expected"), [(10, "socket"), (11, "other-time")])
def test_a_process_that_started_after_a_flow_is_not_its(started_s: int, expected: str) -> None:
    host = view("a", end(CLIENT, 1), processes=[host_process(1, started_s=NOW_S + started_s)])

    assert words(flow(CLIENT), host, within_s=10)[0] == expected


def test_times_beyond_all_bounds_are_no_trouble() -> None:
    late = 253_402_300_799 * NS_PER_S

    for at in (late, -late):
        hosts = [replace(host, taken_at_ns=at) for host in shop(since_ns=at)]
        assert words(flow(CLIENT), *hosts)[0] == "other-time"


def test_what_two_hosts_send_of_one_end_is_ambiguous() -> None:
    hosts = (*shop(), view("c", end(CLIENT, 3)))

    assert words(flow(CLIENT), *hosts) == ("ambiguous", "socket")


def test_an_end_that_another_host_may_also_send_is_ambiguous() -> None:
    doubtful = end(CLIENT, 3, status="undecided", reason="min-lifetime")

    assert words(flow(CLIENT), *shop(), view("c", doubtful)) == ("ambiguous", "socket")


def test_an_unsent_end_of_another_host_may_be_the_flow_unless_the_observer_is_known() -> None:
    """The server doesn't hear of it, and labels what the one agent sees and not the other's."""
    hosts = (*shop(), view("c", end(CLIENT, 3, status="skipped", reason="min-lifetime")))

    assert words(flow(CLIENT), *hosts) == ("ambiguous", "socket")
    assert words(flow(CLIENT, host="a"), *hosts) == ("socket", "socket")
    assert words(flow(CLIENT, host="b"), *hosts) == ("socket", "socket")
    assert words(flow(CLIENT, host="c"), *hosts) == ("min-lifetime", "other-agent")


def test_an_agent_gets_no_connection_of_which_it_sent_no_end() -> None:
    gateway = view("gateway", addresses=("10.0.0.9",))

    assert words(flow(CLIENT), *shop(), gateway) == ("socket", "socket")
    assert words(flow(CLIENT, host="gateway"), *shop(), gateway) == ("other-agent",) * 2
    assert words(flow(CLIENT, host="not ours"), *shop(), gateway) == ("socket", "socket")


def test_an_agent_that_may_have_sent_an_end_may_get_the_connection() -> None:
    doubtful = end(CLIENT, 1, status="undecided", reason="min-lifetime")
    server = view("b", end("10.0.0.2:80 < 10.0.0.1:4000", 2))

    assert words(flow(CLIENT, host="a"), view("a", doubtful), server) == ("undecided",) * 2


def test_each_agent_knows_its_own_side_of_what_two_udp_sockets_send_each_other() -> None:
    """Both call themselves the client, so the server has two connections of it."""
    one, other = "10.0.0.1:4000 > 10.0.0.2:5000", "10.0.0.2:5000 > 10.0.0.1:4000"
    hosts = (
        view("a", end(one, 1, protocol="udp")),
        view("b", end(other, 2, protocol="udp")),
    )

    assert words(flow(one, protocol="udp"), *hosts) == ("socket", "socket")
    assert words(flow(one, protocol="udp", host="a"), *hosts) == ("socket", "other-agent")
    assert words(flow(one, protocol="udp", host="b"), *hosts) == ("other-agent", "socket")


def test_another_host_with_the_address_may_have_had_a_connection_too_short_to_see() -> None:
    """As containers on different hosts often have equal addresses."""
    twin = view("c", addresses=("10.0.0.1",))

    assert words(flow(CLIENT), *shop(), twin) == ("ambiguous", "socket")
    assert words(flow(CLIENT, host="a"), *shop(), twin) == ("socket", "socket")
    assert words(flow(CLIENT, host="c"), *shop(), twin) == ("ambiguous", "other-agent")


def test_an_agent_knows_its_own_end_whoever_has_one_like_it() -> None:
    """And tells the server no more than that."""
    hosts = (*shop(), view("c", end(CLIENT, 3)))

    assert [labels(flow(CLIENT, host=name), *hosts)[0].pid for name in "abc"] == [1, None, 3]


def test_an_end_unsent_by_one_host_and_perhaps_sent_by_another_has_no_process() -> None:
    dropped = end(CLIENT, 1, status="skipped", reason="process-not-accepted")
    doubtful = end(CLIENT, 3, status="undecided", reason="min-lifetime")
    hosts = view("a", dropped), view("c", doubtful)

    for some in (hosts, hosts[::-1]):
        assert words(flow(CLIENT), *some)[0] == "ambiguous"


def test_two_ends_of_a_host_of_which_one_may_be_sent_are_undecided() -> None:
    dropped = end(CLIENT, 1, status="skipped", reason="process-not-accepted")
    doubtful = end(CLIENT, 3, netns=2, status="undecided", reason="min-lifetime")

    for ends in ((dropped, doubtful), (doubtful, dropped)):
        assert words(flow(CLIENT), view("a", *ends))[0] == "undecided"


def test_an_end_that_two_hosts_do_not_send_has_no_process() -> None:
    hosts = [
        view(name, end(CLIENT, pid, status="skipped", reason="min-lifetime"))
        for pid, name in enumerate("ac", 1)
    ]

    one, _ = labels(flow(CLIENT), *hosts)

    assert (one.label, one.pid, one.host) == ("ambiguous", None, None)


def test_one_process_that_sends_an_end_twice_is_one() -> None:
    """As it does in a namespace that its agent can't tell from another."""
    assert words(flow(CLIENT), view("a", end(CLIENT, 1), end(CLIENT, 1, netns=2)))[0] == "socket"


def test_the_other_time_of_one_claim_leaves_the_other() -> None:
    """A port that was given out again, on a host whose address was."""
    earlier = view("c", end(CLIENT, 3), taken_at_ns=NOW_NS - 3600 * NS_PER_S, addresses=())

    one, _ = labels(flow(CLIENT), *shop(), earlier)

    assert (one.label, one.pid) == ("socket", 1)


def loopback(name: str, *more: ConnectionEnd) -> HostView:
    return view(name, end(LOOPBACK, 1), end("127.0.0.1:80 < 127.0.0.1:4000", 2), *more)


def test_over_loopback_a_single_host_is_the_one_that_saw_it() -> None:
    assert words(flow(LOOPBACK), loopback("a")) == ("socket", "socket")


@pytest.mark.parametrize(
    ("host", "expected"),
    [(None, "loopback"), ("x", "loopback"), ("a", "socket"), ("b", "no-connection")],
)
def test_over_loopback_a_record_has_to_say_who_saw_it(host: str | None, expected: str) -> None:
    found = words(flow(LOOPBACK, host=host), loopback("a"), view("b"))

    assert found == (expected, expected)


@pytest.mark.parametrize(
    "text",
    [
        "10.9.9.9:4000 > 127.0.0.1:80",
        "127.0.0.1:80 > 10.9.9.9:4000",
        "0.0.0.0:4000 > 0.0.0.0:80",
        "0.0.0.0:4000 > 127.0.0.1:80",
        "127.0.0.1:80 > 0.0.0.0:4000",
    ],
)
def test_a_side_that_is_not_on_loopback_does_not_find_what_is(text: str) -> None:
    """Over loopback addresses don't count, so any would do."""
    found = words(flow(text), loopback("a"), view("b"))

    assert "socket" not in found


def test_of_two_namespaces_with_equal_addresses_the_agent_keeps_the_last_row() -> None:
    """If that is the row of the other client, it knows no server."""
    other = end(LOOPBACK, 3, netns=2)

    assert words(flow(LOOPBACK), loopback("a", other)) == ("ambiguous", "row-order")


def test_an_end_that_is_not_sent_leaves_the_one_that_is() -> None:
    """The agent does not look at the namespace of a packet."""
    silent = end(LOOPBACK, 3, netns=None, status="skipped", reason="process-not-accepted")

    assert words(flow(LOOPBACK), loopback("a", silent)) == ("socket", "socket")


def test_over_loopback_a_record_has_the_addresses_of_the_row() -> None:
    """Two clients with equal ports connect to two addresses of 127/8."""
    host = view(
        "a",
        end("127.0.0.1:4000 > 127.0.0.1:80", 1),
        end("127.0.0.1:4000 > 127.0.0.2:80", 2, netns=2),
    )

    found = [labels(flow(f"127.0.0.1:4000 > 127.0.0.{last}:80"), host)[0] for last in (1, 2, 3)]

    assert [(side.label, side.pid) for side in found] == [
        ("socket", 1),
        ("socket", 2),
        ("no-connection", None),
    ]


def test_over_loopback_the_server_joins_by_ports_whatever_the_addresses_are() -> None:
    """As the remote side of a row, the agent gets a process of another address."""
    host = view("a", end(LOOPBACK, 1), end("127.0.0.2:80 < 127.0.0.1:4000", 2))

    assert [side.pid for side in labels(flow(LOOPBACK), host)] == [1, 2]


def test_over_loopback_two_namespaces_are_not_joined() -> None:
    host = view("a", end(LOOPBACK, 1), end("127.0.0.1:80 < 127.0.0.1:4000", 2, netns=2))

    found = labels(flow(LOOPBACK), host)

    assert [(side.label, side.pid) for side in found] == [("row-order", 1), ("row-order", 2)]


def test_of_two_udp_sockets_on_one_host_the_agent_knows_one() -> None:
    one, other = "10.0.0.1:4000 > 10.0.0.1:53", "10.0.0.1:53 > 10.0.0.1:4000"
    host = view("a", end(one, 1, protocol="udp"), end(other, 2, protocol="udp"))

    found = labels(flow(one, protocol="udp"), host, view("b"))
    assert [(side.label, side.gprocess) for side in found] == [("socket", "p1"), ("socket", "p2")]

    found = labels(flow(one, protocol="udp", host="a"), host, view("b"))
    assert [(side.label, side.gprocess, side.pid) for side in found] == [
        ("row-order", None, 1),
        ("row-order", None, 2),
    ]


def test_both_ends_on_a_host_and_one_of_them_on_another_too() -> None:
    """Two hosts with containers of equal addresses: whichever row is last, the server is the same,
    and the client may be the other host's."""
    hosts = view("a", end(CLIENT, 1), end(SERVER, 2)), view("b", end(CLIENT, 3))

    found = labels(flow(CLIENT, host="a"), *hosts)

    assert [(side.label, side.pid) for side in found] == [("ambiguous", None), ("socket", 2)]


def test_a_row_of_another_time_does_not_decide_the_remote_side() -> None:
    client, server = shop()
    earlier = replace(client, taken_at_ns=NOW_NS - 3600 * NS_PER_S)

    assert words(flow(CLIENT, host="a"), earlier, server) == ("other-time", "other-time")


def test_a_socket_that_is_connected_to_itself_has_one_side() -> None:
    loop = "10.0.0.1:4000 > 10.0.0.1:4000"

    assert words(flow(loop), view("a", end(loop, 1))) == ("socket", "no-connection")


def test_the_name_does_not_distinguish_hosts_of_the_same_name() -> None:
    hosts = [replace(loopback("a"), network="blue"), replace(loopback("a"), network="red")]
    called = ["a (blue)", "a (red)"]

    assert words(flow(LOOPBACK, host="a"), *hosts, names=called) == ("loopback", "loopback")
    assert words(flow(LOOPBACK, host="a (red)"), *hosts, names=called) == ("socket", "socket")


def networks() -> tuple[HostView, HostView]:
    """Two clients of one address, in two networks."""
    return view("a", end(CLIENT, 1), network="blue"), view("c", end(CLIENT, 3), network="red")


def test_equal_addresses_in_two_networks_are_ambiguous() -> None:
    assert words(flow(CLIENT), *networks())[0] == "ambiguous"


@pytest.mark.parametrize(("network", "pid"), [("blue", 1), ("red", None)])
def test_the_given_network_decides_which_host_has_an_address(network: str, pid: int | None) -> None:
    blue, red = networks()
    other = replace(red, ends=view("c", end("10.0.0.1:4001 > 10.0.0.2:80", 3)).ends)

    assert labels(flow(CLIENT), blue, other, network=network)[0].pid == pid
    assert words(flow(CLIENT), blue, other)[0] == "ambiguous"


@pytest.mark.parametrize("network", ["blue", "red"])
def test_the_server_knows_only_one_network(network: str) -> None:
    """So it may have stored either of two processes with one key."""
    assert words(flow(CLIENT), *networks(), network=network)[0] == "ambiguous"


@pytest.mark.parametrize(("host", "pid"), [("a", 1), ("c", 3)])
def test_the_observer_of_a_flow_determines_its_network(host: str, pid: int) -> None:
    assert labels(flow(CLIENT, host=host), *networks())[0].pid == pid


def test_a_network_without_the_connection_lends_no_label() -> None:
    hosts = view("a", end(CLIENT, 1), network="blue"), view("c", network="red")

    assert words(flow(CLIENT), *hosts, network="red") == ("no-host", "no-host")


@pytest.mark.parametrize(
    ("instance", "container_id", "expected"),
    [
        ("none", "", "p1"),
        ("none", "c" * 64, None),
        ("none", None, None),
        ("other", "", "p1"),
        ("other", "c" * 64, "p1"),
        ("other", None, "p1"),
        ("pod", "", None),
        ("pod", "c" * 64, None),
    ],
)
def test_auto_instance_is_the_process_unless_it_is_a_pod_or_may_be(
    instance: str, container_id: str | None, expected: str | None
) -> None:
    host = view("a", end(CLIENT, 1), processes=[host_process(1, container_id=container_id)])

    one, _ = labels(flow(CLIENT, instance_0=instance), host)

    assert (one.gprocess, one.auto_instance) == ("p1", expected)


TAGS = (("owner", "alice"), ("url", "http://x"), ("list", "a, b:c"), ("owner", "bob"))


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("6.5", (("owner", "bob"), ("url", "http://x"), ("list", "a"), ("b", "c"))),
        ("7.1", (("owner", "bob"), ("list", "a"), ("b", "c"))),
    ],
)
def test_tags_are_those_that_arrive(version: str, expected: tuple[tuple[str, str], ...]) -> None:
    host = view("a", end(CLIENT, 1), processes=[host_process(1, tags=TAGS)])

    one, _ = labels(flow(CLIENT), host, server=SERVERS[version])

    assert dict(one.tags) == dict(expected)


def test_tags_that_are_not_known_are_none() -> None:
    one, _ = labels(flow(CLIENT), view("a", end(CLIENT, 1), processes=[host_process(1, tags=None)]))

    assert (one.label, one.tags) == ("socket", ())


def test_flows_of_an_agent_that_sends_nothing_are_not_labelled() -> None:
    client, server = shop()
    silent = replace(client, enabled=False)

    assert words(flow(CLIENT), silent, server) == ("sync-disabled", "socket")
    assert words(flow(CLIENT), silent, server, assume_enabled=True) == ("socket", "socket")
    assert labels(flow(CLIENT), silent, server)[0].gprocess is None


def test_an_agent_that_sends_nothing_gets_no_labels() -> None:
    client, server = shop()
    silent = replace(client, enabled=False)

    assert words(flow(CLIENT, host="a"), silent, server) == ("sync-disabled", "other-agent")
    assert words(flow(CLIENT, host="b"), silent, server) == ("sync-disabled", "socket")


@given(
    views=fleets(),
    network=st.sampled_from((None, "", "blue")),
    enabled=st.booleans(),
    start_s=st.sampled_from((None, NOW_S - 1.0, NOW_S - 1_000.0)),
)
def test_the_quick_way_has_the_labels_of_the_long_one(
    views: Sequence[HostView], network: str | None, start_s: float | None, *, enabled: bool
) -> None:
    """Of any flow between the addresses of few connections, seen by any host."""
    first, *more = views
    hosts = [replace(first, enabled=enabled), *more]
    ends = {address for view in views for end in view.ends for address in (end.client, end.server)}
    flows = [
        flow(CLIENT, protocol=protocol, host=host, start_s=start_s, end_s=None)._replace(
            side_0=one, side_1=other
        )
        for one, other in product(sorted({*ends, endpoint("10.0.0.9:80")}), repeat=2)
        for protocol in ("tcp", "udp")
        for host in (None, "a", "c", "nobody")
    ]
    names = [f"{view.network}{view.name}" for view in hosts]
    plain = 0
    with labeller(*hosts, names=names, network=network) as made:
        for one in flows:
            read = timeless(one)
            plain += isinstance(read, PlainFlow)
            for start_s in (one.start_s, None):
                labels = made.label_timed(read, start_s, None)
                sides = made.label_flow(one._replace(start_s=start_s))
                assert (labels.side_0.shown, labels.side_1.shown) == (
                    sides[0].shown,
                    sides[1].shown,
                )
    assert plain or all(is_loopback(ip) or ":" in ip for ip, _ in ends)
