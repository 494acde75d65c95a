"""Labels: the process on each side of a flow, found by the connections that agents send."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from math import inf
from typing import Final, NamedTuple, cast
from typing import Protocol as Interface

from proccli.model.flows import (
    PORT_BITS,
    AnyFlow,
    AutoInstanceKind,
    CapturedConnection,
    CapturedOption,
    Flow,
    FlowLabels,
    PlainFlow,
    Shown,
    SideLabel,
    int_to_ip,
)
from proccli.model.hosts import HostProcess
from proccli.model.process import NS_PER_S
from proccli.model.sockets import Endpoint, Protocol
from proccli.model.tuples import from_fields
from proccli.server.join import (
    Claims,
    HostEnd,
    Network,
    PlainEnd,
    ProcessId,
    claims,
    is_loopback,
    process_id,
)
from proccli.server.lookup import agent_answer, between, server_answer, side_of
from proccli.server.senders import HostIndex, NamedHosts, Sender, SenderFinder, Timing
from proccli.server.tags import arriving_tags
from proccli.versions import ServerVersion

_CACHE_SIZE = 1 << 14
"""Connections to cache: a long connection has one record per minute."""


_NO_FLOW: Final = SideLabel("no-flow")
_OTHER_PROTOCOL: Final = SideLabel("other-protocol")
_IPV6: Final = SideLabel("ipv6")
_NO_CONNECTION: Final = SideLabel("no-connection")
_NO_PROCESS: Final = SideLabel("no-process").shown
_SYNC_DISABLED: Final = SideLabel("sync-disabled").shown
_NO_HOST: Final = SideLabel("no-host")
_AMBIGUOUS: Final = SideLabel("ambiguous")


class LabelledHosts(NamedHosts, Interface):
    """Hosts whose flows are labelled: those of sources (`Fleet`), or of a store."""

    @property
    def is_quick(self) -> bool:
        """Whether a look-up takes no longer than one in a cache would."""

    def between(self, protocol: Protocol, one: Endpoint, other: Endpoint) -> Sequence[HostEnd]:
        """The ends of connections between these two addresses in both directions, on any host and
        in any network; and all ends that the server stores under the keys of those.
        """

    def plain_ends(self, flow: PlainFlow) -> Sequence[PlainEnd]:
        """The ends of `between` of a plain flow."""

    def process_of_kind(self, kind: Hashable) -> HostProcess | None:
        """A process of the kind of a `PlainEnd`; None: the source of the host has none."""

    def process(self, host: int, pid: int) -> HostProcess | None:
        """The process with this pid; None: the source of the host has no such process."""

    def tags(self) -> Iterable[tuple[tuple[str, str], ...] | None]:
        """The tags of all processes, equal ones at least once; None: not known."""


class Needs(NamedTuple):
    """What the labels of some flows may need."""

    pairs: list[tuple[Protocol, Endpoint, Endpoint]]
    """The ends between these addresses, in both directions."""
    plain: set[tuple[int, int]]
    """The ends of plain flows, by their two addresses."""
    processes: set[ProcessId]
    """Further processes than those of these ends."""

    @classmethod
    def nothing(cls) -> Needs:
        """No needs, to which some are added."""
        return cls([], set(), set())


class _Pair(NamedTuple):
    """The two sides of a flow, without its times."""

    protocol: Protocol
    one: Endpoint
    other: Endpoint
    instance_0: AutoInstanceKind
    instance_1: AutoInstanceKind


class _Known(NamedTuple):
    """What is known of the connection of a flow."""

    labels: FlowLabels | None
    """Those of its flows at times when all its ends existed, with all their processes; None: they
    depend on the time in another way."""
    from_s: float = -inf
    """Such a flow ends then or later."""
    until_s: float = inf
    """It begins then or earlier."""
    started_s: float = -inf
    """When the last of these processes was started."""


_BY_TIME: Final = _Known(None)
_new_known: Final = from_fields(_Known)
_ADDRESS: Final = 0xFFFF_FFFF
_KNOWN: Final = 1 << 15
"""Connections whose labels are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One side of a flow."""

    address: Endpoint
    observer: int | None
    """The host whose agent saw the flow; None: not known."""
    answer: Claims
    """The processes that this agent may find, or that the server may know."""
    at_any_time: Sequence[HostEnd]
    """The ends with exactly these addresses, on any host that the record may be of."""
    at_the_time: Sequence[HostEnd]
    """Those of them that existed at the time of the flow."""
    row_at_other_time: bool
    """Whether this agent sends the connection, but is not known to have sent it at the time."""

    @property
    def is_loopback(self) -> bool:
        """Whether the end at this side is in a connection over 127/8."""
        ips = (ip for end in self.at_any_time for ip in (self.address.ip, end.server.ip))
        return any(map(is_loopback, ips))


class Labeller:
    """Labels flows as the server does, and captured connections also by their TCP options."""

    def __init__(
        self,
        fleet: LabelledHosts,
        names: Sequence[str],
        *,
        network: Network | None,
        timing: Timing,
        server: ServerVersion,
        agents: Mapping[int, str] | None = None,
        assume_enabled: bool = False,
    ) -> None:
        """`names`: the displayed names of the hosts. `network`: the network of the addresses in
        flows; None: any. `agents`: the host names of agents, by agent id. `assume_enabled`: label
        as if all agents sent their sockets."""
        self._fleet = fleet
        self._names = names
        self._hosts = HostIndex(fleet, names, network)
        self._is_filtered = network is not None
        self._timing = timing
        self._within_s = timing.within_s
        self._known: dict[AnyFlow, _Known] = {}
        self._assume_enabled = assume_enabled
        self._taken_s = [view.taken_at_ns / NS_PER_S for view in fleet.hosts]
        self._all_enabled = assume_enabled or all(view.enabled for view in fleet.hosts)
        self._server = server
        self._find: Callable[[Protocol, Endpoint, Endpoint], Sequence[HostEnd]] = self._ends
        self._process: Callable[[int, int], HostProcess | None] = fleet.process
        if not fleet.is_quick:
            self._find = lru_cache(_CACHE_SIZE)(self._ends)
            self._process = lru_cache(_CACHE_SIZE)(fleet.process)
        self._labels = lru_cache(_CACHE_SIZE)(self._both_labels)
        self._shown = lru_cache(_CACHE_SIZE)(_shown_labels)
        self._of_kind = lru_cache(_CACHE_SIZE)(self._label_of_kind)
        self._owners = lru_cache(_CACHE_SIZE)(self._count_owners)
        self._senders = SenderFinder(self._hosts, self._process, timing, agents or {})
        self._query_tags = lru_cache(_CACHE_SIZE)(self._tags)

    def tag_keys(self) -> Sequence[str]:
        """The keys of all tags that labels can have, sorted."""
        return sorted({key for tags in self._fleet.tags() for key, _ in self._tags(tags)})

    def _tags(self, tags: tuple[tuple[str, str], ...] | None) -> tuple[tuple[str, str], ...]:
        return arriving_tags(tags or (), self._server)

    def add_needs(self, flow: AnyFlow, needs: Needs) -> None:
        """Add what the labels of a flow need."""
        if type(flow) is PlainFlow:
            needs.plain.add((flow.lower, flow.higher))
            return
        flow = flow.flow
        if _not_looked_up(flow) is not None:
            return
        needs.pairs.append(_pair(flow))
        if flow.pid_0 is flow.pid_1 is None:
            return
        observer = self._hosts.observer(flow.host)
        if observer is not None:
            pids = filter(None, (flow.pid_0, flow.pid_1))
            needs.processes.update(process_id(observer, pid) for pid in pids)

    def add_needs_of_connection(self, connection: CapturedConnection, needs: Needs) -> None:
        """Add what the labels of a captured connection need."""
        self.add_needs(connection.flow, needs)
        for options in (connection.options_0, connection.options_1):
            needs.processes.update(self._senders.candidates(options))

    def label_timed(
        self, timeless: AnyFlow, start_s: float | None, end_s: float | None
    ) -> FlowLabels:
        """The labels of a flow at this time, as of `label_flow`.

        What is known of a connection is kept, so that most of its flows take a comparison of times.
        """
        known = self._known.get(timeless)
        if known is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            if type(timeless) is PlainFlow:
                known = self._look_up_plain(timeless)
            known = self._known[timeless] = known or self._look_up(timeless.flow)
        labels, from_s, until_s, started_s = known
        first_s = end_s if start_s is None else start_s
        if first_s is None:
            if labels is not None:
                return labels
        else:
            last_s = first_s if end_s is None else end_s
            if (
                labels is not None
                and first_s <= until_s
                and last_s >= from_s
                and started_s <= last_s + self._within_s
            ):
                return labels
        flow = timeless.flow._replace(start_s=start_s, end_s=end_s)
        return self._flow_labels(self.label_flow(flow), flow.instance_0, flow.instance_1)

    def forget(self) -> None:
        """Forget what is known of connections: the fleet knows others now."""
        self._known.clear()

    def _look_up(self, flow: Flow) -> _Known:
        if self._server.l7_by_pid and not flow.pid_0 is flow.pid_1 is None:
            return _BY_TIME
        ends: Sequence[HostEnd] = ()
        from_s, until_s, started_s = -inf, inf, -inf
        if _not_looked_up(flow) is None:
            ends = self._find(*_pair(flow))
        for end in ends:
            this_from_s, this_until_s = self._timing.window(end.since_ns, self._taken_s[end.host])
            from_s, until_s = max(from_s, this_from_s), min(until_s, this_until_s)
            process = self._process(end.host, end.pid)
            if process is not None and process.started_s is not None:
                started_s = max(started_s, process.started_s)
        sides = self.label_flow(flow)
        labels = self._flow_labels(sides, flow.instance_0, flow.instance_1)
        return _Known(labels, from_s, until_s, started_s)

    def _look_up_plain(self, flow: PlainFlow) -> _Known | None:
        """The same where each side has one end that is sent, or none: those of most flows.

        In a tenth of the time of `_both_labels`; None if that has to be used.
        """
        lower, higher, turned, (name, instance_0, instance_1) = flow
        ends = self._fleet.plain_ends(flow)
        observer = self._hosts.observer(name)
        if not self._are_plain(ends, observer):
            return None
        at_lower = at_higher = None
        from_s, until_s, started_s = -inf, inf, -inf
        within_s = self._within_s
        for end in ends:
            is_lower, host, _, since_s, is_sent, process_s, _, _ = end
            if not is_sent:
                return None
            if is_lower:
                at_lower = end
            else:
                at_higher = end
            # As `Timing.window`; a call of `max` would take half of the time of all this.
            taken_s = self._taken_s[host]
            if since_s is None or since_s > taken_s:
                since_s = taken_s
            this_s = since_s - within_s
            from_s = this_s if this_s > from_s else from_s  # noqa: FURB136
            this_s = taken_s + within_s
            until_s = this_s if this_s < until_s else until_s  # noqa: FURB136
            if process_s and process_s > started_s:
                started_s = process_s
        if turned:
            at_lower, at_higher, lower, higher = at_higher, at_lower, higher, lower
        labels = self._shown(
            self._plain_label(at_lower, lower, observer, instance_0),
            self._plain_label(at_higher, higher, observer, instance_1),
            instance_0,
            instance_1,
        )
        return _new_known((labels, from_s, until_s, started_s))

    def _are_plain(self, ends: Sequence[PlainEnd], observer: int | None) -> bool:
        """Whether each side has at most one end, which alone decides its label."""
        if len(ends) == 2:
            first, second = ends
            if first[0] == second[0]:
                return False
            # Two clients (UDP) are not joined, so that the agent of one does not know the other.
            if observer is not None and first[2] == second[2]:
                return False
        elif len(ends) > 2:
            return False
        if observer is not None:
            if ends and observer not in [end[1] for end in ends]:
                return False
        elif self._is_filtered and not all(self._hosts.is_inside(end[1]) for end in ends):
            return False  # an end of another network does not count
        return self._all_enabled or all(self._is_enabled(end[1]) for end in ends)

    def _plain_label(
        self,
        end: PlainEnd | None,
        side: int,
        observer: int | None,
        instance: AutoInstanceKind,
    ) -> Shown:
        if end is None:
            has_owner = self._owners(side >> PORT_BITS, observer)
            return (_NO_CONNECTION if has_owner else _NO_HOST).shown
        if observer is None and self._owners(side >> PORT_BITS, None) > 1:
            return _AMBIGUOUS.shown
        return self._of_kind(end[6], instance)

    def _count_owners(self, address: int, observer: int | None) -> int:
        return len(self._hosts.owners(int_to_ip(address & _ADDRESS), observer))

    def _label_of_kind(self, kind: Hashable, instance: AutoInstanceKind) -> Shown:
        return self._by_process("socket", self._fleet.process_of_kind(kind), instance)

    def _flow_labels(
        self,
        sides: tuple[SideLabel, SideLabel],
        instance_0: AutoInstanceKind,
        instance_1: AutoInstanceKind,
    ) -> FlowLabels:
        return self._shown(sides[0].shown, sides[1].shown, instance_0, instance_1)

    def label_flow(self, flow: Flow) -> tuple[SideLabel, SideLabel]:
        """The labels of both sides of a flow.

        They say what the agent that saw the flow finds, or, if the record names no known agent,
        what the server knows from all agents.
        """
        sides = self._sides(flow, self._timing, ended=False)
        if not self._server.l7_by_pid or flow.pid_0 is flow.pid_1 is None:
            return sides
        return (
            self._by_pid(flow, flow.pid_0, sides[0]),
            self._by_pid(flow, flow.pid_1, sides[1]),
        )

    def _by_pid(self, flow: Flow, pid: int | None, side: SideLabel) -> SideLabel:
        """The label of a side without a process, whose pid the record has.

        The server looks the process up by the agent that saw the flow and the pid, and after it has
        computed auto_instance, which stays as it is. Only a process that certainly had the pid at
        the time is named.

        Source: server/ingester/flow_log/log_data/l7_flow_log.go:588-598 @ main (FACTS D).
        """
        observer = self._hosts.observer(flow.host)
        if side.gprocess is not None or pid is None or observer is None:
            return side
        process = self._process(observer, pid)
        if process is None or process.gprocess is None or not self._is_enabled(observer):
            return side
        last_s = flow.end_s if flow.end_s is not None else flow.start_s
        times = (flow.start_s if flow.start_s is not None else last_s, last_s)
        view = self._hosts.view(observer)
        if any(self._timing.was_running(process, time_s, view) != "yes" for time_s in times):
            return side
        labelled = self._labelled("pid", observer, pid, "none")
        return labelled._replace(auto_instance=None)

    def _sides(self, flow: Flow, timing: Timing, *, ended: bool) -> tuple[SideLabel, SideLabel]:
        if (nothing := _not_looked_up(flow)) is not None:
            return nothing, nothing
        protocol, one, other = _pair(flow)
        observer = self._hosts.observer(flow.host)
        ends = self._find(protocol, one, other)
        if not ends:  # most captured connections
            return self._without_ends(one, observer), self._without_ends(other, observer)
        first_s = flow.start_s if flow.start_s is not None else flow.end_s
        last_s = flow.end_s if flow.end_s is not None else flow.start_s
        if first_s is None or last_s is None:
            covered = (True,) * len(ends)
        else:
            covered = tuple(
                [self._covers(end, first_s, last_s, timing, ended=ended) for end in ends]
            )
        pair = _Pair(protocol, one, other, flow.instance_0, flow.instance_1)
        return self._labels(pair, observer, covered)

    def _without_ends(self, address: Endpoint, observer: int | None) -> SideLabel:
        """The label of a side of a connection that no source has."""
        return _NO_CONNECTION if self._hosts.owners(address.ip, observer) else _NO_HOST

    def _both_labels(
        self, pair: _Pair, observer: int | None, covered: tuple[bool, ...]
    ) -> tuple[SideLabel, SideLabel]:
        """The labels of a flow. `covered`: which ends of `_find` existed at its time."""
        one, other = pair.one, pair.other
        ends = self._find(pair.protocol, one, other)
        now = tuple(compress(ends, covered))
        answers = (
            server_answer(now, one, other)
            if observer is None
            else agent_answer(now, one, other, observer)
        )
        at_any_time, at_the_time = (
            [end for end in between(some, one, other) if self._hosts.may_match(end, observer)]
            for some in (ends, now)
        )
        had_row, has_row = (
            any(end.host == observer and end.status != "skipped" for end in some)
            for some in (at_any_time, at_the_time)
        )
        side_0, side_1 = (
            _Side(
                address=address,
                observer=observer,
                answer=answer,
                at_any_time=[end for end in at_any_time if side_of(end, one) == number],
                at_the_time=[end for end in at_the_time if side_of(end, one) == number],
                row_at_other_time=had_row and not has_row,
            )
            for number, address, answer in zip((0, 1), (one, other), answers, strict=True)
        )
        return self._label(side_0, pair.instance_0), self._label(side_1, pair.instance_1)

    def _ends(self, protocol: Protocol, one: Endpoint, other: Endpoint) -> Sequence[HostEnd]:
        """All ends of connections between the two addresses in both directions, and all ends with
        the keys of those."""
        ends = self._fleet.between(protocol, one, other)
        return ends if self._all_enabled else list(map(self._as_sent, ends))

    def _as_sent(self, end: HostEnd) -> HostEnd:
        """The end, which an agent that sends nothing does not send."""
        if end.status == "skipped" or self._is_enabled(end.host):
            return end
        return end._replace(status="skipped", reason="sync-disabled")

    def _is_enabled(self, host: int) -> bool:
        return self._assume_enabled or self._fleet.hosts[host].enabled

    def _label(self, side: _Side, instance: AutoInstanceKind) -> SideLabel:
        answer = side.answer
        if side.observer is None:
            if side.is_loopback:
                return SideLabel(label="loopback")
            if side.at_the_time and len(self._hosts.owners(side.address.ip, None)) > 1:
                # The record may be of another host with this address, whose agent sends nothing.
                return SideLabel(label="ambiguous")
            if not side.at_the_time:
                answer = Claims()  # at most of another network
        if not answer.ends:
            return self._without_process(side)
        (end, *others) = answer.ends
        if others:
            return SideLabel(label="ambiguous")
        if answer.or_none:
            label = "undecided" if answer.undecided else "row-order"
            return SideLabel(label=label, pid=end.pid or None, host=self._names[end.host])
        return self._labelled("socket", end.host, end.pid, instance)

    def _without_process(self, side: _Side) -> SideLabel:
        """Why no process is known for a side."""
        owners = self._hosts.owners(side.address.ip, side.observer)
        if not side.at_any_time:
            return SideLabel(label="no-connection" if owners else "no-host")
        if not side.at_the_time or side.row_at_other_time:
            return SideLabel(label="other-time")
        if own := [end for end in side.at_the_time if end.host == side.observer]:
            return self._not_sent(own)
        if len(owners) > 1:
            return SideLabel(label="ambiguous")
        sent = claims(side.at_the_time).ends
        if not sent:
            return self._not_sent(side.at_the_time)
        (end, *others) = sent
        if others:
            return SideLabel(label="other-agent")
        return SideLabel(label="other-agent", pid=end.pid or None, host=self._names[end.host])

    def _covers(
        self, end: HostEnd, first_s: float, last_s: float, timing: Timing, *, ended: bool
    ) -> bool:
        """Whether an end is that of a flow from `first_s` to `last_s`."""
        taken_s = self._taken_s[end.host]
        if not timing.covers(first_s, last_s, end.since_ns, taken_s, ended=ended):
            return False
        process = self._process(end.host, end.pid)
        started_s = None if process is None else process.started_s
        return started_s is None or started_s <= last_s + timing.within_s

    def _not_sent(self, ends: Sequence[HostEnd]) -> SideLabel:
        """Why none of these ends is sent."""
        (end, *others) = ends
        if any((other.host, other.pid) != (end.host, end.pid) for other in others):
            return SideLabel(label="ambiguous")
        label = end.reason or "unreadable"
        process = self._process(end.host, end.pid)
        if label == "process-not-accepted" and process is not None:
            label = _why_not_accepted(process)
        return SideLabel(label=label, pid=end.pid or None, host=self._names[end.host])

    def _labelled(self, how: str, host: int, pid: int, instance: AutoInstanceKind) -> SideLabel:
        process = self._process(host, pid)
        shown = self._by_process(how, process, instance)
        if process is not None and process.gprocess is not None and not self._is_enabled(host):
            shown = _SYNC_DISABLED
        return SideLabel(*shown, pid, self._names[host])

    def _by_process(
        self, how: str, process: HostProcess | None, instance: AutoInstanceKind
    ) -> Shown:
        """What the label of a process shows, if its agent sends it."""
        if process is None:
            return _NO_PROCESS
        if process.gprocess is None:
            return SideLabel(_why_not_accepted(process)).shown
        tags = self._query_tags(process.tags)
        return how, process.gprocess, _auto_instance(process, instance), tags

    def label_connection(self, connection: CapturedConnection) -> tuple[SideLabel, SideLabel]:
        """The labels of both sides of a captured connection.

        A side is labelled by its socket, or by its TCP options if no socket is known. A socket that
        exists only within the tolerance of `timing` may belong to another connection: then a SYN
        that names another process takes precedence.
        """
        flow = connection.flow
        tolerant = self._sides(flow, self._timing, ended=connection.ended)
        if not (connection.options_0 or connection.options_1):
            return tolerant
        exact = self._sides(flow, Timing(within_s=0), ended=connection.ended)
        options = (connection.options_0, connection.options_1)
        one, other = (
            by_socket
            if at_exact_time.label == "socket"
            else self._by_option(by_socket, sent, instance)
            for by_socket, at_exact_time, sent, instance in zip(
                tolerant, exact, options, (flow.instance_0, flow.instance_1), strict=True
            )
        )
        return one, other

    def _by_option(
        self, by_socket: SideLabel, options: Sequence[CapturedOption], instance: AutoInstanceKind
    ) -> SideLabel:
        if not options:
            return by_socket
        sender = self._senders.find(options)
        uncertain = isinstance(sender, str) or not sender.certain
        if by_socket.label == "socket":
            named = (self._names[sender.host], sender.pid) if isinstance(sender, Sender) else None
            if uncertain or named == (by_socket.host, by_socket.pid):
                return by_socket
        if isinstance(sender, str):
            return SideLabel(label=sender)
        how = "tot-likely" if uncertain else "tot"
        return self._labelled(how, sender.host, sender.pid, instance)


def _not_looked_up(flow: Flow) -> SideLabel | None:
    """The label of both sides of a flow of which no ends are known, whatever sources there are."""
    one, other = flow.side_0, flow.side_1
    if flow.problem is not None or one is None or other is None:
        return _NO_FLOW
    if flow.protocol is None:
        return _OTHER_PROTOCOL
    return _IPV6 if ":" in one.ip or ":" in other.ip else None


def _pair(flow: Flow) -> tuple[Protocol, Endpoint, Endpoint]:
    """The protocol and the addresses of a flow that can be looked up."""
    return cast("tuple[Protocol, Endpoint, Endpoint]", flow[:3])


def _shown_labels(
    shown_0: Shown, shown_1: Shown, instance_0: AutoInstanceKind, instance_1: AutoInstanceKind
) -> FlowLabels:
    return FlowLabels(SideLabel(*shown_0), SideLabel(*shown_1), (instance_0, instance_1))


def _why_not_accepted(process: HostProcess) -> str:
    return "undecided" if process.status == "unknown" else process.why_not_accepted


def _auto_instance(process: HostProcess, instance: AutoInstanceKind) -> str | None:
    """The gprocess; None if the record has a pod, or the server may know a pod by the container.

    Source: server/ingester/common/common.go, branch v6.5:155-186.
    """
    if instance == "pod" or (instance == "none" and process.container_id != ""):
        return None
    return process.gprocess
