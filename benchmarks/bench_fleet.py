"""CPU time and memory of the store, for fleets of growing size.

    python benchmarks/bench_fleet.py [--labels] [HOSTS...]

For 100, 1,000 and 10,000 hosts by default, with 500 ends of connections each: loading, the answers
of `fleet`, the edges of `topology` as the store joins them, labels of flows, and the answer
straight from the files. `--labels`: only those of flows, and their floor: reading a million records
and writing them with as many bytes more as labels have, without looking anything up.

CPU time is that of all processes together, the peak that of the largest one. The documents are made
first, which takes a minute or two for 10,000 hosts.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fleet import write_documents, write_flows

ROOT = Path(__file__).parent.parent
FLOWS = (1, 10_000, 1_000_000)
_FLOOR = """
import json, sys

tail = b"," + b"x" * 305 + b"}"
with open(sys.argv[1], "rb") as lines:
    for line in lines:
        assert json.loads(line)
        sys.stdout.buffer.write(line[:-2] + tail)
"""
_EDGES = """
import sys
from proccli.store.address import parse_address
from proccli.store.current import Moment, joined_sql, newest_s
from proccli.store.engine import open_engine

with open_engine(parse_address(sys.argv[1]), "") as engine:
    at_s = newest_s(engine, "proccli")
    moment = Moment("proccli", at_s, at_s - 86_400)
    print(engine.rows(f"SELECT count() FROM ({joined_sql(moment)})")[0])
"""


class Measured(NamedTuple):
    """One run of a program."""

    seconds: float
    cpu_s: float
    peak_mib: float


def measure(*command: str) -> Measured:
    """Run a program to its end; the peak is that of it or its largest child."""
    watched = (
        "import os, resource, subprocess, sys; done = subprocess.run(sys.argv[1:]);"
        " used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        " print(used.ru_utime + used.ru_stime, used.ru_maxrss, done.returncode, file=sys.stderr)"
    )
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            [sys.executable, "-c", watched, *command],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            check=True,
        )
    cpu, peak, code = done.stderr.split()[-3:]
    if code != "0":
        sys.exit(f"{command} ended with {code}: {done.stderr}")
    return Measured(time.perf_counter() - started, float(cpu), int(peak) / 1024)


def proccli(*arguments: str) -> Sequence[str]:
    """The command line of proccli."""
    return (sys.executable, "-m", "proccli", *arguments)


def bench(hosts: int, *, only_labels: bool) -> Mapping[str, str]:
    """Measure each question; returns its CPU time and peak in words."""
    print(f"{hosts:,} hosts with 500 ends of connections each", flush=True)
    found: dict[str, str] = {}

    def run(name: str, *command: str) -> None:
        done = measure(*command)
        found[name] = f"{done.cpu_s:.1f} s, {done.peak_mib:,.0f} MiB"
        print(f"  {name:40}{found[name]:>20}{done.seconds:8.1f} s in all", flush=True)
        if name.startswith("label"):  # two processes at once: time is less than CPU time
            found[name] += f", {done.seconds:.1f} s in all"

    with tempfile.TemporaryDirectory() as folder:
        today, tomorrow = Path(folder, "today"), Path(folder, "tomorrow")
        store = f"chdb://{folder}/store"
        documents = write_documents(today, hosts, 500)
        if only_labels:
            measure(*proccli("fleet", "load", "--store", store, str(today)))
        else:
            _ask(run, found, store, today)
        for count in FLOWS:
            flows = Path(folder, "flows.ndjson")
            write_flows(flows, documents, count)
            what = "a flow" if count == 1 else f"{count:,} flows"
            run(f"label --store, {what}", *proccli("label", "--store", store, str(flows)))
        run("label, floor of these", sys.executable, "-c", _FLOOR, str(flows))
        if not only_labels:
            write_documents(tomorrow, hosts, 500, days=1)
            measure(*proccli("fleet", "load", "--store", store, str(tomorrow)))
            run("fleet changes", *proccli("fleet", "changes", "--store", store))
    return found


def _ask(run: Callable[..., None], found: dict[str, str], store: str, today: Path) -> None:
    """Load what hosts sent today, and ask for all but labels."""
    run("fleet load", *proccli("fleet", "load", "--store", store, str(today)))
    folder = Path(store.removeprefix("chdb://"))
    size = sum(path.stat().st_size for path in folder.rglob("*"))
    found["size of the store"] = f"{size / (1 << 20):.1f} MiB"
    run("fleet load, again", *proccli("fleet", "load", "--store", store, str(today)))
    run("fleet names", *proccli("fleet", "names", "--store", store))
    without = ("--without", "nginx*")
    run("fleet hosts --without", *proccli("fleet", "hosts", "--store", store, *without))
    run("edges, joined in the store", sys.executable, "-c", _EDGES, store)
    run("topology --store --json", *proccli("topology", "--store", store, "--json"))
    run("fleet names, straight from files", *proccli("fleet", "names", str(today)))


def print_curve(sizes: Sequence[int], curve: Sequence[Mapping[str, str]]) -> None:
    """A table for docs/fleet.md."""
    print("\n| | " + " | ".join(f"{hosts:,} hosts" for hosts in sizes) + " |")
    print("|---|" + "---|" * len(sizes))
    for name in curve[0]:
        print(f"| {name} | " + " | ".join(found.get(name, "") for found in curve) + " |")


def main() -> None:
    """Each size that was asked for."""
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} processors, load {load:.1f}; a busy machine also adds CPU time")
    given = [text for text in sys.argv[1:] if text != "--labels"]
    only_labels = len(given) < len(sys.argv) - 1
    sizes = [int(text) for text in given] or [100, 1_000, 10_000]
    print_curve(sizes, [bench(hosts, only_labels=only_labels) for hosts in sizes])


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
