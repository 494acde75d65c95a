"""Files that end too early or went bad: what is before the damage, and where that is."""

from __future__ import annotations

import gzip
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.model.flows import Segment
from proccli.terminal.warning_text import message as words_of
from proccli.traffic.captures.counts import CaptureError
from proccli.traffic.captures.opening import Capture, capture_of
from proccli.traffic.captures.packets import MOST_PACKET_BYTES
from proccli.traffic.captures.pcapng import MOST_BLOCK_BYTES
from tests.traffic.captures import blocks
from tests.traffic.captures.frames import FRAMES, pcap
from tests.traffic.captures.reading import read_bytes
from tests.traffic.captures.witness import DATA

FRAME = FRAMES["ethernet"]
PCAP = (DATA / "v1-12-seq.pcap").read_bytes()
PCAPNG = (DATA / "v1-16-two-interfaces.pcapng").read_bytes()
THREE = (
    blocks.section()
    + blocks.interface()
    + b"".join(blocks.packet(FRAME, number) for number in range(3))
)


def attempt(content: bytes) -> tuple[list[Segment], Capture | None]:
    """What comes out of it; no capture: there was nothing to be had at all."""
    found: list[Segment] = []
    try:
        capture = capture_of(io.BytesIO(content), "x")
        found.extend(capture.segments())
    except CaptureError:
        assert not found
        return found, None
    return found, capture


@pytest.mark.parametrize("content", [PCAP, THREE], ids=["pcap", "pcapng"])
def test_wherever_it_ends_everything_before_is_shown(content: bytes) -> None:
    whole, _ = read_bytes(content)
    ends_well = set()

    for end in range(len(content)):
        found, capture = attempt(content[:end])
        assert found == whole[: len(found)]
        if capture is None:
            assert not found
        elif capture.tally.damage is None:
            ends_well.add(len(found))
        else:
            assert capture.tally.packets
            assert capture.tally.incomplete
            assert capture.tally.damage.startswith("cut short")
    assert ends_well == set(range(len(whole)))


def test_the_error_has_the_place_of_the_damage() -> None:
    content = pcap(FRAME, FRAME)

    _, capture = read_bytes(content[:-1], "web-1.pcap")

    second = 24 + 16 + len(FRAME.data)
    (note,) = capture.notes()
    assert note.code == "capture-damaged"
    assert words_of(note) == (
        f"web-1.pcap: cut short in the packet at byte {second}; only the part before it was read"
    )


def test_the_error_has_the_damaged_block() -> None:
    _, capture = read_bytes(THREE[:-1])

    last = len(THREE) - len(blocks.packet(FRAME, 2))
    assert capture.tally.damage == f"cut short at byte {last}"


def test_where_nothing_can_be_read_that_is_an_error() -> None:
    for content in (pcap(FRAME)[:30], pcap()[:10], THREE[:30], THREE[:60]):
        with pytest.raises(CaptureError, match="x: a damaged capture: "):
            list(capture_of(io.BytesIO(content), "x").segments())


@pytest.mark.parametrize("length", [MOST_PACKET_BYTES + 1, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_an_impossible_length_is_where_a_file_is_damaged(length: int) -> None:
    first = pcap(FRAME)
    bad = struct.pack("<IIII", 1, 2, length, length) + bytes(1_000_000)

    found, capture = read_bytes(first + bad)

    assert len(found) == 1
    assert capture.tally.damage == f"a packet of {length:,} bytes at byte {len(first):,}"


def test_the_longest_packet_of_all_is_none_of_these() -> None:
    head = struct.pack("<IIII", 1, 2, MOST_PACKET_BYTES, MOST_PACKET_BYTES)
    large = head + FRAME.data + bytes(MOST_PACKET_BYTES - len(FRAME.data))

    found, capture = read_bytes(pcap(FRAME) + large + pcap(FRAME)[24:])

    assert (len(found), capture.tally.damage) == (3, None)


def with_length(length: int) -> bytes:
    block = bytearray(blocks.packet(FRAME, 3))
    block[4:8] = struct.pack("<I", length)
    return bytes(block)


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        (with_length(0), "a block of 0 bytes"),
        (with_length(13), "a block of 13 bytes"),
        (with_length(MOST_BLOCK_BYTES + 4), f"a block of {MOST_BLOCK_BYTES + 4:,} bytes"),
        (with_length(0xFFFF_FFFC), "a block of 4,294,967,292 bytes"),
        (with_length(28), "a block whose two lengths differ"),
        (blocks.packet(FRAME, 3, claims=500), "a block that is too short"),
        (blocks.block(6, bytes(8)), "a block that is too short"),
        (blocks.block(1, b""), "a block that is too short"),
        (blocks.block(0x0A0D0D0A, bytes(16)), "no section header"),
    ],
)
def test_a_block_that_is_none_is_where_a_file_is_damaged(block: bytes, problem: str) -> None:
    found, capture = read_bytes(THREE + block + blocks.packet(FRAME, 4))

    assert len(found) == 3
    assert capture.tally.damage == f"{problem} at byte {len(THREE)}"


@pytest.mark.parametrize("content", [PCAP, PCAPNG], ids=["pcap", "pcapng"])
def test_of_packed_data_that_end_too_early_nothing_is_lost(content: bytes) -> None:
    packed = gzip.compress(content * 1, compresslevel=0)
    whole, _ = read_bytes(content)

    found, capture = read_bytes(packed[: len(packed) * 3 // 4])

    assert len(whole) // 2 < len(found) < len(whole)
    assert found == whole[: len(found)]
    assert capture.tally.damage is not None
    assert "unexpected end of gzip data" in capture.tally.damage


def test_damaged_gzip_data_are_an_error_after_the_packets_before_it() -> None:
    packed = bytearray(gzip.compress(PCAP, compresslevel=0))
    packed[-6] ^= 1  # the checksum

    found, capture = read_bytes(bytes(packed))

    assert found == read_bytes(PCAP)[0]
    assert capture.tally.damage is not None
    assert "damaged gzip data: CRC check failed" in capture.tally.damage


def changes(content: bytes) -> st.SearchStrategy[bytes]:
    def changed(damage: list[tuple[int, int]]) -> bytes:
        made = bytearray(content)
        for at, value in damage:
            made[at] = value
        return bytes(made)

    one = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    return st.lists(one, min_size=1, max_size=8).map(changed)


@pytest.mark.parametrize("content", [PCAP, PCAPNG, THREE], ids=["pcap", "dumpcap", "pcapng"])
def test_no_damage_makes_it_fail(content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    @given(changes(content))
    def check(damaged: bytes) -> None:
        attempt(damaged)

    check()
    assert capfd.readouterr() == ("", "")


@given(st.sampled_from([PCAP[:24], PCAPNG[:28], THREE[:48]]), st.binary(max_size=300))
def test_no_content_makes_it_fail(head: bytes, rest: bytes) -> None:
    attempt(head + rest)
