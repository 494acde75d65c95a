"""CPU time and memory of the store, for fleets of growing size.

    python benchmarks/bench_fleet.py [HOSTS...]

For 100 and 1,000 hosts by default, with 500 ends of connections each: loading, the answers of
`fleet`, the edges of `topology` as the store joins them, and the answer straight from the files.
CPU time is that of all processes together, the peak that of the largest one. The documents are
made first, which takes longer than all the rest.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fleet import write_documents

ROOT = Path(__file__).parent.parent
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
    output: str


def measure(*command: str) -> Measured:
    """Run a program to its end; the peak is that of it or its largest child."""
    watched = (
        "import os, resource, subprocess, sys; done = subprocess.run(sys.argv[1:]);"
        " used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        " print(used.ru_utime + used.ru_stime, used.ru_maxrss, done.returncode, file=sys.stderr)"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", watched, *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    cpu, peak, code = done.stderr.split()[-3:]
    if code != "0":
        sys.exit(f"{command} ended with {code}: {done.stderr}")
    return Measured(time.perf_counter() - started, float(cpu), int(peak) / 1024, done.stdout)


def proccli(*arguments: str) -> Sequence[str]:
    """The command line of proccli."""
    return (sys.executable, "-m", "proccli", *arguments)


def bench(hosts: int) -> None:
    """Print a line for each question."""
    with tempfile.TemporaryDirectory() as folder:
        documents, later = Path(folder, "today"), Path(folder, "tomorrow")
        write_documents(documents, hosts, 500)
        store = f"chdb://{folder}/store"
        print(f"{hosts:,} hosts with 500 ends of connections each")
        runs = {
            "load": proccli("fleet", "load", "--store", store, str(documents)),
            "load again": proccli("fleet", "load", "--store", store, str(documents)),
            "names": proccli("fleet", "names", "--store", store),
            "hosts --without nginx*": proccli(
                "fleet", "hosts", "--store", store, "--without", "nginx*"
            ),
            "edges, joined in the store": (sys.executable, "-c", _EDGES, store),
            "names straight from files": proccli("fleet", "names", str(documents)),
        }
        for name, command in runs.items():
            _print(name, measure(*command))
        if hosts <= 1_000:
            _print("topology --json", measure(*proccli("topology", "--store", store, "--json")))
            write_documents(later, hosts, 500, days=1)
            measure(*proccli("fleet", "load", "--store", store, str(later)))
            _print(
                "changes since yesterday", measure(*proccli("fleet", "changes", "--store", store))
            )
        size = sum(
            path.stat().st_size for path in Path(folder, "store").rglob("*") if path.is_file()
        )
        print(f"  {size / (1 << 20):.1f} MiB in the store")


def _print(name: str, run: Measured) -> None:
    print(
        f"  {name:28}{run.cpu_s:8.2f} s of CPU{run.seconds:8.2f} s{run.peak_mib:7.0f} MiB",
        flush=True,
    )


def main() -> None:
    """Each size that was asked for."""
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} processors, load {load:.1f}; a busy machine also adds CPU time")
    for hosts in map(int, sys.argv[1:] or ["100", "1000"]):
        bench(hosts)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
