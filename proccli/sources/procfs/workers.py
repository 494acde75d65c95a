"""Reading many processes together with forked workers, which take them one after the other.

Most of a scan's time is the kernel's, in reads of /proc that don't wait for each other: with a free
core each, two workers take little more than half the time. Threads would wait for each other.
"""

from __future__ import annotations

import gc
import marshal
import os
import signal
import struct
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import repeat
from mmap import mmap
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias

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

FEWEST: Final = 50
"""Fewer processes are read before a worker has started."""
LEAST_SHARE: Final = 250
"""Of each of more than two workers."""
MOST_WORKERS: Final = 4
"""By default; more hardly pay, for one process decides about what they all have read."""

Read: TypeAlias = tuple[Process, "Sequence[SocketFd] | FieldError | None"]
"""A process, and its sockets if they were asked for."""


Claims: TypeAlias = Callable[[int], bool]
"""Whether the calling worker has to read the tables of this network namespace."""
ReadProcesses: TypeAlias = Callable[[Iterable[int]], Iterable[Read]]
"""Reads the processes with these pids."""
ReadTables: TypeAlias = Callable[[Claims], Mapping[int, NetTables]]
"""Reads the tables of those namespaces of these processes that it has to read, by namespace,
without those of which a table can't be read."""


class Work:
    """The processes and namespaces to read. Each worker takes the next ones when it is ready, so
    that all workers end at the same time."""

    def __init__(self, pids: Sequence[int]) -> None:
        number = min(len(pids), _MOST_PIECES)
        # Neighbours are often alike, and some kinds take longer than others.
        self._pieces = [pids[start::number] for start in range(number)]
        # The pipe holds the numbers of the pieces that have not been taken.
        self._left, input_ = _pipe()
        os.write(input_, bytes(range(number)))
        os.close(input_)
        self._claims = mmap(-1, _CLAIMS)

    def pids(self) -> Iterator[int]:
        """The processes that the calling worker has to read."""
        while piece := os.read(self._left, 1):
            yield from self._pieces[piece[0]]

    def claims(self, netns: int) -> bool:
        """Whether the calling worker has to read the tables of this network namespace.

        In rare cases two workers read the same tables, because both ask at the same moment, or
        none does, because two namespaces share a place; then they are read when they are needed.
        """
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


def jobs_for(processes: int) -> int:
    """How many workers pay for so many processes: no more than there are free cores, and 1 where
    that is not known."""
    if processes < FEWEST:
        return 1
    paying = max(2, processes // LEAST_SHARE)
    wanted = min(len(os.sched_getaffinity(0)), MOST_WORKERS, paying)
    free = 1
    for look in range(_LOOKS):
        if free >= wanted:
            break
        if look:
            time.sleep(_BETWEEN_LOOKS_S)
        free = max(free, _free_cores())
    return max(1, min(wanted, free))


_LOOKS: Final = 3
_BETWEEN_LOOKS_S: Final = 0.0005
"""The kernel's own threads run for less: without looking again, one in five scans of an idle
machine was read by one process."""


def _free_cores() -> int:
    """With the one that we run on; 1 where that is not known.

    Source: the fourth field of /proc/loadavg, how many threads run now, this one included,
    proc_loadavg(5); sched_setaffinity(2).
    """
    try:
        running = int(read_at("/proc/loadavg", None).split()[3].partition(b"/")[0])
    except (OSError, Unreadable, ValueError, IndexError):
        return 1
    return len(os.sched_getaffinity(0)) - running + 1


class Team:
    """This process and forked workers, which read together: all processes, then all tables.

    While the workers read tables, processes can be decided here.
    """

    def __init__(
        self, pids: Sequence[int], jobs: int, read: ReadProcesses, read_tables: ReadTables
    ) -> None:
        """Start the workers; this process is one of `jobs`.

        Raises: SourceError if a worker can't be started.
        """
        self._work = Work(pids)
        self._workers: list[_Worker] = []
        self._end = weakref.finalize(self, _end, self._work, self._workers)
        _TEAMS.add(self)
        parts = partial(_parts, self._work, read, read_tables)
        gc.freeze()  # a collection in a worker would copy all pages that they share
        try:
            for _ in range(1, min(jobs, len(pids))):
                self._workers.append(_forked(parts, self._workers))
        except BaseException:
            self._end()
            raise
        finally:
            gc.unfreeze()

    def processes(self, read: ReadProcesses) -> Iterator[Read]:
        """All processes, in no particular order.

        Raises: SourceError if a worker ends before it has read its share.
        """
        try:
            yield from read(self._work.pids())
            for worker in self._workers:
                yield from map(_unpacked, _received(worker))
        except BaseException:
            self._end()
            raise

    def end(self) -> None:
        """End the workers, whatever they still have to read."""
        self._end()

    def tables(self, read_tables: ReadTables) -> Mapping[int, NetTables]:
        """All tables by namespace, once all processes are read; nothing is left to read then.

        Raises: SourceError if a worker ends before it has read its share.
        """
        try:
            found = dict(read_tables(self._work.claims))
            for worker in self._workers:
                for netns, tables in _received(worker).items():
                    found[netns] = tuple(map(_table, KINDS, tables))
            return found
        finally:
            self._end()


_TEAMS: Final = weakref.WeakSet[Team]()


def end_all() -> None:
    """End the workers of all teams: the program ends, and nothing will ask for what they read."""
    for team in list(_TEAMS):
        team.end()


def _end(work: Work, workers: Sequence[_Worker]) -> None:
    """End the workers, which have nothing left to do unless there is an error or an interrupt."""
    work.close()
    for pid, output in workers:
        os.close(output)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


class _Worker(NamedTuple):
    pid: int
    output: int
    """Where it hands over what it has read."""


_Part: TypeAlias = "list[_Packed] | dict[int, list[_Columns | None]]"


def _parts(work: Work, read: ReadProcesses, read_tables: ReadTables) -> Iterator[_Part]:
    """What a worker hands over, one after the other."""
    yield list(map(_packed, read(work.pids())))
    found = read_tables(work.claims)
    yield {netns: list(map(_columns, tables)) for netns, tables in found.items()}


def _forked(parts: Callable[[], Iterator[_Part]], others: Iterable[_Worker]) -> _Worker:
    output, input_ = _pipe()
    try:
        pid = os.fork()
    except OSError as error:
        os.close(output)
        os.close(input_)
        raise _not_started(error) from error
    if pid == 0:
        _live(parts, input_, [*(other.output for other in others), output])
    os.close(input_)
    return _Worker(pid, output)


def _pipe() -> tuple[int, int]:
    try:
        return os.pipe()
    except OSError as error:
        raise _not_started(error) from error


def _not_started(error: OSError) -> SourceError:
    return SourceError(f"can't start a worker: {error.strerror}", hint=_HINT)


_HINT: Final = "--jobs 1 reads without workers"


def _live(parts: Callable[[], Iterator[_Part]], output: int, not_ours: Iterable[int]) -> NoReturn:
    """The whole life of a worker: nothing of the program may run in it a second time."""
    code = EXIT_BUG
    try:
        # An interrupt reaches both: the one that started us reports it, and ends us.
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:  # as it is in the background
                signal.signal(number, signal.SIG_DFL)
        for fd in not_ours:
            os.close(fd)
        try:
            for part in parts():
                _hand_over(output, 0, part)
        except SourceError as error:
            _hand_over(output, EXIT_INPUT, (error.problem, error.hint))
        except Exception as error:
            _hand_over(output, EXIT_BUG, f"{type(error).__name__}: {error}")
        code = 0
    finally:
        os._exit(code)


_CHUNK: Final = 1 << 20
_HEAD: Final = struct.Struct("=BQ")
"""An exit code, if there is an error, and the number of bytes that follow."""


def _hand_over(output: int, code: int, part: Any) -> None:
    content = marshal.dumps(part)
    for text in (_HEAD.pack(code, len(content)), content):
        view = memoryview(text)
        while view:
            view = view[os.write(output, view) :]


def _received(worker: _Worker) -> Any:
    """The next part from a worker.

    Raises: SourceError as in the worker, or if it has ended; RuntimeError for other errors in it.
    """
    code, size = _HEAD.unpack(_bytes(worker, _HEAD.size))
    part = marshal.loads(_bytes(worker, size))  # noqa: S302 - our own worker wrote it
    if code == EXIT_INPUT:
        problem, hint = part
        raise SourceError(problem, hint=hint)
    if code == EXIT_BUG:
        raise RuntimeError(f"a worker failed: {part}")
    return part


def _bytes(worker: _Worker, size: int) -> bytes:
    chunks = []
    while size:
        chunk = os.read(worker.output, min(size, _CHUNK))
        if not chunk:
            raise _ended(worker)
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def _ended(worker: _Worker) -> SourceError:
    status = os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)  # `_end` waits once more
    assert status is not None  # noqa: S101 - only with WNOHANG
    by_itself = status.si_code == os.CLD_EXITED
    why = f"exit code {status.si_status}" if by_itself else f"signal {status.si_status}"
    return SourceError(f"a worker ended before it had read its share: {why}", hint=_HINT)


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
