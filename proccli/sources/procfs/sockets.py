"""A process's sockets and the tables of its network namespace, from the files of its directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Literal, Protocol

from proccli.model.process import FieldError
from proccli.model.sockets import NetTable, NetTables, SocketFd, TableName
from proccli.sources.procfs.addresses import parse_fib_trie
from proccli.sources.procfs.fds import read_socket_fds
from proccli.sources.procfs.files import Unreadable, errno_name
from proccli.sources.procfs.net import MAX_TABLE_BYTES, TABLES, empty_tables, parse_table
from proccli.sources.procfs.problems import Living, problem_of

_CHUNK = 1 << 16


class SocketFiles(Living, Protocol):
    """The files of one process, by their names in its directory. All raise OSError, Unreadable."""

    def opened(self, name: str) -> AbstractContextManager[int]:
        """A descriptor of a file or directory, for reading."""

    def read(self, name: str) -> bytes:
        """A file's whole content."""


def socket_fds(
    files: SocketFiles, age_source: Literal["fd-ctime", "unknown"]
) -> tuple[SocketFd, ...] | FieldError:
    """The process's sockets, or why they can't be read."""
    try:
        with files.opened("fd") as directory:
            return read_socket_fds(directory, age_source)
    except (OSError, Unreadable) as error:
        return _field_error("fds", error, files)


def net_tables(files: SocketFiles, *, ask_first: bool) -> NetTables:
    """The four tables of the process's network namespace.

    `ask_first`, on a live machine: don't read those that the kernel says are empty. An answer
    that isn't to be had means reading them all.
    """
    if not ask_first:
        return tuple(_net_table(files, name) for name in TABLES)
    empty = _said_to_be_empty(files)
    tables = tuple(
        NetTable(name=name) if name in empty else _net_table(files, name) for name in TABLES
    )
    if all(table.error and table.error.problem == "missing" for table in tables):
        return _without_zombie(tables, files)
    return tables


def addresses(files: SocketFiles) -> tuple[str, ...] | None:
    """The IPv4 addresses of the process's network namespace; None where they can't be read."""
    try:
        return parse_fib_trie(files.read("net/fib_trie"))
    except (OSError, Unreadable):
        return None


def ended_tables(detail: str) -> NetTables:
    """The tables of a process that is no more."""
    return tuple(
        NetTable(name=name, error=FieldError(field=f"net/{name}", problem="gone", detail=detail))
        for name in TABLES
    )


def _without_zombie(tables: NetTables, files: SocketFiles) -> NetTables:
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


def _said_to_be_empty(files: SocketFiles) -> frozenset[TableName]:
    return empty_tables(_optional(files, "net/sockstat") + _optional(files, "net/sockstat6"))


def _optional(files: SocketFiles, name: str) -> bytes:
    try:
        return files.read(name)
    except (OSError, Unreadable):
        return b""


def _net_table(files: SocketFiles, name: TableName) -> NetTable:
    try:
        with files.opened(f"net/{name}") as fd:
            return NetTable(name=name, rows=tuple(parse_table(_chunks(fd), name)))
    except (OSError, Unreadable) as error:
        return NetTable(name=name, error=_field_error(f"net/{name}", error, files))


def _chunks(fd: int) -> Iterator[bytes]:
    left = MAX_TABLE_BYTES
    while chunk := os.read(fd, _CHUNK):
        left -= len(chunk)
        if left < 0:
            raise Unreadable("failed", f"longer than {MAX_TABLE_BYTES >> 20} MiB")
        yield chunk


def _field_error(field: str, error: OSError | Unreadable, files: Living) -> FieldError:
    if isinstance(error, Unreadable):
        return FieldError(field=field, problem=error.problem, detail=error.detail)
    return FieldError(field=field, problem=problem_of(error, files), detail=errno_name(error))
