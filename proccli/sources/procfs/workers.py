"""Reading many processes with several forked workers, which take them one after the other.

Most of a scan's time is the kernel's, in reads of /proc that don't wait for each other: with a free
core each, two workers take little more than half the time. Threads would wait for each other.
"""

from __future__ import annotations

import gc
import marshal
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import repeat
from mmap import mmap
from typing import Final, NamedTuple, NoReturn, TypeAlias

from proccli.errors import EXIT_BUG, EXIT_INPUT, SourceError
from proccli.model.process import FieldError, Process
from proccli.model.sockets import (
    KINDS,
    Endpoint,
    NetTable,
    NetTables,
    SocketFd,
    TableName,
    new_row,
)
from proccli.sources.procfs.files import Unreadable, read_at

LEAST_SHARE: Final = 250
"""Fewer processes are read before a worker has started and handed them over."""
MOST_WORKERS: Final = 4
"""By default; more hardly pay, for one process decides about what they all have read."""

Read: TypeAlias = tuple[Process, "Sequence[SocketFd] | FieldError | None"]
"""A process, and its sockets if they were asked for."""


class Share(NamedTuple):
    """What one worker reads."""

    processes: Sequence[Read]
    tables: Mapping[int, NetTables]
    """By network namespace, without those in which a table could not be read."""


class Work:
    """What there is to read, from which every worker takes what nobody has taken yet: so all end
    together, whatever each piece takes."""

    def __init__(self, pids: Sequence[int]) -> None:
        number = min(len(pids), _MOST_PIECES)
        # Neighbours are often alike, and some kinds take longer than others.
        self._pieces = [pids[start::number] for start in range(number)]
        # A pipe holds the numbers of the pieces that nobody has taken.
        self._left, input_ = _pipe()
        os.write(input_, bytes(range(number)))
        os.close(input_)
        self._claims = mmap(-1, _CLAIMS)

    def pids(self) -> Iterator[int]:
        """The processes that the one who asks has to read."""
        while piece := os.read(self._left, 1):
            yield from self._pieces[piece[0]]

    def claims(self, netns: int) -> bool:
        """Whether the one who asks has to read the tables of this network namespace. Rarely, two
        are told so at the same moment, or nobody is, for a namespace that shares its place."""
        place = netns * 0x9E37_79B1 >> 16 & _CLAIMS - 1  # nothing is left of regular distances
        if self._claims[place]:
            return False
        self._claims[place] = 1
        return True

    def close(self) -> None:
        """Nothing can be taken any more."""
        os.close(self._left)
        self._claims.close()


_MOST_PIECES: Final = 256
"""A byte says which of them is next."""
_CLAIMS: Final = 1 << 16

ReadShare: TypeAlias = Callable[[Work], Share]
"""Reads what it can take."""


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


def read_in_shares(pids: Sequence[int], jobs: int, read: ReadShare) -> Iterator[Share]:
    """What `read` returns of all these processes, in no particular order: first the share that is
    read here, and while its receiver works on it, the others are still being read.

    Raises: SourceError if a worker can't be started, or ends before its share is read.
    """
    work = Work(pids)
    workers: list[tuple[int, int]] = []
    try:
        gc.freeze()  # a collection in a worker would copy all pages that they share
        try:
            for _ in range(1, min(jobs, len(pids))):
                outputs = [output for _, output in workers]
                workers.append(_forked(partial(read, work), outputs))
        finally:
            gc.unfreeze()
        yield read(work)
        while workers:
            pid, output = workers[0]
            content = _all_of(output)
            workers.pop(0)
            os.close(output)
            _, status = os.waitpid(pid, 0)
            yield _handed_over(content, os.waitstatus_to_exitcode(status))
    finally:
        work.close()
        for pid, output in workers:  # after an error or an interrupt
            os.close(output)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _forked(read: Callable[[], Share], others: Sequence[int]) -> tuple[int, int]:
    """The pid of a worker that reads a share, and where it hands it over."""
    output, input_ = _pipe()
    try:
        pid = os.fork()
    except OSError as error:
        os.close(output)
        os.close(input_)
        raise _not_started(error) from error
    if pid == 0:
        _work(read, input_, [*others, output])
    os.close(input_)
    return pid, output


def _pipe() -> tuple[int, int]:
    try:
        return os.pipe()
    except OSError as error:
        raise _not_started(error) from error


def _not_started(error: OSError) -> SourceError:
    return SourceError(f"can't start a worker: {error.strerror}", hint=_HINT)


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
            tables = {netns: list(map(_columns, each)) for netns, each in share.tables.items()}
            content = marshal.dumps((list(map(_packed, share.processes)), tables))
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
    return Share(
        list(map(_unpacked, processes)),
        {netns: tuple(map(_table, KINDS, each)) for netns, each in tables.items()},
    )


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


_End: TypeAlias = tuple[str, int]
_Columns: TypeAlias = tuple[Sequence[str], Sequence[_End], Sequence[_End], Sequence[int]]
"""Of the rows of a table: states, local and remote ends, inodes. Making the rows of these takes a
quarter of the time of parsing the table."""


def _columns(table: NetTable) -> _Columns | None:
    if not table.rows:
        return None
    _, _, states, local, remote, inodes = zip(*table.rows, strict=True)
    plain = {end: tuple(end) for end in {*local, *remote}}
    return states, [plain[end] for end in local], [plain[end] for end in remote], inodes


def _table(name: TableName, columns: _Columns | None) -> NetTable:
    if columns is None:
        return NetTable(name)
    states, local, remote, inodes = columns
    # Ends that many rows share are one object again.
    end = {plain: Endpoint._make(plain) for plain in {*local, *remote}}.__getitem__
    kind = map(repeat, KINDS[name])
    rows = zip(*kind, states, map(end, local), map(end, remote), inodes)  # noqa: B905 - endless
    return NetTable(name, tuple(map(new_row, rows)))
