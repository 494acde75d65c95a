"""A process that is only described, with its ancestors, to see what the agent would decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from proccli.errors import NoSuchProcess, UsageError
from proccli.model.note import Note
from proccli.model.process import ALL_FIELDS, NS_PER_S, Field, FieldError, Host, Process

if TYPE_CHECKING:
    from proccli.model.sockets import NetTables, SocketFd


class MadeUp(NamedTuple):
    """The description of such a process."""

    argv: tuple[str, ...] = ()
    title: str | None = None
    """A rewritten title: one text, as `nginx: worker process`. Instead of `argv`."""
    parents: tuple[str | tuple[str, ...], ...] = ()
    """The ancestors, nearest first: all their arguments, or only the first."""
    tags: tuple[tuple[str, str], ...] = ()
    user: str | None = None
    uptime_s: int | None = None
    """None: old enough."""
    comm: str | None = None
    """None: as the kernel sets it, the first 15 bytes of the program's file name."""
    exe: str | None = None
    """The target of /proc/PID/exe; None: the first argument, or the first word of the title."""
    container_id: str | None = None
    """64 bytes; None: it runs in no container."""


class MadeUpSource(NamedTuple):
    """A source of one process, pid 0, and its ancestors, pids 1, 2, … upwards."""

    host: Host
    processes: Mapping[int, Process]
    user: str | None
    notes: tuple[Note, ...] = ()

    def pids(self) -> Sequence[int]:
        """All of them."""
        return sorted(self.processes)

    def read(self, pid: int, fields: frozenset[Field] = ALL_FIELDS) -> Process:  # noqa: ARG002 - all are here
        """One of them. Raises: NoSuchProcess."""
        try:
            return self.processes[pid]
        except KeyError:
            raise NoSuchProcess(f"no made-up process {pid}") from None

    def read_many(
        self, pids: Iterable[int], fields: frozenset[Field] = ALL_FIELDS
    ) -> Iterator[Process]:
        """Those of them that have one of these pids, in order."""
        del fields
        return (self.processes[pid] for pid in pids if pid in self.processes)

    def users(self, process: Process) -> Mapping[int, str] | None:
        """The user of the description, as uid 0."""
        return {0: self.user} if self.user is not None and process.pid == 0 else None

    def socket_fds(self, pid: int) -> Sequence[SocketFd] | FieldError:  # noqa: ARG002 - none has any
        """Made-up processes have no sockets."""
        return FieldError(field="fds", problem="missing", detail="made up")

    def addresses(self, pid: int) -> Sequence[str] | None:  # noqa: ARG002 - as above
        """None: a made-up process is in no network namespace."""
        return None

    def net_tables(self, pid: int) -> NetTables:  # noqa: ARG002 - as above
        """No tables at all."""
        return ()


_COMM_BYTES: Final = 15
_CONTAINER_ID_BYTES: Final = 64


def made_up_source(made_up: MadeUp, now_ns: int) -> MadeUpSource:
    """The source of a made-up process at a moment.

    Raises: UsageError if it has both arguments and a title, or a text that no process can have.
    """
    if made_up.argv and made_up.title is not None:
        raise UsageError("a process has arguments or a rewritten title, not both")
    pieces = made_up.argv if made_up.title is None else (made_up.title,)
    depth = len(made_up.parents)
    processes = {0: _described(made_up, _process(0, pieces, ppid=1 if depth else 0))}
    for level, above in enumerate(made_up.parents, start=1):
        arguments = (above,) if isinstance(above, str) else above
        processes[level] = _process(level, arguments, ppid=level + 1 if level < depth else 0)
    boot_time_s = None
    if made_up.uptime_s is not None:
        boot_time_s = now_ns // NS_PER_S - made_up.uptime_s
    host = Host(
        kind="made-up",
        name=None,
        taken_at_ns=now_ns,
        boot_time_s=boot_time_s,
        ticks_per_s=100,
        proc_root="",
    )
    return MadeUpSource(host=host, processes=processes, user=made_up.user)


def _process(pid: int, pieces: Sequence[str], *, ppid: int) -> Process:
    exe = _program(pieces)
    named = _named(exe.rstrip("/").rpartition("/")[2])
    return Process(
        pid=pid,
        cmdline=_cmdline(pieces),
        ppid=ppid,
        starttime_ticks=0,
        uid=0,
        exe=exe,
        comm=named.comm,
        status_name=named.status_name,
        cgroup="0::/\n",
    )


def _described(made_up: MadeUp, process: Process) -> Process:
    """With what the description says of it besides its arguments.

    Raises: UsageError for a container id that no agent would find.
    """
    exe = made_up.exe if made_up.exe is not None else process.exe
    if made_up.comm is not None or made_up.exe is not None:
        name = made_up.comm
        if name is None:
            name = (exe or "").removesuffix(" (deleted)").rpartition("/")[2]
        named = _named(name)
        process = process._replace(exe=exe, comm=named.comm, status_name=named.status_name)
    if made_up.container_id is None:
        return process
    if len(made_up.container_id.encode(errors="surrogateescape")) != _CONTAINER_ID_BYTES:
        raise UsageError(f"a container id has {_CONTAINER_ID_BYTES} characters")
    cgroup = f"1:memory:/docker/{made_up.container_id}\n0::/\n"
    return process._replace(cgroup=cgroup)


def _program(pieces: Sequence[str]) -> str:
    """The program of a process: its first argument, or the first word of a rewritten title."""
    first = pieces[0] if pieces else ""
    return first.partition(" ")[0].removesuffix(":") if len(pieces) == 1 else first


def _named(name: str) -> Process:
    """A process with a comm, cut as the kernel cuts it, and read as its agents read `status`."""
    cut = name.encode(errors="surrogateescape")[:_COMM_BYTES]
    try:
        # From the first colon on, and blanks around it, the agent does not see the name.
        status_name = cut.decode().partition(":")[0].strip()
    except UnicodeDecodeError:
        status_name = None
    return Process(pid=0, comm=cut.decode(errors="replace"), status_name=status_name)


def _cmdline(pieces: Sequence[str]) -> bytes:
    """The bytes that the kernel would show. Arguments from a command line carry undecodable
    bytes as surrogates, and those come out as the bytes they were."""
    if any("\0" in piece for piece in pieces):
        raise UsageError("an argument of a process can't hold a NUL character")
    return b"".join(piece.encode(errors="surrogateescape") + b"\0" for piece in pieces)
