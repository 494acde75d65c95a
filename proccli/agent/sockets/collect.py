"""One look at the sockets of a source: file descriptors joined with the tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from proccli.agent.sockets.age import age_s, old_enough
from proccli.agent.sockets.namespaces import (
    NAMELESS,
    Namespace,
    Roles,
    is_unspecified,
    open_namespaces,
)
from proccli.agent.sockets.owners import Held, Hold, best_known, by_inode, lost_to_another
from proccli.model.outcome import Outcome, Status
from proccli.model.process import FieldError, Host
from proccli.model.sockets import Socket, SocketReason, SocketRow, SocketStatus, TableName
from proccli.model.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketSample:
    """The sockets of the processes that were looked at, and what could not be seen."""

    sockets: tuple[Socket, ...]
    """Sorted by pid, then fd."""
    repeated: tuple[Socket, ...]
    """Those that the agent comes upon a second time, in a namespace that it can't tell from
    another."""
    best_known: tuple[Socket, ...]
    """Each socket once, at the process it is best known by."""
    unreadable: tuple[tuple[Outcome, FieldError], ...]
    """Processes whose file descriptors can't be read."""
    lost: tuple[tuple[Namespace, TableName, FieldError], ...]
    """Tables that could not be read, of the namespaces that the agent opens."""
    without_process: int
    """Rows of none of the processes."""
    hidden: tuple[Socket, ...]
    """Of these, where the reader had no root's rights, those that another process may hold that
    only root can look into; as pid 0's."""


def collect_sockets(
    verdicts: Iterable[Outcome], source: Source, min_lifetime_s: int
) -> SocketSample:
    """The TCP and UDP sockets of these processes, which come in the order of their pids.

    Source: agent v6.5 linux_socket.rs.
    """
    held: list[Held] = []
    unreadable: list[tuple[Outcome, FieldError]] = []
    for verdict in verdicts:
        found = source.socket_fds(verdict.process.pid)
        if isinstance(found, FieldError):
            unreadable.append((verdict, found))
        else:
            held.append((verdict, found))
    namespaces = open_namespaces(held, source)
    joint = _Join(by_inode(held), namespaces, source.host, min_lifetime_s)
    # What is in a namespace with a number is not news from one without.
    for namespace in sorted(namespaces, key=lambda namespace: namespace.netns == NAMELESS):
        for table in namespace.tables:
            joint.add(table.rows, namespace, namespace.lost.get(table.name))
    return SocketSample(
        sockets=tuple(sorted(joint.sockets, key=by_pid_and_fd)),
        repeated=tuple(joint.repeated),
        best_known=tuple(joint.best_known),
        unreadable=tuple(unreadable),
        lost=tuple(
            (namespace, table.name, table.error)
            for namespace in namespaces
            if namespace.idx is not None
            for table in namespace.tables
            if table.error is not None
        ),
        without_process=joint.without_process,
        hidden=tuple(joint.hidden),
    )


def by_pid_and_fd(socket: Socket) -> tuple[int, int]:
    """The order of sockets."""
    return socket.pid, socket.fd


def collect_sockets_of(
    pids: Collection[int],
    source: Source,
    verdict_of: Callable[[int], Outcome | None],
    min_lifetime_s: int,
) -> SocketSample:
    """The sockets of a few processes, without judging the others.

    Only if some of theirs would be sent are the file descriptors of the rest gone through, since
    another process may hold them too. Roles are not to be relied on: other namespaces' listeners
    are not known.
    """
    verdicts = {pid: found for pid in pids if (found := verdict_of(pid)) is not None}
    alone = collect_sockets(_in_order(verdicts.values()), source, min_lifetime_s)
    wanted = {socket.row.inode for socket in alone.sockets if socket.status != "skipped"}
    if not wanted:
        return alone
    sharers = {
        pid: verdict
        for pid in source.pids()
        if pid not in verdicts
        and _holds(source, pid, wanted)
        and (verdict := verdict_of(pid)) is not None
    }
    if not sharers:
        return alone
    return collect_sockets(
        _in_order([*verdicts.values(), *sharers.values()]), source, min_lifetime_s
    )


def _in_order(verdicts: Iterable[Outcome]) -> Sequence[Outcome]:
    return sorted(verdicts, key=lambda verdict: verdict.process.pid)


def _holds(source: Source, pid: int, inodes: Collection[int]) -> bool:
    found = source.socket_fds(pid)
    return not isinstance(found, FieldError) and any(socket.inode in inodes for socket in found)


class _Join:
    """Rows find the processes that hold them."""

    def __init__(
        self,
        holds: Mapping[int, Sequence[Hold]],
        namespaces: Sequence[Namespace],
        host: Host,
        min_lifetime_s: int,
    ) -> None:
        self._holds = holds
        self._roles = Roles(namespaces)
        self._host = host
        self._min_lifetime_s = min_lifetime_s
        self._joined: set[int] = set()
        self.sockets: list[Socket] = []
        self.repeated: list[Socket] = []
        self.best_known: list[Socket] = []
        self.without_process = 0
        self.hidden: list[Socket] = []

    def add(self, rows: Iterable[SocketRow], namespace: Namespace, loss: FieldError | None) -> None:
        """Take in the rows of one table; `loss` is why the agent has none of them."""
        refused = loss is not None and loss.problem == "denied" and not self._host.privileged
        unreadable: bool | None = loss is not None
        if namespace.idx is None:
            unreadable = None if namespace.doubtful else True
        elif refused:
            unreadable = None
        for row in rows:
            holds = self._holds.get(row.inode)
            if holds is None:
                self.without_process += row.inode != 0
                if row.inode != 0 and not self._host.privileged:
                    self.hidden.append(self._somebodys(row, namespace))
                continue
            lost = lost_to_another(holds)
            made = [
                self._socket(row, hold, namespace, unreadable, no_owner)
                for hold, no_owner in zip(holds, lost, strict=True)
            ]
            if row.inode in self._joined:
                self.repeated.extend(made)
                continue
            self._joined.add(row.inode)
            self.sockets.extend(made)
            self.best_known.append(made[best_known(holds)])

    def _socket(
        self,
        row: SocketRow,
        hold: Hold,
        namespace: Namespace,
        unreadable: bool | None,
        no_owner: bool | None,
    ) -> Socket:
        verdict, held = hold.verdict, hold.socket
        age = age_s(held, self._host)
        old = old_enough(held, age, self._host, self._min_lifetime_s)
        status, reason = _outcome(row, verdict.status, unreadable, no_owner, old)
        return Socket(
            pid=verdict.process.pid,
            fd=held.fd,
            gprocess=verdict.gprocess,
            process_name=verdict.process_name or verdict.process.comm,
            row=row,
            netns=None if namespace.netns == NAMELESS else namespace.netns,
            netns_idx=namespace.idx,
            role=self._roles.of(row, namespace),
            age_s=age,
            age_source=held.age_source,
            status=status,
            reason=reason,
        )

    def _somebodys(self, row: SocketRow, namespace: Namespace) -> Socket:
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


def _outcome(
    row: SocketRow,
    process: Status,
    unreadable: bool | None,
    no_owner: bool | None,
    old: bool | None,
) -> tuple[SocketStatus, SocketReason | None]:
    """What becomes of a socket: the first gate that it certainly fails counts, in the agent's
    order; else the first that can't be told."""
    tcp = row.protocol == "tcp"
    gates: tuple[tuple[SocketReason, bool | None], ...] = (
        ("process-not-accepted", None if process == "unknown" else process != "accepted"),
        ("unreadable", unreadable),
        ("no-owner", no_owner),
        ("listening", tcp and row.state == "LISTEN"),
        ("not-established", tcp and row.state != "ESTABLISHED"),
        ("min-lifetime", None if old is None else not old),
        ("udp-unconnected", not tcp and is_unspecified(row, row.remote)),
        ("ipv6", ":" in row.local.ip or ":" in row.remote.ip),
    )
    open_question: SocketReason | None = None
    for reason, fails in gates:
        if fails:
            return "skipped", reason
        if fails is None and open_question is None:
            open_question = reason
    return ("synced", None) if open_question is None else ("undecided", open_question)
