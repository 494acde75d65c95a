"""Reading many processes with several forked workers, each a share of them.

Most of a scan's time is the kernel's, in reads of /proc that don't wait for each other: with a free
core each, two workers take little more than half the time. Threads would wait for each other.
"""

from __future__ import annotations

import gc
import marshal
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, NoReturn, TypeAlias

from proccli.errors import EXIT_BUG, EXIT_INPUT, SourceError
from proccli.model.process import FieldError, Process
from proccli.model.sockets import SocketFd
from proccli.sources.procfs.files import Unreadable, read_at
from proccli.sources.procfs.sockets import RawTables
from proccli.values import NamedTuple

LEAST_SHARE: Final = 250
"""Fewer processes are read before a worker has started and handed them over."""
MOST_WORKERS: Final = 4
"""By default; more hardly pay, for one process decides about what they all have read."""

Read: TypeAlias = tuple[Process, "Sequence[SocketFd] | FieldError | None"]
"""A process, and its sockets if they were asked for."""


class Share(NamedTuple):
    """What one worker reads."""

    processes: Sequence[Read]
    tables: Mapping[int, RawTables]
    """By network namespace: those that this worker takes, unless one could not be read."""


ReadShare: TypeAlias = Callable[[Sequence[int], int], Share]
"""Reads the processes with these pids, as the worker with this number, from 0."""


def jobs_for(processes: int) -> int:
    """How many workers pay for so many processes: no more than there are free cores, and 1 where
    that is not known.

    Source: the fourth field of /proc/loadavg, how many threads run now, this one included,
    proc_loadavg(5); sched_setaffinity(2).
    """
    if processes < 2 * LEAST_SHARE:
        return 1
    try:
        running = int(read_at("/proc/loadavg", None).split()[3].partition(b"/")[0])
    except (OSError, Unreadable, ValueError, IndexError):
        return 1
    free = len(os.sched_getaffinity(0)) - running + 1
    return max(1, min(free, MOST_WORKERS, processes // LEAST_SHARE))


def read_in_shares(pids: Sequence[int], jobs: int, read: ReadShare) -> Sequence[Share]:
    """What `read` returns of all these processes, in no particular order. The first share is read
    here, each of the others in a process of its own.

    Raises: SourceError if such a process ends before its share is read.
    """
    jobs = max(1, min(jobs, len(pids)))
    # One after the other: neighbours are often alike, and some kinds take longer than others.
    first, *others = (pids[start::jobs] for start in range(jobs))
    workers: list[tuple[int, int]] = []
    gc.freeze()  # a collection in a worker would copy all pages that they share
    try:
        for number, share in enumerate(others, start=1):
            outputs = [output for _, output in workers]
            workers.append(_forked(partial(read, share, number), outputs))
        found = [read(first, 0)]
        while workers:
            pid, output = workers[0]
            content = _all_of(output)
            workers.pop(0)
            os.close(output)
            _, status = os.waitpid(pid, 0)
            found.append(_handed_over(content, os.waitstatus_to_exitcode(status)))
        return found
    finally:
        gc.unfreeze()
        for pid, output in workers:  # after an error or an interrupt
            os.close(output)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _forked(read: Callable[[], Share], others: Sequence[int]) -> tuple[int, int]:
    """The pid of a worker that reads a share, and where it hands it over."""
    output, input_ = os.pipe()
    try:
        pid = os.fork()
    except OSError as error:
        os.close(output)
        os.close(input_)
        raise SourceError(f"can't start a worker: {error.strerror}", hint=_HINT) from error
    if pid == 0:
        _work(read, input_, [*others, output])
    os.close(input_)
    return pid, output


_HINT: Final = "--jobs 1 reads without workers"


def _work(read: Callable[[], Share], output: int, not_ours: Sequence[int]) -> NoReturn:
    """The whole life of a worker: nothing of the program may run in it a second time."""
    code = EXIT_BUG
    try:
        # An interrupt reaches both: the one that started us reports it, and ends us.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for fd in not_ours:
            os.close(fd)
        try:
            share = read()
            content = marshal.dumps((list(map(_packed, share.processes)), dict(share.tables)))
            code = 0
        except SourceError as error:
            content = marshal.dumps((error.problem, error.hint))
            code = error.exit_code
        except Exception as error:
            content = f"{type(error).__name__}: {error}".encode(errors="backslashreplace")
        view = memoryview(content)
        while view:
            view = view[os.write(output, view) :]
    except BaseException:
        code = code or EXIT_BUG
    finally:
        os._exit(code)


def _all_of(fd: int) -> bytes:
    chunks = []
    while chunk := os.read(fd, 1 << 20):
        chunks.append(chunk)
    return b"".join(chunks)


def _handed_over(content: bytes, code: int) -> Share:
    """What a worker has read.

    Raises: SourceError as in the worker, or if it was ended; RuntimeError for other errors in it.
    """
    if code == EXIT_INPUT:
        problem, hint = marshal.loads(content)  # noqa: S302 - our own worker wrote it
        raise SourceError(problem, hint=hint)
    if code == EXIT_BUG:
        raise RuntimeError(f"a worker failed: {content.decode(errors='backslashreplace')}")
    if code != 0:
        why = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise SourceError(f"a worker ended before it had read its processes: {why}", hint=_HINT)
    processes, tables = marshal.loads(content)  # noqa: S302 - our own worker wrote it
    return Share(list(map(_unpacked, processes)), tables)


# Named tuples are handed over as plain ones: pickling them takes ten times as long.
_Packed: TypeAlias = tuple[tuple[object, ...], object]
_ERRORS: Final = Process._fields.index("errors")


def _packed(found: Read) -> _Packed:
    process, sockets = found
    errors = tuple(map(tuple, process.errors))
    fields = (*process[:_ERRORS], errors, *process[_ERRORS + 1 :])
    if isinstance(sockets, FieldError):
        return fields, tuple(sockets)
    return fields, None if sockets is None else list(map(tuple, sockets))


def _unpacked(packed: _Packed) -> Read:
    fields, sockets = packed
    process = Process._make(fields)
    if process.errors:
        errors = tuple(FieldError._make(error) for error in process.errors)
        process = process._replace(errors=errors)
    if isinstance(sockets, tuple):
        return process, FieldError(*sockets)
    if isinstance(sockets, list):
        return process, tuple([SocketFd._make(socket) for socket in sockets])
    return process, None
