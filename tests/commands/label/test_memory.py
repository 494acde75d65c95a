"""The memory of `proccli label` doesn't grow with its input."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.build import NOW_S
from tests.commands.label.labelling import FLOW, two_hosts
from tests.traffic.tot.segments import v1

FEW, MANY = 6_000, 28_000
PADDING = "x" * 200

LABEL = """
import sys
from pathlib import Path
from proccli.cli.main import run
from proccli.server import labels

# A cache of tens of thousands of connections takes long to fill, so the test uses a smaller one,
# so that it is full early.
labels._CACHE_SIZE = labels._KNOWN = 1 << 10
code = run(sys.argv[1:])
status = Path("/proc/self/status").read_text()
# Not ru_maxrss, which a child has from its parent.
peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
print(code, peak.split()[1], file=sys.stderr)
"""


def ndjson(count: int) -> Iterator[bytes]:
    for n in range(count):
        port = FLOW["client_port"] if n % 2 else n % 65_536
        yield (
            f'{{"ip_0":"10.0.{n >> 16}.1","client_port":{port},"ip_1":"10.0.0.2","server_port":80,'
            f'"protocol":6,"start_time":{NOW_S},"x":"{PADDING}"}}\n'.encode()
        )


def csv(count: int) -> Iterator[bytes]:
    yield b"ip_0,client_port,ip_1,server_port,protocol,start_time,x\n"
    for n in range(count):
        port = FLOW["client_port"] if n % 2 else n % 65_536
        yield f'10.0.{n >> 16}.1,{port},10.0.0.2,80,6,{NOW_S},"{PADDING}\n"\n'.encode()


def capture(count: int) -> Iterator[bytes]:
    """Short connections of four packets each, over many hours: most are long closed."""
    yield struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 101)
    option = v1(10, address="10.0.0.1", seq=1)
    for n in range(count):
        turn, from_client = n % 4, n % 2 == 0
        client = ("10.0.0.1", 1024 + n // 4 % 4_000)
        ends = (client, ("10.0.0.2", 80)) if from_client else (("10.0.0.2", 80), client)
        flags = (0x02, 0x12, 0x11, 0x11)[turn]
        packet = segment(*ends, flags, seq=n, options=option if turn == 0 else b"")
        yield struct.pack("<IIII", NOW_S + n, 0, len(packet), len(packet)) + packet


def segment(
    source: tuple[str, int], to: tuple[str, int], flags: int, *, seq: int, options: bytes
) -> bytes:
    tcp_bytes = 20 + len(options)
    addresses = b"".join(bytes(map(int, ip.split("."))) for ip, _ in (source, to))
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + tcp_bytes, 0, 0, 64, 6, 0) + addresses
    ports = (source[1], to[1])
    return (
        ip
        + struct.pack("!HHIIBBHHH", *ports, seq, 0, tcp_bytes // 4 << 4, flags, 1, 0, 0)
        + options
    )


@pytest.mark.parametrize(("form", "per_line"), [(ndjson, 1), (csv, 1), (capture, 4)])
def test_many_times_the_input_takes_no_more_memory(
    form: Callable[[int], Iterator[bytes]], per_line: int, tmp_path: Path
) -> None:
    peaks = {}
    for count in (FEW, MANY):
        path = tmp_path / str(count)
        with path.open("wb") as file:
            file.writelines(form(count))
        out = tmp_path / "out"
        with out.open("wb") as labelled:
            done = subprocess.run(
                [sys.executable, "-c", LABEL, "label", *two_hosts(tmp_path), str(path)],
                stdout=labelled,
                stderr=subprocess.PIPE,
                check=True,
                text=True,
                timeout=300,
            )
        code, peak_kib = done.stderr.splitlines()[-1].split()
        assert code == "0"
        with out.open("rb") as written:
            assert sum(1 for _ in written) >= count // per_line
        peaks[count] = int(peak_kib)

    # In KiB. The caches are full after the few; to keep the lines of the others would take 6 MiB
    # and more, and 150 bytes a line are too many.
    assert peaks[MANY] - peaks[FEW] < 3 << 10
