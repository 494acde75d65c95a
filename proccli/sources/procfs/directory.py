"""The processes of a directory that is laid out like /proc: a copy, or a made-up tree."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from proccli.errors import NoSuchProcess, SourceError
from proccli.model.config import Notice
from proccli.model.process import NS_PER_S, FieldError, Host, Process
from proccli.model.sockets import NetTables, SocketFd
from proccli.sources.procfs.closedtree import ClosedTree
from proccli.sources.procfs.files import Unreadable, decode, listed_pids
from proccli.sources.procfs.passwd import MAX_PASSWD_BYTES, parse_passwd
from proccli.sources.procfs.process import read_process
from proccli.sources.procfs.rights import privileged
from proccli.sources.procfs.sockets import addresses, net_tables, socket_fds
from proccli.sources.procfs.stat import parse_btime, parse_uptime_ns

_TICKS_PER_S = 100  # USER_HZ of every architecture the agent is built for


class DirectorySource:
    """Processes from a directory, out of which no link is followed.

    Its moment is its own: `btime` of its file `stat` plus the first number of its `uptime`.
    Without both, start times and ages are unknown, and `taken_at` is when it was opened.
    """

    def __init__(self, path: str) -> None:
        """Raises: SourceError if it isn't a directory that can be read."""
        try:
            self._tree = ClosedTree(path)
        except OSError as error:
            raise SourceError(f"can't read {path}: {error.strerror}") from error
        self._pids: tuple[int, ...] = ()
        self._listed: frozenset[int] = frozenset()
        self._processes: dict[int, Process] = {}
        self._users: dict[int, Mapping[int, str]] = {}
        boot_time_s = parse_btime(self._optional("stat"))
        uptime_ns = parse_uptime_ns(self._optional("uptime"))
        dated = boot_time_s is not None and uptime_ns is not None
        self.host = Host(
            kind="directory",
            name=self._host_name(),
            taken_at_ns=(
                boot_time_s * NS_PER_S + uptime_ns
                if boot_time_s is not None and uptime_ns is not None
                else time.time_ns()
            ),
            boot_time_s=boot_time_s if dated else None,
            ticks_per_s=_TICKS_PER_S,
            proc_root=path,
            privileged=privileged(),
        )
        undated = Notice(
            code="no-boot-time",
            message=f"{path} doesn't tell its time (btime in its file stat, and uptime):"
            " start times and ages are unknown",
        )
        self.notices: Sequence[Notice] = () if dated else (undated,)

    def pids(self) -> Sequence[int]:
        """All process ids, ascending. Raises: SourceError where there are none."""
        if not self._pids:
            numbers = listed_pids(self._tree.fd, self.host.proc_root)
            self._pids = tuple(pid for pid in numbers if self._tree.is_directory(str(pid)))
            self._listed = frozenset(self._pids)
            if not self._pids:
                raise SourceError(
                    f"{self.host.proc_root} holds no processes",
                    hint="a directory laid out like /proc has one directory per process id",
                )
        return self._pids

    def read(self, pid: int) -> Process:
        """One process. Raises: NoSuchProcess."""
        if (process := self._processes.get(pid)) is None:
            if pid not in self._listed and not self._has(pid):
                raise NoSuchProcess(f"no process {pid} in {self.host.proc_root}")
            process = self._processes[pid] = read_process(pid, _TreeFiles(pid, self._tree))
        return process

    def users(self, process: Process) -> Mapping[int, str] | None:
        """Names by uid, as the passwd file in the process's own root has them."""
        inode = process.root_inode
        if inode is None:
            return None
        if inode not in self._users:
            try:
                content = self._tree.read(f"{process.pid}/root/etc/passwd", MAX_PASSWD_BYTES)
            except (OSError, Unreadable):
                return None
            if (table := parse_passwd(content)) is None:
                return None
            self._users[inode] = table
        return self._users[inode]

    def socket_fds(self, pid: int) -> Sequence[SocketFd] | FieldError:
        """The sockets that a process holds, of unknown age, or why they can't be read."""
        return socket_fds(_TreeFiles(pid, self._tree), "unknown")

    def net_tables(self, pid: int) -> NetTables:
        """The socket tables in a process's own directory."""
        return net_tables(_TreeFiles(pid, self._tree), ask_first=False)

    def addresses(self, pid: int) -> Sequence[str] | None:
        """The IPv4 addresses in a process's own directory."""
        return addresses(_TreeFiles(pid, self._tree))

    def _has(self, pid: int) -> bool:
        return (pid > 0 and self._tree.is_directory(str(pid))) or pid in self.pids()

    def _optional(self, name: str) -> bytes:
        try:
            return self._tree.read(name)
        except (OSError, Unreadable):
            return b""

    def _host_name(self) -> str | None:
        first = self._optional("sys/kernel/hostname").partition(b"\n")[0].strip()
        return decode(first[:255]) or None


class _TreeFiles:
    """The files of one process, by paths from the top of the tree."""

    def __init__(self, pid: int, tree: ClosedTree) -> None:
        self._prefix = f"{pid}/"
        self._tree = tree

    def owner(self) -> int:
        with self._tree.opened(self._prefix) as fd:
            return os.fstat(fd).st_uid

    def read(self, name: str) -> bytes:
        return self._tree.read(self._prefix + name)

    def link(self, name: str) -> str:
        return self._tree.link(self._prefix + name)

    def inode(self, name: str) -> int:
        return self._tree.inode(self._prefix + name)

    def opened(self, name: str) -> AbstractContextManager[int]:
        return self._tree.opened_for_reading(self._prefix + name)

    def alive(self) -> bool:
        return True
