"""Ways to run the program: quickly in this process, or as a user does."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from proccli.cli.main import run
from tests.waiting import LONG_S

PROGRAM = (sys.executable, "-m", "proccli")
TERMINAL = {"TERM": "xterm-256color", "LANG": "C.UTF-8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a run left behind."""

    code: int
    out: str
    err: str


def environment(**more: str) -> dict[str, str]:
    """Ours without anything that would change what proccli does."""
    cleaned = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(
            ("PROCCLI_", "_PROCCLI", "PYTHONIO", "PYTHONUTF8", "COLUMNS", "NO_COLOR", "LC_")
        )
    }
    return cleaned | {"LANG": "C.UTF-8"} | more


def call(*arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ran:
    """Run in this process, with stdout and stderr into files."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in "oe")
    given = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    with (
        patch.dict(os.environ, environment(**(env or {})), clear=True),
        patch.object(sys, "stdin", given),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = run(arguments)
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return Ran(code=code, out=texts[0], err=texts[1])


def spawn(
    *arguments: str, env: Mapping[str, str] | None = None, **settings: Any
) -> subprocess.CompletedProcess[str]:
    """Run as a program."""
    settings = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE} | settings
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=environment(**(env or {})),
        stderr=subprocess.PIPE,
        check=False,
        timeout=LONG_S,
        encoding="utf-8",
        **settings,
    )


def on_a_terminal(*arguments: str, columns: int = 80, env: Mapping[str, str] | None = None) -> Ran:
    """Run on a pseudo terminal of this width; stdout and stderr come out as one."""
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    attributes = termios.tcgetattr(follower)
    attributes[1] &= ~termios.OPOST  # no carriage returns before the newlines
    termios.tcsetattr(follower, termios.TCSANOW, attributes)
    started = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment(**TERMINAL | dict(env or {})),
    )
    os.close(follower)
    written = bytearray()
    while True:
        try:
            piece = os.read(leader, 65_536)
        except OSError:  # EIO: the program has closed its end
            break
        if not piece:
            break
        written += piece
    os.close(leader)
    return Ran(code=started.wait(timeout=LONG_S), out=written.decode(), err="")
