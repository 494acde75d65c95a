"""A progress bar on a terminal while many sources are read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from proccli.cli.invocation import Invocation
from proccli.cli.output import view_of

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

        def tell(done: int, _total: int) -> None:
            bar.update(task, completed=done, refresh=done % max(1, total // 200) == 0)

        yield tell
