"""The sockets of a source at one moment: file descriptors joined with the socket tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
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
from proccli.model.outcome import Outcome, SocketCounts, Status
from proccli.model.process import NS_PER_S, FieldError, Host
from proccli.model.sockets import (
    Endpoint,
    Socket,
    SocketFd,
    SocketReason,
    SocketRole,
    SocketRow,
    SocketStatus,
    TableName,
)
from proccli.model.source import Source
from proccli.model.tuples import from_fields
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
    """What was read of the sockets of some processes, and what decides about it."""

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
        for namespace in self._in_order():
            for table in namespace.tables:
                unreadable = self._unreadable(namespace, table.name)
                for row in table.rows:
                    yield row, namespace, unreadable

    def take_rows(self) -> Iterator[tuple[SocketRow, Namespace, bool | None]]:
        """The same rows; each is removed here when it is returned, so that its memory can be used
        for what is made of it."""
        for namespace in self._in_order():
            waiting = [
                (list(reversed(table.rows)), self._unreadable(namespace, table.name))
                for table in namespace.tables
            ]
            namespace.tables = tuple(table._replace(rows=()) for table in namespace.tables)
            for rows, unreadable in waiting:
                while rows:
                    yield rows.pop(), namespace, unreadable

    def _in_order(self) -> Sequence[Namespace]:
        """Those with a number first: a row of one without may be the same row once more."""
        return sorted(self.namespaces, key=lambda one: one.netns == NAMELESS)

    def lost(self) -> Iterator[tuple[Namespace, TableName, FieldError]]:
        """The tables that could not be read, of the namespaces that the agent opens."""
        for namespace in self.namespaces:
            if namespace.idx is not None:
                for table in namespace.tables:
                    if table.error is not None:
                        yield namespace, table.name, table.error

    def _unreadable(self, namespace: Namespace, name: TableName) -> bool | None:
        if namespace.idx is None:
            return None if namespace.doubtful else True
        loss = namespace.lost.get(name)
        if loss is not None and loss.problem == "denied" and not self.host.privileged:
            return None
        return loss is not None


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
    host, roles, ages = reading.host, reading.roles, _Ages(reading.host)
    sockets: list[Socket] = []
    repeated: list[Socket] = []
    best_known: list[Socket] = []
    hidden: list[Socket] = []
    without_process = 0
    for row, namespace, holders, again in joined_rows(reading, reading.rows()):
        netns = None if namespace.netns == NAMELESS else namespace.netns
        idx, role = namespace.idx, roles.of(row, namespace)
        if not holders:
            without_process += 1
            if not host.privileged:
                hidden.append(_hidden_socket(row, netns, idx, role))
            continue
        made = repeated if again else sockets
        for outcome, held, status, reason in holders:
            process = outcome.process
            made.append(
                _new_socket(
                    (
                        process.pid,
                        held.fd,
                        outcome.gprocess,
                        outcome.process_name or process.comm,
                        row,
                        netns,
                        idx,
                        role,
                        ages[held.since_ns],
                        held.age_source,
                        status,
                        reason,
                        None,
                    )
                )
            )
        if not again:
            best_known.append(made[best_known_holder(holders) - len(holders)])
    sockets.sort(key=by_pid_and_fd)
    return SocketSample(
        sockets=tuple(sockets),
        repeated=tuple(repeated),
        best_known=tuple(best_known),
        unreadable=tuple(reading.unreadable),
        lost=tuple(reading.lost()),
        without_process=without_process,
        hidden=tuple(hidden),
    )


_new_socket: Final = from_fields(Socket)


def _hidden_socket(
    row: SocketRow, netns: int | None, idx: int | None, role: SocketRole | None
) -> Socket:
    return Socket(
        pid=0,
        fd=0,
        gprocess=None,
        process_name=None,
        row=row,
        netns=netns,
        netns_idx=idx,
        role=role,
        age_s=None,
        age_source="unknown",
        status="undecided",
        reason="unreadable",
    )


def ages_that_decide(reading: Reading) -> Sequence[int]:
    """The smallest possible age, in seconds, of each socket for which only the age decides whether
    it is sent."""
    if not _Conditions(reading).may_depend_on_age(reading.held):
        return ()
    return [
        age_s(held.since_ns, reading.host) or 0
        for _, _, holders, again in joined_rows(reading, reading.rows())
        if not again
        for _, held, status, reason in holders
        if status == "undecided" and reason == "min-lifetime"
    ]


def count_sockets(reading: Reading) -> Mapping[int, SocketCounts | None]:
    """The number of each process's sockets by status, as `join_sockets` finds them; None where they
    could not be read.

    A socket is skipped because of its row or because of its owner, and undecided if either is. So
    each is checked alone, with a counterpart that every agent sends, and no socket is made. This
    saves memory: of thousands of owners, only their three numbers are kept.
    """
    conditions = _Conditions(reading)
    numbers: dict[int, list[int]] = {outcome.process.pid: [0, 0, 0] for outcome, _ in reading.held}
    sole, shared = _owner_severities(reading.held, conditions, numbers)
    for row, _, unreadable in reading.rows():
        # A row that comes again counts once.
        owner = sole.pop(row.inode, None)
        if owner is None:
            continue
        status, _ = conditions.status(row, "accepted", None, unreadable, no_owner=False)
        at_best = _SEVERITY[status]
        for counted, severity in shared.get(row.inode) or (owner,):
            counted[max(at_best, severity)] += 1
    return {
        **{outcome.process.pid: None for outcome, _ in reading.unreadable},
        **{
            pid: SocketCounts(synced=synced, undecided=undecided, skipped=skipped)
            for pid, (synced, undecided, skipped) in numbers.items()
        },
    }


_SEVERITY: Final[Mapping[SocketStatus, int]] = {"synced": 0, "undecided": 1, "skipped": 2}
_SENT_ROW: Final = SocketRow(
    "tcp", "ipv4", "ESTABLISHED", Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 2), 1
)
"""One that every agent sends that sends sockets."""

_OwnerSeverity: TypeAlias = tuple[list[int], int]
"""A process's numbers by severity, and the least severity of its socket."""


def _owner_severities(
    held: Sequence[Held], conditions: _Conditions, numbers: Mapping[int, list[int]]
) -> tuple[dict[int, _OwnerSeverity], Mapping[int, Sequence[_OwnerSeverity]]]:
    """An owner of each socket by inode, and all owners of those that have several."""
    sole: dict[int, _OwnerSeverity] = {}
    several: set[int] = set()
    for outcome, sockets in held:
        counted = numbers[outcome.process.pid]
        by_age: dict[int | None, _OwnerSeverity] = {}  # links first seen together have one age
        for _, inode, since_ns, _ in sockets:
            severity = by_age.get(since_ns)
            if severity is None:
                status, _ = conditions.status(
                    _SENT_ROW, outcome.status, since_ns, False, no_owner=False
                )
                severity = by_age[since_ns] = counted, _SEVERITY[status]
            if inode in sole:
                several.add(inode)
            else:
                sole[inode] = severity
    return sole, _sharer_severities(held, several, conditions, numbers) if several else {}


def _sharer_severities(
    held: Iterable[Held],
    inodes: Collection[int],
    conditions: _Conditions,
    numbers: Mapping[int, list[int]],
) -> Mapping[int, Sequence[_OwnerSeverity]]:
    """All owners of these sockets."""
    owners: dict[int, list[_Owner]] = {}
    for outcome, sockets in held:
        for socket in sockets:
            if socket.inode in inodes:
                owners.setdefault(socket.inode, []).append((outcome, socket))
    return {
        inode: [
            (
                numbers[outcome.process.pid],
                _SEVERITY[
                    conditions.status(_SENT_ROW, outcome.status, fd.since_ns, False, lost)[0]
                ],
            )
            for (outcome, fd), lost in zip(found, _lost_to_another(found), strict=True)
        ]
        for inode, found in owners.items()
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
    conditions = _Conditions(alone)
    wanted = {
        row.inode
        for row, _, unreadable in alone.rows()
        if row.inode in inodes
        and conditions.status(row, "accepted", None, unreadable, no_owner=False)[0] != "skipped"
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


def _owners_by_inode(
    held: Iterable[Held],
) -> tuple[dict[int, _Owner | None], Mapping[int, Sequence[_Owner]]]:
    """The first owner of each socket, in the order of `held`: by pid, then fd; and all owners of
    those that have several. Callers may replace an owner that they no longer need by None."""
    first: dict[int, _Owner | None] = {}
    shared: dict[int, list[_Owner]] = {}
    for outcome, sockets in held:
        for socket in sockets:
            inode = socket.inode
            if (earlier := first.get(inode)) is None:
                first[inode] = (outcome, socket)
            else:
                shared.setdefault(inode, [earlier]).append((outcome, socket))
    return first, shared


def _lost_to_another(owners: Sequence[_Owner]) -> Sequence[bool | None]:
    """For each file descriptor, whether the agent assigns the socket to a later one; None: it may.

    Every accepted process that owns a socket overwrites the owner noted before, so the owner is
    the highest pid among them, with its highest fd.

    Source: agent v6.5 linux_socket.rs:258-265.
    """
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


def best_known_holder(holders: Sequence[Holder]) -> int:
    """Index of the process that represents the socket: the agent's choice, or the last."""
    for index in reversed(range(len(holders))):
        if holders[index][0].status == "accepted":
            return index
    return len(holders) - 1


Holder: TypeAlias = tuple[Outcome, SocketFd, SocketStatus, SocketReason | None]
"""A process that holds a socket, with its file descriptor, and whether the agent sends that one."""
JoinedRow: TypeAlias = tuple[SocketRow, Namespace, Sequence[Holder], bool]
"""A row with all that hold the socket, in the order of pids and file descriptors; and whether it is
there a second time, in a namespace that can't be distinguished from another."""


def joined_rows(
    reading: Reading, rows: Iterable[tuple[SocketRow, Namespace, bool | None]]
) -> Iterator[JoinedRow]:
    """The rows of sockets with a file, joined with the processes that hold them. Rows of a socket
    that was joined before are returned last.

    To save memory, the entry of a socket is removed when it has been joined.
    """
    owners, shared = _owners_by_inode(reading.held)
    status_of = _Conditions(reading).status
    repeated: list[tuple[SocketRow, Namespace, bool | None]] = []

    def holders(row: SocketRow, unreadable: bool | None) -> Sequence[Holder]:
        several = shared[row.inode]
        return [
            (outcome, fd, *status_of(row, outcome.status, fd.since_ns, unreadable, no_owner))
            for (outcome, fd), no_owner in zip(several, _lost_to_another(several), strict=True)
        ]

    for again in (False, True):
        if again and repeated:
            owners, _ = _owners_by_inode(reading.held)
        for row, namespace, unreadable in repeated if again else rows:
            inode = row.inode
            if inode not in owners:
                if inode != 0:
                    yield row, namespace, (), False
            elif (owner := owners[inode]) is None:
                repeated.append((row, namespace, unreadable))
            else:
                if not again:
                    owners[inode] = None
                if inode in shared:
                    yield row, namespace, holders(row, unreadable), again
                else:
                    outcome, fd = owner
                    status, reason = status_of(row, outcome.status, fd.since_ns, unreadable, False)
                    yield row, namespace, ((outcome, fd, status, reason),), again


class _Conditions:
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
        of_process: Status,
        since_ns: int | None,
        unreadable: bool | None,
        no_owner: bool | None,
    ) -> tuple[SocketStatus, SocketReason | None]:
        """Whether a socket is sent: the first condition that it certainly fails counts, in the
        agent's order; else the first of which it is not known.

        `of_process` and `since_ns` are of its owner, and of the link in its `fd`.
        """
        if not self._syncs:
            return "skipped", "no-socket-sync"
        accepted = of_process == "accepted"
        if not accepted and of_process != "unknown":
            return "skipped", "process-not-accepted"
        if unreadable:
            return "skipped", "unreadable"
        if no_owner:
            return "skipped", "no-owner"
        protocol, family, state, local, remote, _ = row
        tcp = protocol == "tcp"
        if tcp and state != "ESTABLISHED":
            return "skipped", "listening" if state == "LISTEN" else "not-established"
        old = since_ns is None or since_ns < self._old_before_ns or self._may_be_old(since_ns)
        if old is False:
            return "skipped", "min-lifetime"
        if not tcp and is_unspecified(row, remote):
            return "skipped", "udp-unconnected"
        if (family == "ipv6" and not self._mapped) or ":" in local.ip or ":" in remote.ip:
            return "skipped", "ipv6"
        if not accepted:
            return "undecided", "process-not-accepted"
        if unreadable is None:
            return "undecided", "unreadable"
        if no_owner is None:
            return "undecided", "no-owner"
        return ("undecided", "min-lifetime") if old is None else ("synced", None)

    def may_depend_on_age(self, held: Iterable[Held]) -> bool:
        """Whether any of these sockets seems young."""
        return any(
            since_ns is not None and since_ns >= self._old_before_ns
            for _, sockets in held
            for _, _, since_ns, _ in sockets
        )

    def _may_be_old(self, since_ns: int) -> bool | None:
        """Whether a socket that seems young may have reached the minimum lifetime: None or False;
        None where only a later sample can show it.

        In a first sample a link that seems young proves nothing: our own reading may have created
        it.
        """
        observed_since_ns = self._observed_since_ns
        return None if observed_since_ns is None or since_ns <= observed_since_ns else False


class _Ages(dict[int | None, int | None]):
    """The ages of sockets by when their links were first read: many were at the same moment."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host

    def __missing__(self, since_ns: int | None) -> int | None:
        self[since_ns] = found = age_s(since_ns, self._host)
        return found


def age_s(since_ns: int | None, host: Host) -> int | None:
    """The age in whole seconds as the agent counts it of a socket whose link was first read at this
    time, in nanoseconds since the epoch; None: not known.

    The agent subtracts the seconds of the ctime of the link in /proc/PID/fd from those of the
    clock. The kernel makes the link when it is first read, so this is how long it has
    been known, and not more than its age; a link whose number was used before keeps the ctime of
    its predecessor.

    Source: agent v6.5 linux_socket.rs:484-500, 665-676.
    """
    if since_ns is None:
        return None
    # A link that was never read before is created while we read it, after the snapshot began.
    return max(host.taken_at_ns // NS_PER_S - since_ns // NS_PER_S, 0)
