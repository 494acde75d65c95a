"""Labels: the process on each side of a flow, found by the connections that agents send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from proccli.model.flows import (
    AutoInstanceKind,
    CapturedConnection,
    CapturedOption,
    Flow,
    SideLabel,
)
from proccli.model.hosts import HostProcess
from proccli.model.sockets import Endpoint, Protocol
from proccli.server.join import HostEnd, Network, is_loopback
from proccli.server.senders import HostIndex, Sender, SenderFinder, Timing, is_at_side
from proccli.server.store import Fleet
from proccli.server.tags import arriving_tags
from proccli.versions import ServerVersion

_CACHE_SIZE = 1 << 14
"""Connections to cache: a long connection has one record per minute."""


class Labeller:
    """Labels flows as the server does, and captured connections also by their TCP options."""

    def __init__(
        self,
        fleet: Fleet,
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
        self._timing = timing
        self._assume_enabled = assume_enabled
        self._server = server
        self._find = lru_cache(_CACHE_SIZE)(self._ends)
        self._process = lru_cache(_CACHE_SIZE)(fleet.process)
        self._senders = SenderFinder(self._hosts, self._process, timing, agents or {})
        self._query_tags = lru_cache(_CACHE_SIZE)(self._tags)

    def tag_keys(self) -> Sequence[str]:
        """The keys of all tags that labels can have, sorted."""
        found = {key for process in self._fleet.processes() for key, _ in self._tags(process.tags)}
        return sorted(found)

    def _tags(self, tags: tuple[tuple[str, str], ...] | None) -> tuple[tuple[str, str], ...]:
        return arriving_tags(tags or (), self._server)

    def label_flow(self, flow: Flow) -> tuple[SideLabel, SideLabel]:
        """The labels of both sides of a flow.

        The server sends an agent only the processes of connections of which that agent sent an end.
        So if a record names a known agent, its labels depend only on those connections.

        Source: server/controller/trisolaris/vtap/process_info.go (v6.5), GetGPIDResponseByReq;
        agent v6.5 policy.rs:182-290, which looks up a packet in both directions.
        """
        return self._sides(flow, self._timing, ended=False)

    def _sides(self, flow: Flow, timing: Timing, *, ended: bool) -> tuple[SideLabel, SideLabel]:
        protocol, one, other = flow.protocol, flow.side_0, flow.side_1
        if flow.problem is not None or one is None or other is None:
            return (SideLabel(label="no-flow"),) * 2
        if protocol is None:
            return (SideLabel(label="other-protocol"),) * 2
        if ":" in one.ip or ":" in other.ip:
            return (SideLabel(label="ipv6"),) * 2
        observer = self._hosts.observer(flow.host)
        ends = [
            end for end in self._find(protocol, one, other) if self._hosts.may_match(end, observer)
        ]
        at_the_time = [end for end in ends if self._covers(end, flow, timing, ended=ended)]
        return (
            self._side(one, flow.instance_0, ends, at_the_time, observer),
            self._side(other, flow.instance_1, ends, at_the_time, observer),
        )

    def _ends(self, protocol: Protocol, one: Endpoint, other: Endpoint) -> tuple[HostEnd, ...]:
        """All ends of connections between the two addresses, in both directions."""
        between = [*self._fleet.find(protocol, one, other)]
        if one != other:
            between += self._fleet.find(protocol, other, one)
        return tuple(between)

    def _side(
        self,
        side: Endpoint,
        instance: AutoInstanceKind,
        ends: Sequence[HostEnd],
        at_the_time: Sequence[HostEnd],
        observer: int | None,
    ) -> SideLabel:
        here = [end for end in ends if is_at_side(end, side)]
        if not here:
            known = self._hosts.owners(side.ip, observer)
            return SideLabel(label="no-connection" if known else "no-host")
        loopback = any(is_loopback(ip) for end in here for ip in (side.ip, end.server.ip))
        if loopback and observer is None:
            return SideLabel(label="loopback")
        here = [end for end in at_the_time if is_at_side(end, side)]
        if not here:
            return SideLabel(label="other-time")
        if own := [end for end in here if end.host == observer]:
            here = own  # an agent uses its own end even if another host has an equal one
        elif not loopback and len(self._hosts.owners(side.ip, observer)) > 1:
            # Another host with this address may have had a connection too short for a snapshot.
            return SideLabel(label="ambiguous")
        # A record does not name a namespace. So over loopback, even an unsent end may match.
        candidates = {(end.host, end.pid) for end in here if loopback or end.status != "skipped"}
        if len(candidates) > 1:
            return SideLabel(label="ambiguous")
        sent = next((end for end in here if end.status == "synced"), None)
        if sent is None:
            return self._not_sent(here)
        if (unknown_to_observer := _why_observer_lacks(sent, ends, observer)) is not None:
            return SideLabel(label=unknown_to_observer, pid=sent.pid, host=self._names[sent.host])
        return self._labelled("socket", sent.host, sent.pid, instance)

    def _covers(self, end: HostEnd, flow: Flow, timing: Timing, *, ended: bool) -> bool:
        taken_at_ns = self._fleet.hosts[end.host].taken_at_ns
        if not timing.covers(flow, end.since_ns, taken_at_ns, ended=ended):
            return False
        process = self._process(end.host, end.pid)
        last = flow.end_s if flow.end_s is not None else flow.start_s
        started = None if process is None else process.started_s
        return last is None or started is None or started <= last + timing.within_s

    def _not_sent(self, ends: Sequence[HostEnd]) -> SideLabel:
        undecided = [end for end in ends if end.status == "undecided"]
        (end, *others) = undecided or ends
        if undecided:
            return SideLabel(label="undecided", pid=end.pid or None, host=self._names[end.host])
        if any((other.host, other.pid) != (end.host, end.pid) for other in others):
            return SideLabel(label="ambiguous")
        label = end.reason or "unreadable"
        process = self._process(end.host, end.pid)
        if label == "process-not-accepted" and process is not None:
            label = _why_not_accepted(process)
        return SideLabel(label=label, pid=end.pid, host=self._names[end.host])

    def _labelled(self, how: str, host: int, pid: int, instance: AutoInstanceKind) -> SideLabel:
        process = self._process(host, pid)
        if process is None or process.gprocess is None:
            why = "no-process" if process is None else _why_not_accepted(process)
            return SideLabel(label=why, pid=pid, host=self._names[host])
        if not (self._assume_enabled or self._fleet.hosts[host].enabled):
            return SideLabel(label="sync-disabled", pid=pid, host=self._names[host])
        return SideLabel(
            label=how,
            gprocess=process.gprocess,
            auto_instance=_auto_instance(process, instance),
            tags=self._query_tags(process.tags),
            pid=pid,
            host=self._names[host],
        )

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


def _why_observer_lacks(sent: HostEnd, ends: Sequence[HostEnd], observer: int | None) -> str | None:
    """Why the agent that saw a flow does not get this end from the server, or may not get it; None:
    it gets it."""
    if observer is None:
        return None
    own = {end.status for end in ends if end.host == observer and _same_direction(end, sent)}
    if "synced" in own:
        return None
    return "undecided" if "undecided" in own else "other-agent"


def _same_direction(one: HostEnd, other: HostEnd) -> bool:
    """Whether two ends between the same two addresses belong to one connection.

    Agents report both ends of a UDP connection as the client. Over loopback only the ports are
    compared.
    """
    if is_loopback(one.server.ip):
        return (one.client.port, one.server.port) == (other.client.port, other.server.port)
    return (one.client, one.server) == (other.client, other.server)


def _why_not_accepted(process: HostProcess) -> str:
    return "undecided" if process.status == "unknown" else process.why_not_accepted


def _auto_instance(process: HostProcess, instance: AutoInstanceKind) -> str | None:
    """The gprocess; None if the record has a pod, or the server may know a pod by the container.

    Source: server/ingester/common/common.go, branch v6.5:155-186.
    """
    if instance == "pod" or (instance == "none" and process.container_id != ""):
        return None
    return process.gprocess
