"""Start-up times of an installed proccli, as ratios to importing what it is built on.

    python benchmarks/bench_startup.py [ROUNDS]

Builds the wheel and installs it, compiled to byte code, into a temporary virtual environment. The
runs take turns, and the medians of all rounds are compared, so that a busy machine slows all. CPU
time says more than wall time there.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
RECORDING = ROOT / "docs" / "example" / "web-1.jsonl"
CONFIG = ROOT / "sample-configs" / "typical.yaml"

ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("PYTHON", "PROCCLI_", "_PROCCLI"))
}
"""Without PYTHONDONTWRITEBYTECODE, among others: byte code must be there and be used."""


class Target(NamedTuple):
    """A command line and the most time it may take, as a multiple of that of an import."""

    arguments: tuple[str, ...]
    baseline: str
    most: float


class Took(NamedTuple):
    """The time of one run, or a median of several."""

    wall_s: float
    cpu_s: float


CLICK = "import click"
LIBRARIES = "import click, yaml, regex"
TARGETS: Mapping[str, Target] = {
    "--version": Target(("--version",), CLICK, 0.5),
    "--help": Target(("--help",), CLICK, 1.2),
    "explain": Target(
        ("explain", "-c", str(CONFIG), "--cmdline", "python3 -u app.py"), LIBRARIES, 1.8
    ),
    "scan": Target(("scan", "-c", str(CONFIG), "-s", str(RECORDING)), LIBRARIES, 1.8),
}


def installed(folder: Path) -> Path:
    """The folder of the programs of a new virtual environment with proccli in it."""
    wheels = folder / "wheels"
    _quietly(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(wheels), str(ROOT)]
    )
    (wheel,) = wheels.glob("proccli-*.whl")
    environment = folder / "venv"
    _quietly([sys.executable, "-m", "venv", str(environment)])
    programs = environment / "bin"
    _quietly([str(programs / "python"), "-m", "pip", "install", "-q", "--compile", str(wheel)])
    return programs


def _quietly(command: Sequence[str]) -> None:
    subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)


def measure(command: Sequence[str]) -> Took:
    """Run a command to its end."""
    started = time.perf_counter()
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=quiet, stderr=quiet) as running:
        _, status, used = os.wait4(running.pid, 0)
        wall_s = time.perf_counter() - started
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        sys.exit(f"{command} ended with {running.returncode}")
    return Took(wall_s, used.ru_utime + used.ru_stime)


def medians(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, Took]:
    """The median of each command. A first round, which is not counted, warms caches."""
    times: dict[str, list[Took]] = {name: [] for name in commands}
    for counted in [False, *[True] * rounds]:
        for name, command in commands.items():
            took = measure(command)
            if counted:
                times[name].append(took)
    return {
        name: Took(*(statistics.median(each) for each in zip(*took, strict=True)))
        for name, took in times.items()
    }


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    with tempfile.TemporaryDirectory() as folder:
        programs = installed(Path(folder))
        commands = {code: [str(programs / "python"), "-c", code] for code in (CLICK, LIBRARIES)} | {
            name: [str(programs / "proccli"), *it.arguments] for name, it in TARGETS.items()
        }
        took = medians(commands, rounds)
    for code in (CLICK, LIBRARIES):
        print(f"{_milliseconds(took[code])}               python -c '{code}'")
    for name, target in TARGETS.items():
        ours, theirs = took[name], took[target.baseline]
        wall, cpu = ours.wall_s / theirs.wall_s, ours.cpu_s / theirs.cpu_s
        print(
            f"{_milliseconds(ours)}  {wall:4.2f} x, {cpu:4.2f} x"
            f"  proccli {name} (at most {target.most})"
        )


def _milliseconds(took: Took) -> str:
    return f"{took.wall_s * 1000:7.1f} ms, CPU {took.cpu_s * 1000:6.1f} ms"


if __name__ == "__main__":
    main()
