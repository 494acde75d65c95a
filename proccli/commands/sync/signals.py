"""Signals that stop a loop, or a single run, cleanly."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from proccli.cli.output import PipeClosed
from proccli.commands.sync.loop import Stopped

_LONGEST_S = 3600.0
"""Longest single wait: poll(2) counts milliseconds in 32 bits, but an interval may be longer."""
_STOPPING = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """A request to stop, which takes effect between two steps."""

    def __init__(self, *, watch_stdout: bool) -> None:
        self._watched = _stdout() if watch_stdout else None
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._usual = {number: signal.getsignal(number) for number in _STOPPING}

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle signals: the first requests a stop; a second one has its usual effect."""
        for number in _STOPPING:
            signal.signal(number, self._ask)
        try:
            yield
        finally:
            self._restore()
            os.close(self._reader)
            os.close(self._writer)

    def sleep(self, seconds: float) -> None:
        """Sleep until the time is over or a stop is requested.

        Raises: Stopped if a stop is or was requested; PipeClosed if stdout is watched and its
        reader has closed it.
        """
        waiting = select.poll()
        waiting.register(self._reader, select.POLLIN)
        if self._watched is not None:
            waiting.register(self._watched, 0)
        ends = time.monotonic() + seconds
        while True:
            left = ends - time.monotonic()
            for fd, _ in waiting.poll(1000 * min(max(left, 0.0), _LONGEST_S)):
                raise Stopped if fd == self._reader else PipeClosed
            if left <= _LONGEST_S:
                return

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self._restore()
        os.write(self._writer, b".")

    def _restore(self) -> None:
        for number, usual in self._usual.items():
            signal.signal(number, signal.SIG_DFL if usual is None else usual)


def _stdout() -> int | None:
    with suppress(AttributeError, OSError, ValueError):
        return sys.stdout.fileno()
    return None


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Handle SIGTERM like SIGINT, so that temporary files are removed."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    usual = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)
