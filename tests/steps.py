"""The work of a call as a number that does not depend on the machine's speed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import proccli

_OURS = proccli.__path__[0]


def steps(call: Callable[[], object]) -> int:
    """The lines of proccli that a call executes."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        if event == "call":
            return trace if frame.f_code.co_filename.startswith(_OURS) else None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def growth(call: Callable[[int], object], size: int) -> float:
    """How many times the work of `call(size)` twice the size costs."""
    return steps(lambda: call(2 * size)) / steps(lambda: call(size))
