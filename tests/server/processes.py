"""The program among processes of its own, and pipes that it waits for."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from tests.cli.runner import PROGRAM, environment

_PATIENCE_S = 60


@contextlib.contextmanager
def silent_pipes(folder: Path, count: int) -> Iterator[list[str]]:
    """Pipes that are open for writing, and to which nobody writes: who reads one waits."""
    paths = [folder / f"pipe-{number}" for number in range(count)]
    with contextlib.ExitStack() as stack:
        for path in paths:
            os.mkfifo(path)
            stack.callback(os.close, os.open(path, os.O_RDWR))
        yield [str(path) for path in paths]


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The program in a process group of its own, of which nothing is left in the end."""
    with subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        encoding="utf-8",
        start_new_session=True,
    ) as started:
        try:
            yield started
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)


def group(leader: int) -> Sequence[int]:
    """The processes of a group that are alive."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


def readers(leader: int, path: str) -> Sequence[int]:
    """Those of them that have a file open."""
    found = []
    for pid in group(leader):
        with contextlib.suppress(OSError):
            if path in {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}:
                found.append(pid)
    return found


_Seen = TypeVar("_Seen")


def wait_for(what: str, seen: Callable[[], _Seen]) -> _Seen:
    """Wait until it is so, and what it is. A minute is far more than that should take."""
    until = time.monotonic() + _PATIENCE_S
    while not (found := seen()):
        if time.monotonic() > until:
            pytest.fail(f"{what}: not in a minute")
        time.sleep(0.05)
    return found


def ended(started: subprocess.Popen[str]) -> tuple[int, str, str]:
    """The exit code, stdout and stderr."""
    out, err = started.communicate(timeout=_PATIENCE_S)
    return started.returncode, out, err
