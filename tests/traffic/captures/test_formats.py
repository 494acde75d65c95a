"""Files of every format, written by Wireshark's programs or by hand, and read the same."""

from __future__ import annotations

import gzip
import io
import os
import threading
from pathlib import Path

import pytest

from proccli.errors import SourceError
from proccli.model.flows import Segment
from proccli.traffic.captures.counts import CaptureError
from proccli.traffic.captures.opening import capture_of, open_capture
from proccli.traffic.captures.packets import is_capture
from tests.traffic.captures import blocks
from tests.traffic.captures.frames import FRAMES, RAW, Frame, pcap
from tests.traffic.captures.reading import read, read_bytes
from tests.traffic.captures.witness import DATA, REAL, by_tshark, run

FRAME = FRAMES["ethernet"]
BARE = FRAMES["raw"]
ONE = DATA / "v1-12-seq.pcap"
SECONDS = 1_767_323_045


@pytest.mark.parametrize("form", ["pcap", "nsecpcap", "pcapng"])
@pytest.mark.parametrize("name", ["v1-16-ipv6.pcap", "v1-16-masqueraded-any.pcap"])
def test_a_file_is_the_same_in_each_format(form: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "converted"
    run("editcap", "-F", form, DATA / name, path)

    assert is_capture(path.read_bytes()[:4])
    assert read(path)[0] == read(DATA / name)[0]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("nano", [False, True])
def test_machines_of_both_byte_orders_write_the_same(
    order: str, nano: bool, tmp_path: Path
) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap(FRAME, FRAME, order=order, nano=nano, times=[(5, 6), (7, 999_999)]))

    found, _ = read(path)

    assert found == by_tshark(path)
    assert [each.time_s for each in found] == ([5.0, 7.001] if nano else [5.000006, 7.999999])


@pytest.mark.parametrize("order", "<>")
def test_machines_of_both_byte_orders_write_the_same_blocks(order: str, tmp_path: Path) -> None:
    content = blocks.section(order)
    content += blocks.interface(order=order, options=blocks.resolution(9, order))
    content += blocks.packet(FRAME, SECONDS * 10**9 + 5_000, order=order, comment=b"odd")
    content += blocks.old_packet(FRAME, SECONDS * 10**9 + 6_000, order=order)
    path = tmp_path / "x.pcapng"
    path.write_bytes(content)

    found, _ = read(path)

    assert [each.time_s for each in found] == [SECONDS + 5e-6, SECONDS + 6e-6]
    assert found == by_tshark(path)


def test_each_section_has_interfaces_of_its_own(tmp_path: Path) -> None:
    """The second one is of another byte order, another link and another resolution."""
    content = blocks.section() + blocks.interface() + blocks.packet(FRAME, SECONDS * 10**6)
    content += blocks.section(">")
    content += blocks.interface(RAW, order=">", options=blocks.resolution(3, ">"))
    content += blocks.packet(BARE, (SECONDS + 1) * 1000 + 5, order=">")
    path = tmp_path / "x.pcapng"
    path.write_bytes(content)

    found, capture = read(path)

    assert [each.time_s for each in found] == [SECONDS, SECONDS + 1.005]
    assert found[0].source == found[1].source
    assert not capture.tally.incomplete
    assert found == by_tshark(path)


def test_concatenated_files_are_sections(tmp_path: Path) -> None:
    path = tmp_path / "both.pcapng"
    parts = []
    for name in ("v1-12-seq.pcap", "v2-sll.pcap"):
        run("editcap", "-F", "pcapng", DATA / name, tmp_path / name)
        parts.append((tmp_path / name).read_bytes())
    path.write_bytes(b"".join(parts))

    assert read(path)[0] == read(DATA / "v1-12-seq.pcap")[0] + read(DATA / "v2-sll.pcap")[0]


def test_captures_of_several_links_can_be_merged(tmp_path: Path) -> None:
    path = tmp_path / "merged.pcapng"
    names = ["v1-12-seq.pcap", "v1-16-masqueraded-any.pcap", "v2-sll.pcap", "v1-8-ns.pcap"]
    run("mergecap", "-F", "pcapng", "-w", path, *(DATA / name for name in names))

    found = read(path)[0]

    assert found == by_tshark(path)
    assert sorted(found) == sorted(each for name in names for each in read(DATA / name)[0])


@pytest.mark.parametrize(
    ("power", "ticks", "expected"),
    [(0, 5, 5.0), (3, 5001, 5.001), (9, 5_000_001_000, 5.000001), (0x80 | 10, 5120 + 512, 5.5)],
)
def test_an_interface_has_its_own_clock(power: int, ticks: int, expected: float) -> None:
    content = blocks.section() + blocks.interface(options=blocks.resolution(power))
    (one,), _ = read_bytes(content + blocks.packet(FRAME, ticks))

    assert one.time_s == expected


def test_a_clock_may_count_from_another_moment(tmp_path: Path) -> None:
    content = blocks.section()
    content += blocks.interface()
    content += blocks.interface(options=blocks.resolution(6) + blocks.shift(SECONDS))
    content += blocks.packet(FRAME, 1_000_000) + blocks.packet(FRAME, 2_500_000, number=1)
    path = tmp_path / "x.pcapng"
    path.write_bytes(content + blocks.packet(FRAME, 3_000_000))

    found, _ = read(path)

    assert [each.time_s for each in found] == [1.0, SECONDS + 2.5, 3.0]
    assert found == by_tshark(path)


@pytest.mark.parametrize("snaplen", [0, 100])
def test_a_packet_may_have_no_time(snaplen: int) -> None:
    content = blocks.section() + blocks.interface(snaplen=snaplen) + blocks.simple_packet(FRAME)
    (one,), capture = read_bytes(content)

    assert one.time_s is None
    assert len(one.options) == 20
    assert not capture.tally.incomplete


def test_other_blocks_are_passed_over(capfd: pytest.CaptureFixture[str]) -> None:
    """Secrets, names, statistics, and what nobody knows: scapy would have something to say."""
    others = [
        blocks.block(kind, bytes(40)) for kind in (4, 5, 9, 10, 0x0BAD, 0x40000BAD, 0x80000001)
    ]
    content = blocks.section() + blocks.interface()
    content += b"".join(blocks.packet(FRAME, number) + other for number, other in enumerate(others))

    found, capture = read_bytes(content)

    assert len(found) == len(others)
    assert not capture.tally.incomplete
    assert capfd.readouterr() == ("", "")


def test_a_packet_of_no_interface_is_counted_and_the_rest_is_read() -> None:
    content = blocks.section() + blocks.interface()
    content += blocks.packet(FRAME, 1) + blocks.packet(FRAME, 2, number=7) + blocks.packet(FRAME, 3)

    found, capture = read_bytes(content)

    assert len(found) == 2
    assert (capture.tally.packets, capture.tally.malformed) == (3, 1)
    assert capture.tally.damage is None


@pytest.mark.parametrize("name", REAL)
def test_a_packed_file_is_read_as_it_is(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress((DATA / name).read_bytes()))

    assert read(path)[0] == read(DATA / name)[0]


def test_an_empty_capture_has_no_packets() -> None:
    for content in (pcap(), blocks.section(), blocks.section() + blocks.interface()):
        found, capture = read_bytes(content)
        assert (found, capture.tally.packets, capture.tally.damage) == ([], 0, None)


def test_segments_come_out_of_a_pipe_as_they_come_in() -> None:
    """So a running tcpdump can be followed."""
    reading, writing = os.pipe()
    first, second = pcap(FRAME), pcap(FRAME)[24:]
    got_first = threading.Event()

    def write() -> None:
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            pipe.write(first)
            got_first.wait(timeout=30)
            pipe.write(second)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reading, "rb") as pipe:
        segments = capture_of(pipe, "<stdin>").segments()
        assert isinstance(next(segments), Segment)
        assert not got_first.is_set()
        got_first.set()
        assert isinstance(next(segments), Segment)
        assert next(segments, None) is None
    thread.join()


def test_a_stream_is_read_from_where_it_stands() -> None:
    stream = io.BytesIO(b"before" + pcap(FRAME))
    stream.seek(6)

    assert len(list(capture_of(stream, "x").segments())) == 1


NO_CAPTURES = {
    "nothing": (b"", "empty"),
    "too short": (b"\xd4\xc3\xb2", "not a pcap or pcapng file"),
    "text": (b'{"ip_0": "10.0.0.5"}\n', "not a pcap or pcapng file"),
    "a format of old": (bytes.fromhex("a1e2cb12") + bytes(40), "not a pcap or pcapng file"),
    "packed text": (gzip.compress(b"text"), "not a pcap or pcapng file"),
    "packed nothing": (gzip.compress(b""), "empty"),
    "half a packing": (gzip.compress(b"text")[:12], "unexpected end of gzip data"),
    "no packing": (b"\x1f\x8bnonsense", "damaged gzip data: Unknown compression method"),
}


@pytest.mark.parametrize("name", NO_CAPTURES)
def test_a_file_that_is_not_a_capture_is_an_error(name: str, tmp_path: Path) -> None:
    content, problem = NO_CAPTURES[name]
    path = tmp_path / "x.pcap"
    path.write_bytes(content)

    with pytest.raises(CaptureError) as caught, open_capture(str(path)):
        pass
    assert str(caught.value) == f"{path}: not a capture: {problem}"


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"), open_capture(str(tmp_path / "none")):
        pass
    with pytest.raises(SourceError, match="Is a directory"), open_capture(str(tmp_path)):
        pass


@pytest.mark.parametrize(
    "head", [b"", b"\x0a", b"{", b"ip_0,ip_1", b"#separator", b"\x1f\x8b\x08\0"]
)
def test_flow_records_do_not_begin_like_a_capture(head: bytes) -> None:
    assert not is_capture(head)


def test_times_are_exact_to_the_microsecond() -> None:
    frames: list[Frame] = [FRAME] * 3
    times = [(4_294_967_295, 999_999), (1_700_000_000, 1), (0, 0)]

    found, _ = read_bytes(pcap(*frames, times=times))

    assert [f"{each.time_s:.6f}" for each in found] == [
        "4294967295.999999",
        "1700000000.000001",
        "0.000000",
    ]
