"""The processes of a directory that is laid out like /proc: a copy, or a made-up tree."""

from __future__ import annotations

import errno
import os
import stat
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from proccli.errors import NoSuchProcess, SourceError
from proccli.model.note import Note
from proccli.model.process import ALL_FIELDS, NS_PER_S, Field, FieldError, Host, Process
from proccli.model.sockets import NetTables, SocketFd
from proccli.sources.procfs.files import (
    MAX_FILE_BYTES,
    Unreadable,
    decode,
    listed_pids,
    read_fd,
    read_raw,
    refuse_our_limit,
)
from proccli.sources.procfs.process import (
    MAX_PASSWD_BYTES,
    parse_btime,
    parse_passwd,
    parse_process,
    parse_uptime_ns,
)
from proccli.sources.procfs.rights import privileged
from proccli.sources.procfs.sockets import addresses, net_tables, socket_fds

_TICKS_PER_S = 100  # USER_HZ of every architecture the agent is built for
_LEADS_OUT = "leads out of the directory"
_MAX_LINKS = 40  # as the kernel: path_resolution(7)
_PATH_ONLY = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class DirectorySource:
    """Processes from a directory; no link is followed to a place outside it.

    Its time is its own: `btime` of its file `stat` plus the first number of its `uptime`.
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
        self._processes: dict[int, tuple[frozenset[Field], Process]] = {}
        """With the fields that were read."""
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
        undated = Note.of("no-boot-time", directory=path)
        self.notes: Sequence[Note] = () if dated else (undated,)

    def pids(self) -> Sequence[int]:
        """All process ids, ascending. Raises: SourceError where there are none."""
        if not self._pids:
            numbers = listed_pids(self._tree.fd, self.host.proc_root)
            self._pids = tuple(pid for pid in numbers if self._tree.is_directory(str(pid)))
            self._listed = frozenset(self._pids)
            if not self._pids:
                raise SourceError(
                    f"{self.host.proc_root} contains no processes",
                    hint="a directory laid out like /proc has one directory per process id, and a"
                    " folder of recordings has files named *.jsonl or *.jsonl.gz",
                )
            if all(map(self._is_hollow, self._pids)):
                raise SourceError(
                    f"{self.host.proc_root}: the files of all processes are empty",
                    hint="tar and rsync copy nothing from /proc, whose files have size 0; cp -r"
                    " reads them; proccli record FILE makes a complete recording, and where proccli"
                    " is not installed, the script of proccli collector does",
                )
        return self._pids

    def read(self, pid: int, fields: frozenset[Field] = ALL_FIELDS) -> Process:
        """One process. Raises: NoSuchProcess."""
        known, process = self._processes.get(pid, (frozenset(), None))
        if process is None or not fields <= known:
            if pid not in self._listed and not self._has(pid):
                raise NoSuchProcess(f"no process {pid} in {self.host.proc_root}")
            if known:  # a set for each process would take more memory than the process
                fields |= known
            raw = read_raw(pid, _TreeFiles(pid, self._tree), fields)
            if raw.cmdline == b"" and self._is_hollow(pid):
                empty = FieldError(field="cmdline", problem="malformed", detail="an empty copy")
                raw = raw._replace(cmdline=empty)
            process = parse_process(raw)
            self._processes[pid] = (fields, process)
        return process

    def read_many(
        self, pids: Iterable[int], fields: frozenset[Field] = ALL_FIELDS
    ) -> Iterator[Process]:
        """The processes of these pids, in order, without those that the directory doesn't have."""
        for pid in pids:
            try:
                yield self.read(pid, fields)
            except NoSuchProcess:
                continue

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
        return socket_fds(_TreeFiles(pid, self._tree), "unknown", as_agent=self.host.privileged)

    def net_tables(self, pid: int) -> NetTables:
        """The socket tables in a process's own directory."""
        return net_tables(_TreeFiles(pid, self._tree), ask_first=False)

    def addresses(self, pid: int) -> Sequence[str] | None:
        """The IPv4 addresses in a process's own directory."""
        return addresses(_TreeFiles(pid, self._tree))

    def _has(self, pid: int) -> bool:
        return (pid > 0 and self._tree.is_directory(str(pid))) or pid in self.pids()

    def _is_hollow(self, pid: int) -> bool:
        """Whether a process was copied without content: the kernel's `stat` is never empty."""
        try:
            return self._tree.read(f"{pid}/stat") == b"" == self._tree.read(f"{pid}/cmdline")
        except (OSError, Unreadable):
            return False

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

    def link(self, name: str) -> bytes:
        return self._tree.link(self._prefix + name)

    def inode(self, name: str) -> int:
        return self._tree.inode(self._prefix + name)

    def opened(self, name: str) -> AbstractContextManager[int]:
        return self._tree.opened_for_reading(self._prefix + name)

    def alive(self) -> bool:
        return True


class ClosedTree:
    """A directory whose links are followed here, not by the kernel, and only to places inside it.

    A copy of another machine's /proc is full of links with absolute targets (`PID/root`), which
    mean that machine's files: following them would read this machine's. Every component is
    opened without following, so a link that replaces a directory while we read doesn't lead
    outside either.
    """

    def __init__(self, path: str) -> None:
        """Raises: OSError if it isn't a directory that can be read."""
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self.fd)

    @contextmanager
    def opened(self, path: str) -> Iterator[int]:
        """A descriptor (O_PATH) of what a path from the top leads to.

        Raises: OSError; Unreadable where a link leads out.
        """
        ours: list[int] = []
        try:
            yield self._walk(path, ours)
        finally:
            for fd in ours:
                os.close(fd)

    def _walk(self, path: str, ours: list[int]) -> int:
        above: list[int] = []
        here = self.fd
        pending = path.split("/")[::-1]
        links = 0
        while pending:
            name = pending.pop()
            if name in ("", "."):
                continue
            if name == "..":
                if not above:
                    raise Unreadable("failed", _LEADS_OUT)
                here = above.pop()
                continue
            try:
                fd = os.open(name, _PATH_ONLY, dir_fd=here)
            except OSError as error:
                refuse_our_limit(error)
                raise
            ours.append(fd)
            mode = os.fstat(fd).st_mode
            if stat.S_ISLNK(mode):
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                target = os.readlink("", dir_fd=fd)
                if target.startswith("/"):
                    raise Unreadable("failed", _LEADS_OUT)
                pending.extend(target.split("/")[::-1])
            elif pending and not stat.S_ISDIR(mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            else:
                above.append(here)
                here = fd
        return here

    def is_directory(self, path: str) -> bool:
        """Whether a path leads to a directory inside the tree."""
        try:
            with self.opened(path) as fd:
                return stat.S_ISDIR(os.fstat(fd).st_mode)
        except (OSError, Unreadable):
            return False

    @contextmanager
    def opened_for_reading(self, path: str) -> Iterator[int]:
        """A descriptor of a regular file or a directory; FIFOs and devices are not opened.

        Raises: OSError; Unreadable.
        """
        with self.opened(path) as found:
            mode = os.fstat(found).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise Unreadable("malformed", "not a regular file")
            # The descriptor only names the file: opening it again is what needs the right to.
            try:
                fd = os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise SourceError(
                    "can't read the files of a directory: /proc/self/fd does not exist",
                    hint="mount /proc, or give a recording",
                ) from error
            except OSError as error:
                refuse_our_limit(error)
                raise
        try:
            yield fd
        finally:
            os.close(fd)

    def read(self, path: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """The content of a regular file. Raises: OSError; Unreadable."""
        with self.opened_for_reading(path) as fd:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise Unreadable("malformed", "not a regular file")
            return read_fd(fd, limit)

    def link(self, path: str) -> bytes:
        """The text of a link, wherever it leads. Raises: OSError; Unreadable."""
        parent, _, name = path.rpartition("/")
        with self.opened(parent) as fd:
            try:
                return os.fsencode(os.readlink(name, dir_fd=fd))
            except OSError as error:
                if error.errno == errno.EINVAL:
                    raise Unreadable("malformed", "not a link") from error
                raise

    def inode(self, path: str) -> int:
        """The inode number of what a path leads to. Raises: OSError; Unreadable."""
        with self.opened(path) as fd:
            return os.fstat(fd).st_ino
