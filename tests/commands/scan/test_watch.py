"""`scan --watch` on a pseudo terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.runner import PROGRAM, TERMINAL, call, environment
from tests.waiting import LONG_S

NAME = "watched-by-a-test"
CONFIG = f"""static_config:
  os-proc-sync-enabled: true
  os-proc-socket-min-lifetime: 0
  os-proc-regex:
  - {{match-regex: '{NAME}', match-type: process_name, rewrite-name: first}}
"""


class Terminal:
    """The program on a pseudo terminal."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self.master = master
        self.process = process
        self.written = b""

    def wait_for(self, text: bytes) -> bytes:
        """All that was written from now on until the text came."""
        start, end_s = len(self.written), time.monotonic() + LONG_S
        while text not in self.written[start:]:
            assert time.monotonic() < end_s, self.written[-2000:]
            self._read(0.2)
        return self.written[start:]

    def _read(self, wait_s: float) -> None:
        if select.select([self.master], [], [], wait_s)[0]:
            self.written += os.read(self.master, 65536)

    def press(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def end(self) -> int:
        """The exit code; all that was written is read."""
        end_s = time.monotonic() + LONG_S
        while self.process.poll() is None:
            assert time.monotonic() < end_s
            self._read(0.1)
        self._read(0)
        return self.process.returncode


@contextmanager
def watching(*arguments: str) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [*PROGRAM, "scan", "--watch", "--interval", "0.5", *arguments],
        stdin=slave, stdout=slave, stderr=subprocess.PIPE, env=environment(**TERMINAL),
        start_new_session=True,
    )  # fmt: skip
    try:
        yield Terminal(master, process)
    finally:
        process.kill()
        process.communicate()
        os.close(master)
        os.close(slave)


@contextmanager
def sleeping() -> Iterator[int]:
    """A process with the name that is watched."""
    process = subprocess.Popen([NAME, "600"], executable="/bin/sleep")
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "agent.yaml"
    path.write_text(CONFIG)
    return str(path)


def test_what_changes_is_drawn_and_q_quits(config: str) -> None:
    with watching("-c", config, "--name", "first", "--name", "second") as terminal:
        terminal.wait_for(b" shown. ")
        before = termios.tcgetattr(terminal.master)
        with sleeping() as pid:
            drawn = terminal.wait_for(str(pid).encode())
            assert b"\x1b[2J" not in drawn  # nothing but lines that changed
            Path(config).write_text(CONFIG.replace("first", "second"))
            assert b"second" in terminal.wait_for(b"second")
        terminal.press(b"q")
        assert terminal.end() == 0
        assert terminal.written.endswith(b"\x1b[?7h\x1b[?25h\x1b[?1049l")
        after = termios.tcgetattr(terminal.master)
        assert after[3] & termios.ICANON
        assert after[3] & termios.ECHO
        assert not before[3] & termios.ICANON


def test_a_configuration_that_is_being_written_ends_nothing(config: str) -> None:
    with watching("-c", config, "--name", "first") as terminal:
        terminal.wait_for(b" shown. ")
        Path(config).write_text("static_config: [")
        terminal.wait_for(b"agent.yaml:1")
        Path(config).write_text(CONFIG)
        terminal.wait_for(b" shown. ")
        terminal.press(b"q")
        assert terminal.end() == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_leaves_the_terminal_as_it_was(
    config: str, number: signal.Signals, code: int
) -> None:
    with watching("-c", config, "--name", "first") as terminal:
        terminal.wait_for(b" shown. ")
        terminal.process.send_signal(number)
        assert terminal.end() == code
        assert b"\x1b[?1049l" in terminal.written
        assert termios.tcgetattr(terminal.master)[3] & termios.ICANON


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--watch needs a terminal"),
        (("--json",), "--watch shows a table"),
        (("--group",), "mutually exclusive"),
        (("-s", "x.jsonl"), "--watch shows the live machine"),
        (("--interval", "0"), "not in the range"),
    ],
)
def test_where_there_is_nothing_to_watch(arguments: tuple[str, ...], message: str) -> None:
    ran = call("scan", "--watch", *arguments)

    assert ran.code == 2
    assert message in ran.err
