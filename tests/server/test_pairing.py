"""Ends that share a key: what is joined, and what is known of an end that is missing."""

from __future__ import annotations

from typing import Any

import pytest

from proccli.model.sockets import Endpoint
from proccli.server.join import HostEnd, join_ends, link_of
from tests.server.building import end, links, view, who

CLIENT = "10.0.0.1:4000 > 10.0.0.2:80"
SERVER = "10.0.0.2:80 < 10.0.0.1:4000"
CLIENT_HERE, SERVER_THERE = Endpoint("10.0.0.1", 4000), Endpoint("10.0.0.2", 80)


def seen(host: int, role: str, status: str = "synced", pid: int = 1) -> HostEnd:
    return HostEnd(
        host=host,
        pid=pid,
        protocol="tcp",
        role="server" if role == "server" else "client",
        client=CLIENT_HERE,
        server=SERVER_THERE,
        status="synced"
        if status == "synced"
        else "skipped"
        if status == "skipped"
        else "undecided",
        reason=None if status == "synced" else "min-lifetime",
        since_ns=None,
    )


def test_one_end_of_each_side_is_a_connection() -> None:
    client, server = seen(0, "client"), seen(1, "server")

    (link,) = join_ends([server, client])

    assert (link.client, link.server, link.remote) == (client, server, None)
    assert link_of(link).certainty == "both-ends"
    assert link.sent_end is client


@pytest.mark.parametrize(
    ("there", "remote", "other"),
    [
        ([], "absent", None),
        ([seen(1, "server", "skipped")], "not-sent", 0),
        ([seen(1, "server", "undecided")], "undecided", 0),
        ([seen(1, "server", "skipped"), seen(2, "server", "skipped")], "ambiguous", None),
        ([seen(1, "server", "skipped"), seen(2, "server", "undecided")], "ambiguous", None),
        ([seen(1, "server", "skipped"), seen(1, "server", "skipped")], "not-sent", 0),
        ([seen(1, "server", "skipped"), seen(1, "server", "undecided")], "undecided", 1),
        ([seen(1, "server", "undecided"), seen(1, "server", "skipped")], "undecided", 0),
    ],
)
def test_what_is_known_of_an_end_that_is_not_sent(
    there: list[HostEnd], remote: str, other: int | None
) -> None:
    client = seen(0, "client")

    (link,) = join_ends([client, *there])

    assert (link.client, link.server, link.remote) == (client, None, remote)
    assert link.peer == (None if other is None else there[other])
    assert link_of(link).certainty == "client-end"


def test_a_server_without_its_client_is_its_own_connection() -> None:
    server = seen(1, "server")

    (link,) = join_ends([server])

    assert (link.client, link.server, link.remote) == (None, server, "absent")
    assert (link_of(link).certainty, link.sent_end) == ("server-end", server)


@pytest.mark.parametrize("doubtful", ["synced", "undecided"])
@pytest.mark.parametrize("side", ["client", "server"])
def test_a_second_claim_to_a_side_parts_all(doubtful: str, side: str) -> None:
    ends = [seen(0, "client"), seen(1, "server"), seen(2, side, doubtful)]

    found = list(join_ends(ends))

    assert {link.remote for link in found} == {"ambiguous"}
    assert sorted(who(link.sent_end) or () for link in found) == [
        (end.host, end.pid) for end in ends if end.status == "synced"
    ]


@pytest.mark.parametrize("side", ["client", "server"])
def test_an_end_that_is_certainly_not_sent_separates_no_connection(side: str) -> None:
    client, server = seen(0, "client"), seen(1, "server")

    (link,) = join_ends([client, server, seen(2, side, "skipped")])

    assert (link.client, link.server, link.remote) == (client, server, None)


def test_without_an_end_that_is_sent_there_is_no_connection() -> None:
    assert not list(join_ends([seen(0, "client", "skipped"), seen(1, "server", "undecided")]))
    assert not list(join_ends([]))


def test_an_end_that_is_sent_twice_counts_once() -> None:
    """From a namespace that the agent can't tell from another, with another number."""
    client = view("a", end(CLIENT, 1), end(CLIENT, 1, netns=2))

    (link,) = links(client, view("b", end(SERVER, 2)))

    assert (who(link.client), who(link.server)) == ((0, 1), (1, 2))


def test_two_processes_of_one_host_with_the_same_end_are_ambiguous() -> None:
    """Namespaces may use one address."""
    client = view("a", end(CLIENT, 1), end(CLIENT, 3, netns=2))

    assert [link.remote for link in links(client, view("b", end(SERVER, 2)))] == ["ambiguous"] * 3


def test_a_process_is_joined_with_itself() -> None:
    one = view("a", end("10.0.0.1:4000 > 10.0.0.1:80", 1), end("10.0.0.1:80 < 10.0.0.1:4000", 1))

    (link,) = links(one)

    assert who(link.client) == who(link.server) == (0, 1)


def test_a_socket_that_is_connected_to_itself_has_one_end() -> None:
    (link,) = links(view("a", end("10.0.0.1:4000 > 10.0.0.1:4000", 1)))

    assert (who(link.client), link.server, link.remote) == ((0, 1), None, "absent")


def test_equal_ports_join_like_others() -> None:
    ends = end("10.0.0.1:80 > 10.0.0.2:80", 1), end("10.0.0.2:80 < 10.0.0.1:80", 2)

    (link,) = links(*(view(name, one) for name, one in zip("ab", ends, strict=True)))

    assert (who(link.client), who(link.server)) == ((0, 1), (1, 2))


def test_two_ends_that_call_themselves_clients_are_not_joined() -> None:
    """The server keeps them under keys of their own: of a mapped listener, of UDP."""
    ends: list[Any] = [end(CLIENT, 1), end("10.0.0.2:80 > 10.0.0.1:4000", 2)]

    found = links(view("a", ends[0]), view("b", ends[1]))

    assert sorted((who(link.client), link.server, link.remote) for link in found) == [
        ((0, 1), None, "absent"),
        ((1, 2), None, "absent"),
    ]


def test_protocols_are_apart() -> None:
    found = links(view("a", end(CLIENT, 1)), view("b", end(SERVER, 2, protocol="udp")))

    assert [link.remote for link in found] == ["absent", "absent"]


LOOPBACK = "127.0.0.1:4000 > 127.0.0.1:80", "127.0.0.1:80 < 127.0.0.1:4000"


def test_over_loopback_only_ports_count() -> None:
    one = view(
        "a", end("127.0.0.1:4000 > 127.0.0.9:80", 1), end("127.1.2.3:80 < 127.9.9.9:4000", 2)
    )

    (link,) = links(one)

    assert (who(link.client), who(link.server)) == ((0, 1), (0, 2))
    assert link.sent_end.client == Endpoint("127.0.0.1", 4000)
    assert link.sent_end.server == Endpoint("127.0.0.9", 80)


def test_loopback_stays_on_its_host_and_in_its_namespace() -> None:
    there = view("a", end(LOOPBACK[0], 1)), view("b", end(LOOPBACK[1], 2))
    namespaces = view("a", end(LOOPBACK[0], 1), end(LOOPBACK[1], 2, netns=2))

    for hosts in (there, (namespaces,)):
        assert [link.remote for link in links(*hosts)] == ["absent", "absent"]


def test_across_namespaces_of_one_host_addresses_join() -> None:
    """As of a container and its host."""
    one = view(
        "a",
        end("172.17.0.2:4000 > 172.17.0.1:80", 1, netns=2),
        end("172.17.0.1:80 < 172.17.0.2:4000", 2),
    )

    (link,) = links(one)

    assert (who(link.client), who(link.server)) == ((0, 1), (0, 2))


def test_loopback_is_recognized_by_the_servers_address_alone() -> None:
    """A client bound to 127.0.0.1 may connect to another address of its host."""
    half = view(
        "a", end("127.0.0.1:4000 > 10.0.0.1:80", 1), end("10.0.0.1:80 < 127.0.0.1:4000", 2, netns=7)
    )

    (link,) = links(half)

    assert (who(link.client), who(link.server)) == ((0, 1), (0, 2))


def test_networks_are_apart() -> None:
    client, server = view("a", end(CLIENT, 1), network="blue"), view("b", end(SERVER, 2))

    assert [link.remote for link in links(client, server)] == ["absent", "absent"]
