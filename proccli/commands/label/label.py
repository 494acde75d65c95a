"""Labels flow records and captured connections with the processes found in sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from proccli.commands.hosts.gather import Gathered
from proccli.commands.label.ahead import fetched
from proccli.errors import UsageError
from proccli.model.flows import CapturedConnection, Flow, SideLabel
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

_LABELS = frozenset({"socket", "pid", "tot", "tot-likely"})


class Tally:
    """Numbers of records by the labels of their sides."""

    def __init__(self) -> None:
        self.options: int | None = None
        """TOT options of captured connections; None: no connection was captured."""
        self._counts: dict[tuple[str, bool, str, bool, bool], int] = {}
        """Records by the label of each side and whether it may have a pod, and whether the record
        has no time: a million records are counted in a few numbers."""

    def add(self, flow: Flow, side_0: SideLabel, side_1: SideLabel) -> None:
        """Count a record."""
        key = (
            side_0.label,
            side_0.auto_instance is None and flow.instance_0 != "pod",
            side_1.label,
            side_1.auto_instance is None and flow.instance_1 != "pod",
            flow.start_s is None and flow.end_s is None,
        )
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
            for (label_0, _, label_1, _, untimed), number in self._counts.items()
            if counts((label_0 in _LABELS) + (label_1 in _LABELS), untimed)
        )

    @property
    def reasons(self) -> Counter[str]:
        """Number of sides without a label, by reason, in the order in which they were found."""
        found = Counter[str]()
        for (label_0, _, label_1, _, _), number in self._counts.items():
            for label in (label_0, label_1):
                if label not in _LABELS:
                    found[label] += number
        return found

    @property
    def possible_pods(self) -> int:
        """Sides with an unknown `auto_instance`: the server may know the container's pod."""
        return sum(
            number
            for (label_0, pod_0, label_1, pod_1, _), number in self._counts.items()
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
        """The labelled records and the lines between them, in order.

        `must_wait`: whether the next record has not arrived yet; then those before it are returned.

        Raises: FlowsError, SourceError.
        """
        for item in self._known(stream, self._add_needs_of_record, must_wait):
            if isinstance(item, bytes):
                yield item
                continue
            sides = self._labeller.label_flow(item.flow)
            self.tally.add(item.flow, *sides)
            yield item.labelled(*sides)

    def _add_needs_of_record(self, item: bytes | FlowRecord, needs: Needs) -> None:
        if not isinstance(item, bytes):
            self._labeller.add_needs(item.flow, needs)

    def captured(
        self,
        connections: Iterable[CapturedConnection],
        must_wait: Callable[[], bool] = lambda: False,
    ) -> Iterator[Captured]:
        """The connections with the labels of their sides. `must_wait`: as for `flows`."""
        add_needs = self._labeller.add_needs_of_connection
        for connection in self._known(connections, add_needs, must_wait):
            sides = self._labeller.label_connection(connection)
            self.tally.add(connection.flow, *sides)
            options = len(connection.options_0) + len(connection.options_1)
            self.tally.options = (self.tally.options or 0) + options
            yield (connection, *sides)

    def _known(
        self,
        items: Iterable[_Item],
        add_needs: Callable[[_Item, Needs], None],
        must_wait: Callable[[], bool],
    ) -> Iterator[_Item]:
        """The items, each when what it needs is known."""
        if self._store is None:
            yield from items
            return
        for batch, known in fetched(items, add_needs, self._store.fetch, must_wait):
            self._store.use(known)
            yield from batch

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
