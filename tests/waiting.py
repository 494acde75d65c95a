"""Wait for an event instead of for a time: so a busy machine makes a test slower, not red."""

from __future__ import annotations

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
