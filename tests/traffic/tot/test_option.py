"""Options of kind 253: what they say, and what they can't."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.model.flows import TotOption
from proccli.model.sockets import Endpoint
from proccli.traffic.tot.option import DecodedOptions, decode_options
from tests.traffic.tot.segments import SYN, option, segment, v1, v2

IPV6 = Endpoint("fd00:a::5", 41000)
MSS = option(2, b"\x05\xb4")
STAND_IN = "127.0.0.6"
"""What the kernel keeps where an IPv6 socket has no IPv4 address."""

numbers = st.integers(min_value=0, max_value=0xFFFF_FFFF)
addresses = st.ip_addresses(v=4).map(str).filter(lambda address: address != STAND_IN)


def decoded(options: bytes, *, seq: int = 1, source: Endpoint | None = None) -> DecodedOptions:
    made = segment(SYN, seq=seq, options=options)
    return decode_options(made if source is None else made._replace(source=source))


def only(options: bytes, *, seq: int = 1, source: Endpoint | None = None) -> TotOption:
    found = decoded(options, seq=seq, source=source)
    assert found.other == 0
    (one,) = found.tot
    return one


@given(numbers, addresses, numbers)
def test_sixteen_bytes_hold_pid_address_and_sequence_number(
    pid: int, address: str, seq: int
) -> None:
    assert only(v1(pid, address=address, seq=seq)) == TotOption(
        version=1, pid=pid, address=address, seq=seq
    )


@given(numbers)
def test_eight_bytes_hold_the_pid(pid: int) -> None:
    assert only(v1(pid)) == TotOption(version=1, pid=pid)


@given(numbers, numbers)
def test_version_2_holds_pid_and_agent(pid: int, agent_id: int) -> None:
    assert only(v2(pid, agent_id)) == TotOption(version=2, pid=pid, agent_id=agent_id)


def test_twelve_bytes_are_the_address_if_it_is_that_of_the_segment() -> None:
    assert only(v1(7, address="10.0.0.5")) == TotOption(version=1, pid=7, address="10.0.0.5")


def test_twelve_bytes_are_the_sequence_number_if_it_is_that_of_the_segment() -> None:
    assert only(v1(7, seq=4_000_000_000), seq=4_000_000_000) == TotOption(
        version=1, pid=7, seq=4_000_000_000
    )


def test_twelve_bytes_that_are_neither_are_nothing_for_certain() -> None:
    """A translated address, or a translated sequence number: nobody knows."""
    ambiguous = TotOption(version=1, pid=7, ambiguous=True)

    assert only(v1(7, address="10.0.0.6")) == replace(ambiguous, candidate="10.0.0.6")
    assert only(v1(7, seq=2), seq=1) == replace(ambiguous, candidate="0.0.0.2")


def test_twelve_bytes_that_are_both_are_nothing_for_certain() -> None:
    as_number = int.from_bytes(bytes((10, 0, 0, 5)), "big")

    assert only(v1(7, address="10.0.0.5"), seq=as_number).ambiguous


def test_an_ipv6_socket_has_no_address_before_translation() -> None:
    """As the eBPF program writes it, and it is not taken for an address that was translated."""
    long = only(v1(7, address=STAND_IN, seq=5), source=IPV6)
    short = only(v1(7, address=STAND_IN), source=IPV6)

    assert long == TotOption(version=1, pid=7, seq=5)
    assert short == TotOption(version=1, pid=7)


def test_an_address_equal_to_the_placeholder_is_reported() -> None:
    source = Endpoint(STAND_IN, 41000)

    assert only(v1(7, address=STAND_IN, seq=5), source=source).address == STAND_IN


def test_twelve_bytes_of_an_ipv6_segment_may_be_its_sequence_number() -> None:
    assert only(v1(7, seq=5), seq=5, source=IPV6) == TotOption(version=1, pid=7, seq=5)
    assert only(v1(7, seq=6), seq=5, source=IPV6).ambiguous


@pytest.mark.parametrize("length", [0, 1, 2, 4, 5, 7, 9, 11, 13, 15, 20])
def test_another_length_is_something_else(length: int) -> None:
    content = (b"\xde\xe9" + bytes(20))[:length]
    assert decoded(option(253, content)) == DecodedOptions((), 1)


@pytest.mark.parametrize("length", [6, 14])
def test_version_2_has_one_length(length: int) -> None:
    assert decoded(option(253, (b"\xde\xea" + bytes(20))[:length])) == DecodedOptions((), 1)


def test_another_experiment_of_the_same_kind_is_something_else() -> None:
    assert decoded(option(253, b"\xf9\x89" + bytes(8))) == DecodedOptions((), 1)


def test_the_other_experimental_kind_is_not_looked_at() -> None:
    assert decoded(option(254, v1(7)[2:])) == DecodedOptions((), 0)


def test_several_options_of_a_segment_all_count() -> None:
    found = decoded(MSS + v1(7) + b"\x01" + v2(7, 3) + option(253, b"xy") + b"\0")

    assert [each.version for each in found.tot] == [1, 2]
    assert found.other == 1


@pytest.mark.parametrize("before", [b"", b"\x01\x01", MSS, option(8, bytes(8)), MSS + b"\x01"])
def test_it_is_found_after_the_kernels_options(before: bytes) -> None:
    assert only(before + v1(7)).pid == 7


@pytest.mark.parametrize(
    "before",
    [
        b"\0",  # the end of the list
        b"\x05\0",  # a length that doesn't count itself
        b"\x05\x01",
        b"\x05\x28",  # one that is longer than the list
    ],
)
def test_a_list_ends_where_the_kernel_ends_it(before: bytes) -> None:
    assert decoded(before + v1(7)) == DecodedOptions((), 0)


@pytest.mark.parametrize("captured", range(1, 16))
def test_a_truncated_option_is_ignored(captured: int) -> None:
    assert decoded(v1(7, address="10.0.0.5", seq=1)[:captured]) == DecodedOptions((), 0)


@given(st.binary(max_size=60), numbers)
def test_nothing_makes_it_fail(options: bytes, seq: int) -> None:
    found = decoded(options, seq=seq)

    assert len(found.tot) + found.other <= options.count(253)
    for one in found.tot:
        assert not (one.ambiguous and (one.address or one.seq is not None))
        assert (one.agent_id is not None) == (one.version == 2)


@given(st.lists(st.sampled_from([b"\x01", MSS, option(4, b""), v1(1), v2(2, 3)])))
def test_what_is_written_is_read(parts: list[bytes]) -> None:
    found = decoded(b"".join(parts))

    said = {v1(1): TotOption(version=1, pid=1), v2(2, 3): TotOption(version=2, pid=2, agent_id=3)}
    assert list(found.tot) == [said[part] for part in parts if part in said]
