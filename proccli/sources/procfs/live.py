"""The processes of a running machine."""

from __future__ import annotations

import errno
import os
import re
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from proccli.errors import NoSuchProcess, SourceError
from proccli.model.note import Note
from proccli.model.process import (
    ALL_FIELDS,
    PROCESS_FIELDS,
    Field,
    FieldError,
    Host,
    Problem,
    Process,
)
from proccli.model.sockets import NetTables, SocketFd, ended_tables
from proccli.sources.procfs.files import (
    OPEN,
    Unreadable,
    errno_name,
    listed_pids,
    read_at,
    read_raw,
    read_regular_at,
    refuse_our_limit,
)
from proccli.sources.procfs.process import (
    MAX_PASSWD_BYTES,
    parse_btime,
    parse_passwd,
    parse_process,
    parse_stat,
)
from proccli.sources.procfs.rights import hidepid, hidepid_note, privileged
from proccli.sources.procfs.sockets import (
    addresses,
    net_tables,
    socket_fds,
)

if TYPE_CHECKING:
    from proccli.sources.procfs.workers import Claims, Read, Team

_PATH_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_NOT_THERE = (errno.ENOENT, errno.ESRCH, errno.ENOTDIR, errno.ENAMETOOLONG)
_ROOT_HINT = "--proc-root names a proc mount"


class LiveSource:
    """Processes from a proc mount, read when asked for and cached as they were then."""

    def __init__(self, root: str = "/proc", jobs: int | None = 1) -> None:
        """Open the mount; `jobs`: how many workers read many processes, None: as many as pay.

        Raises: SourceError if it isn't a directory that can be read.
        """
        self._jobs = jobs
        try:
            self._fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise SourceError(f"can't read {root}: {error.strerror}", hint=_ROOT_HINT) from error
        weakref.finalize(self, os.close, self._fd)
        self._pids: tuple[int, ...] = ()
        self._listed: frozenset[int] = frozenset()
        self._processes: dict[int, tuple[frozenset[Field], Process]] = {}
        """With the fields that were read."""
        self._users: dict[int, Mapping[int, str]] = {}
        self._socket_fds: dict[int, Sequence[SocketFd] | FieldError] = {}
        self._holders: dict[int, tuple[int, int]] = {}
        """By network namespace: how many sockets are held there, and a process that holds some."""
        self._begun: tuple[Team, frozenset[Field]] | None = None
        """Workers that read ahead, and what they read of each process."""
        self._team: Team | None = None
        """Workers that still read tables."""
        self._tables: dict[int, NetTables] = {}
        """By network namespace: what they have read and `net_tables` has not returned yet."""
        boot_time_s = _boot_time_s()
        hiding = hidepid(self._fd)
        self.host = Host(
            kind="live",
            name=os.uname().nodename,
            taken_at_ns=time.time_ns(),
            boot_time_s=boot_time_s,
            ticks_per_s=os.sysconf("SC_CLK_TCK"),
            proc_root=root,
            privileged=privileged(),
            sees_all=hiding in (None, "noaccess"),
        )
        notes = [hidepid_note(hiding, root)] if hiding else []
        if boot_time_s is None:
            notes.append(Note.of("no-boot-time"))
        self.notes: Sequence[Note] = tuple(notes)

    def pids(self) -> Sequence[int]:
        """All process ids, ascending. Raises: SourceError where there are none."""
        if not self._pids:
            self._pids = listed_pids(self._fd, self.host.proc_root)
            self._listed = frozenset(self._pids)
            if not self._pids:
                raise SourceError(f"{self.host.proc_root} shows no processes", hint=_ROOT_HINT)
        return self._pids

    def read(self, pid: int, fields: frozenset[Field] = ALL_FIELDS) -> Process:
        """One process, with its sockets where `fields` include them.

        Raises: NoSuchProcess if it never existed, or is a thread of another process.
        """
        known, process = self._processes.get(pid, (frozenset(), None))
        if process is None or not fields <= known:
            if known:  # a set for each process would take more memory than the process
                fields |= known
            process = self._read(pid, fields)
            self._processes[pid] = (fields, process)
        return process

    def read_ahead(self, fields: frozenset[Field]) -> bool:
        """Whether several workers pay. Then they begin to read all processes; `read_many` helps
        them, and returns what they have read. Raises: SourceError.
        """
        pids = self.pids()
        jobs = self._jobs_for(pids)
        team = self._begin(jobs, pids, fields) if jobs > 1 else None
        if team is not None:
            self._begun = team, fields
        return team is not None

    def read_many(
        self, pids: Iterable[int], fields: frozenset[Field] = ALL_FIELDS
    ) -> Iterator[Process]:
        """The processes of these pids without those that never existed; in any order where several
        workers read them."""
        pids = tuple(pids)
        begun, self._begun = self._begun, None
        if begun is not None and pids == self._pids and fields <= begun[1]:
            yield from self._read_by(*begun)
        elif (jobs := self._jobs_for(pids)) == 1:
            yield from self._read_each(pids, fields)
        else:
            known = [pid for pid in pids if pid in self._processes]
            yield from self._read_each(known, fields)
            self._finish_tables()
            unread = [pid for pid in pids if pid not in self._processes]
            team = self._begin(jobs, unread, fields)
            if team is None:
                yield from self._read_each(unread, fields)
            else:
                yield from self._read_by(team, fields)

    def _jobs_for(self, pids: Sequence[int]) -> int:
        if self._jobs is not None:
            return self._jobs
        from proccli.sources.procfs.workers import jobs_for

        return jobs_for(len(pids))

    def _read_each(self, pids: Iterable[int], fields: frozenset[Field]) -> Iterator[Process]:
        for pid in pids:
            try:
                yield self.read(pid, fields)
            except NoSuchProcess:
                continue

    def _begin(self, jobs: int, pids: Sequence[int], fields: frozenset[Field]) -> Team | None:
        """Start workers; None: they can't be started, as under a limit of processes, and
        were not asked for.

        Raises: SourceError if they were.
        """
        from proccli.sources.procfs.workers import Team

        try:
            return Team(pids, jobs, partial(self._read_share, fields), self._claimed_tables)
        except SourceError:
            if self._jobs is None:
                return None
            raise

    def _read_share(self, fields: frozenset[Field], pids: Iterable[int]) -> Iterator[Read]:
        for process in self._read_each(pids, fields):
            yield process, self._socket_fds.get(process.pid)

    def _read_by(self, team: Team, fields: frozenset[Field]) -> Iterator[Process]:
        for process, sockets in team.processes(partial(self._read_share, fields)):
            self._processes[process.pid] = (fields, process)
            if sockets is not None:
                self._socket_fds[process.pid] = sockets
            yield process
        self._team = team
        if "fds" not in fields:
            self._finish_tables()

    def _claimed_tables(self, claims: Claims) -> Mapping[int, NetTables]:
        """The tables of those namespaces that are ours to read. Where one of them can't be read,
        all are read again when they are asked for.

        The namespace with the most sockets is claimed first: if it were last, all would wait for
        the worker that reads it.
        """
        tables: dict[int, NetTables] = {}
        most_first = sorted(self._holders.items(), key=lambda held: held[1], reverse=True)
        for netns, (_, pid) in most_first:
            if claims(netns):
                read = self._read_tables(pid)
                if all(table.error is None for table in read):
                    tables[netns] = read
        return tables

    def _finish_tables(self) -> None:
        """Wait for the workers, and help them. Raises: SourceError if one of them has ended."""
        team, self._team = self._team, None
        if team is not None:
            self._tables.update(team.tables(self._claimed_tables))

    def users(self, process: Process) -> Mapping[int, str] | None:
        """Names by uid, as the passwd file in the process's own root has them."""
        inode = process.root_inode
        if inode is None:
            return None
        if inode not in self._users:
            table = self._read_users(process.pid, inode)
            if table is None:
                return None
            self._users[inode] = table
        return self._users[inode]

    def socket_fds(self, pid: int) -> Sequence[SocketFd] | FieldError:
        """The sockets that a process holds, or why they can't be read."""
        if (found := self._socket_fds.get(pid)) is None:
            try:
                with self._opened(pid) as files:
                    found = socket_fds(files, "fd-ctime", as_agent=self.host.privileged)
            except OSError as error:
                found = FieldError(field="fds", problem="gone", detail=errno_name(error))
            self._socket_fds[pid] = found
        return found

    def net_tables(self, pid: int) -> NetTables:
        """The socket tables of a process's network namespace, as they are now, or as they were
        when workers had read its processes."""
        self._finish_tables()
        _, known = self._processes.get(pid, (None, None))
        netns = known.netns if known else None
        read = self._tables.pop(netns, None) if netns is not None else None
        return self._read_tables(pid) if read is None else read

    def _read_tables(self, pid: int) -> NetTables:
        try:
            with self._opened(pid) as files:
                return net_tables(files, ask_first=True)
        except OSError as error:
            return ended_tables(errno_name(error))

    def addresses(self, pid: int) -> Sequence[str] | None:
        """The IPv4 addresses of a process's network namespace, as they are now."""
        try:
            with self._opened(pid) as files:
                return addresses(files)
        except OSError:
            return None

    @contextmanager
    def _opened(self, pid: int) -> Iterator[_LiveFiles]:
        """The files of a process, the one that was read if it was. Raises: OSError."""
        try:
            fd = os.open(str(pid), _PATH_DIRECTORY, dir_fd=self._fd)
        except OSError as error:
            refuse_our_limit(error)
            raise
        try:
            files = _LiveFiles(pid, fd, self._fd)
            _, known = self._processes.get(pid, (None, None))
            started = None if known is None else known.starttime_ticks
            if started is not None and started != files.starttime_ticks():
                raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
            yield files
        finally:
            os.close(fd)

    def _read(self, pid: int, fields: frozenset[Field]) -> Process:
        listed = pid in self._listed
        try:
            fd = os.open(str(pid), _PATH_DIRECTORY, dir_fd=self._fd)
        except OSError as error:
            refuse_our_limit(error)
            if listed:
                return _vanished(pid, error, fields)
            if error.errno in _NOT_THERE:
                raise self._no_such_process(pid) from error
            raise SourceError(f"can't read process {pid}: {error.strerror}") from error
        try:
            files = _LiveFiles(pid, fd, self._fd)
            if not listed:
                self._refuse_thread(pid, files)
            process = parse_process(read_raw(pid, files, fields))
            if "fds" in fields and pid not in self._socket_fds:
                # Through the same directory, so this is the same process.
                found = socket_fds(files, "fd-ctime", as_agent=self.host.privileged)
                self._socket_fds[pid] = found
                if found and not isinstance(found, FieldError) and process.netns is not None:
                    number, holder = self._holders.get(process.netns, (0, pid))
                    self._holders[process.netns] = number + len(found), holder
            return process
        finally:
            os.close(fd)

    def _refuse_thread(self, pid: int, files: _LiveFiles) -> None:
        """Threads have a directory in /proc too, although it isn't listed (proc(5))."""
        try:
            found = re.search(rb"^Tgid:\s*([0-9]+)$", files.read("status"), re.MULTILINE)
        except (OSError, Unreadable) as error:
            if not files.alive():
                raise self._no_such_process(pid) from error
            return
        if found and int(found[1]) != pid:
            leader = int(found[1])
            raise NoSuchProcess(f"{pid} is a thread of process {leader}", hint=f"ask for {leader}")

    def _no_such_process(self, pid: int) -> NoSuchProcess:
        self.pids()
        return NoSuchProcess(
            f"no process {pid} in {self.host.proc_root}",
            hint="this mount hides other users' processes: try as root"
            if not self.host.sees_all
            else None,
        )

    def _read_users(self, pid: int, inode: int) -> Mapping[int, str] | None:
        try:
            root = os.open(f"{pid}/root", _PATH_DIRECTORY, dir_fd=self._fd)
        except OSError as error:
            refuse_our_limit(error)
            return None
        try:
            # The pid may by now belong to a process with another root.
            if os.fstat(root).st_ino != inode:
                return None
            return parse_passwd(read_regular_at("etc/passwd", root, MAX_PASSWD_BYTES))
        except (OSError, Unreadable):
            return None
        finally:
            os.close(root)


class _LiveFiles:
    """The files of one process, through its directory: a pid that is given to another process
    while we read does not lead us there."""

    def __init__(self, pid: int, fd: int, root_fd: int) -> None:
        self._name = str(pid)
        self._fd = fd
        self._root_fd = root_fd

    def owner(self) -> int:
        return os.fstat(self._fd).st_uid

    def read(self, name: str) -> bytes:
        return read_at(name, self._fd)

    def link(self, name: str) -> bytes:
        return os.fsencode(os.readlink(name, dir_fd=self._fd))

    def inode(self, name: str) -> int:
        return os.stat(name, dir_fd=self._fd).st_ino

    @contextmanager
    def opened(self, name: str) -> Iterator[int]:
        fd = os.open(name, OPEN, dir_fd=self._fd)
        try:
            yield fd
        finally:
            os.close(fd)

    def starttime_ticks(self) -> int | None:
        try:
            return parse_stat(self.read("stat")).starttime_ticks
        except Unreadable:
            return None

    def alive(self) -> bool:
        try:
            ours = os.fstat(self._fd)
            theirs = os.stat(self._name, dir_fd=self._root_fd)
        except OSError:
            return False
        return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)


def _vanished(pid: int, error: OSError, fields: frozenset[Field]) -> Process:
    """A process that was listed, and can't be opened any more."""
    problem: Problem = "gone" if error.errno in _NOT_THERE else "failed"
    return Process(
        pid=pid,
        errors=tuple(
            FieldError(field=name, problem=problem, detail=errno_name(error))
            for name in PROCESS_FIELDS
            if name in fields
        ),
    )


def _boot_time_s() -> int | None:
    # The agent reads the real /proc/stat whatever os-proc-root says (agent v6.5
    # linux_process.rs:149-156, with the procfs crate's fixed path).
    try:
        return parse_btime(read_at("/proc/stat", None))
    except (OSError, Unreadable):
        return None
