"""Wait for an event instead of for a time: so a busy machine makes a test slower, not red."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from typing import Final, TypeVar

import pytest

LONG_S: Final = 120.0
"""How long a test waits for what takes a moment on an idle machine, before it fails."""

Value = TypeVar("Value")


def eventually(
    predicate: Callable[[], Value], *, within_s: float = LONG_S, what: str = "the condition"
) -> Value:
    """The first true value that `predicate` returns; it is called every few milliseconds.

    The test fails after `within_s` seconds: a limit for what never happens, not a measurement.
    """
    ends = time.monotonic() + within_s
    pause_s = 0.002
    while not (found := predicate()):
        if time.monotonic() > ends:
            pytest.fail(f"{what} did not hold within {within_s:g} s")
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.05)
    return found


def read_until(fd: int, ending: bytes) -> bytes:
    """What is read from a descriptor, a terminal or a pipe, up to the piece with `ending`.

    The test fails if nothing more comes, instead of waiting for ever.
    """
    ends = time.monotonic() + LONG_S
    received = b""
    while ending not in received:
        ready, _, _ = select.select([fd], [], [], max(0.0, ends - time.monotonic()))
        if not ready:
            pytest.fail(
                f"{ending!r} did not come within {LONG_S:g} s; instead: {received[-500:]!r}"
            )
        received += os.read(fd, 4096)
    return received
