"""The packets of a file are those that scapy reads from it."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.utils import RawPcapNgReader, RawPcapReader

from proccli.traffic.captures.counts import Tally
from proccli.traffic.captures.packets import Packet, packets
from proccli.traffic.captures.pcapng import ByteReader
from tests.cli.runner import environment
from tests.traffic.captures import blocks
from tests.traffic.captures.frames import FRAMES, Frame, pcap
from tests.traffic.captures.witness import DATA, REAL
from tests.waiting import LONG_S

DATA_BYTES = st.binary(max_size=70)
LINKS = st.sampled_from([0, 1, 101, 113, 276, 147])


def by_us(content: bytes) -> tuple[list[Packet], Tally]:
    tally = Tally()
    return list(packets(ByteReader(io.BytesIO(content)), tally)), tally


def by_scapy(content: bytes) -> list[Packet]:
    """Of one section, in which each packet has an interface."""
    reader: Any = RawPcapReader
    if content.startswith(b"\x0a\x0d\x0d\x0a"):
        reader = RawPcapNgReader
    records = reader(io.BytesIO(content))
    return [_packet(records, data, about) for data, about in records]


def _packet(records: Any, data: bytes, about: Any) -> Packet:
    if not hasattr(about, "tsresol"):
        time_s = about.sec + about.usec / (1e9 if records.nano else 1e6)
        return Packet(time_s, records.linktype & 0xFFFF, about.wirelen, data)
    time_s = None
    if about.tshigh is not None:
        time_s = (about.tshigh << 32 | about.tslow) / about.tsresol
    return Packet(time_s, about.linktype, about.wirelen, data)


@given(
    st.lists(DATA_BYTES, max_size=4),
    LINKS,
    st.sampled_from("<>"),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 999_999)), min_size=4, max_size=4),
    st.none() | st.integers(1, 70),
)
def test_pcap_files(
    parts: Sequence[bytes],
    link: int,
    order: str,
    nano: bool,
    times: list[tuple[int, int]],
    snaplen: int | None,
) -> None:
    frames = [Frame(link, part) for part in parts]
    content = pcap(*frames, order=order, nano=nano, times=times, snaplen=snaplen)

    found, tally = by_us(content)

    assert found == by_scapy(content)
    assert len(found) == len(frames)
    assert (tally.damage, tally.malformed) == (None, 0)


@st.composite
def sections(draw: st.DrawFn) -> bytes:
    """Interfaces, then packets of all three kinds on them, with other blocks in between."""
    order = draw(st.sampled_from("<>"))
    links = draw(st.lists(LINKS, min_size=1, max_size=3))
    content = blocks.section(order)
    for link in links:
        power = draw(st.none() | st.integers(0, 255))
        options = b"" if power is None else blocks.resolution(power, order)
        # scapy takes a snapshot length of 0 for 0 bytes; it means that there is no limit.
        snaplen = draw(st.integers(1, 100))
        content += blocks.interface(link, order=order, snaplen=snaplen, options=options)
    for data in draw(st.lists(DATA_BYTES, max_size=5)):
        number = draw(st.integers(0, len(links) - 1))
        frame, ticks = Frame(links[number], data), draw(st.integers(0, 2**64 - 1))
        kind = draw(st.sampled_from(["enhanced", "old", "simple", "other"]))
        if kind == "enhanced":
            comment = draw(st.sampled_from([b"", b"why"]))
            content += blocks.packet(frame, ticks, number=number, order=order, comment=comment)
        elif kind == "old":
            content += blocks.old_packet(frame, ticks, order=order)
        elif kind == "simple":
            content += blocks.simple_packet(frame, order=order)
        else:
            content += blocks.block(4, bytes(8), order)
    return content


@given(sections())
def test_pcapng_files(content: bytes) -> None:
    found, tally = by_us(content)

    assert found == by_scapy(content)
    assert (tally.damage, tally.malformed) == (None, 0)


@pytest.mark.parametrize("name", REAL)
def test_captures_of_real_programs(name: str) -> None:
    content = (DATA / name).read_bytes()

    assert by_us(content)[0] == by_scapy(content) != []


@pytest.mark.parametrize("order", "<>")
def test_kuznetzovs_pcap_has_longer_records(order: str) -> None:
    """Patched libpcaps of old Linux distributions wrote it; scapy does not read it."""
    frame = FRAMES["ethernet"]
    content = struct.pack(order + "IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 262_144, frame.link)
    for second in (5, 6):
        head = (second, 250_000, len(frame.data), len(frame.data), 2, 0x0800, 4)
        content += struct.pack(order + "IIIIIHBx", *head) + frame.data

    found, tally = by_us(content)

    size = len(frame.data)
    assert found == [Packet(at, frame.link, size, frame.data) for at in (5.25, 6.25)]
    assert tally.damage is None
    cut, tally = by_us(content[:-1])
    assert (len(cut), tally.damage) == (1, f"cut short in the packet at byte {24 + 24 + size}")


def test_a_pcapng_version_of_the_future_is_not_guessed_at() -> None:
    section = bytearray(blocks.section())
    section[12:14] = struct.pack("<H", 2)
    content = bytes(section) + blocks.interface() + blocks.packet(FRAMES["ethernet"], 1)

    found, tally = by_us(content)

    assert found == []
    assert tally.damage == "a section of an unknown version of pcapng at byte 0"


def test_nothing_but_proccli_reads_captures(tmp_path: Path) -> None:
    code = (
        "import sys; from proccli.__main__ import exit_code\n"
        "try: code = exit_code()\n"
        "finally: assert 'scapy' not in sys.modules\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, "tot", str(DATA / "v2.pcap")],
        env=environment(HOME=str(tmp_path)),
        capture_output=True,
        check=False,
        timeout=LONG_S,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"12618" in done.stdout
