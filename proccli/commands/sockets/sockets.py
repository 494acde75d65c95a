"""The sockets of all processes: which the agent would send, and why not the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from proccli.agent.inputs import Inputs
from proccli.agent.sockets.collect import join_sockets
from proccli.agent.sockets.result import with_peers
from proccli.commands.inputs import refuse_ps
from proccli.commands.samples import WaitPolicy, take_sample_with_ages
from proccli.commands.warnings import Totals, incomplete, outcome_notes, socket_notes
from proccli.errors import NoSuchProcess
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.process import SHOWN_FIELDS, Host
from proccli.model.sockets import (
    Protocol,
    Socket,
    SocketReason,
    SocketRole,
    SocketStatus,
)

_FIELDS = SHOWN_FIELDS - {"exe", "cgroup"}
"""What the result shows of a process comes from these."""


class SocketSelection(NamedTuple):
    """What a user asks to see. Questions that are not asked are empty; a socket has to answer
    every question that is, each with any one of the values given."""

    pids: Collection[int] = ()
    names: Sequence[str] = ()
    """Globs for the gprocess."""
    roles: Collection[SocketRole] = ()
    protocols: Collection[Protocol] = ()
    ports: Collection[int] = ()
    """Of either end."""
    skipped: bool = False
    """Only those that the agent does not send."""
    listen: bool = False
    """Only those that wait: TCP listeners, and UDP sockets without a peer."""

    def not_found(self, totals: SocketsTotals) -> NoSuchProcess | None:
        """The error for a pid that none of several sources has."""
        for pid in self.pids:
            if pid not in totals.pids:
                return NoSuchProcess(f"no process {pid} in {len(totals.hosts)} sources")
        return None

    def of(self, sockets: Iterable[Socket]) -> tuple[Socket, ...]:
        """The sockets to show, in order."""
        return tuple(socket for socket in sockets if self._asks_for(socket))

    def _asks_for(self, socket: Socket) -> bool:
        row = socket.row
        return (
            (not self.pids or socket.pid in self.pids)
            and (not self.roles or socket.role in self.roles)
            and (not self.protocols or row.protocol in self.protocols)
            and (not self.ports or row.local.port in self.ports or row.remote.port in self.ports)
            and (not self.skipped or socket.status == "skipped")
            and (not self.listen or row.state in ("LISTEN", "UNCONNECTED"))
            and (not self.names or _any(self.names, socket.gprocess))
        )


def _any(globs: Iterable[str], name: str | None) -> bool:
    return name is not None and any(fnmatchcase(name, pattern) for pattern in globs)


class SocketsSummary(NamedTuple):
    """The number of sockets by outcome."""

    total: int
    synced: int
    skipped: int
    undecided: int


class SocketsTotals(Totals):
    """What the sockets of one or several sources add up to."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.summary = SocketsSummary(total=0, synced=0, skipped=0, undecided=0)
        self.reasons: Counter[tuple[SocketStatus, SocketReason | None]] = Counter()
        self.pids: set[int] = set()
        """All processes."""
        self.hidden = False
        """Whether an agent reads sockets that are not listed here."""

    def add(self, result: SocketsResult) -> None:
        """Add the sockets of one more source, without its host."""
        one, other = self.summary, result.summary
        self.summary = SocketsSummary(
            total=one.total + other.total,
            synced=one.synced + other.synced,
            skipped=one.skipped + other.skipped,
            undecided=one.undecided + other.undecided,
        )
        self.reasons.update((socket.status, socket.reason) for socket in result.sockets)
        self.pids.update(result.pids)
        self.hidden = self.hidden or result.hidden
        self.add_notes(result.host, result.notes, incomplete=result.incomplete)


class SocketsResult(NamedTuple):
    """The sockets of all processes, sorted by pid, then fd, with what they rest on."""

    host: Host
    """Of the last look."""
    config: Config
    sockets: tuple[Socket, ...]
    notes: tuple[Note, ...]
    pids: Collection[int]
    """All processes."""
    hidden: bool
    """Whether the agent reads sockets that are not listed here."""

    @property
    def totals(self) -> SocketsTotals:
        """The same result, as that of the only source."""
        totals = SocketsTotals(self.config)
        totals.hosts.append(self.host)
        totals.add(self)
        return totals

    @property
    def incomplete(self) -> bool:
        """Whether something that the agent would know is unknown here."""
        return self.hidden or incomplete((), (), sockets=self.sockets)

    @property
    def summary(self) -> SocketsSummary:
        """Counts over all sockets."""
        by_status: Counter[SocketStatus] = Counter(socket.status for socket in self.sockets)
        return SocketsSummary(
            total=len(self.sockets),
            synced=by_status["synced"],
            skipped=by_status["skipped"],
            undecided=by_status["undecided"],
        )


def sockets(
    inputs: Inputs, selection: SocketSelection, wait_policy: WaitPolicy, *, some: bool = False
) -> SocketsResult:
    """What the agent makes of every socket.

    `some`: this is one of several sources, and the pids of the selection may be in another one.

    Raises: NoSuchProcess for a pid of the selection that is not there; SourceError.
    """
    refuse_ps(inputs, "sockets")
    for pid in selection.pids if not some else ():
        inputs.source.read(pid)
    seen = take_sample_with_ages(inputs, wait_policy, fields=_FIELDS)
    found = with_peers(join_sockets(seen.sockets))
    host = seen.inputs.source.host
    unseen = socket_notes(found, host, inputs.config)
    return SocketsResult(
        host=host,
        config=inputs.config,
        sockets=found.sockets,
        notes=(
            *inputs.notes,
            *outcome_notes(inputs.config, host, seen.outcomes),
            *unseen,
            *seen.notes,
        ),
        pids=inputs.source.pids(),
        hidden=incomplete((*inputs.notes, *unseen), {"processes", "sockets"}),
    )
