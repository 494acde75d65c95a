"""Segments, put together to connections."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.model.flows import CapturedConnection, Segment
from proccli.model.sockets import Endpoint
from proccli.traffic.tot.connections import (
    IDLE_S,
    LINGER_S,
    MAX_OPTIONS,
    ConnectionCounts,
    assemble_connections,
)
from tests.traffic.tot.segments import (
    ACK,
    CLIENT,
    FIN_ACK,
    PUSH,
    RST,
    SERVER,
    SYN,
    SYN_ACK,
    answer,
    closed,
    opened,
    segment,
    v1,
    v2,
)


def made_of(segments: Iterable[Segment], **how: int | float) -> list[CapturedConnection]:
    return list(assemble_connections(segments, **how))  # type: ignore[arg-type]


def the_one(segments: Iterable[Segment]) -> CapturedConnection:
    (one,) = made_of(segments)
    return one


def sides(connection: CapturedConnection) -> tuple[Endpoint | None, Endpoint | None]:
    return connection.flow.side_0, connection.flow.side_1


def test_a_connection_begins_with_a_syn_and_ends_with_two_fins() -> None:
    one = the_one([*opened(at=1000.0), segment(PUSH, at=1001.0), *closed(at=1002.5)])

    assert sides(one) == (CLIENT, SERVER)
    assert one.client_certain
    assert one.packets == 7
    assert (one.flow.protocol, one.flow.start_s, one.flow.end_s) == ("tcp", 1000.0, 1002.5)


def test_who_sends_the_syn_is_the_client() -> None:
    assert sides(the_one([segment(SYN)])) == (CLIENT, SERVER)


def test_who_answers_a_syn_is_the_server() -> None:
    one = the_one([answer(SYN_ACK), segment(ACK)])

    assert sides(one) == (CLIENT, SERVER)
    assert one.client_certain


def test_without_a_syn_the_first_sender_is_side_0_and_not_certain() -> None:
    one = the_one([answer(PUSH), segment(ACK)])

    assert sides(one) == (SERVER, CLIENT)
    assert not one.client_certain


def test_a_late_syn_ack_still_shows_the_sides() -> None:
    """Captures of several interfaces are not quite in order."""
    one = the_one([answer(ACK), answer(SYN_ACK)])

    assert sides(one) == (CLIENT, SERVER)
    assert one.client_certain


def test_a_syn_after_its_answer_belongs_to_the_same_connection() -> None:
    one = the_one([answer(SYN_ACK, seq=900, ack=101), segment(SYN, seq=100)])

    assert one.packets == 2
    assert sides(one) == (CLIENT, SERVER)


def test_two_that_open_at_once_are_one_connection() -> None:
    one = the_one(
        [
            segment(SYN, seq=100),
            answer(SYN, seq=900),
            segment(SYN_ACK, seq=100, ack=901),
            answer(SYN_ACK, seq=900, ack=101),
        ]
    )

    assert one.packets == 4
    assert sides(one) == (CLIENT, SERVER)


def test_a_connection_to_itself_is_one() -> None:
    myself = [
        segment(SYN, CLIENT, CLIENT, seq=5),
        segment(SYN_ACK, CLIENT, CLIENT, seq=5, ack=6),
        segment(FIN_ACK, CLIENT, CLIENT),
    ]

    assert sides(the_one(myself)) == (CLIENT, CLIENT)


def test_a_repeated_syn_begins_nothing() -> None:
    syn = segment(SYN, seq=100)

    assert the_one([syn, syn, syn]).packets == 3
    assert the_one([*opened(), syn]).packets == 4
    assert the_one([*opened(), *closed(1001.0), syn]).packets == 7


def test_a_syn_that_was_refused_and_is_repeated_begins_nothing() -> None:
    syn = segment(SYN, seq=100)

    assert the_one([syn, answer(RST | ACK), syn, answer(RST | ACK)]).packets == 4


@pytest.mark.parametrize("end", [closed(1001.0), [segment(RST, at=1001.0)]])
def test_the_same_ports_again_are_another_connection(end: list[Segment]) -> None:
    first, second = made_of([*opened(isn=100), *end, *opened(at=1002.0, isn=7000, answer_isn=8000)])

    assert (first.packets, second.packets) == (3 + len(end), 3)
    assert first.flow.end_s == 1001.0
    assert second.flow.start_s == 1002.0


def test_a_connection_without_a_seen_end_ends_with_the_next_syn() -> None:
    first, second = made_of([*opened(isn=100), *opened(at=1002.0, isn=7000, answer_isn=8000)])

    assert (first.packets, second.packets) == (3, 3)


def test_a_connection_seen_from_one_side_ends_with_the_next_answer() -> None:
    """Where the network routes the other direction past the capture, SYNs are not seen at all."""
    first, second = made_of(
        [answer(SYN_ACK, seq=900), answer(FIN_ACK), answer(SYN_ACK, seq=5000, at=1001.0)]
    )

    assert (first.packets, second.packets) == (2, 1)


def test_a_syn_after_a_missed_beginning_starts_another_connection() -> None:
    old, new = made_of([segment(PUSH), answer(PUSH), *opened(at=1001.0)])

    assert (old.client_certain, new.client_certain) == (False, True)


def test_late_segments_belong_to_the_connection_that_they_close() -> None:
    late = [segment(ACK, at=1001.1), answer(FIN_ACK, at=1001.2), segment(RST, at=1001.3)]

    assert the_one([*opened(), *closed(1001.0), *late]).packets == 9


def test_a_connection_is_given_out_when_it_is_over() -> None:
    def capture() -> Iterator[Segment]:
        yield from opened()
        yield from closed(1001.0)
        yield segment(ACK, Endpoint("10.0.0.7", 1), at=1001.1 + LINGER_S)
        raise AssertionError("it was to be given out by now")

    assert next(assemble_connections(capture())).packets == 6


def test_a_silent_connection_is_given_out_and_goes_on_as_another() -> None:
    later = 1001.0 + IDLE_S
    segments = [*opened(at=1000.0), segment(PUSH, at=later), answer(ACK, at=later)]
    first, second = assemble_connections(segments)

    assert (first.client_certain, second.client_certain) == (True, False)


def test_a_connection_with_keepalives_stays_one() -> None:
    keepalives = [segment(ACK, at=1000.0 + 7200.0 * number) for number in range(1, 10)]

    assert the_one([*opened(at=1000.0), *keepalives]).packets == 12


def test_no_more_are_kept_than_may_be() -> None:
    counts = ConnectionCounts()
    clients = [Endpoint("10.0.0.5", port) for port in range(1, 6)]
    syns = [segment(SYN, client) for client in clients]
    found = assemble_connections([*syns, segment(ACK, clients[0])], max_open=3, counts=counts)

    assert [connection.flow.side_0 for connection in found] == [
        clients[0],
        clients[1],
        clients[2],
        clients[3],
        clients[4],
        clients[0],
    ]
    assert counts.evicted == 3


def test_the_one_that_was_silent_for_longest_goes_first() -> None:
    first, second, third = (Endpoint("10.0.0.5", port) for port in (1, 2, 3))
    segments = [segment(SYN, first), segment(SYN, second), segment(ACK, first)]

    found = made_of([*segments, segment(SYN, third)], max_open=2)

    assert [connection.flow.side_0 for connection in found] == [second, first, third]


def test_closed_ones_go_first_and_nothing_is_lost_with_them() -> None:
    counts = ConnectionCounts()
    other = Endpoint("10.0.0.6", 1)
    segments = [
        segment(SYN, other),
        *opened(),
        *closed(1000.0),
        segment(SYN, CLIENT._replace(port=2)),
    ]

    found = list(assemble_connections(segments, max_open=2, counts=counts))

    assert found[0].flow.side_0 == CLIENT
    assert counts.evicted == 0


def test_segments_without_a_time_are_put_together_too() -> None:
    one = the_one([segment(SYN, at=None), answer(SYN_ACK, at=None, seq=4, ack=2)])

    assert (one.flow.start_s, one.flow.end_s, one.packets) == (None, None, 2)


def test_times_that_go_back_are_those_of_the_first_and_the_last() -> None:
    one = the_one([segment(SYN, at=1000.5), answer(SYN_ACK, at=1000.0), segment(ACK, at=1000.2)])

    assert (one.flow.start_s, one.flow.end_s) == (1000.0, 1000.5)


def test_the_options_of_each_side_are_kept_separately() -> None:
    segments = [
        segment(SYN, seq=1, options=v1(7, address="10.0.0.5")),
        answer(SYN_ACK)._replace(options=v2(9, 3)),
    ]

    one = the_one(segments)

    assert [each.option.pid for each in one.options_0] == [7]
    assert [each.option.agent_id for each in one.options_1] == [3]


def test_options_stay_with_their_side_when_the_sides_are_swapped() -> None:
    one = the_one([answer(PUSH)._replace(options=v1(9)), answer(SYN_ACK), segment(ACK)])

    assert (one.flow.side_1, [each.option.pid for each in one.options_1]) == (SERVER, [9])


def test_of_many_alike_the_first_is_kept() -> None:
    said = [
        segment(PUSH, at=1000.0 + number, seq=number, options=v1(7, address="10.0.0.5", seq=number))
        for number in range(5)
    ]

    (kept,) = the_one(said).options_0

    assert (kept.time_s, kept.option.seq) == (1000.0, 0)


def test_the_option_of_a_syn_ack_and_a_later_one_are_both_kept() -> None:
    said = [answer(SYN_ACK)._replace(options=v1(9)), answer(PUSH)._replace(options=v1(9))]

    assert [each.is_syn for each in the_one(said).options_1] == [True, False]


def test_endless_pids_of_one_connection_are_not_all_kept() -> None:
    said = (segment(PUSH, options=v1(pid)) for pid in range(1000))

    assert len(the_one(said).options_0) == MAX_OPTIONS


ends = st.sampled_from([Endpoint("10.0.0.5", 1), Endpoint("10.0.0.6", 2), Endpoint("::1", 1)])
any_segments = st.lists(
    st.builds(
        Segment,
        time_s=st.none() | st.floats(0, 20_000),
        source=ends,
        destination=ends,
        flags=st.integers(0, 255),
        seq=st.integers(0, 3),
        ack=st.integers(0, 3),
        payload_bytes=st.just(0),
        options=st.sampled_from([b"", v1(7), v2(7, 8)]),
    ),
    max_size=40,
)


@given(any_segments, st.integers(1, 4))
def test_no_segment_is_lost_or_counted_twice(segments: list[Segment], max_open: int) -> None:
    found = list(assemble_connections(segments, max_open=max_open))

    assert sum(connection.packets for connection in found) == len(segments)
    for connection in found:
        times = (connection.flow.start_s, connection.flow.end_s)
        assert times == (None, None) or times[0] <= times[1]  # type: ignore[operator]


@given(any_segments)
def test_each_segment_is_in_a_connection_of_its_ends(segments: list[Segment]) -> None:
    found = made_of(segments)

    def key(one: object, other: object) -> frozenset[object]:
        return frozenset((one, other))

    counted = {
        ends: sum(each.packets for each in found if key(*sides(each)) == ends)
        for ends in {key(each.source, each.destination) for each in segments}
    }
    for ends, group in itertools.groupby(
        sorted(segments, key=lambda each: sorted((each.source, each.destination))),
        key=lambda each: key(each.source, each.destination),
    ):
        assert counted[ends] == len(list(group))
