"""Packets of every kind: where the segment is in them, and why there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import GRE
from scapy.layers.vxlan import VXLAN

from proccli.model.flows import Segment
from proccli.model.sockets import Endpoint
from proccli.terminal.warning_text import message as words_of
from proccli.traffic.captures.links import KNOWN, NoSegment
from proccli.traffic.captures.packets import Packet
from proccli.traffic.captures.segments import find_segment
from proccli.traffic.tot.option import decode_options
from tests.traffic.captures import blocks
from tests.traffic.captures.frames import (
    ETHERNET,
    FRAMES,
    RAW,
    TUNNELS,
    Frame,
    ether,
    outer,
    pcap,
    tcp,
    v4,
    v6,
)
from tests.traffic.captures.reading import read_bytes
from tests.traffic.captures.witness import by_tshark

SECONDS = 1_767_323_045


@pytest.fixture(scope="module")
def by_others(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Segment]:
    """What tshark makes of each, all in one file."""
    path = tmp_path_factory.mktemp("frames") / "x.pcapng"
    content = blocks.section() + b"".join(blocks.interface(frame.link) for frame in FRAMES.values())
    for number, frame in enumerate(FRAMES.values()):
        content += blocks.packet(frame, SECONDS * 10**6, number=number)
    path.write_bytes(content)
    return dict(zip(FRAMES, by_tshark(path), strict=True))


@pytest.mark.parametrize("name", FRAMES)
def test_the_segment_is_what_tshark_sees(name: str, by_others: Mapping[str, Segment]) -> None:
    (one,), capture = read_bytes(pcap(FRAMES[name], times=[(SECONDS, 0)]))

    if "fragment" in name:
        one = one._replace(payload_bytes=-1)
    assert one == by_others[name]
    assert capture.tally.decapsulated == (name in TUNNELS)
    assert not capture.tally.incomplete


@pytest.mark.parametrize("name", [name for name in FRAMES if name != "no-tcp-options"])
def test_the_option_is_found_in_it(name: str) -> None:
    (one,), _ = read_bytes(pcap(FRAMES[name]))

    assert [option.pid for option in decode_options(one).tot] == [7]
    assert one.destination.port == 8080


def missed(packet: object, link: int = ETHERNET, captured: int | None = None) -> NoSegment:
    data = bytes(packet)  # type: ignore[call-overload]
    found = find_segment(Packet(1.0, link, len(data), data[:captured]))
    assert isinstance(found, NoSegment)
    return found


@pytest.mark.parametrize(
    "packet",
    [
        ether() / v4(proto=17) / (b"\0" * 20),
        ether() / v4() / UDP(sport=5, dport=4789) / b"this is no VXLAN",
        ether() / v4() / UDP(sport=5, dport=6081) / b"this is no Geneve",
        ether() / v6(nh=59),
        ether(type=0x0806) / (b"\0" * 28),
        ether(type=60) / (b"\xaa\xaa\x03" + b"\0" * 57),
        ether() / outer() / GRE(proto=0x88CC) / (b"\0" * 30),
    ],
)
def test_other_packets_are_not_missed(packet: object) -> None:
    assert missed(packet) == NoSegment("not-tcp")


def test_a_later_fragment_has_no_segment() -> None:
    assert missed(ether() / v4(frag=185, proto=6) / bytes(tcp())).kind == "fragment"
    assert missed(ether() / v6() / IPv6ExtHdrFragment(offset=185, nh=6) / bytes(tcp())).kind == (
        "fragment"
    )


@pytest.mark.parametrize(
    ("packet", "what"),
    [
        (ether(type=0x8847) / (b"\0\0\x11\xff" + bytes(v4() / tcp())), "MPLS"),
        (ether(type=0x8864) / (b"\x11\0\0\x01\0\x50\0\x21" + bytes(v4() / tcp())), "PPPoE"),
        (ether() / IP(proto=50) / (b"\0" * 60), "IPsec"),
        (ether() / IPv6(nh=50) / (b"\0" * 60), "IPsec"),
        (ether() / IP(proto=51) / (b"\0" * 60), "IPsec"),
        (ether() / outer() / GRE(version=1) / (b"\0" * 60), "GRE"),
    ],
)
def test_what_is_packed_in_something_else_is_counted_by_that(packet: object, what: str) -> None:
    assert missed(packet) == NoSegment("packed", what)

    _, capture = read_bytes(pcap(Frame(ETHERNET, bytes(packet))))  # type: ignore[call-overload]
    assert capture.tally.encapsulated == {what: 1}
    (note,) = capture.notes()
    assert note.code == "capture-encapsulated"
    assert words_of(note) == f"x.pcap: encapsulated packets were skipped: {what} 1"


def test_tunnels_in_tunnels_are_not_followed_for_ever() -> None:
    packet = v4() / tcp()
    for _ in range(4):
        packet = outer() / packet
    assert not isinstance(find_segment(Packet(1.0, RAW, 500, bytes(packet))), NoSegment)

    assert missed(outer() / packet, RAW).kind == "packed"


@pytest.mark.parametrize(
    "packet",
    [
        ether(type=0x0800) / bytes(v6() / tcp()),  # IPv6 announced as IPv4
        ether(type=0x86DD) / bytes(v4() / tcp()),
        ether() / v4(ihl=4) / tcp(),
        ether() / v4(len=10) / tcp(),
        ether() / v4(len=30) / tcp(),  # ends in the middle of the TCP header
        ether() / v4() / TCP(dataofs=4),
        ether() / v4() / TCP(dataofs=15),
        ether() / v6(plen=10, nh=0) / (b"\x06\x05" + b"\0" * 60),
    ],
)
def test_headers_that_contradict_themselves_are_counted(packet: object) -> None:
    assert missed(packet) == NoSegment("malformed")


@pytest.mark.parametrize("name", FRAMES)
def test_a_packet_that_is_cut_anywhere_is_cut_or_whole(name: str) -> None:
    """As a snapshot length cuts it: whatever is still there of its options is shown."""
    frame = FRAMES[name]
    whole = find_segment(Packet(1.0, frame.link, len(frame.data), frame.data))
    assert not isinstance(whole, NoSegment)

    for captured in range(len(frame.data)):
        found = find_segment(Packet(1.0, frame.link, len(frame.data), frame.data[:captured]))
        if isinstance(found, NoSegment):
            # Behind the first bytes of a UDP header that was cut, nothing shows a tunnel.
            assert found.kind in ("cut", "not-tcp"), captured
            assert found.kind == "cut" or name.startswith(("vxlan", "geneve", "loopback", "open"))
        else:
            assert whole.segment.options.startswith(found.segment.options)
            assert found.segment._replace(options=b"") == whole.segment._replace(options=b"")
            assert found.cut or found.segment == whole.segment


def test_truncated_headers_are_counted() -> None:
    frames = [FRAMES["ethernet"], FRAMES["ethernet"]]
    found, capture = read_bytes(pcap(*frames, snaplen=60))

    assert [decode_options(each).tot for each in found] == [(), ()]
    assert (capture.tally.cut, capture.tally.tcp) == (2, 2)
    (note,) = capture.notes()
    assert note.code == "capture-cut"
    assert words_of(note) == (
        "x.pcap: 2 TCP headers were cut off by the capture's snapshot length, and options may be"
        " missing (capture with -s 0)"
    )


def test_packets_of_another_link_are_counted_by_its_number() -> None:
    found, capture = read_bytes(pcap(Frame(105, bytes(30)), Frame(105, bytes(30))))

    assert found == []
    assert capture.tally.link_types == {105: 2}
    (note,) = capture.notes()
    assert words_of(note) == "x.pcap: 2 packets of the unsupported link type 105 were skipped"


def test_a_segment_larger_than_its_length_can_tell_is_read_all_the_same() -> None:
    """What the network card is to cut up itself has a length of 0 in captures of the sender."""
    data = bytes(ether() / v4(len=0) / tcp(b"x" * 1000))
    found = find_segment(Packet(1.0, ETHERNET, len(data), data))

    assert not isinstance(found, NoSegment)
    assert found.segment.payload_bytes == 1000


def test_padding_of_a_short_frame_is_no_payload() -> None:
    (one,), _ = read_bytes(pcap(FRAMES["padded"]))

    assert one.payload_bytes == 0


def test_the_numbers_of_a_vxlan_are_not_taken_for_ends() -> None:
    (one,), _ = read_bytes(pcap(FRAMES["vxlan-4789"]))

    assert one.source == Endpoint("10.0.0.5", 41000)


@given(st.sampled_from(sorted(KNOWN)), st.binary(max_size=120), st.integers(0, 300))
def test_no_bytes_make_it_fail(link: int, data: bytes, more: int) -> None:
    find_segment(Packet(None, link, len(data) + more, data))


@given(
    st.sampled_from(sorted(FRAMES)),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=5),
)
def test_no_damage_to_a_packet_makes_it_fail(name: str, damage: list[tuple[int, int]]) -> None:
    frame = FRAMES[name]
    data = bytearray(frame.data)
    for at, value in damage:
        data[at % len(data)] = value
    found = find_segment(Packet(None, frame.link, len(data), bytes(data)))

    if not isinstance(found, NoSegment):
        assert found.segment.payload_bytes >= 0
        assert re.fullmatch(r"[0-9a-f.:]+", found.segment.source.ip)


def test_vxlan_needs_its_flags() -> None:
    inner = ether() / v4() / tcp()
    odd = VXLAN(vni=42, flags=0) / inner

    assert missed(ether() / outer() / UDP(sport=1, dport=4789) / odd).kind == "not-tcp"
