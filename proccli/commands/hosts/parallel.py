"""Reads many sources with several worker processes; results have the order of the sources."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import groupby, islice
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from typing import Protocol, TypeVar

from proccli.errors import SourceError

_MAX_WORKERS = 8
_SERVES_CTRL_C_S = 0.2
"""A wait without a limit may sleep through Ctrl-C, see `proccli/commands/record/hosts.py`."""
_AHEAD = 4
"""Number of tasks per worker that are done before their results are needed."""
_PER_TASK = 8
"""Maximum number of sources of one task: to hand over a task takes a tenth of the time that it
takes to read an output of `sync` with 500 connections."""
_TASKS_PER_WORKER = 8
"""With fewer sources, tasks are smaller, so that all workers end at about the same time."""


class _Source(Protocol):
    """What is read, as `NamedSource` has it."""

    @property
    def path(self) -> str | None: ...

    @property
    def name(self) -> str: ...


Source = TypeVar("Source", bound=_Source)
Result = TypeVar("Result")


@contextmanager
def parallel_reader(
    sources: Sequence[Source],
    read: Callable[[Source], Result],
    *,
    here: Callable[[Source], Result],
) -> Iterator[Callable[[Source], Result]]:
    """A function that returns what `read` gives for these sources, asked for in their order; the
    next ones are being read meanwhile.

    A worker runs `read`, which must be a function of a module, or a partial one. `here` is run in
    this process: for stdin and the live machine, and for all if there is one core only.

    If a worker is killed, as for lack of memory, each source that has not been read yet is given to
    a worker of its own, so that one source costs no others.

    Raises what they raise; SourceError also if the worker that reads a source is killed.
    """
    workers = min(len(os.sched_getaffinity(0)), _MAX_WORKERS)
    if workers < 2:
        yield here
        return
    others = set(active_children())
    pool = _pool(workers)
    pending: deque[tuple[Sequence[Source], Future[list[Result | SourceError]] | None]] = deque()
    left = _shares(sources, len(sources) // (workers * _TASKS_PER_WORKER))
    done: deque[Result | SourceError] = deque()

    def read_next(_source: Source) -> Result:
        while len(pending) < workers * _AHEAD and (share := next(left, None)) is not None:
            task = None if _is_here(share[0]) else _submit(pool, read, share)
            pending.append((share, task))
        if not done:
            share, task = pending.popleft()
            done.extend(_read_share(here, share) if task is None else _result(task, read, share))
        result = done.popleft()
        if isinstance(result, SourceError):
            raise result
        return result

    try:
        yield read_next
    except BaseException:
        # Their results are no longer needed, and they may be reading a pipe that never ends.
        for worker in set(active_children()) - others:
            worker.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _is_here(source: _Source) -> bool:
    """Whether only the main process can read a source: this machine, or stdin."""
    return source.path in (None, "-")


def _shares(sources: Sequence[Source], size: int) -> Iterator[Sequence[Source]]:
    """The sources of each task."""
    for is_here, some in groupby(sources, key=_is_here):
        while share := list(islice(some, 1 if is_here else max(1, min(size, _PER_TASK)))):
            yield share


def _read_share(
    read: Callable[[Source], Result], share: Sequence[Source]
) -> list[Result | SourceError]:
    results: list[Result | SourceError] = []
    for one in share:
        try:
            results.append(read(one))
        except SourceError as error:
            results.append(error)
    return results


def _submit(
    pool: ProcessPoolExecutor, read: Callable[[Source], Result], share: Sequence[Source]
) -> Future[list[Result | SourceError]]:
    """The pending results of some sources; failed ones if a worker has been killed."""
    try:
        with _without_ctrl_c():
            return pool.submit(_read_share, read, share)
    except BrokenProcessPool as error:
        failed: Future[list[Result | SourceError]] = Future()
        failed.set_exception(error)
        return failed


def _result(
    task: Future[list[Result | SourceError]],
    read: Callable[[Source], Result],
    share: Sequence[Source],
) -> list[Result | SourceError]:
    """The results of a task, or of each of its sources alone if a worker was killed."""
    try:
        return _awaited(task)
    except BrokenProcessPool:
        return [_read_alone(read, one) for one in share]


def _read_alone(read: Callable[[Source], Result], source: Source) -> Result | SourceError:
    # What is left of a pipe is not what it was.
    if source.path is not None and os.path.isfile(source.path):  # noqa: PTH113 - as elsewhere
        with _pool(1) as pool:
            try:
                return _awaited(_submit(pool, read, [source]))[0]
            except BrokenProcessPool:
                pass
    why = "a worker process was killed (out of memory?)"
    return SourceError(f"can't read {source.name}: {why}")


def _awaited(task: Future[list[Result | SourceError]]) -> list[Result | SourceError]:
    while not task.done():
        wait_for((task,), _SERVES_CTRL_C_S)
    return task.result()


def _pool(workers: int) -> ProcessPoolExecutor:
    method = "fork" if threading.active_count() == 1 else "spawn"
    return ProcessPoolExecutor(workers, mp_context=get_context(method), initializer=_start_worker)


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Block SIGINT, so that workers started here have it blocked.

    The terminal sends it to the workers, too; the main process ends them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker() -> None:
    """End this worker as soon as the main process has ended, even if it was killed."""
    gc.freeze()  # a collection in a worker would copy all pages that they share
    parent = parent_process()
    assert parent is not None  # noqa: S101 - this runs in a worker
    threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
