"""Recordings of hosts, made inside of them by `proccli record`."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.namespaces import Host, LabError, wait_for
from tests.paths import ROOT

_OUTPUT = "/opt/recording.jsonl"
CONFIG = "/opt/agent.yaml"
"""Where the configuration is, inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """How to call `proccli` in a host, and with which configuration."""

    config: str
    """The text of the YAML."""
    command: Sequence[str] = (sys.executable, "-m", "proccli")
    path: str = str(ROOT)
    """PYTHONPATH."""

    def run(self, host: Host, *arguments: str) -> str:
        """What `proccli` prints that is run inside, with the configuration in `CONFIG`."""
        host.write(CONFIG, self.config)
        return host.run("env", f"PYTHONPATH={self.path}", *self.command, *arguments)

    def record(
        self, hosts: Sequence[Host], folder: Path, between: Callable[[], None] | None = None
    ) -> Mapping[str, Path]:
        """Record all of them at the same time; the files in `folder`, by the host's name.

        `between` is called when each has looked at its sockets for the first time and none for
        the second: the minimum lifetime of the configuration must be at least 2 s for that.

        Raises: LabError.
        """
        with contextlib.ExitStack() as stack:
            runs = [stack.enter_context(self._running(host)) for host in hosts]
            if between is not None:
                for run in runs:
                    run.hold_after_first_look()
                between()
                for run in runs:
                    run.go_on()
            return {run.host.name: run.finish(folder) for run in runs}

    @contextlib.contextmanager
    def _running(self, host: Host) -> Iterator[_Run]:
        host.write(CONFIG, self.config)
        # It says on a terminal, and only there, when it waits for its second sample.
        ours, theirs = pty.openpty()
        try:
            pid = host.start(
                *(*self.command, "record", "-c", CONFIG, "--force", _OUTPUT),
                log="record",
                env={"PYTHONPATH": self.path, "TERM": "dumb"},
                stderr=os.ttyname(theirs),
            )
            os.set_blocking(ours, False)
            yield _Run(host, pid, ours)
        finally:
            os.close(ours)
            os.close(theirs)


@dataclass(slots=True)
class _Run:
    host: Host
    pid: int
    terminal: int
    said: bytes = b""

    def hold_after_first_look(self) -> None:
        wait_for(f"the first look at {self.host.name}", self._has_looked_or_ended)
        if not self._is_running():
            raise LabError(f"{self.host.name}: no second sample: {self.said!r}")
        self.host.run("kill", "-STOP", str(self.pid))

    def go_on(self) -> None:
        self.host.run("kill", "-CONT", str(self.pid))

    def finish(self, folder: Path) -> Path:
        """Wait until it has ended, and fetch what it wrote."""
        wait_for(f"the recording of {self.host.name}", lambda: not self._is_running(), 60)
        written = self.host.outer_path(_OUTPUT)
        if not written.exists():
            raise LabError(f"{self.host.name}: no recording: {self._listen()!r}")
        kept = folder / f"{self.host.name}.jsonl"
        shutil.copyfile(written, kept)
        written.unlink()
        return kept

    def _has_looked_or_ended(self) -> bool:
        return b"second sample in" in self._listen() or not self._is_running()

    def _is_running(self) -> bool:
        self._listen()  # lest it wait for somebody to read
        return self.host.is_running(self.pid)

    def _listen(self) -> bytes:
        """Everything it has said so far."""
        with contextlib.suppress(OSError):
            self.said += os.read(self.terminal, 65_536)
        return self.said
