"""How Wireshark's programs read a capture; tests are skipped where these are missing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from proccli.model.flows import Segment
from proccli.model.sockets import Endpoint
from tests import paths
from tests.waiting import LONG_S

DATA = paths.DATA / "captures"
REAL = sorted(path.name for path in DATA.iterdir() if path.suffix in (".pcap", ".pcapng"))


def run(program: str, *arguments: str | Path, stdin: bytes = b"") -> bytes:
    """What a program prints; the test is skipped where there is none."""
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here")
    done = subprocess.run(
        [program, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=LONG_S,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def by_tshark(path: Path, *more: str) -> list[Segment]:
    """The TCP segments of a capture, as tshark reads them; of a tunnel, the innermost."""
    fields = (
        "frame.time_epoch",
        "frame.protocols",
        "ip.src",
        "ipv6.src",
        "ip.dst",
        "ipv6.dst",
        "tcp.srcport",
        "tcp.dstport",
        "tcp.flags",
        "tcp.seq_raw",
        "tcp.ack_raw",
        "tcp.len",
        "tcp.options",
    )
    printed = run(
        "tshark",
        "-r",
        path,
        *("-Y", "tcp.flags && !icmp", "-T", "fields", "-E", "occurrence=l", *more),
        # As the kernel and the agent do, and not with what could be pieced together.
        *("-o", "tcp.desegment_tcp_streams:FALSE", "-o", "ip.defragment:FALSE"),
        *("-o", "ipv6.defragment:FALSE", "-d", "udp.port==8472,vxlan"),
        *(word for field in fields for word in ("-e", field)),
    )
    return [_segment(line.split("\t")) for line in printed.decode().splitlines()]


def _segment(values: Sequence[str]) -> Segment:
    time, protocols, v4_source, v6_source, v4_destination, v6_destination, *rest = values
    source_port, destination_port, flags, seq, ack, length, options = rest
    innermost = [name for name in protocols.split(":") if name in ("ip", "ipv6")][-1]
    source, destination = v4_source, v4_destination
    if innermost == "ipv6":
        source, destination = v6_source, v6_destination
    return Segment(
        round(float(time), 6),
        Endpoint(source, int(source_port)),
        Endpoint(destination, int(destination_port)),
        int(flags, 0) & 0xFF,
        int(seq),
        int(ack),
        int(length or -1),  # of a fragment, it doesn't know
        bytes.fromhex(options),
    )
