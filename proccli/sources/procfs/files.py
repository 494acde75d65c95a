"""Raw reads: the bytes of a process's files, with errors as values. Nothing is parsed here."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol, TypeVar

from proccli.errors import SourceError
from proccli.model.process import Field, FieldError, Problem

MAX_FILE_BYTES = 8 << 20
"""More than the kernel returns: arguments and environment together are limited to 6 MiB
(execve(2)); only a process that moves its own bounds (PR_SET_MM) can show more."""

_CHUNK = 1 << 16
# Neither a FIFO nor a terminal in place of a file may block us.
OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_PID = re.compile(r"[1-9][0-9]{0,8}")


class Unreadable(Exception):  # noqa: N818 - the file is at fault, not proccli
    """A file can't be read, and why; becomes a `FieldError`."""

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
    # A short read does not mean the end: the kernel may stop at any page.
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


class ProcessFiles(Protocol):
    """The files of one process, by their names in its directory. All raise OSError, Unreadable."""

    def owner(self) -> int:
        """The uid that owns the directory."""

    def read(self, name: str) -> bytes:
        """A file's whole content."""

    def link(self, name: str) -> bytes:
        """The text of a link."""

    def inode(self, name: str) -> int:
        """The inode number of the target of a link."""

    def opened(self, name: str) -> AbstractContextManager[int]:
        """A descriptor of a file or directory, for reading."""

    def alive(self) -> bool:
        """Whether the directory is still that of the process it was opened for."""


class RawProcess(NamedTuple):
    """What was read of one process: bytes and numbers as the kernel gives them, or the error.

    None: the field was not asked for. Picklable, so that another process may parse it.
    """

    pid: int
    uid: int | FieldError | None = None
    stat: bytes | FieldError | None = None
    status: bytes | FieldError | None = None
    cmdline: bytes | FieldError | None = None
    exe: bytes | FieldError | None = None
    netns: bytes | FieldError | None = None
    """The text of the link `ns/net`."""
    cgroup: bytes | FieldError | None = None
    root_inode: int | FieldError | None = None


Raw = TypeVar("Raw", bytes, int)


def read_raw(pid: int, files: ProcessFiles, fields: frozenset[Field]) -> RawProcess:
    """The fields of a process as they are now; nothing else is read."""
    read, link = files.read, files.link
    # The owner comes before `stat`: the directory of a process that has exited belongs to root,
    # and only a later read that succeeds shows that it had not.
    return RawProcess(
        pid,
        _owner(files) if "uid" in fields else None,
        _attempt("stat", read, "stat", files) if "stat" in fields else None,
        _attempt("status", read, "status", files) if "status" in fields else None,
        _attempt("cmdline", read, "cmdline", files) if "cmdline" in fields else None,
        _attempt("exe", link, "exe", files) if "exe" in fields else None,
        _attempt("netns", link, "ns/net", files) if "netns" in fields else None,
        _attempt("cgroup", read, "cgroup", files) if "cgroup" in fields else None,
        _attempt("root_inode", files.inode, "root", files) if "root_inode" in fields else None,
    )


def _owner(files: ProcessFiles) -> int | FieldError:
    try:
        return files.owner()
    except (OSError, Unreadable) as error:
        return field_error("uid", error, files)


def _attempt(
    field: Field, read: Callable[[str], Raw], name: str, files: ProcessFiles
) -> Raw | FieldError:
    try:
        return read(name)
    except (OSError, Unreadable) as error:
        return field_error(field, error, files)


def field_error(field: str, error: OSError | Unreadable, files: ProcessFiles) -> FieldError:
    """The error as a value, once it is known whether the process still exists."""
    if isinstance(error, Unreadable):
        return FieldError(field=field, problem=error.problem, detail=error.detail)
    return FieldError(field=field, problem=problem_of(error, files), detail=errno_name(error))


def refuse_our_limit(error: OSError) -> None:
    """Raises: SourceError if it is not the file that can't be read: we can open none now."""
    if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        hint = None if error.errno == errno.ENOMEM else "raise the limit: ulimit -n"
        raise SourceError(f"can't read processes: {error.strerror}", hint=hint) from error


def problem_of(error: OSError, files: ProcessFiles) -> Problem:
    """What an error means, once it is known whether the process still exists.

    The links of a process that has exited are refused with EACCES, its files are missing
    (ENOENT), and reading one that was open fails with ESRCH.

    Raises: SourceError where it says nothing about the process.
    """
    refuse_our_limit(error)
    if error.errno not in (
        errno.EACCES,
        errno.EPERM,
        errno.ENOENT,
        errno.ESRCH,
        errno.ENOTDIR,
    ):
        return "failed"
    if not files.alive():
        return "gone"
    return "denied" if error.errno in (errno.EACCES, errno.EPERM) else "missing"
