"""Looks at many hosts, by helpers where that pays."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait

from proccli.commands.hosts.hostviews import Looked, NamedSource, look_at
from proccli.commands.inputs import InputOptions
from proccli.commands.samples import WaitPolicy
from proccli.errors import SourceError, UsageError
from proccli.files import read_file
from proccli.streams import require_there

_WORTH_HELPERS = 24
"""Sources from which on it pays to start processes that read them side by side."""
_MOST_HELPERS = 8
_AHEAD = 4
"""Sources for each of those that may be read before the result is asked for."""


def views(
    options: InputOptions, sources: Sequence[NamedSource], wait_policy: WaitPolicy
) -> Iterator[Looked]:
    """What looks at all of them come to, in their order, one or a few at a time in memory.

    Raises: UsageError, ConfigError, SourceError for the first of them that can't be read.
    """
    if options.tags is not None and len(sources) > 1:
        raise UsageError("--tags is the output of one host's command, and there are several hosts")
    if options.config is not None and options.config_text is None:
        options = replace(options, config_text=read_file(options.config))
    for source in sources:
        if source.path is not None:
            require_there(source.path)
    helpers = min(len(os.sched_getaffinity(0)), _MOST_HELPERS)
    if helpers < 2 or len(sources) < _WORTH_HELPERS:
        for source in sources:
            yield look_at(options, source, wait_policy)
    else:
        yield from _side_by_side(options, sources, wait_policy, helpers)


def _side_by_side(
    options: InputOptions, sources: Sequence[NamedSource], wait_policy: WaitPolicy, helpers: int
) -> Iterator[Looked]:
    quiet = replace(options, announce=None)  # a helper reads files and runs nothing
    method = "fork" if threading.active_count() == 1 else "spawn"
    others = set(active_children())
    pool = ProcessPoolExecutor(helpers, mp_context=get_context(method), initializer=_die_with_us)
    try:
        pending: deque[tuple[NamedSource, Future[Looked] | None]] = deque()
        left = iter(sources)
        while True:
            while len(pending) < helpers * _AHEAD and (source := next(left, None)) is not None:
                here = source.path in (None, "-")
                with _without_ctrl_c():
                    task = None if here else pool.submit(look_at, quiet, source, wait_policy)
                pending.append((source, task))
            if not pending:
                return
            source, task = pending.popleft()
            yield look_at(options, source, wait_policy) if task is None else _result(task, source)
    except BaseException:
        # Nobody waits for what they read, which may be a pipe that never ends.
        for helper in set(active_children()) - others:
            helper.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """The terminal sends it to the helpers, too, which start with what is held back here: the one
    that they help ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _die_with_us() -> None:
    """A helper ends when the one that it helps was killed."""
    parent = parent_process()
    assert parent is not None  # noqa: S101 - we are in a helper
    threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _result(task: Future[Looked], source: NamedSource) -> Looked:
    try:
        return task.result()
    except BrokenProcessPool as error:
        problem = f"can't read {source.name}: a helper process was killed (out of memory?)"
        raise SourceError(problem) from error
