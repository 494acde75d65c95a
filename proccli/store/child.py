"""The process that runs the embedded engine.

The engine answers a signal only after a query, and if it crashes, its process ends. So it has its
own process, which the parent can end. Requests and answers are pickled through a socket pair; when
the parent ends, the socket is closed and this process ends, too.

It uses chDB without a client: clickhouse-connect has the same engine, but takes a quarter of a
second of CPU to load.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import stat
import sys
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from tempfile import TemporaryFile
from types import ModuleType
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast

DATA_FILE: Final = "DATA_FILE"
"""The placeholder in a statement for the name of the file with the data of its request."""
LOCK_FILE: Final = "proccli.lock"
"""Also tells that a directory is a store."""
_WAIT_S: Final = 10.0
"""How long to wait for another process that uses the store."""
_STEP_S: Final = 0.05

Kind: TypeAlias = Literal["ok", "query", "locked", "directory", "missing"]


class Request(NamedTuple):
    """What the engine is to run."""

    sql: str
    form: str = "TabSeparated"
    """The format of the result."""
    data: bytes | None = None
    """The content of the file that the statement calls `DATA_FILE`."""


class Answer(NamedTuple):
    """What the engine's process answers to a request."""

    kind: Kind
    """`query`: the engine refused it; `missing`: a library is not installed."""
    value: Any
    """The result, or text that says what is wrong."""


def main(fd: int, directory: str, create: bool, wait_s: float = _WAIT_S) -> None:
    """Serve requests until the parent closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Connection(fd) as pipe:
        refused, lock = _locked(directory, wait_s, create=create)
        if refused is None:
            refused, connection = _connection(directory)
        with suppress(BrokenPipeError, ConnectionResetError):
            pipe.send(refused or Answer("ok", b""))
            if refused is None:
                _serve(pipe, connection)
        if refused is None:
            connection.close()
        if lock is not None:
            os.close(lock)


def _serve(pipe: Connection, connection: Any) -> None:
    while True:
        try:
            request = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(Answer("ok", _run(connection, request)))
        except (BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:
            pipe.send(Answer("query", str(error)))


def _run(connection: Any, request: Request) -> bytes:
    if request.data is None:
        return cast("bytes", connection.query(request.sql, request.form).bytes())
    # A file without a name leaves nothing behind if this process is killed.
    with TemporaryFile() as file:
        file.write(request.data)
        file.flush()
        sql = request.sql.replace(DATA_FILE, f"'/dev/fd/{file.fileno()}'")
        return cast("bytes", connection.query(sql, request.form).bytes())


class _NotLoaded(ModuleType):
    """Stands for pyarrow, which chDB imports for formats that are not used here.

    To load it, and numpy with it, takes as long as to start the engine.
    """

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return object


def _connection(directory: str) -> tuple[Answer | None, Any]:
    # The engine would take a config.xml in the current directory for its own.
    os.chdir(directory)
    sys.modules.setdefault("pyarrow", _NotLoaded("pyarrow"))
    try:
        import chdb

        connection = chdb.connect(directory)
        # Tables merge equal rows later anyway; to do it at once takes a third of an INSERT.
        connection.query("SET optimize_on_insert = 0")
    except ImportError as error:
        return Answer("missing", str(error)), None
    except RuntimeError as error:
        return Answer("query", str(error)), None
    # The engine's own handlers of a crash can wait for ever.
    for crash in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE):
        signal.signal(crash, signal.SIG_DFL)
    return None, connection


def _locked(directory: str, wait_s: float, *, create: bool) -> tuple[Answer | None, int | None]:
    """Lock the directory of a store; the kernel releases the lock when this process ends."""
    path = f"{directory}/{LOCK_FILE}"
    try:
        if create and not os.path.lexists(path):
            os.makedirs(directory, mode=0o700, exist_ok=True)  # noqa: PTH103
            if os.listdir(directory):  # noqa: PTH208
                return Answer("directory", "the directory is not empty, and not a store"), None
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT if create else 0)
        fd = os.open(path, flags, 0o600)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return Answer("directory", f"{LOCK_FILE} in it is not a regular file"), None
    except FileNotFoundError:
        return Answer("directory", "there is no store"), None
    except OSError as error:
        what = "a symbolic link" if error.errno == errno.ELOOP else error.strerror
        return Answer("directory", str(what)), None
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(_STEP_S)
                continue
            holder = os.pread(fd, 20, 0).strip()
            return Answer("locked", int(holder) if holder.isdigit() else None), None
        except OSError as error:
            return Answer("directory", f"it can't be locked: {error.strerror}"), None
        break
    with suppress(OSError):
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getppid()}\n".encode(), 0)
    return None, fd


def socket_pair() -> tuple[Connection, socket.socket]:
    """The parent's end, and the child's."""
    ours, theirs = socket.socketpair()
    return Connection(ours.detach()), theirs
