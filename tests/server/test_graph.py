"""Connections as edges: nodes, their order, and what is known of an end without one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.model.hosts import HostView
from proccli.model.topology import TopologyEdge
from proccli.server.graph import UDP_CLIENT, Graph
from proccli.server.grouping import GROUPINGS, parse_grouping
from tests.server.building import drawn, end, host_process, links, listener, refused, view
from tests.server.fleets import fleets

CLIENT = "10.0.0.1:4000 > 10.0.0.2:80"
SERVER = "10.0.0.2:80 < 10.0.0.1:4000"
WAYS = (*GROUPINGS, "os.app.owner")


def only(found: Graph) -> TopologyEdge:
    (edge,) = found.edges
    return edge


def test_connections_of_two_nodes_over_the_same_addresses_are_one_edge() -> None:
    client = view("a", *(end(f"10.0.0.1:{port} > 10.0.0.2:80", 1) for port in (4000, 4001)))
    server = view("b", *(end(f"10.0.0.2:80 < 10.0.0.1:{port}", 2) for port in (4000, 4001)))

    found = drawn(client, server)

    assert only(found) == TopologyEdge(
        client="n1",
        server="n2",
        protocol="tcp",
        client_ip="10.0.0.1",
        server_ip="10.0.0.2",
        server_port=80,
        connections=2,
        certainty="both-ends",
        remote=None,
    )
    assert [(node.id, node.label, node.host) for node in found.nodes] == [
        ("n1", "p1", "a"),
        ("n2", "p2", "b"),
    ]


@pytest.mark.parametrize("what", ["port", "address", "protocol"])
def test_another_port_address_or_protocol_is_another_edge(what: str) -> None:
    text = {
        "port": "10.0.0.1:4001 > 10.0.0.2:81",
        "address": "10.0.0.1:4001 > 10.0.0.3:80",
        "protocol": CLIENT,
    }[what]
    other = end(text, 1, protocol="udp" if what == "protocol" else "tcp")

    assert len(drawn(view("a", end(CLIENT, 1), other)).edges) == 2


def far(client: HostView, *others: HostView) -> Mapping[str, Any]:
    """What is known of the far end of one connection."""
    edge = only(drawn(client, *others))
    return {
        "remote": edge.remote,
        "host": edge.remote_host,
        "process": edge.remote_process,
        "reason": edge.remote_reason,
    }


NOTHING = {"host": None, "process": None, "reason": None}
DROPPED = {"status": "skipped", "reason": "process-not-accepted"}


def test_a_remote_address_of_no_source_is_elsewhere() -> None:
    assert far(view("a", end(CLIENT, 1))) == {"remote": "elsewhere", **NOTHING}


def test_a_remote_address_of_another_network_is_elsewhere() -> None:
    other = view("b", addresses=("10.0.0.2",), network="blue")

    assert far(view("a", end(CLIENT, 1)), other) == {"remote": "elsewhere", **NOTHING}


def test_a_remote_address_of_a_source_without_the_connection_is_absent() -> None:
    found = far(view("a", end(CLIENT, 1)), view("b", addresses=("10.0.0.2",)))

    assert found == {"remote": "absent", **NOTHING, "host": "b"}


@pytest.mark.parametrize(
    ("listeners", "process"),
    [
        ([listener("10.0.0.2:80", 2)], "p2"),
        ([listener("0.0.0.0:80", 2)], "p2"),
        ([listener(":::80", 2)], "p2"),
        ([listener("10.0.0.2:80", 2), listener("0.0.0.0:80", 2)], "p2"),
        ([listener("10.0.0.2:81", 2)], None),
        ([listener("10.0.0.9:80", 2)], None),
        ([listener("10.0.0.2:80", 2), listener("0.0.0.0:80", 3)], None),
    ],
)
def test_the_listener_is_named_if_there_is_only_one(
    listeners: Sequence[Any], process: str | None
) -> None:
    processes = [host_process(2), host_process(3)]
    server = view("b", processes=processes, listeners=listeners, addresses=("10.0.0.2",))

    assert far(view("a", end(CLIENT, 1)), server) == {
        "remote": "absent",
        "host": "b",
        "process": process,
        "reason": None,
    }


def test_the_client_of_a_server_listens_nowhere() -> None:
    client = view("a", processes=[host_process(1)], listeners=[listener("10.0.0.1:4000", 1)])

    found = far(view("b", end(SERVER, 2)), replace(client, addresses=("10.0.0.1",)))

    assert found == {"remote": "absent", **NOTHING, "host": "a"}


def test_the_other_end_of_a_udp_connection_is_named() -> None:
    """Each calls itself the client, so the server joins them not."""
    hosts = [
        view("a", end("10.0.0.1:4000 > 10.0.0.2:53", 1, protocol="udp")),
        view("b", end("10.0.0.2:53 > 10.0.0.1:4000", 2, protocol="udp")),
    ]

    found = drawn(*hosts)

    assert [
        (edge.client, edge.remote, edge.remote_process, edge.remote_reason) for edge in found.edges
    ] == [("n1", "absent", "p2", UDP_CLIENT), ("n2", "absent", "p1", UDP_CLIENT)]
    assert not found.by_remote


@pytest.mark.parametrize(
    ("its_party", "known", "remote", "reason"),
    [
        (refused(2), DROPPED, "not-sent", "dropped"),
        (refused(2, "skipped", "no-cmdline"), DROPPED, "not-sent", "no-cmdline"),
        (
            host_process(2),
            {"status": "skipped", "reason": "min-lifetime"},
            "not-sent",
            "min-lifetime",
        ),
        (
            refused(2, "unknown", "masked"),
            {"status": "undecided", "reason": "process-not-accepted"},
            "undecided",
            "masked",
        ),
        (
            host_process(2),
            {"status": "undecided", "reason": "min-lifetime"},
            "undecided",
            "min-lifetime",
        ),
    ],
)
def test_an_end_that_is_not_sent_has_process_and_reason(
    its_party: Any, known: Mapping[str, Any], remote: str, reason: str
) -> None:
    server = view("b", end(SERVER, 2, **known), processes=[its_party])

    assert far(view("a", end(CLIENT, 1)), server) == {
        "remote": remote,
        "host": "b",
        "process": its_party.gprocess or its_party.process_name,
        "reason": reason,
    }


def test_an_address_of_several_hosts_is_ambiguous() -> None:
    twins = [view(name, addresses=("10.0.0.2",)) for name in "bc"]

    found = drawn(view("a", end(CLIENT, 1)), *twins)

    assert (only(found).remote, only(found).remote_host) == ("absent", None)
    assert found.shared_addresses == ("10.0.0.2",)


def test_over_loopback_the_remote_end_is_on_the_host() -> None:
    one = view("a", end("127.0.0.1:4000 > 127.0.0.1:80", 1), listeners=[listener("0.0.0.0:80", 1)])

    assert far(one, view("b")) == {"remote": "absent", "host": "a", "process": "p1", "reason": None}


def test_ambiguous_ends_tell_no_host() -> None:
    hosts = view("a", end(CLIENT, 1)), view("b", end(SERVER, 2)), view("c", end(SERVER, 3))

    found = drawn(*hosts)

    assert {(edge.remote, edge.remote_host, edge.remote_process) for edge in found.edges} == {
        ("ambiguous", None, None)
    }
    assert found.by_remote == {"ambiguous": 3}


TAGGED = (("owner", "alice"), ("owner", "bob"), ("tier", "1"))


def grouped(by: str, *processes: Any, names: Sequence[str] = "ab") -> list[Any]:
    """The nodes of processes that are connected somewhere, on hosts of these names in turn."""
    hosts = [
        view(name, end(f"10.0.0.{number}:4000 > 1.1.1.1:80", one.pid), processes=[one])
        for number, (name, one) in enumerate(zip(names, processes, strict=True), 1)
    ]
    return [
        (node.label, node.host, node.gprocess, node.pids)
        for node in drawn(*hosts, by=by, names=[f"{name}{n}" for n, name in enumerate(names)]).nodes
    ]


def test_processes_of_one_name_are_one_node_on_a_host_or_everywhere() -> None:
    processes = host_process(1, "app"), host_process(2, "app")

    assert grouped("gprocess", *processes) == [
        ("app", "a0", "app", (1,)),
        ("app", "b1", "app", (2,)),
    ]
    assert grouped("name", *processes) == [("app", None, "app", (1, 2))]


def test_equal_pids_of_two_hosts_are_two_processes() -> None:
    assert grouped("name", host_process(1, "app"), host_process(1, "app")) == [
        ("app", None, "app", (1, 1))
    ]
    assert grouped("pid", host_process(1, "app"), host_process(1, "app")) == [
        ("app 1", "a0", "app", (1,)),
        ("app 1", "b1", "app", (1,)),
    ]


def test_hosts_of_one_name_stay_two() -> None:
    assert grouped("host", host_process(1), host_process(1), names="aa") == [
        ("a", "a0", "p1", (1,)),
        ("a", "a1", "p1", (1,)),
    ]


def test_an_empty_name_can_be_seen() -> None:
    assert grouped("gprocess", host_process(1, ""), names="a") == [('""', "a0", "", (1,))]
    assert grouped("pid", host_process(1, ""), names="a") == [('"" 1', "a0", "", (1,))]
    assert grouped("os.app.x", host_process(1, tags=(("x", ""),)), names="a") == [
        ('""', "a0", "p1", (1,))
    ]


def test_of_several_values_of_a_tag_the_last_counts() -> None:
    assert grouped("os.app.owner", host_process(1, tags=TAGGED), names="a") == [
        ("bob", "a0", "p1", (1,))
    ]


def test_no_tag_and_unknown_tags_are_nodes_of_their_own() -> None:
    processes = [
        host_process(1, tags=()),
        host_process(2, tags=None),
        host_process(3, tags=(("owner", "no os.app.owner"),)),
        host_process(4, tags=(("Owner", "x"), ("own", "er"))),
    ]

    assert grouped("os.app.owner", *processes, names="aaaa") == [
        ("os.app.owner unknown", "a1", "p2", (2,)),
        ("no os.app.owner", "a2", "p3", (3,)),
        ("no os.app.owner", None, None, (1, 4)),
    ]


@pytest.mark.parametrize("name", ["", "os.app.", "os.app", "PID", "gprocess ", "tag"])
def test_other_groupings_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"is none of gprocess, name, host, pid and os\.app\.KEY"):
        parse_grouping(name)


def test_a_group_is_a_tag_as_it_arrives() -> None:
    """The server trims it, and takes what stands behind a comma for another one."""
    sent = host_process(1, tags=((" owner ", " alice, and bob"),))

    assert grouped("os.app.owner", sent, names="a") == [("alice", "a0", "p1", (1,))]


@pytest.mark.parametrize("key", ["a.b", "日本", "os.app.x", "=", "\x1b[31m"])
def test_a_tag_may_have_any_key(key: str) -> None:
    tagged = host_process(1, tags=((key, "v"),))

    assert grouped(f"os.app.{key}", tagged, names="a") == [("v", "a0", "p1", (1,))]


def test_a_node_has_the_tags_that_all_its_processes_have() -> None:
    processes = [
        host_process(1, "app", tags=TAGGED),
        host_process(2, "app", tags=TAGGED[2:]),
        host_process(3, "app"),
    ]
    ends = [end(f"10.0.0.1:400{pid} > 1.1.1.1:80", pid) for pid in (1, 2, 3)]

    for count, expected in ((1, TAGGED[1:]), (2, TAGGED[2:]), (3, ())):
        (node,) = drawn(view("a", *ends[:count], processes=processes)).nodes
        assert node.tags == expected


def test_the_tags_of_a_node_are_those_that_arrive() -> None:
    sent = host_process(1, "app", tags=((" owner ", " alice, and bob"), ("url", "http://x")))
    (node,) = drawn(view("a", end("10.0.0.1:4000 > 1.1.1.1:80", 1), processes=[sent])).nodes

    assert node.tags == (("owner", "alice"), ("url", "http://x"))


def test_where_the_tags_of_one_process_are_not_known_those_of_its_node_are_not() -> None:
    processes = [host_process(1, "app", tags=TAGGED), host_process(2, "app", tags=None)]
    ends = [end(f"10.0.0.1:400{pid} > 1.1.1.1:80", pid) for pid in (1, 2)]

    for few in (ends, ends[::-1], ends[1:]):
        (node,) = drawn(view("a", *few, processes=processes)).nodes
        assert node.tags is None


def turned(found: Graph) -> list[Any]:
    """A graph but for what hangs on the order of hosts, which is nothing."""
    return [[(replace(node, tags=())) for node in found.nodes], list(found.edges)]


@given(fleets(), st.sampled_from(WAYS))
def test_the_order_of_sources_changes_nothing(views: tuple[HostView, ...], by: str) -> None:
    expected, *others = (turned(drawn(*some, by=by)) for some in permutations(views))

    for other in others:
        assert other == expected


@given(fleets(), st.sampled_from(WAYS))
def test_every_connection_is_in_one_edge_between_existing_nodes(
    views: tuple[HostView, ...], by: str
) -> None:
    found = drawn(*views, by=by)

    ids = [node.id for node in found.nodes]
    assert ids == [f"n{number}" for number in range(1, len(ids) + 1)]
    assert found.connections == sum(edge.connections for edge in found.edges)
    assert found.connections == len(links(*views))
    assert {side for edge in found.edges for side in (edge.client, edge.server) if side} == set(ids)
    for edge in found.edges:
        missing = {
            "both-ends": (False, False),
            "client-end": (False, True),
            "server-end": (True, False),
        }[edge.certainty]
        assert (edge.client is None, edge.server is None) == missing
        assert (edge.remote is None) == (edge.certainty == "both-ends")
    counted: Counter[str] = Counter()
    for edge in found.edges:
        if edge.remote is not None and edge.remote_reason != UDP_CLIENT:
            counted[edge.remote] += edge.connections
    assert counted == found.by_remote
