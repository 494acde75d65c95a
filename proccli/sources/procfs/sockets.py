"""Reading a process's sockets and the tables of its network namespace."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import Literal

from proccli.model.process import MAX_PID, MAX_U64, FieldError
from proccli.model.sockets import (
    TABLES,
    NetTable,
    NetTables,
    SocketFd,
    TableName,
    ended_tables,
    new_fd,
)
from proccli.sources.procfs.files import ProcessFiles, Unreadable, errno_name, field_error
from proccli.sources.procfs.net import (
    MAX_TABLE_BYTES,
    empty_tables,
    parse_fib_trie,
    parse_table,
)

_CHUNK = 1 << 16


# The process closed it, or exited, since it was listed; or, in a made-up tree, it is not a link.
_SKIPPED = (errno.ENOENT, errno.ESRCH, errno.EINVAL)
_REFUSED = (errno.EACCES, errno.EPERM)


def read_socket_fds(
    directory: int, age_source: Literal["fd-ctime", "unknown"], *, as_agent: bool = False
) -> tuple[SocketFd, ...]:
    """The sockets among the links of an open directory /proc/PID/fd, ascending by number.

    With `fd-ctime` their age is that of the link, which the kernel creates when it is first read;
    `unknown` is for copies, whose links show only when they were copied.

    `as_agent`: we have the agent's rights, so a link that is refused to us is refused to it, and it
    passes over the link, not the process (a process with more capabilities than root here).

    Source: proc_pid_fd(5); FACTS A10, run live.
    Raises: OSError if the directory is refused, or its links are without the agent's rights.
    """
    dated = age_source == "fd-ctime"
    readlink, lstat = os.readlink, os.lstat
    since_ns: int | None = None
    found: list[SocketFd] = []
    for name in os.listdir(directory):
        try:
            target = readlink(name, dir_fd=directory)
            if not target.startswith("socket:["):
                continue
            if dated and (ctime_ns := lstat(name, dir_fd=directory).st_ctime_ns) != since_ns:
                since_ns = ctime_ns  # links that were first seen together share one number
        except OSError as error:
            if error.errno in _SKIPPED or (as_agent and error.errno in _REFUSED):
                continue
            raise
        number = target[8:-1]
        digits = name + number
        if not (digits.isdecimal() and digits.isascii() and number and target[-1] == "]"):
            continue
        fd, inode = int(name), int(number)
        if fd <= MAX_PID and inode <= MAX_U64 and len(number) <= 20 and name == str(fd):
            found.append(new_fd((fd, inode, since_ns, age_source)))
    found.sort()
    return tuple(found)


def socket_fds(
    files: ProcessFiles, age_source: Literal["fd-ctime", "unknown"], *, as_agent: bool
) -> tuple[SocketFd, ...] | FieldError:
    """The process's sockets, or why they can't be read."""
    try:
        with files.opened("fd") as directory:
            return read_socket_fds(directory, age_source, as_agent=as_agent)
    except (OSError, Unreadable) as error:
        return field_error("fds", error, files)


def net_tables(files: ProcessFiles, *, ask_first: bool) -> NetTables:
    """The four tables of the process's network namespace.

    `ask_first`, on a live machine: don't read those that are empty according to sockstat. If that
    can't be read, all are read.
    """
    if not ask_first:
        return tuple(_net_table(files, name) for name in TABLES)
    empty = _empty_by_sockstat(files)
    tables = tuple(
        NetTable(name=name) if name in empty else _net_table(files, name) for name in TABLES
    )
    # There may be no IPv6, but every namespace has tcp and udp.
    missing = {table.name for table in tables if table.error and table.error.problem == "missing"}
    if not missing.isdisjoint({"tcp", "udp"}):
        return _without_zombie(tables, files)
    return tables


def addresses(files: ProcessFiles) -> tuple[str, ...] | None:
    """The IPv4 addresses of the process's network namespace; None where they can't be read."""
    try:
        return parse_fib_trie(files.read("net/fib_trie"))
    except (OSError, Unreadable):
        return None


def _without_zombie(tables: NetTables, files: ProcessFiles) -> NetTables:
    """The same, unless they are missing because the process has ended and is a zombie: it has
    left its namespace, and its directory `net` can't be listed (EINVAL)."""
    try:
        with files.opened("net") as directory:
            _list(directory)
    except OSError as error:
        return ended_tables(errno_name(error))
    return tables


def _list(directory: int) -> list[str]:
    return os.listdir(directory)


def _empty_by_sockstat(files: ProcessFiles) -> frozenset[TableName]:
    return empty_tables(_optional(files, "net/sockstat") + _optional(files, "net/sockstat6"))


def _optional(files: ProcessFiles, name: str) -> bytes:
    try:
        return files.read(name)
    except (OSError, Unreadable):
        return b""


def _net_table(files: ProcessFiles, name: TableName) -> NetTable:
    try:
        with files.opened(f"net/{name}") as fd:
            return NetTable(name=name, rows=tuple(parse_table(_chunks(fd), name)))
    except (OSError, Unreadable) as error:
        return NetTable(name=name, error=field_error(f"net/{name}", error, files))


def _chunks(fd: int) -> Iterator[bytes]:
    left = MAX_TABLE_BYTES
    while chunk := os.read(fd, _CHUNK):
        left -= len(chunk)
        if left < 0:
            raise Unreadable("failed", f"longer than {MAX_TABLE_BYTES >> 20} MiB")
        yield chunk
