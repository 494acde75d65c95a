"""Labels by sockets, against the server's join and the agent's table written a second time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args
from unittest.mock import Mock, patch

from hypothesis import given
from hypothesis import strategies as st

from proccli.model.flows import SideLabel
from proccli.model.hosts import HostView
from proccli.model.sockets import Endpoint, Protocol
from proccli.server.join import HostEnd
from tests.server.building import end, endpoint, flow, labels, view, words
from tests.server.fleets import CONNECTIONS, entries, fleets
from tests.server.reference import Pid, look_ups

ADDRESSES = st.sampled_from(CONNECTIONS).map(lambda text: tuple(map(endpoint, text.split())))
PROTOCOLS = st.sampled_from(get_args(Protocol))
Possible = tuple[set[Pid | None], set[Pid | None]]


def possible_answers(
    views: Sequence[HostView],
    protocol: Protocol,
    ends: tuple[Endpoint, Endpoint],
    agent: str | None,
) -> Possible:
    """What each side may have; the server does not see networks."""
    known = [entry._replace(epc="") for entry in entries(views)]
    return look_ups(known, protocol, *ends, agent=agent)


def assert_right(label: SideLabel, possible: set[Pid | None]) -> None:
    """One answer is given, several are not."""
    processes = possible - {None}
    if len(processes) > 1:
        assert label.label == "ambiguous"
    elif processes and None in possible:
        assert label.label in {"undecided", "row-order"}
        assert {(label.host, label.pid)} == processes
    elif processes:
        assert label.label == "socket"
        assert {(label.host, label.pid)} == processes
    else:
        assert label.label not in {"socket", "row-order"}
    assert (label.gprocess is None) == (label.label != "socket")


@given(fleets(), ADDRESSES, PROTOCOLS, st.booleans())
def test_a_side_gets_what_the_agent_of_the_record_always_finds(
    views: tuple[HostView, ...],
    ends: tuple[Endpoint, Endpoint],
    protocol: Protocol,
    turned: bool,
) -> None:
    ends = ends[::-1] if turned else ends
    text = " > ".join(f"{at.ip}:{at.port}" for at in ends)
    for host in views:
        found = labels(flow(text, protocol=protocol, host=host.name), *views)
        possible = possible_answers(views, protocol, ends, host.name)
        for label, its in zip(found, possible, strict=True):
            assert_right(label, its)


@given(fleets(), ADDRESSES, PROTOCOLS)
def test_without_an_agent_a_side_gets_what_the_server_always_has(
    views: tuple[HostView, ...], ends: tuple[Endpoint, Endpoint], protocol: Protocol
) -> None:
    text = " > ".join(f"{at.ip}:{at.port}" for at in ends)

    found = labels(flow(text, protocol=protocol), *views)

    # The agent of a single host has seen it.
    agent = views[0].name if len(views) == 1 else None
    possible = possible_answers(views, protocol, ends, agent)
    for label, its, at in zip(found, possible, ends, strict=True):
        shared = sum(at.ip in host.addresses for host in views) > 1
        if label.label == "loopback":
            assert any(one.ip.startswith("127.") for one in ends)
        elif label.label == "ambiguous" and shared:
            assert label.gprocess is None
        elif agent is not None or not at.ip.startswith("127."):
            assert_right(label, its)


def looked_at(rows: int) -> int:
    """How many keys are made for a flow over loopback that so many namespaces have."""
    ends = [
        end(text, 2 * netns + role, netns=netns)
        for netns in range(rows)
        for role, text in enumerate(("127.0.0.1:4 > 127.0.0.1:8", "127.0.0.1:8 < 127.0.0.1:4"))
    ]
    counted = Mock(side_effect=vars(HostEnd)["key"].fget)
    with patch.object(HostEnd, "key", property(counted)):
        assert words(flow("127.0.0.1:4 > 127.0.0.1:8"), view("a", *ends)) == ("ambiguous",) * 2
    return counted.call_count


def test_the_work_grows_with_the_number_of_rows_and_not_with_its_square() -> None:
    assert 0 < looked_at(400) <= 2.5 * looked_at(200)
