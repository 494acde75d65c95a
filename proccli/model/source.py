"""The interface of all sources of processes: a live /proc, a directory, a recording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from proccli.model.note import Note
from proccli.model.process import ALL_FIELDS, Field, FieldError, Host, Process

if TYPE_CHECKING:
    from proccli.model.sockets import NetTables, SocketFd


class Source(Protocol):
    """Processes, read one at a time and only when asked for.

    A source that has read a process returns the same answer again: one run sees one moment.
    """

    @property
    def host(self) -> Host:
        """Where and when the processes were read."""

    @property
    def notes(self) -> Sequence[Note]:
        """What the user should know about this source (a mount that hides processes, …)."""

    def pids(self) -> Sequence[int]:
        """All process ids, ascending: the order in which the agent's directory listing has them.

        Raises: SourceError.
        """

    def read(self, pid: int, fields: frozenset[Field] = ALL_FIELDS) -> Process:
        """One process with at least these fields. What vanishes while it is read, or is refused,
        is in its `errors`.

        A source that reads from files reads no more than `fields`; asked for more later, it reads
        the process again. Raises: NoSuchProcess if the source never had it; SourceError.
        """

    def read_many(
        self, pids: Iterable[int], fields: frozenset[Field] = ALL_FIELDS
    ) -> Iterator[Process]:
        """The processes of these pids as `read` gives them, in any order, without those that the
        source never had. Raises: SourceError.
        """

    def users(self, process: Process) -> Mapping[int, str] | None:
        """Names by uid from the passwd file in the process's own root; None where unreadable.

        The first entry with a uid counts, and one table serves all processes whose root has the
        same inode number (agent v6.5 linux_process.rs:455-476).
        """

    def socket_fds(self, pid: int) -> Sequence[SocketFd] | FieldError:
        """The file descriptors of a process that are sockets, ascending, or why they can't be
        read. Processes that were not read before may be asked for."""

    def addresses(self, pid: int) -> Sequence[str] | None:
        """The IPv4 addresses of the network namespace that a process is in, ascending, without
        loopback; None where they can't be read."""

    def net_tables(self, pid: int) -> NetTables:
        """The socket tables of the network namespace that a process is in.

        They are large and not cached: asking again may read them again. Raises: SourceError.
        """
