"""Time and memory for the topology of a fleet: ours, jq, and a naive join, in one run.

    python benchmarks/bench_topology.py [--sync] [HOSTS] [CONNECTIONS] [ROUNDS]

The hosts are recordings, or with --sync the output of `proccli sync` on each of them.

Ours decides on every process of a recording by rules, gives every socket its role and its outcome,
joins both ends of all connections, and prints the JSON document. `zcat | jq` prints the rows of the
socket tables and joins nothing. The naive join reads everything into dictionaries, takes every
process for one that is sent, does not tell networks, namespaces and claims of several processes
apart, and counts connections between command lines. They take turns, and the medians of all rounds
are compared, so that a busy machine slows all of them.

A second fleet, of a tenth of the hosts, shows how time and memory grow. What is counted is the
memory of all processes of a contestant together, pages that several share once (PSS).
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from fleet import write_documents, write_fleet

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "sample-configs" / "java-python.yaml"
OURS = "proccli topology"


class Measured(NamedTuple):
    """One run."""

    seconds: float
    cpu_s: float
    """Of all its processes together."""
    peak_mib: float


def contestants(folder: Path, *, synced: bool) -> Mapping[str, list[str]]:
    """Commands that read all files of a folder."""
    files = sorted(map(str, folder.glob("*.jsonl.gz")))
    config = [] if synced else ["-c", str(CONFIG)]
    naive = "--naive-sync" if synced else "--naive"
    given = {
        OURS: [sys.executable, "-m", "proccli", "topology", *config, "--json", *files],
        "naive join": [sys.executable, __file__, naive, str(folder)],
    }
    if shutil.which("jq") and shutil.which("zcat"):
        rows = 'select(.type == "net") | .net as $net | .rows[] | [$net, .[]]'
        if synced:
            rows = ".sockets[] | [.[]]"
        script = f"zcat {folder}/*.jsonl.gz | jq -c '{rows}'"
        given["zcat | jq -c"] = ["bash", "-c", script]
    return given


def measure(command: Sequence[str]) -> Measured:
    """Run a command to its end."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT) as running:
        peak = _Peak(psutil.Process(running.pid))
        peak.start()
        _, status, used = os.wait4(running.pid, 0)
        seconds = time.perf_counter() - started
        running.returncode = os.waitstatus_to_exitcode(status)
        peak.join()
    if running.returncode:
        sys.exit(f"{command[0]} … ended with {running.returncode}")
    return Measured(seconds, used.ru_utime + used.ru_stime, peak.bytes / (1 << 20))


class _Peak(threading.Thread):
    """Looks at the memory of a process and of all that it has started, until it has ended."""

    def __init__(self, root: psutil.Process) -> None:
        super().__init__(daemon=True)
        self._root = root
        self.bytes = 0

    def run(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            while self._root.status() != psutil.STATUS_ZOMBIE:
                together = [self._root, *self._root.children(recursive=True)]
                self.bytes = max(self.bytes, sum(map(_shared_once, together)))
                time.sleep(0.05)


def _shared_once(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.NoSuchProcess:
        return 0


def naive(folder: Path) -> int:
    """The number of connections of which both ends were seen."""
    hosts = [
        [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        for path in sorted(folder.glob("*.gz"))
    ]
    ends: dict[tuple[Any, ...], list[str]] = {}
    for number, lines in enumerate(hosts):
        holders = {
            socket["inode"]: " ".join(line["cmdline"])
            for line in lines
            if line["type"] == "process"
            for socket in line["sockets"] or ()
        }
        rows = [row for line in lines if line["type"] == "net" for row in line["rows"]]
        for state, *addresses, inode in rows:
            if state == "ESTABLISHED" and inode in holders:
                scope = number if addresses[2].startswith("127.") else -1
                pair = sorted([tuple(addresses[:2]), tuple(addresses[2:])])
                ends.setdefault((scope, *pair), []).append(holders[inode])
    edges = Counter(tuple(both) for both in ends.values() if len(both) == 2)
    return edges.total()


def naive_of_outputs(folder: Path) -> int:
    """The same for output of `proccli sync`."""
    ends: dict[tuple[Any, ...], list[str]] = {}
    for number, path in enumerate(sorted(folder.glob("*.gz"))):
        document = json.loads(gzip.decompress(path.read_bytes()))
        names = {process["pid"]: process["cmdline"] for process in document["processes"]}
        for socket in document["sockets"]:
            scope = number if socket["ip_1"].startswith("127.") else -1
            pid = socket["pid_0"] or socket["pid_1"]
            addresses = [socket[key] for key in ("protocol", "ip_0", "port_0", "ip_1", "port_1")]
            ends.setdefault((scope, *addresses), []).append(names[pid])
    edges = Counter(tuple(both) for both in ends.values() if len(both) == 2)
    return edges.total()


def compare(folder: Path, rounds: int, *, synced: bool) -> Measured:
    """Take turns, print medians, and return ours."""
    commands = contestants(folder, synced=synced)
    runs: dict[str, list[Measured]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(measure(command))
    for name, measured in runs.items():
        pairs = list(zip(runs[OURS], measured, strict=True))
        wall = statistics.median(mine.seconds / other.seconds for mine, other in pairs)
        cpu = statistics.median(mine.cpu_s / other.cpu_s for mine, other in pairs)
        print(
            f"  {name:17}{statistics.median(run.seconds for run in measured):7.2f} s"
            f"{statistics.median(run.cpu_s for run in measured):7.2f} s of CPU"
            f"{max(run.peak_mib for run in measured):6.0f} MiB"
            f"   ours / it: {wall:.2f}, CPU {cpu:.2f}"
        )
    ours = runs[OURS]
    return Measured(
        statistics.median(run.seconds for run in ours),
        statistics.median(run.cpu_s for run in ours),
        max(run.peak_mib for run in ours),
    )


def main() -> None:
    """Two fleets, one ten times the other."""
    arguments = sys.argv[1:]
    if arguments[:1] in (["--naive"], ["--naive-sync"]):
        counted = naive if arguments[0] == "--naive" else naive_of_outputs
        print(counted(Path(arguments[1])))
        return
    synced = arguments[:1] == ["--sync"]
    given = [int(text) for text in arguments[synced : synced + 3]]
    hosts, connections, rounds = given + [1000, 500, 3][len(given) :]
    ours = []
    for size in (max(hosts // 10, 1), hosts):
        with tempfile.TemporaryDirectory() as folder:
            write = write_documents if synced else write_fleet
            files = write(Path(folder), size, connections)
            megabytes = sum(path.stat().st_size for path in files) / 1e6
            print(
                f"{size} {'outputs of sync' if synced else 'recordings'} of {connections} ends of"
                f" connections, {megabytes:.1f} MB, medians of {rounds} rounds"
            )
            ours.append(compare(Path(folder), rounds, synced=synced))
    small, large = ours
    print(
        f"ten times the hosts: {large.cpu_s / small.cpu_s:.2f} times our CPU time,"
        f" {large.peak_mib / small.peak_mib:.2f} times our memory"
    )


if __name__ == "__main__":
    main()
