"""What a terminal shows during long work: a progress bar, or a countdown to the second sample."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from proccli.cli.output import Invocation, view_of, write_stderr
from proccli.text import counted, listed

_FEW = 8
"""With fewer sources than this, there is no bar: reading them is fast enough."""


@contextmanager
def progress_bar(
    invocation: Invocation, total: int, what: str
) -> Iterator[Callable[[int, int], None]]:
    """A callback for (done, total). Without a terminal, or for few sources, it does nothing."""
    view = view_of(sys.stderr, invocation.colour)
    if view.width is None or total < _FEW:
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(file=sys.stderr, no_color=not view.colour, width=view.width)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Without its thread: the work may fork.
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task(what, total=total)

        def update(done: int, _total: int) -> None:
            bar.update(task, completed=done, refresh=done % max(1, total // 200) == 0)

        yield update


_QUIET_S = 1.0
"""A scan that takes less shows nothing."""


@contextmanager
def scan_progress(
    *, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[int, int, Callable[[], Sequence[int]]], None]]:
    """A callback for (done, total, slow rules): a line for a terminal, removed at the end.

    A slow rule is one with a pattern that an automaton has to match; the agent's engine, too, needs
    longer for it.
    """
    shown_at = clock()
    shown = False

    def update(done: int, total: int, slow_rules: Callable[[], Sequence[int]]) -> None:
        nonlocal shown_at, shown
        if clock() - shown_at < _QUIET_S:
            return
        shown_at, shown = clock(), True
        slow = listed([f"rule {index}" for index in slow_rules()])
        why = f"; slow: {slow}" if slow else ""
        write_stderr(f"\r{done:,} of {counted(total, 'process')}{why} \x1b[K")

    try:
        yield update
    finally:
        if shown:
            write_stderr("\r\x1b[K")


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
            write_stderr(f"\rage of {what} unknown: second sample in {left:.0f} s \x1b[K")
            sleep(min(left, 1.0))
    finally:
        write_stderr("\r\x1b[K")
