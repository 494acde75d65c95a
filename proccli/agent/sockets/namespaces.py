"""The network namespaces that the agent opens, their tables, and the listeners in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from proccli.model.outcome import Outcome
from proccli.model.process import FieldError
from proccli.model.sockets import (
    Endpoint,
    NetTables,
    SocketFd,
    SocketRole,
    SocketRow,
    TableName,
    have_ended,
)
from proccli.model.source import Source
from proccli.versions import Behaviour

Held: TypeAlias = tuple[Outcome, Sequence[SocketFd]]
"""A process with the sockets that it holds."""

NAMELESS = 0
"""The agent's number for the namespace of a process whose `ns/net` can't be read."""


class Namespace:
    """One network namespace."""

    def __init__(self, netns: int, idx: int | None, *, doubtful: bool = False) -> None:
        self.netns = netns
        """Its inode number, or `NAMELESS`."""
        self.idx = idx
        """The agent's number for it; None where it has no accepted process."""
        self.doubtful = doubtful
        """Whether a process in it may be accepted: its status is unknown."""
        self.tables: NetTables = ()
        self.lost: Mapping[TableName, FieldError] = {}
        """The tables whose rows the agent doesn't get, with the error that is the reason."""
        self.everywhere: set[int] = set()
        """Ports with a listener on all addresses."""
        self.somewhere: set[Endpoint] = set()
        """Endpoints with a listener on one address."""


def open_namespaces(
    held: Sequence[Held], source: Source, behaviour: Behaviour
) -> Sequence[Namespace]:
    """The namespaces of these processes: those that the agent opens in its order, then the rest.

    It opens a namespace at the first accepted process in it whose file descriptors can be read
    (only such processes are `held`), and reads the tables of that one. A process that has exited
    since is replaced by the next: the agent would not have met it at all.

    Source: agent v6.5 linux_socket.rs:268-316; FACTS A0.
    """
    accepted = _pids_by_netns(item for item in held if item[0].status == "accepted")
    others = _pids_by_netns(item for item in held if item[0].status != "accepted")
    doubtful = _pids_by_netns(item for item in held if item[0].status == "unknown")
    opened = [Namespace(netns=netns, idx=idx) for idx, netns in enumerate(accepted, start=1)]
    unopened = [
        Namespace(netns=netns, idx=None, doubtful=netns in doubtful)
        for netns in others
        if netns not in accepted
    ]
    for namespace in (*opened, *unopened):
        pids = (accepted if namespace.idx is not None else others)[namespace.netns]
        namespace.tables = _tables(pids, source)
        namespace.lost = lost_tables(namespace.tables)
        add_listeners(namespace, behaviour)
    return (*opened, *unopened)


def _pids_by_netns(held: Iterable[Held]) -> Mapping[int, Sequence[int]]:
    pids: dict[int, list[int]] = {}
    for outcome, _ in held:
        pids.setdefault(outcome.process.netns or NAMELESS, []).append(outcome.process.pid)
    return pids


def _tables(pids: Sequence[int], source: Source) -> NetTables:
    tables: NetTables = ()
    for pid in pids:
        tables = source.net_tables(pid)
        if not have_ended(tables):
            break
    return tables


def lost_tables(tables: NetTables) -> Mapping[TableName, FieldError]:
    """The tables of which the agent gets no row: tcp and udp are lost together, and so are tcp6 and
    udp6 (agent v6.5 linux_socket.rs:295-314)."""
    errors: dict[TableName, FieldError] = {
        table.name: table.error for table in tables if table.error is not None
    }
    lost = dict(errors)
    pairs: tuple[tuple[TableName, TableName], ...] = (("tcp", "udp"), ("tcp6", "udp6"))
    for one, other in pairs:
        for name, partner in ((one, other), (other, one)):
            if partner in errors:
                lost.setdefault(name, errors[partner])
    return lost


def add_listeners(namespace: Namespace, behaviour: Behaviour) -> None:
    """Listeners count even where the connections of the same table are lost.

    Older releases stop at the first row of a table that is none, and don't know an IPv4 address
    in tcp6 for what it is.
    """
    for table in namespace.tables:
        if table.name not in ("tcp", "tcp6"):
            continue
        for row in table.rows:
            if row.state != "LISTEN":
                if behaviour.listeners == "first-rows":
                    break
            elif is_unspecified(row, row.local):
                namespace.everywhere.add(row.local.port)
            elif row.family == "ipv4" or behaviour.sockets == "v4-mapped":
                namespace.somewhere.add(row.local)


def is_unspecified(row: SocketRow, end: Endpoint) -> bool:
    """Whether one end of a row is the unspecified address: 0.0.0.0 or ::.

    0.0.0.0 mapped into IPv6 is an address like any other to the agent.
    """
    return end.ip == "::" or (end.ip == "0.0.0.0" and row.family == "ipv4")  # noqa: S104 - compared


class Roles:
    """Which side of a connection the local end is.

    Listeners on one address count in all namespaces that the agent opens; ports of listeners on
    all addresses count in their own.

    Source: agent v6.5 linux_socket.rs:371-405, 523-531, 594-626.
    """

    def __init__(self, namespaces: Iterable[Namespace]) -> None:
        self._somewhere: set[Endpoint] = set()
        for namespace in namespaces:
            if namespace.idx is not None:
                self._somewhere |= namespace.somewhere

    def of(self, row: SocketRow, namespace: Namespace) -> SocketRole | None:
        """The role of a row's local end; None for what is not connected."""
        if row.protocol == "udp":
            return None if is_unspecified(row, row.remote) else "client"
        if row.state in ("LISTEN", "CLOSE"):
            return None
        serves = (
            row.local.port in namespace.everywhere
            or row.local in self._somewhere
            or row.local in namespace.somewhere
        )
        return "server" if serves else "client"
