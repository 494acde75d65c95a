"""Labels flow records and captured connections with the processes found in sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from proccli.commands.hosts.gather import Gathered
from proccli.commands.label.ahead import fetched
from proccli.errors import UsageError
from proccli.model.flows import CapturedConnection, FlowLabels, SideLabel
from proccli.model.note import Note
from proccli.server.join import Network
from proccli.server.labels import Labeller, Needs
from proccli.server.senders import Timing
from proccli.traffic.flows.record import FlowRecord
from proccli.traffic.flows.stream import FlowStream
from proccli.traffic.tot.connections import ConnectionCounts
from proccli.versions import ServerVersion

if TYPE_CHECKING:
    from proccli.commands.hosts.stored import GatheredFlows
    from proccli.store.stored_flows import StoredFlows

_Item = TypeVar("_Item")
Captured = tuple[CapturedConnection, SideLabel, SideLabel]
"""A connection with the labels of its sides."""

_BLOCK = 512
"""Records that are printed together."""
_LABELS = frozenset({"socket", "pid", "tot", "tot-likely"})


class Tally:
    """Numbers of records by the labels of their sides."""

    def __init__(self) -> None:
        self.options: int | None = None
        """TOT options of captured connections; None: no connection was captured."""
        self._counts: dict[tuple[tuple[str, bool, str, bool], bool], int] = {}
        """Records by the label of each side and whether it may have a pod, and whether the record
        has no time: a million records are counted in a few numbers."""

    def add(self, labels: FlowLabels, *, untimed: bool) -> None:
        """Count a record. `untimed`: whether it has no time."""
        key = (labels.counted, untimed)
        self._counts[key] = self._counts.get(key, 0) + 1

    @property
    def records(self) -> int:
        """All."""
        return sum(self._counts.values())

    @property
    def both(self) -> int:
        """Records with labels at both sides."""
        return self._count(lambda labelled, _: labelled == 2)

    @property
    def one(self) -> int:
        """Records with a label at one side."""
        return self._count(lambda labelled, _: labelled == 1)

    @property
    def untimed(self) -> int:
        """Labelled records without a time."""
        return self._count(lambda labelled, untimed: labelled > 0 and untimed)

    def _count(self, counts: Callable[[int, bool], bool]) -> int:
        return sum(
            number
            for ((label_0, _, label_1, _), untimed), number in self._counts.items()
            if counts((label_0 in _LABELS) + (label_1 in _LABELS), untimed)
        )

    @property
    def reasons(self) -> Counter[str]:
        """Number of sides without a label, by reason, in the order in which they were found."""
        found = Counter[str]()
        for ((label_0, _, label_1, _), _), number in self._counts.items():
            for label in (label_0, label_1):
                if label not in _LABELS:
                    found[label] += number
        return found

    @property
    def possible_pods(self) -> int:
        """Sides with an unknown `auto_instance`: the server may know the container's pod."""
        return sum(
            number
            for ((label_0, pod_0, label_1, pod_1), _), number in self._counts.items()
            for label, pod in ((label_0, pod_0), (label_1, pod_1))
            if pod and label in _LABELS
        )


class Labelling:
    """Labels one input as a stream; tally and warnings cover the records labelled so far."""

    def __init__(
        self,
        gathered: Gathered | GatheredFlows,
        *,
        store: StoredFlows | None = None,
        network: Network | None,
        within_s: float,
        server: ServerVersion,
        agents: Mapping[int, str],
        assume_enabled: bool = False,
    ) -> None:
        """Prepare to label. `store`: the fleet, if what flows need has to be fetched.

        `agents` maps the ids that the server gave to agents to their hosts. `assume_enabled`:
        label as if sync were enabled for all agents.

        Raises: UsageError if no source is in the network, or a host of `agents` has no source and
        all sources were read.
        """
        fleet = gathered.fleet
        networks = {fleet.hosts[host].network for host in fleet.present}
        if network is not None and network not in networks:
            known = ", ".join(sorted(filter(None, networks))) or "none has a name"
            raise UsageError(f"no source is in the network {network!r} of --in-network ({known})")
        names = [gathered.names[host] for host in fleet.present]
        for name in agents.values():
            if name not in names and not gathered.failures:
                raise UsageError(
                    f"no source is of the host {name!r} of --agent-id ({', '.join(names[:5])})"
                )
        self.tally = Tally()
        self._labeller = Labeller(
            fleet,
            gathered.names,
            network=network,
            timing=Timing(within_s=within_s),
            server=server,
            agents=agents,
            assume_enabled=assume_enabled,
        )
        self._within_s = within_s
        self._store = store

    def keys(self) -> Sequence[str]:
        """The tag keys that labels may contain."""
        return self._labeller.tag_keys()

    def flows(
        self, stream: FlowStream, must_wait: Callable[[], bool] = lambda: False
    ) -> Iterator[bytes]:
        """The labelled records and the lines between them, in order, many in a piece.

        `must_wait`: whether the next record has not arrived yet; then those before it are returned.

        Raises: FlowsError, SourceError.
        """
        for block in self._known(stream.blocks(), self._needs_of_records, must_wait):
            yield self._labelled(block)

    def _labelled(self, items: Sequence[bytes | FlowRecord]) -> bytes:
        label, count = self._labeller.label_timed, self.tally.add
        pieces = []
        for item in items:
            if isinstance(item, bytes):
                pieces.append(item)
                continue
            start_s, end_s = item.start_s, item.end_s
            labels = label(item.timeless, start_s, end_s)
            count(labels, untimed=start_s is end_s is None)
            pieces.append(item.labelled(labels))
        return b"".join(pieces)

    def _needs_of_records(self, items: Sequence[bytes | FlowRecord]) -> Needs:
        needs = Needs.nothing()
        for flow in {item.timeless for item in items if not isinstance(item, bytes)}:
            self._labeller.add_needs(flow, needs)
        return needs

    def captured(
        self,
        connections: Iterable[CapturedConnection],
        must_wait: Callable[[], bool] = lambda: False,
    ) -> Iterator[Captured]:
        """The connections with the labels of their sides. `must_wait`: as for `flows`."""
        blocks = ([connection] for connection in connections)
        for block in self._known(blocks, self._needs_of_connections, must_wait):
            for connection in block:
                flow = connection.flow
                sides = self._labeller.label_connection(connection)
                labels = FlowLabels(*sides, (flow.instance_0, flow.instance_1))
                self.tally.add(labels, untimed=flow.start_s is flow.end_s is None)
                options = len(connection.options_0) + len(connection.options_1)
                self.tally.options = (self.tally.options or 0) + options
                yield (connection, *sides)

    def _needs_of_connections(self, connections: Sequence[CapturedConnection]) -> Needs:
        needs = Needs.nothing()
        for connection in connections:
            self._labeller.add_needs_of_connection(connection, needs)
        return needs

    def _known(
        self,
        blocks: Iterable[Sequence[_Item]],
        needs_of: Callable[[Sequence[_Item]], Needs],
        must_wait: Callable[[], bool],
    ) -> Iterator[Sequence[_Item]]:
        """The blocks, each when what it needs is known."""
        if self._store is None:
            yield from blocks
            return
        for batch, known in fetched(blocks, needs_of, self._store.fetch, must_wait):
            self._store.use(known)
            self._labeller.forget()
            for start in range(0, len(batch), _BLOCK):
                yield batch[start : start + _BLOCK]

    def notes(self) -> Iterator[Note]:
        """Warnings, once all records have been labelled."""
        tally = self.tally
        if outside := tally.reasons["other-time"]:
            yield Note.of("other-time", sides=outside, within_s=self._within_s)
        missing = tally.reasons["no-host"] + tally.reasons["no-connection"] + outside
        if tally.options == 0 and missing:
            yield Note.of("tot-none", syns=None, sides=missing)
        if tally.untimed:
            yield Note.of("untimed", records=tally.untimed)
        if tally.possible_pods:
            yield Note.of("perhaps-pod", sides=tally.possible_pods)


def evicted_notes(counts: ConnectionCounts, name: str) -> Iterator[Note]:
    """Warnings about connections that were printed before they had ended."""
    if counts.evicted:
        yield Note.of("capture-evicted", file=name, connections=counts.evicted)
