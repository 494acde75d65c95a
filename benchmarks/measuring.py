"""Runs of programs in turns, with their time, CPU and peak memory."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, NamedTuple

_FIRST_LOOK_S: Final = 4.0
"""A socket counts as older than the agent's limit of 3 s if a program looked at it so long ago."""


class Measured(NamedTuple):
    """One run of a program."""

    wall_s: float
    cpu_s: float
    """Of all its processes together."""
    peak_kib: int
    """Resident memory of the largest of its processes."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program that is measured."""

    name: str
    command: Sequence[str]
    count: Callable[[bytes], int] | None = None
    """How much of what is to be found its output has."""
    at_least: int = 0
    may_fail: bool = False
    """lsof exits with 1 if anything could not be read."""


Runs = Mapping[str, Sequence[Measured]]
"""Of each contestant, by name, one for each round."""


class RunError(Exception):
    """A contestant failed, or did not find what is there."""


class Runner:
    """Runs one program at a time, in a small process (see runner.py)."""

    def __init__(self, stdin: IO[str], stdout: IO[str], folder: Path) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self._output = folder / "output"

    def run(self, contestant: Contestant, stdout: str = os.devnull) -> Measured:
        """Raises: RunError."""
        request = {"command": contestant.command, "stdout": stdout}
        self._stdin.write(f"{json.dumps(request)}\n")
        self._stdin.flush()
        answer = json.loads(self._stdout.readline() or "{}")
        code, errors = answer.pop("code", None), answer.pop("errors", "interrupted")
        if code != 0 and not (contestant.may_fail and code == 1):
            raise RunError(f"{contestant.name} failed ({code}): {errors}")
        return Measured(**answer)

    def check(self, contestant: Contestant) -> None:
        """Run it once and see whether it finds everything. Raises: RunError."""
        self.run(contestant, str(self._output))
        if contestant.count is not None:
            found = contestant.count(self._output.read_bytes())
            if found < contestant.at_least:
                raise RunError(f"{contestant.name} finds {found}, not {contestant.at_least}")
        self._output.unlink()

    def turns(self, label: str, contestants: Sequence[Contestant], rounds: int) -> Runs:
        """Runs of each. The first ones, which are not counted, warm caches and are checked."""
        say(f"{label}: check")
        since = time.monotonic()
        self.run(contestants[0])
        time.sleep(max(since + _FIRST_LOOK_S - time.monotonic(), 0))
        for contestant in contestants:
            self.check(contestant)
        runs: dict[str, list[Measured]] = {contestant.name: [] for contestant in contestants}
        for number in range(rounds):
            say(f"{label}: round {number + 1} of {rounds}")
            for contestant in contestants:
                runs[contestant.name].append(self.run(contestant))
        return runs

    def least_peak_kib(self) -> int:
        """The peak of a program that needs next to nothing: smaller ones cannot be measured."""
        return self.run(Contestant("true", ["true"])).peak_kib


@contextlib.contextmanager
def runner(folder: Path) -> Iterator[Runner]:
    """A runner, which keeps its files in a folder."""
    command = [sys.executable, "-I", "-S", str(Path(__file__).with_name("runner.py"))]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=_environment(),
        start_new_session=True,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            yield Runner(running.stdin, running.stdout, folder)
        finally:
            os.killpg(running.pid, signal.SIGKILL)  # and what it runs


def _environment() -> dict[str, str]:
    """Without PYTHONDONTWRITEBYTECODE, among others: byte code must be there and be used."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PROCCLI_", "_PROCCLI"))
    }
    return kept | {"LC_ALL": "C.UTF-8"}


class Busy:
    """How much of the machine's time other programs use."""

    def __init__(self) -> None:
        self._total, self._busy = self._now()

    def elsewhere(self, ours_s: float) -> float:
        """The share since the start, of which we used so many seconds of CPU."""
        total, busy = self._now()
        ours = ours_s * os.sysconf("SC_CLK_TCK")
        return max(busy - self._busy - ours, 0) / max(total - self._total, 1)

    def _now(self) -> tuple[int, int]:
        line = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
        user, nice, system, idle, waiting, *rest = map(int, line.split()[1:9])
        busy = user + nice + system + sum(rest)
        return busy + idle + waiting, busy


def say(text: str) -> None:
    """Progress, for the one who waits."""
    print(text, file=sys.stderr, flush=True)
