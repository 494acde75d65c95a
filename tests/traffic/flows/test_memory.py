"""Memory doesn't grow with the input."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from proccli.model.flows import FlowLabels, SideLabel
from proccli.traffic.flows.columns import EncodedLabels
from proccli.traffic.flows.stream import open_flows
from proccli.traffic.flows.values import FlowReader

FEW, MANY = 8_000, 26_000
PADDING = "x" * 300

LABELS = """
import sys
from pathlib import Path
from proccli.traffic.flows.stream import open_flows
from proccli.model.flows import FlowLabels, SideLabel

out = open("/dev/null", "wb")
stream = open_flows(sys.argv[1], keys=["owner"])
records = 0
for item in stream:
    if isinstance(item, bytes):
        out.write(item)
    else:
        records += 1
        if records % 20 == 1:
            side = SideLabel(label="socket", gprocess=f"shop-{records}", tags=(("owner", "alice"),))
            labels = FlowLabels(side, side, ("none", "none"))
        out.write(item.labelled(labels))
status = Path("/proc/self/status").read_text()
# Not ru_maxrss, which a child has from its parent.
peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
print(records, peak.split()[1], len(stream.notes))
"""


def line(form: str, n: int) -> str:
    host = n // 4
    ip = f"10.{host >> 16}.{host >> 8 & 255}.{host & 255}"
    if form == "ndjson":
        broken = "no record\n" if n % 100 == 0 else ""
        ends = f'"ip_0":"{ip}","client_port":{n % 65536},"ip_1":"{ip}","protocol":6'
        return f'{broken}{{{ends},"k{n % 999}":"{PADDING}"}}\n'
    if form == "csv":
        return f'{ip},{n % 65536},{ip},443,6,"a ""quoted""\n{PADDING}"\n'
    fields = "#fields\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tx\n"
    return f"{fields if n % 1000 == 0 else ''}{ip}\t{n % 65536}\t{ip}\t443\ttcp\t{PADDING}\n"


@pytest.mark.parametrize("form", ["ndjson", "csv", "zeek"])
def test_many_times_the_records_take_no_more_memory(form: str, tmp_path: Path) -> None:
    peaks = {}
    for count in (FEW, MANY):
        path = tmp_path / str(count)
        with path.open("w") as file:
            if form == "csv":
                file.write("ip_0,client_port,ip_1,server_port,protocol,name\n")
            file.writelines(line(form, n) for n in range(count))
        done = subprocess.run(
            [sys.executable, "-c", LABELS, str(path)],
            capture_output=True,
            check=True,
            text=True,
            timeout=300,
        )
        records, peak_kib, notes = map(int, done.stdout.split())
        assert (records, notes) == (count, form == "ndjson")
        peaks[count] = peak_kib

    # In KiB. The caches are bounded. To keep the lines of the others would take 7 MiB and more.
    assert peaks[MANY] - peaks[FEW] < 5 << 10


def test_what_is_not_used_again_is_dropped_from_the_cache(tmp_path: Path) -> None:
    path = tmp_path / "flows"
    path.write_text("".join(f'{{"ip_0":1,"k{n}":"{PADDING}"}}\n' for n in range(5_000)))
    stream = open_flows(str(path))
    for n, item in enumerate(stream):
        assert not isinstance(item, bytes)
        side = SideLabel(label=f"reason-{n}")
        item.labelled(FlowLabels(side, side, ("none", "none")))
        if n == 4_999:
            kept = gc.get_objects()

    assert sum(isinstance(thing, FlowReader) for thing in kept) < 500
    assert sum(isinstance(thing, EncodedLabels) for thing in kept) < 4_500
