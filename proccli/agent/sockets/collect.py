"""The sockets of a source at one moment: file descriptors joined with the socket tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from proccli.agent.sockets.namespaces import (
    NAMELESS,
    Held,
    Namespace,
    Roles,
    is_unspecified,
    open_namespaces,
)
from proccli.model.config import Config
from proccli.model.outcome import Outcome, Status
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


def collect_sockets(outcomes: Iterable[Outcome], source: Source, config: Config) -> SocketSample:
    """The TCP and UDP sockets of these processes, which come in the order of their pids.

    Source: agent v6.5 linux_socket.rs.
    """
    behaviour = behaviour_of(config.agent, config.dialect)
    held, unreadable = hold(outcomes, source, behaviour)
    namespaces = open_namespaces(held, source, behaviour)
    return join_sockets(
        held,
        namespaces,
        source.host,
        roles=Roles(namespaces),
        min_lifetime_s=config.min_lifetime_s,
        unreadable=unreadable,
        behaviour=behaviour,
        syncs=behaviour.sockets != "none",
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


def join_sockets(
    held: Sequence[Held],
    namespaces: Sequence[Namespace],
    host: Host,
    *,
    roles: Roles,
    min_lifetime_s: int,
    unreadable: Sequence[tuple[Outcome, FieldError]],
    behaviour: Behaviour,
    syncs: bool,
) -> SocketSample:
    """The rows of the namespaces joined with the processes that hold the sockets.

    `syncs`: whether the agent sends sockets at all.
    """
    mapped = behaviour.sockets == "v4-mapped"
    join = _Join(_owners_by_inode(held), roles, host, min_lifetime_s, syncs=syncs, mapped=mapped)
    # Namespaces with a number first: a row of one without may be the same row once more.
    for namespace in sorted(namespaces, key=lambda namespace: namespace.netns == NAMELESS):
        for table in namespace.tables:
            join.add(table.rows, namespace, namespace.lost.get(table.name))
    return SocketSample(
        sockets=tuple(sorted(join.sockets, key=by_pid_and_fd)),
        repeated=tuple(join.repeated),
        best_known=tuple(join.best_known),
        unreadable=tuple(unreadable),
        lost=tuple(
            (namespace, table.name, table.error)
            for namespace in namespaces
            if namespace.idx is not None
            for table in namespace.tables
            if table.error is not None
        ),
        without_process=join.without_process,
        hidden=tuple(join.hidden),
    )


def by_pid_and_fd(socket: Socket) -> tuple[int, int]:
    """The order of sockets."""
    return socket.pid, socket.fd


def collect_sockets_of(
    pids: Collection[int],
    source: Source,
    outcome_of: Callable[[int], Outcome | None],
    config: Config,
) -> SocketSample:
    """The sockets of a few processes, without deciding about the others.

    Only if some of theirs would be sent are the file descriptors of the rest read, since another
    process may hold them too. Roles are not reliable: other namespaces' listeners are not known.
    """
    outcomes = {pid: found for pid in pids if (found := outcome_of(pid)) is not None}
    alone = collect_sockets(_in_order(outcomes.values()), source, config)
    wanted = {socket.row.inode for socket in alone.sockets if socket.status != "skipped"}
    if not wanted:
        return alone
    sharers = {
        pid: outcome
        for pid in source.pids()
        if pid not in outcomes
        and _holds(source, pid, wanted)
        and (outcome := outcome_of(pid)) is not None
    }
    if not sharers:
        return alone
    return collect_sockets(_in_order([*outcomes.values(), *sharers.values()]), source, config)


def _in_order(outcomes: Iterable[Outcome]) -> Sequence[Outcome]:
    return sorted(outcomes, key=lambda outcome: outcome.process.pid)


def _holds(source: Source, pid: int, inodes: Collection[int]) -> bool:
    found = source.socket_fds(pid)
    return not isinstance(found, FieldError) and any(socket.inode in inodes for socket in found)


class _Owner(NamedTuple):
    """A process that holds a socket, with its file descriptor."""

    outcome: Outcome
    socket: SocketFd


def _owners_by_inode(held: Iterable[Held]) -> Mapping[int, Sequence[_Owner]]:
    """The file descriptors of each socket, in the order of `held`: by pid, then fd."""
    owners: dict[int, list[_Owner]] = {}
    for outcome, sockets in held:
        for socket in sockets:
            if (known := owners.get(socket.inode)) is None:
                owners[socket.inode] = [_Owner(outcome, socket)]
            else:
                known.append(_Owner(outcome, socket))
    return owners


def _lost_to_another(owners: Sequence[_Owner]) -> Sequence[bool | None]:
    """For each file descriptor, whether the agent assigns the socket to a later one; None: it may.

    Every accepted process that owners a socket overwrites the owner noted before, so the owner is
    the highest pid among them, with its highest fd.

    Source: agent v6.5 linux_socket.rs:258-265.
    """
    answer: bool | None = False
    lost: list[bool | None] = []
    for owner in reversed(owners):
        lost.append(answer)
        if owner.outcome.status == "accepted":
            answer = True
        elif owner.outcome.status == "unknown" and answer is False:
            answer = None
    lost.reverse()
    return lost


def _best_known(owners: Sequence[_Owner]) -> int:
    """Index of the process that represents the socket: the agent's choice, or the last."""
    for index in reversed(range(len(owners))):
        if owners[index].outcome.status == "accepted":
            return index
    return len(owners) - 1


class _Join:
    """Joins the rows of socket tables with the processes that hold the sockets."""

    def __init__(
        self,
        owners: Mapping[int, Sequence[_Owner]],
        roles: Roles,
        host: Host,
        min_lifetime_s: int,
        *,
        syncs: bool,
        mapped: bool,
    ) -> None:
        self._owners = owners
        self._roles = roles
        self._syncs = syncs
        self._mapped = mapped
        self._host = host
        self._min_lifetime_s = min_lifetime_s
        self._joined: set[int] = set()
        self.sockets: list[Socket] = []
        self.repeated: list[Socket] = []
        self.best_known: list[Socket] = []
        self.without_process = 0
        self.hidden: list[Socket] = []

    def add(self, rows: Iterable[SocketRow], namespace: Namespace, loss: FieldError | None) -> None:
        """Add the rows of one table; `loss` is why the agent has none of them."""
        refused = loss is not None and loss.problem == "denied" and not self._host.privileged
        unreadable: bool | None = loss is not None
        if namespace.idx is None:
            unreadable = None if namespace.doubtful else True
        elif refused:
            unreadable = None
        for row in rows:
            owners = self._owners.get(row.inode)
            if owners is None:
                self.without_process += row.inode != 0
                if row.inode != 0 and not self._host.privileged:
                    self.hidden.append(self._hidden_socket(row, namespace))
                continue
            lost = _lost_to_another(owners)
            made = [
                self._socket(row, owner, namespace, unreadable, no_owner)
                for owner, no_owner in zip(owners, lost, strict=True)
            ]
            if row.inode in self._joined:
                self.repeated.extend(made)
                continue
            self._joined.add(row.inode)
            self.sockets.extend(made)
            self.best_known.append(made[_best_known(owners)])

    def _socket(
        self,
        row: SocketRow,
        owner: _Owner,
        namespace: Namespace,
        unreadable: bool | None,
        no_owner: bool | None,
    ) -> Socket:
        outcome, held = owner.outcome, owner.socket
        age = age_s(held, self._host)
        old = old_enough(held, age, self._host, self._min_lifetime_s)
        if self._syncs:
            ipv6 = _is_ipv6(row, mapped=self._mapped)
            status, reason = _status(row, outcome.status, unreadable, no_owner, old, ipv6=ipv6)
        else:
            status, reason = "skipped", "no-socket-sync"
        return Socket(
            pid=outcome.process.pid,
            fd=held.fd,
            gprocess=outcome.gprocess,
            process_name=outcome.process_name or outcome.process.comm,
            row=row,
            netns=None if namespace.netns == NAMELESS else namespace.netns,
            netns_idx=namespace.idx,
            role=self._roles.of(row, namespace),
            age_s=age,
            age_source=held.age_source,
            status=status,
            reason=reason,
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


def _is_ipv6(row: SocketRow, *, mapped: bool) -> bool:
    """Whether the agent leaves a row out; `mapped`: it reads IPv4 addresses in tcp6 and udp6."""
    lost = row.family == "ipv6" and not mapped
    return lost or ":" in row.local.ip or ":" in row.remote.ip


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


def old_enough(socket: SocketFd, age: int | None, host: Host, min_lifetime_s: int) -> bool | None:
    """Whether a socket of this age has reached the minimum lifetime; None where only a later
    sample can show it.

    In a first sample a link that seems young proves nothing: our own reading may have created it.
    """
    if age is None or socket.since_ns is None or age >= min_lifetime_s:
        return True
    observed = host.observed_since_ns is not None and socket.since_ns > host.observed_since_ns
    return False if observed else None


def _status(
    row: SocketRow,
    process: Status,
    unreadable: bool | None,
    no_owner: bool | None,
    old: bool | None,
    *,
    ipv6: bool,
) -> tuple[SocketStatus, SocketReason | None]:
    """Whether a socket is sent: the first condition that it certainly fails counts, in the agent's
    order; else the first of which it is not known."""
    tcp = row.protocol == "tcp"
    conditions: tuple[tuple[SocketReason, bool | None], ...] = (
        ("process-not-accepted", None if process == "unknown" else process != "accepted"),
        ("unreadable", unreadable),
        ("no-owner", no_owner),
        ("listening", tcp and row.state == "LISTEN"),
        ("not-established", tcp and row.state != "ESTABLISHED"),
        ("min-lifetime", None if old is None else not old),
        ("udp-unconnected", not tcp and is_unspecified(row, row.remote)),
        ("ipv6", ipv6),
    )
    open_question: SocketReason | None = None
    for reason, fails in conditions:
        if fails:
            return "skipped", reason
        if fails is None and open_question is None:
            open_question = reason
    return ("synced", None) if open_question is None else ("undecided", open_question)
