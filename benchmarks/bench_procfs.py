"""Microseconds per process: our scan, and a psutil loop over the same facts, in one run.

    python benchmarks/bench_procfs.py [PROCESSES] [ROUNDS]

The two take turns, and the medians of all rounds are compared, so that a busy machine slows both.
"""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import psutil

from proccli.sources.procfs.live import LiveSource
from proccli.sources.recording.masking import MaskedSource
from proccli.sources.recording.reader import parse_recording
from proccli.sources.recording.writer import write_recording


def scan() -> LiveSource:
    """Everything that we read of every process."""
    source = LiveSource()
    for pid in source.pids():
        source.users(source.read(pid))
    return source


def psutil_scan() -> None:
    """The same facts, as far as psutil has them (no namespace, cgroup or root)."""
    facts = ["cmdline", "name", "ppid", "create_time", "exe", "uids"]
    psutil.process_iter.cache_clear()
    for process in psutil.process_iter(facts):
        assert process.pid >= 0


def mask_all(source: LiveSource) -> None:
    """Look for secrets in every command line."""
    masked = MaskedSource(source)
    for pid in masked.pids():
        masked.read(pid)


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    wanted, rounds = (int(text) for text in [*sys.argv[1:], "300", "15"][:2])
    crowd = [
        subprocess.Popen(["/bin/sleep", "600", *["0.0001"] * 8], stdin=subprocess.DEVNULL)
        for _ in range(wanted)
    ]
    try:
        source = scan()
        count = len(source.pids())
        ours, theirs, writing, reading, masking = [], [], [], [], []
        for _ in range(rounds):
            ours.append(seconds(scan))
            theirs.append(seconds(psutil_scan))
            packed = io.BytesIO()
            writing.append(seconds(partial(write_recording, packed, source, compress=True)))
            packed.seek(0)
            reading.append(seconds(partial(parse_recording, packed, "bench")))
            masking.append(seconds(partial(mask_all, source)))
    finally:
        for process in crowd:
            process.kill()
            process.wait()
    print(f"{count} processes, medians of {rounds} rounds, µs per process")
    for name, times in {
        "scan": ours,
        "psutil loop": theirs,
        "mask": masking,
        "write (gzip, with sockets)": writing,
        "read back": reading,
    }.items():
        print(f"  {name:28} {statistics.median(times) / count * 1e6:7.1f}")
    ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
    print(f"scan / psutil loop: {ratio:.2f}")


if __name__ == "__main__":
    main()
