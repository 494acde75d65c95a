from __future__ import annotations

from proccli.model.sockets import SocketFd
from proccli.sources.observed import Observations, ObservedSource, first_seen_by_socket
from tests.build import NOW_S, ListSource, host, process

S = 1_000_000_000
NOW = NOW_S * S
SOCKETS = (
    SocketFd(3, 900, NOW - 60 * S, "fd-ctime"),
    SocketFd(4, 901, NOW - 3 * S + 5, "fd-ctime"),
)
FIRST = ListSource(
    [process(7, "shop", starttime_ticks=100)],
    at=host(taken_at_ns=NOW - 3 * S),
    sockets={7: SOCKETS},
)


def later(*sockets: SocketFd, ticks: int = 100) -> ListSource:
    return ListSource([process(7, "shop", starttime_ticks=ticks)], sockets={7: sockets})


def seen_before(source: ListSource, **more: int) -> ObservedSource:
    return ObservedSource(
        source,
        Observations(first_seen_ns=first_seen_by_socket(FIRST), age_source="observed", **more),
    )


def test_a_link_that_the_first_look_made_dates_from_that_look() -> None:
    assert first_seen_by_socket(FIRST) == {
        (7, 100, 3, 900): NOW - 60 * S,
        (7, 100, 4, 901): NOW - 3 * S,
    }


def test_an_older_link_keeps_its_own_age() -> None:
    again = seen_before(later(*SOCKETS))
    assert again.socket_fds(7) == (
        SocketFd(3, 900, NOW - 60 * S, "fd-ctime"),
        SocketFd(4, 901, NOW - 3 * S, "observed"),
    )


def test_a_link_that_was_made_anew_is_as_old_as_it_was_seen() -> None:
    """The kernel drops links from its cache when memory is short."""
    again = seen_before(later(SocketFd(3, 900, NOW, "fd-ctime")))
    assert again.socket_fds(7) == (SocketFd(3, 900, NOW - 60 * S, "observed"),)


def test_another_socket_fd_or_process_is_a_stranger() -> None:
    new = SocketFd(3, 999, NOW, "fd-ctime")
    moved = SocketFd(9, 900, NOW, "fd-ctime")
    assert seen_before(later(new, moved)).socket_fds(7) == (new, moved)
    same = SocketFd(3, 900, NOW, "fd-ctime")
    assert seen_before(later(same, ticks=200)).socket_fds(7) == (same,)


def test_the_earliest_of_several_sightings_counts() -> None:
    key = (7, 100, 3, 900)
    state = Observations(first_seen_ns={key: NOW - 500 * S}, age_source="state")
    earlier = Observations(first_seen_ns={key: NOW - 3 * S}, age_source="observed")
    now = SocketFd(3, 900, NOW, "fd-ctime")
    for order in ((state, earlier), (earlier, state)):
        found = ObservedSource(later(now), *order).socket_fds(7)
        assert found == (SocketFd(3, 900, NOW - 500 * S, "state"),)


def test_new_sockets_are_those_since_the_latest_sample() -> None:
    watches = [
        Observations(age_source="state", observed_since_ns=NOW - 60 * S),
        Observations(age_source="observed", observed_since_ns=NOW - 3 * S),
        Observations(age_source="state"),
    ]
    assert ObservedSource(later(), *watches).host.observed_since_ns == NOW - 3 * S
    assert ObservedSource(later(), watches[2]).host.observed_since_ns is None
    recorded = later()
    recorded.host = recorded.host._replace(observed_since_ns=NOW - S)
    assert ObservedSource(recorded, *watches).host.observed_since_ns == NOW - S
