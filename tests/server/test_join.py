"""The join of a whole fleet, against the server's written down a second time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given

from proccli.model.hosts import HostView
from proccli.server.join import HostEnd, JoinedConnection
from tests.server.building import links
from tests.server.fleets import NAMESPACES, UNOPENED, entries, fleets
from tests.server.reference import Answer, Entry, Key, Pid, answers, key

UNSURE = {"ambiguous", "undecided"}


def pid_of(end: HostEnd | None, views: Sequence[HostView]) -> Pid | None:
    return None if end is None else (views[end.host].name, end.pid)


def key_of(end: HostEnd, views: Sequence[HostView]) -> Key:
    """A process is in one namespace, which its pid tells."""
    entry = Entry(
        agent=views[end.host].name,
        epc=views[end.host].network,
        netns=(*NAMESPACES, *UNOPENED)[end.pid // 10 - 1],
        protocol=end.protocol,
        role=end.role,
        client=end.client,
        server=end.server,
        pid=end.pid,
        status=end.status,
    )
    return key(entry)


def by_key(views: Sequence[HostView]) -> Mapping[Key, list[JoinedConnection]]:
    found: dict[Key, list[JoinedConnection]] = defaultdict(list)
    for link in links(*views):
        found[key_of(link.sent_end, views)].append(link)
    return found


@given(fleets())
def test_where_the_server_has_one_answer_it_is_ours(views: tuple[HostView, ...]) -> None:
    """In whatever order it hears of them, and whatever is sent of what we can't decide."""
    ours = by_key(views)
    for at, possible in answers(entries(views)).items():
        if len(possible) > 1:
            continue
        (answer,) = possible
        found: list[Answer] = [
            (pid_of(link.client, views), pid_of(link.server, views)) for link in ours[at]
        ]
        assert found == ([] if answer == (None, None) else [answer])


@given(fleets())
def test_ends_are_not_joined_where_the_servers_answer_depends_on_chance(
    views: tuple[HostView, ...],
) -> None:
    ours = by_key(views)
    for at, possible in answers(entries(views)).items():
        if len(possible) > 1:
            assert {link.remote for link in ours[at]} <= UNSURE


@given(fleets())
def test_every_process_that_sends_an_end_has_it_in_one_connection(
    views: tuple[HostView, ...],
) -> None:
    """Nothing is lost, nothing comes twice, nothing is made up."""
    expected = {
        (key(entry), entry.role, entry.agent, entry.pid)
        for entry in entries(views)
        if entry.status == "synced"
    }
    found = [
        (at, end.role, views[end.host].name, end.pid)
        for at, some in by_key(views).items()
        for link in some
        for end in (link.client, link.server)
        if end is not None
    ]
    assert sorted(found, key=repr) == sorted(expected, key=repr)


@given(fleets())
def test_the_order_of_hosts_and_ends_changes_no_connection(views: tuple[HostView, ...]) -> None:
    turned = tuple(replace(one, ends=one.ends[::-1]) for one in reversed(views))

    there, back = (
        sorted(
            (
                (pid_of(link.client, some), pid_of(link.server, some), link.remote)
                for links_of_one in by_key(some).values()
                for link in links_of_one
            ),
            key=repr,
        )
        for some in (views, turned)
    )

    assert there == back
