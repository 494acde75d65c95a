"""A terminal that shows a changing text until q is pressed."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final

from proccli.cli.output import Colour, is_terminal, view_of, write
from proccli.errors import UsageError
from proccli.terminal.frame import ENTER, LEAVE, Frame, last_first, updates, visible_lines
from proccli.terminal.view import View

_KEYS: Final = {
    b"q": "quit",
    b"Q": "quit",
    b"\x1b[A": "up",
    b"k": "up",
    b"\x1b[B": "down",
    b"j": "down",
    b"\x1b[5~": "page-up",
    b"\x1b[6~": "page-down",
    b" ": "page-down",
    b"\x1b[H": "top",
    b"g": "top",
    b"\x1b[F": "end",
    b"G": "end",
}
_LONGEST: Final = max(map(len, _KEYS))


def watch(draw: Callable[[View], Frame], interval_s: float, colour: Colour) -> None:
    """Show what `draw` returns, again every `interval_s` seconds, until q is pressed.

    Only lines that changed are written. Raises: UsageError without a terminal; KeyboardInterrupt.
    """
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        raise UsageError("--watch needs a terminal", hint="leave it out, or use watch(1)")
    _Screen(draw, interval_s, colour).run()


class _Screen:
    def __init__(self, draw: Callable[[View], Frame], interval_s: float, colour: Colour) -> None:
        self._draw = draw
        self._interval_s = interval_s
        self._colour = colour
        self._shown: list[str] = []
        self._first = 0
        self._frame: Frame | None = None
        self._size = (0, 0)

    def run(self) -> None:
        with self._terminal() as woken:
            due_s = 0.0
            while True:
                due = time.monotonic() >= due_s
                if due:
                    self._frame = None
                self._show()
                if due:
                    # From the end of a scan: a slow one has pauses after it, too.
                    due_s = time.monotonic() + self._interval_s
                ready, _, _ = select.select(
                    [sys.stdin, woken], [], [], max(due_s - time.monotonic(), 0)
                )
                if woken in ready:
                    with suppress(BlockingIOError):
                        os.read(woken, 4096)
                if sys.stdin in ready and not self._keys():
                    return

    def _keys(self) -> bool:
        """Act on the keys that were pressed; False: to end."""
        pressed = os.read(sys.stdin.fileno(), 4096)
        if not pressed:
            return False
        at = 0
        while at < len(pressed):
            length = next((n for n in range(_LONGEST, 0, -1) if pressed[at : at + n] in _KEYS), 1)
            action = _KEYS.get(pressed[at : at + length])
            if action == "quit":
                return False
            self._scroll(action)
            at += length
        return True

    def _scroll(self, action: str | None) -> None:
        if self._frame is None:
            return
        rows = self._size[1]
        page = max(rows - len(self._frame.head) - 2, 1)
        last = last_first(self._frame, rows)
        moved = {
            "up": self._first - 1,
            "down": self._first + 1,
            "page-up": self._first - page,
            "page-down": self._first + page,
            "top": 0,
            "end": last,
        }.get(action or "", self._first)
        self._first = min(max(moved, 0), last)

    def _show(self) -> None:
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
        size = (columns or 80, rows or 24)  # a serial line knows no size
        if size != self._size:
            # What the terminal shows after a resize is its own affair.
            self._size, self._frame, self._shown = size, None, []
            write("\x1b[2J")
        columns, rows = self._size
        view = view_of(sys.stdout, self._colour)._replace(width=columns)
        if self._frame is None:
            self._frame = self._draw(view)
            self._first = min(self._first, last_first(self._frame, rows))
        lines = visible_lines(self._frame, rows, self._first, view)
        if text := updates(self._shown, lines):
            write(text)
        self._shown = lines

    @contextmanager
    def _terminal(self) -> Iterator[int]:
        """The terminal without echo and without waiting for lines, as it was at the end, whatever
        ends it; yields a pipe that a changed size writes to."""
        keyboard = sys.stdin.fileno()
        before = termios.tcgetattr(keyboard)
        woken, waker = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(waker, False)

        def enter() -> None:
            tty.setcbreak(keyboard)
            self._shown, self._size = [], (0, 0)
            write(ENTER)

        def leave() -> None:
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
            with suppress(Exception):
                write(LEAVE)

        def stopped(_number: int, _frame: FrameType | None) -> None:
            leave()
            os.kill(os.getpid(), signal.SIGSTOP)
            enter()

        def ended(number: int, _frame: FrameType | None) -> None:
            raise SystemExit(128 + number)

        handlers: dict[int, Any] = {
            signal.SIGWINCH: lambda *_: None,
            signal.SIGTSTP: stopped,
            signal.SIGTERM: ended,
            signal.SIGHUP: ended,
        }
        old = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        old_waker = signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        try:
            enter()
            yield woken
        finally:
            leave()
            signal.set_wakeup_fd(old_waker)
            for number, handler in old.items():
                signal.signal(number, handler)
            os.close(woken)
            os.close(waker)
