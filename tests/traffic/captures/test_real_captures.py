"""Captures of real connections whose segments were traced by the kernel, against tshark."""

from __future__ import annotations

from pathlib import Path

import pytest

from proccli.model.flows import CapturedConnection, CapturedOption
from proccli.model.sockets import Endpoint
from proccli.traffic.tot.connections import assemble_connections
from proccli.traffic.tot.option import decode_options
from tests.traffic.captures.reading import read
from tests.traffic.captures.witness import DATA, REAL, by_tshark, run

PIDS = {
    "v1-16-masqueraded-any.pcap": (11595, 11553),
    "v1-12-address-masqueraded-any.pcap": (12048, 12006),
    "v1-12-address.pcap": (12171, 12129),
    "v1-12-seq.pcap": (12365, 12323),
    "v1-8-ns.pcap": (13535, 13493),
    "v1-16-ipv6.pcap": (12741, 12699),
    "v1-16-vxlan.pcap": (12930, 12828),
    "v1-16-two-interfaces.pcapng": (13669, 13627),
    "v2.pcap": (12618, 12576),
    "v2-sll.pcap": (13793, 13751),
}
"""Of client and server, as the programs themselves said: tests/data/captures/README.md."""


@pytest.mark.parametrize("name", REAL)
def test_segments_are_those_that_tshark_sees(name: str) -> None:
    assert read(DATA / name)[0] == by_tshark(DATA / name)


@pytest.mark.parametrize("name", REAL)
def test_options_are_those_that_tshark_sees(name: str) -> None:
    """It knows kind 253 and its ExID, and shows what follows as data."""
    printed = run(
        "tshark",
        *(
            "-r",
            DATA / name,
            "-T",
            "fields",
            "-Y",
            "tcp.options.experimental",
            "-E",
            "occurrence=a",
        ),
        *("-e", "tcp.options.experimental.exid", "-e", "tcp.options.experimental.data"),
    )
    seen = [line.split("\t") for line in printed.decode().splitlines()]
    ours = [option for segment in read(DATA / name)[0] for option in decode_options(segment).tot]

    assert [int(exid, 16) for exid, _ in seen] == [
        0xDEE9 if option.version == 1 else 0xDEEA for option in ours
    ]
    assert [int(data[:8], 16) for _, data in seen] == [option.pid for option in ours]


@pytest.mark.parametrize("name", REAL)
def test_each_side_names_its_own_process(name: str) -> None:
    segments, capture = read(DATA / name)
    client, server = PIDS[name]

    for connection in assemble_connections(segments):
        assert connection.client_certain
        assert pids(connection.options_0) == {client}
        assert pids(connection.options_1) <= {server}
    assert not capture.tally.incomplete
    assert not capture.notes()


def pids(options: tuple[CapturedOption, ...]) -> set[int]:
    return {each.option.pid for each in options}


def found(name: str) -> list[CapturedConnection]:
    return list(assemble_connections(read(DATA / name)[0]))


def first_said(connection: CapturedConnection) -> CapturedOption:
    return connection.options_0[0]


def test_both_sides_of_a_nat_are_distinguished() -> None:
    near = [each for each in found("v1-16-masqueraded-any.pcap") if is_from(each, "10.0.0.5")]
    far = [each for each in found("v1-16-masqueraded-any.pcap") if is_from(each, "192.0.2.1")]

    assert len(near) == len(far) == 4
    assert {first_said(each).translated for each in near} == {False}
    assert {first_said(each).translated for each in far} == {True}
    assert {first_said(each).option.address for each in near + far} == {"10.0.0.5"}


def is_from(connection: CapturedConnection, ip: str) -> bool:
    return connection.flow.side_0 is not None and connection.flow.side_0.ip == ip


def test_a_port_that_is_used_again_makes_two_connections_and_a_refused_one_is_one() -> None:
    far = [each for each in found("v1-16-masqueraded-any.pcap") if is_from(each, "192.0.2.1")]
    ports = sorted(each.flow.side_0.port for each in far if each.flow.side_0 is not None)

    assert ports == [41000, 41001, 41002, 41002]
    assert sorted(each.packets for each in far) == [2, 10, 12, 12]


def test_an_address_of_twelve_bytes_is_certain_only_where_it_was_not_translated() -> None:
    near, far = sorted(
        found("v1-12-address-masqueraded-any.pcap"), key=lambda each: not is_from(each, "10.0.0.5")
    )

    assert first_said(near).option.address == "10.0.0.5"
    assert first_said(far).option.ambiguous
    assert first_said(far).option.address is None


def test_a_sequence_number_of_twelve_bytes_is_the_segments_own() -> None:
    (one,) = found("v1-12-seq.pcap")

    said = first_said(one)
    assert (said.option.seq, said.option.address) == (said.seq, None)
    assert not said.option.ambiguous


def test_over_ipv6_there_is_no_address() -> None:
    (one,) = found("v1-16-ipv6.pcap")

    said = first_said(one)
    assert (one.flow.side_0, one.flow.side_1) == (
        Endpoint("fd00:a::5", 41000),
        Endpoint("fd00:b::9", 8080),
    )
    assert (said.option.address, said.option.seq, said.translated) == (None, said.seq, None)


def test_the_connection_inside_a_tunnel_is_seen() -> None:
    segments, capture = read(DATA / "v1-16-vxlan.pcap")

    assert capture.tally.decapsulated == len(segments) == 12
    assert {end.ip for each in segments for end in (each.source, each.destination)} == {
        "172.16.0.5",
        "172.16.0.9",
    }


def test_packets_that_two_interfaces_caught_make_no_further_connections() -> None:
    """They are not in order, and come once more when both sides have closed already."""
    near, far = sorted(
        found("v1-16-two-interfaces.pcapng"), key=lambda each: not is_from(each, "10.0.0.5")
    )

    assert (near.packets, far.packets) == (24, 12)


def test_eight_bytes_hold_the_process_alone() -> None:
    (one,) = found("v1-8-ns.pcap")

    option = first_said(one).option
    assert (option.address, option.seq, option.agent_id) == (None, None, None)


def test_version_2_names_the_agent() -> None:
    assert {first_said(each).option.agent_id for each in found("v2-sll.pcap")} == {7}


def test_every_capture_has_its_story() -> None:
    told = (DATA / "README.md").read_text(encoding="utf-8")

    assert set(PIDS) == set(REAL)
    for name, (client, server) in PIDS.items():
        (row,) = (line for line in told.splitlines() if line.startswith(f"| `{name}` |"))
        assert row.endswith(f"| {client}, {server} |")


def test_nothing_else_lies_there() -> None:
    assert {path.name for path in Path(DATA).iterdir()} == {*REAL, "README.md"}
