"""Reading small kernel files whole, and what their errors mean."""

from __future__ import annotations

import errno
import os
import re
import stat

from proccli.errors import SourceError
from proccli.model.process import Problem

MAX_FILE_BYTES = 8 << 20
"""More than the kernel gives out: arguments and environment together are held to 6 MiB
(execve(2)); only a process that moves its own bounds (PR_SET_MM) can show more."""

_CHUNK = 1 << 16
# Neither a FIFO nor a terminal may hold us up, whatever stands where a file should be.
OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_PID = re.compile(r"[1-9][0-9]{0,8}")


class Unreadable(Exception):  # noqa: N818 - it says what a file is, not that proccli failed
    """A file that can't be read, and why; becomes a `FieldError`."""

    def __init__(self, problem: Problem, detail: str) -> None:
        super().__init__(problem, detail)
        self.problem: Problem = problem
        self.detail = detail


def errno_name(error: OSError) -> str:
    """`EACCES` for the error's number."""
    return errno.errorcode.get(error.errno or 0, str(error.errno))


def read_fd(fd: int, limit: int = MAX_FILE_BYTES) -> bytes:
    """Everything up to the end of the file. Raises: OSError; Unreadable past `limit` bytes."""
    data = os.read(fd, _CHUNK)
    if not data:
        return data
    chunks = [data]
    size = len(data)
    # A short read is no sign of the end: the kernel may stop at any page.
    while data := os.read(fd, _CHUNK):
        chunks.append(data)
        size += len(data)
        if size > limit:
            raise Unreadable("failed", f"longer than {limit >> 20} MiB")
    return b"".join(chunks)


def read_at(name: str, dir_fd: int | None, limit: int = MAX_FILE_BYTES) -> bytes:
    """A file's content; links are followed.

    Raises: OSError; Unreadable past `limit` bytes.
    """
    fd = os.open(name, OPEN, dir_fd=dir_fd)
    try:
        return read_fd(fd, limit)
    finally:
        os.close(fd)


def read_regular_at(name: str, dir_fd: int, limit: int = MAX_FILE_BYTES) -> bytes:
    """As `read_at`, for a regular file only. Raises: OSError; Unreadable."""
    fd = os.open(name, OPEN, dir_fd=dir_fd)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Unreadable("malformed", "not a regular file")
        return read_fd(fd, limit)
    finally:
        os.close(fd)


def listed_pids(dir_fd: int, path: str) -> tuple[int, ...]:
    """The entries of a directory that are process ids, ascending. Raises: SourceError."""
    try:
        names = os.listdir(dir_fd)
    except OSError as error:
        raise SourceError(f"can't list {path}: {error.strerror}") from error
    return tuple(sorted(int(name) for name in names if _PID.fullmatch(name)))


def decode(raw: bytes) -> str:
    """Text for people: bytes that are not UTF-8 become `\\xNN`."""
    return raw.decode("utf-8", "backslashreplace")
