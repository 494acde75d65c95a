"""Waiting where somebody may be watching."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from proccli.cli.invocation import Invocation
from proccli.cli.streams import say, view_of


def wait_for_second_look(
    invocation: Invocation,
    seconds: float,
    undecided: int,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait so long; on a terminal a line on stderr says for what, and goes away again."""
    if view_of(sys.stderr, invocation.colour).width is None:
        sleep(seconds)
        return
    ends = time.monotonic() + seconds
    what = "1 socket is" if undecided == 1 else f"{undecided:,} sockets are"
    try:
        while (left := ends - time.monotonic()) > 0:
            say(f"\r{what} too new to tell: a second look in {left:.0f} s \x1b[K")
            sleep(min(left, 1.0))
    finally:
        say("\r\x1b[K")
