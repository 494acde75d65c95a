"""The sockets of a source at one moment: file descriptors joined with the socket tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from math import inf
from operator import attrgetter
from typing import Final, NamedTuple, TypeAlias

from proccli.agent.sockets.namespaces import (
    NAMELESS,
    Held,
    Namespace,
    Roles,
    is_unspecified,
    open_namespaces,
)
from proccli.model.config import Config
from proccli.model.outcome import Outcome, SocketCounts
from proccli.model.process import NS_PER_S, FieldError, Host
from proccli.model.sockets import Socket, SocketFd, SocketReason, SocketRow, SocketStatus, TableName
from proccli.model.source import Source
from proccli.versions import Behaviour, behaviour_of


class SocketSample(NamedTuple):
    """The sockets of some processes at one moment, and what could not be read."""

    sockets: tuple[Socket, ...]
    """Sorted by pid, then fd."""
    repeated: tuple[Socket, ...]
    """Those that the agent meets a second time, in a namespace that it can't distinguish from
    another."""
    best_known: tuple[Socket, ...]
    """Each socket once, with the process that the agent, or else the kernel, lists last."""
    unreadable: tuple[tuple[Outcome, FieldError], ...]
    """Processes whose file descriptors can't be read."""
    lost: tuple[tuple[Namespace, TableName, FieldError], ...]
    """Tables that could not be read, of the namespaces that the agent opens."""
    without_process: int
    """Rows that belong to none of the processes."""
    hidden: tuple[Socket, ...]
    """Of these, where the reader was not privileged, those that a process may hold which only
    root can read; with pid 0."""


class Reading(NamedTuple):
    """What was read of the sockets of some processes, and how the agent judges it."""

    held: Sequence[Held]
    unreadable: Sequence[tuple[Outcome, FieldError]]
    """Processes whose file descriptors can't be read."""
    namespaces: Sequence[Namespace]
    roles: Roles
    host: Host
    min_lifetime_s: int
    syncs: bool
    """Whether the agent sends sockets at all."""
    mapped: bool
    """Whether it reads IPv4 addresses in tcp6 and udp6; it leaves other rows of these out."""

    def rows(self) -> Iterator[tuple[SocketRow, Namespace, bool | None]]:
        """All rows, each with its namespace, and whether the agent has no row of this table."""
        # Namespaces with a number first: a row of one without may be the same row once more.
        for namespace in sorted(self.namespaces, key=lambda one: one.netns == NAMELESS):
            for table in namespace.tables:
                unreadable = self._unreadable(namespace, table.name)
                for row in table.rows:
                    yield row, namespace, unreadable

    def _unreadable(self, namespace: Namespace, name: TableName) -> bool | None:
        if namespace.idx is None:
            return None if namespace.doubtful else True
        loss = namespace.lost.get(name)
        if loss is not None and loss.problem == "denied" and not self.host.privileged:
            return None
        return loss is not None


def collect_sockets(outcomes: Iterable[Outcome], source: Source, config: Config) -> SocketSample:
    """The TCP and UDP sockets of these processes, which come in the order of their pids."""
    return join_sockets(read_sockets(outcomes, source, config))


def read_sockets(
    outcomes: Iterable[Outcome], source: Source, config: Config, *, of_few: bool = False
) -> Reading:
    """What agents of `static_config` read of these processes, which come in the order of pids.

    `of_few`: only their own sockets are looked at, so where they hold none, no table is read.

    Source: agent v6.5 linux_socket.rs.
    """
    behaviour = behaviour_of(config.agent, config.dialect)
    held, unreadable = hold(outcomes, source, behaviour)
    none = of_few and not any(sockets for _, sockets in held)
    namespaces = () if none else open_namespaces(held, source, behaviour)
    return Reading(
        held=held,
        unreadable=unreadable,
        namespaces=namespaces,
        roles=Roles(namespaces),
        host=source.host,
        min_lifetime_s=config.min_lifetime_s,
        syncs=behaviour.sockets != "none",
        mapped=behaviour.sockets == "v4-mapped",
    )


def hold(
    outcomes: Iterable[Outcome], source: Source, behaviour: Behaviour
) -> tuple[Sequence[Held], Sequence[tuple[Outcome, FieldError]]]:
    """The processes with the sockets that they hold, and those of which these can't be read."""
    held: list[Held] = []
    unreadable: list[tuple[Outcome, FieldError]] = []
    for outcome in outcomes:
        found = source.socket_fds(outcome.process.pid)
        if behaviour.unreadable_netns == "skips" and outcome.process.netns is None:
            # The first releases pass over a process whose namespace they can't read.
            found = outcome.process.error("netns") or FieldError("netns", "missing", "ENOENT")
        if isinstance(found, FieldError):
            unreadable.append((outcome, found))
        else:
            held.append((outcome, found))
    return held, unreadable


def join_sockets(reading: Reading) -> SocketSample:
    """The rows of the namespaces joined with the processes that hold the sockets."""
    join = _Join(reading)
    for row, namespace, unreadable in reading.rows():
        join.add(row, namespace, unreadable)
    return SocketSample(
        sockets=tuple(sorted(join.sockets, key=by_pid_and_fd)),
        repeated=tuple(join.repeated),
        best_known=tuple(join.best_known),
        unreadable=tuple(reading.unreadable),
        lost=tuple(
            (namespace, table.name, table.error)
            for namespace in reading.namespaces
            if namespace.idx is not None
            for table in namespace.tables
            if table.error is not None
        ),
        without_process=join.without_process,
        hidden=tuple(join.hidden),
    )


def count_sockets(reading: Reading) -> Mapping[int, SocketCounts | None]:
    """The number of each process's sockets by status, as `join_sockets` finds them, without making
    them; None where they could not be read.

    For a number it does not matter which condition fails first. So each row is judged once, apart
    from the processes, which takes less than half of the time.
    """
    judge = _Judge(reading)
    sent: dict[int, bool | None] = {}
    for row, _, unreadable in reading.rows():
        if row.inode not in sent:  # a row that comes again counts once
            sent[row.inode] = judge.sends_row(row, unreadable)
    lost = _lost_by_fd(reading.held)
    counts: dict[int, SocketCounts | None] = {}
    for outcome, _ in reading.unreadable:
        counts[outcome.process.pid] = None
    for outcome, held in reading.held:
        pid = outcome.process.pid
        sent_process = outcome.status == "accepted" or (outcome.status == "unknown" and None)
        synced = skipped = undecided = 0
        for socket in held:
            if socket.inode not in sent:
                continue
            sent_row = sent[socket.inode]
            if sent_process is False or sent_row is False:
                skipped += 1
                continue
            no_owner = lost.get((pid, socket.fd), False)
            old = judge.is_old(socket.since_ns)
            if no_owner or old is False:
                skipped += 1
            elif sent_process and sent_row and no_owner is False and old:
                synced += 1
            else:
                undecided += 1
        counts[pid] = SocketCounts(synced, skipped, undecided)
    return counts


def _lost_by_fd(held: Iterable[Held]) -> Mapping[tuple[int, int], bool | None]:
    """`_lost_to_another` by pid and fd, of the sockets that several file descriptors have."""
    times = Counter(socket.inode for _, sockets in held for socket in sockets)
    shared = {inode for inode, number in times.items() if number > 1}
    if not shared:
        return {}
    held_shared = (
        (outcome, [socket for socket in sockets if socket.inode in shared])
        for outcome, sockets in held
    )
    return {
        (outcome.process.pid, socket.fd): lost
        for owners in _owners_by_inode(held_shared).values()
        for (outcome, socket), lost in zip(owners, _lost_to_another(owners), strict=True)
    }


by_pid_and_fd: Final[Callable[[Socket], tuple[int, int]]] = attrgetter("pid", "fd")
"""The order of sockets."""


def read_sockets_of(
    pids: Collection[int],
    source: Source,
    outcome_of: Callable[[int], Outcome | None],
    config: Config,
) -> Reading:
    """What the number of a few processes' sockets depends on, without deciding about the others.

    If they hold no sockets, no table is read. Only if some of theirs would be sent are the file
    descriptors of others read, since another process may hold them too; and only of those with a
    higher pid, since the last one counts. Roles are not reliable: other namespaces' listeners are
    not known.
    """
    outcomes = {pid: found for pid in pids if (found := outcome_of(pid)) is not None}
    alone = read_sockets(_in_order(outcomes.values()), source, config, of_few=True)
    inodes = {
        socket.inode
        for outcome, sockets in alone.held
        if outcome.status in ("accepted", "unknown")
        for socket in sockets
    }
    judge = _Judge(alone)
    wanted = {
        row.inode
        for row, _, unreadable in alone.rows()
        if row.inode in inodes and judge.sends_row(row, unreadable) is not False
    }
    if not wanted:
        return alone
    first = min(outcomes)
    sharers = {
        pid: outcome
        for pid in source.pids()
        if pid > first
        and pid not in outcomes
        and _holds(source, pid, wanted)
        and (outcome := outcome_of(pid)) is not None
    }
    if not sharers:
        return alone
    return read_sockets(_in_order([*outcomes.values(), *sharers.values()]), source, config)


def _in_order(outcomes: Iterable[Outcome]) -> Sequence[Outcome]:
    return sorted(outcomes, key=lambda outcome: outcome.process.pid)


def _holds(source: Source, pid: int, inodes: Collection[int]) -> bool:
    found = source.socket_fds(pid)
    return not isinstance(found, FieldError) and any(socket.inode in inodes for socket in found)


_Owner: TypeAlias = tuple[Outcome, SocketFd]
"""A process that holds a socket, with its file descriptor."""


def _owners_by_inode(held: Iterable[Held]) -> dict[int, tuple[_Owner, ...]]:
    """The file descriptors of each socket, in the order of `held`: by pid, then fd."""
    owners: dict[int, tuple[_Owner, ...]] = {}
    shared: dict[int, list[_Owner]] = {}
    for outcome, sockets in held:
        for socket in sockets:
            inode = socket.inode
            if inode not in owners:
                owners[inode] = ((outcome, socket),)
            else:
                shared.setdefault(inode, [*owners[inode]]).append((outcome, socket))
    owners.update((inode, tuple(found)) for inode, found in shared.items())
    return owners


_KEPT: Final[Sequence[bool | None]] = (False,)


def _lost_to_another(owners: Sequence[_Owner]) -> Sequence[bool | None]:
    """For each file descriptor, whether the agent assigns the socket to a later one; None: it may.

    Every accepted process that owns a socket overwrites the owner noted before, so the owner is
    the highest pid among them, with its highest fd.

    Source: agent v6.5 linux_socket.rs:258-265.
    """
    if len(owners) == 1:
        return _KEPT
    answer: bool | None = False
    lost: list[bool | None] = []
    for outcome, _ in reversed(owners):
        lost.append(answer)
        if outcome.status == "accepted":
            answer = True
        elif outcome.status == "unknown" and answer is False:
            answer = None
    lost.reverse()
    return lost


def _best_known(owners: Sequence[_Owner]) -> int:
    """Index of the process that represents the socket: the agent's choice, or the last."""
    for index in reversed(range(len(owners))):
        if owners[index][0].status == "accepted":
            return index
    return len(owners) - 1


class _Judge:
    """Whether the agent sends a socket."""

    def __init__(self, reading: Reading) -> None:
        host, min_lifetime_s = reading.host, reading.min_lifetime_s
        # The agent compares whole seconds, see age_s.
        old_before_s = host.taken_at_ns // NS_PER_S - min_lifetime_s + 1
        self._old_before_ns = old_before_s * NS_PER_S if min_lifetime_s > 0 else inf
        self._observed_since_ns = host.observed_since_ns
        self._syncs = reading.syncs
        self._mapped = reading.mapped

    def status(  # noqa: C901 - a condition each
        self,
        row: SocketRow,
        outcome: Outcome,
        held: SocketFd,
        unreadable: bool | None,
        no_owner: bool | None,
    ) -> tuple[SocketStatus, SocketReason | None]:
        """Whether a socket is sent: the first condition that it certainly fails counts, in the
        agent's order; else the first of which it is not known."""
        if not self._syncs:
            return "skipped", "no-socket-sync"
        accepted = outcome.status == "accepted"
        if not accepted and outcome.status != "unknown":
            return "skipped", "process-not-accepted"
        if unreadable:
            return "skipped", "unreadable"
        if no_owner:
            return "skipped", "no-owner"
        if (no_connection := self._no_connection(row)) is not None:
            return "skipped", no_connection
        old = self.is_old(held.since_ns)
        if old is False:
            return "skipped", "min-lifetime"
        if (other_ends := self._other_ends(row)) is not None:
            return "skipped", other_ends
        if not accepted:
            return "undecided", "process-not-accepted"
        if unreadable is None:
            return "undecided", "unreadable"
        if no_owner is None:
            return "undecided", "no-owner"
        return ("undecided", "min-lifetime") if old is None else ("synced", None)

    def sends_row(self, row: SocketRow, unreadable: bool | None) -> bool | None:
        """Whether the row, by itself, is one of a socket that is sent; None: not known."""
        if unreadable or not self._syncs or self._no_connection(row) or self._other_ends(row):
            return False
        return None if unreadable is None else True

    def _no_connection(self, row: SocketRow) -> SocketReason | None:
        if row.protocol == "udp" or row.state == "ESTABLISHED":
            return None
        return "listening" if row.state == "LISTEN" else "not-established"

    def _other_ends(self, row: SocketRow) -> SocketReason | None:
        if row.protocol == "udp" and is_unspecified(row, row.remote):
            return "udp-unconnected"
        if (
            (row.family == "ipv6" and not self._mapped)
            or ":" in row.local.ip
            or ":" in row.remote.ip
        ):
            return "ipv6"
        return None

    def is_old(self, since_ns: int | None) -> bool | None:
        """Whether a socket has reached the minimum lifetime; None where only a later sample can
        show it.

        In a first sample a link that seems young proves nothing: our own reading may have created
        it.
        """
        if since_ns is None or since_ns < self._old_before_ns:
            return True
        observed_since_ns = self._observed_since_ns
        return None if observed_since_ns is None or since_ns <= observed_since_ns else False


# A named tuple's own constructor takes twice as long.
_new_socket: Callable[[tuple[object, ...]], Socket] = partial(tuple.__new__, Socket)


class _Join:
    """Joins the rows of socket tables with the processes that hold the sockets."""

    def __init__(self, reading: Reading) -> None:
        self._owners = _owners_by_inode(reading.held)
        self._roles = reading.roles
        self._host = reading.host
        self._judge = _Judge(reading)
        self._joined: set[int] = set()
        self.sockets: list[Socket] = []
        self.repeated: list[Socket] = []
        self.best_known: list[Socket] = []
        self.without_process = 0
        self.hidden: list[Socket] = []

    def add(self, row: SocketRow, namespace: Namespace, unreadable: bool | None) -> None:
        """Add one row; `unreadable`: whether the agent has no row of its table."""
        inode = row.inode
        owners = self._owners.get(inode)
        if owners is None:
            self.without_process += inode != 0
            if inode != 0 and not self._host.privileged:
                self.hidden.append(self._hidden_socket(row, namespace))
            return
        made = [
            self._socket(row, owner, namespace, unreadable, no_owner)
            for owner, no_owner in zip(owners, _lost_to_another(owners), strict=True)
        ]
        if inode in self._joined:
            self.repeated += made
            return
        self._joined.add(inode)
        self.sockets += made
        self.best_known.append(made[_best_known(owners)])

    def _socket(
        self,
        row: SocketRow,
        owner: _Owner,
        namespace: Namespace,
        unreadable: bool | None,
        no_owner: bool | None,
    ) -> Socket:
        outcome, held = owner
        status, reason = self._judge.status(row, outcome, held, unreadable, no_owner)
        process, netns = outcome.process, namespace.netns
        return _new_socket(
            (
                process.pid,
                held.fd,
                outcome.gprocess,
                outcome.process_name or process.comm,
                row,
                None if netns == NAMELESS else netns,
                namespace.idx,
                self._roles.of(row, namespace),
                age_s(held, self._host),
                held.age_source,
                status,
                reason,
                None,
            )
        )

    def _hidden_socket(self, row: SocketRow, namespace: Namespace) -> Socket:
        return Socket(
            pid=0,
            fd=0,
            gprocess=None,
            process_name=None,
            row=row,
            netns=None if namespace.netns == NAMELESS else namespace.netns,
            netns_idx=namespace.idx,
            role=self._roles.of(row, namespace),
            age_s=None,
            age_source="unknown",
            status="undecided",
            reason="unreadable",
        )


def age_s(socket: SocketFd, host: Host) -> int | None:
    """The age of a socket in whole seconds as the agent counts them; None: not known.

    The agent subtracts the seconds of the ctime of the link in /proc/PID/fd from those of the
    clock. The kernel makes the link when it is first read, so this is how long it has
    been known, and not more than its age; a link whose number was used before keeps the ctime of
    its predecessor.

    Source: agent v6.5 linux_socket.rs:484-500, 665-676.
    """
    if socket.since_ns is None:
        return None
    # A link that was never read before is created while we read it, after the snapshot began.
    return max(host.taken_at_ns // NS_PER_S - socket.since_ns // NS_PER_S, 0)
