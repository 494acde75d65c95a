"""Waiting for the second sample, with a countdown on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from proccli.cli.invocation import Invocation
from proccli.cli.output import say, view_of
from proccli.text import counted


def wait_for_second_sample(
    invocation: Invocation,
    seconds: float,
    undecided: int,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait; on a terminal, a line on stderr shows the reason and is removed afterwards."""
    if view_of(sys.stderr, invocation.colour).width is None:
        sleep(seconds)
        return
    ends = time.monotonic() + seconds
    what = counted(undecided, "socket")
    try:
        while (left := ends - time.monotonic()) > 0:
            say(f"\rage of {what} unknown: second sample in {left:.0f} s \x1b[K")
            sleep(min(left, 1.0))
    finally:
        say("\r\x1b[K")
