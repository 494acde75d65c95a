"""Which host and process sent a flow or segment, and whether a snapshot is valid at its time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol, TypeAlias

from proccli.model.flows import CapturedOption
from proccli.model.hosts import HostProcess, HostView
from proccli.model.process import NS_PER_S
from proccli.server.join import HostEnd, Network, ProcessId, is_loopback, process_id

_AGENT_SUFFIX = re.compile(r"-[HPW]\d+$", re.ASCII)
"""The suffix that the server adds to a host's name to name the agent on it: `web-1-W12`.

Source: server/controller/trisolaris/vtap/vtap_discovery.go.
"""
_ROUNDING_S = 2
"""Boot time and start time are both truncated to whole seconds, so the real start time may be up
to this much later."""
_AGENT_ROUNDING_S = 10
"""The same for start times computed by an agent, with its 32-bit floats."""


_OWNERS_CACHED = 1 << 15


Running: TypeAlias = Literal["yes", "likely", "no"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """At which times a snapshot is valid."""

    within_s: float
    """The tolerance in seconds between a flow and the time at which its connection is known to have
    existed: clocks of hosts differ, and agents see a new connection some seconds late."""

    def covers(
        self,
        first_s: float,
        last_s: float,
        since_ns: int | None,
        taken_s: float,
        *,
        ended: bool = False,
    ) -> bool:
        """Whether a connection is the one of a flow, not another with the same addresses and ports.

        The flow was from `first_s` to `last_s`. The connection existed from `since_ns` (None: not
        known) to `taken_s`. `ended`: the connection of the flow ended with the flow.
        """
        if ended and last_s + self.within_s < taken_s:
            return False
        from_s, until_s = self.window(since_ns, taken_s)
        return first_s <= until_s and last_s >= from_s

    def window(self, since_ns: int | None, taken_s: float) -> tuple[float, float]:
        """When flows of a connection, as in `covers`, end at the earliest and begin at the
        latest."""
        since_s = taken_s if since_ns is None else min(since_ns / NS_PER_S, taken_s)
        return since_s - self.within_s, taken_s + self.within_s

    def was_running(self, process: HostProcess, time_s: float | None, view: HostView) -> Running:
        """Whether a process had its pid at this time (seconds since the epoch; None: not known).

        It had if it was started before, and still existed when its source was taken.

        Source: proc_pid_stat(5), starttime; ticks are truncated to whole seconds here.
        """
        if time_s is None:
            return "likely"
        started, taken = process.started_s, view.taken_at_ns / NS_PER_S
        if started is None or started > time_s or time_s > taken + self.within_s:
            return "no"
        rounding_s = _AGENT_ROUNDING_S if view.kind == "sync" else _ROUNDING_S
        return "yes" if started + rounding_s <= time_s <= taken else "likely"


class NamedHosts(Protocol):
    """Hosts, and the addresses that they have."""

    @property
    def hosts(self) -> Sequence[HostView]:
        """In the order of their numbers."""

    @property
    def present(self) -> Sequence[int]:
        """The numbers of the hosts that count."""

    def hosts_with(self, network: Network, ip: str) -> Sequence[int]:
        """The hosts of a network that have this address."""


class HostIndex:
    """Finds hosts by name, agent name or address."""

    def __init__(self, fleet: NamedHosts, names: Sequence[str], network: Network | None) -> None:
        self._fleet = fleet
        self._network = network
        self._hosts_by_name: dict[str, set[int]] = {}
        for host in fleet.present:
            for name in {names[host], fleet.hosts[host].name}:
                self._hosts_by_name.setdefault(name, set()).add(host)
        self._present = fleet.present
        self._only = self._present[0] if len(self._present) == 1 else None
        self._networks = sorted({fleet.hosts[host].network for host in self._present})
        self.owners = lru_cache(_OWNERS_CACHED)(self._owners_of)
        """The hosts that may have an address, for a flow seen by a host, or by None."""

    def observer(self, name: str | None) -> int | None:
        """The host whose agent saw a flow: the named host, or, without a name, the only host.

        None: not known.
        """
        return self._only if name is None else self.by_name(name)

    def view(self, host: int) -> HostView:
        """The view of a host."""
        return self._fleet.hosts[host]

    def by_name(self, name: str) -> int | None:
        """The host with this name, or with an agent of this name; None unless there is exactly
        one."""
        found = self._hosts_by_name.get(name) or self._hosts_by_name.get(
            _AGENT_SUFFIX.sub("", name), set()
        )
        return next(iter(found)) if len(found) == 1 else None

    def network(self, observer: int | None) -> Network | None:
        """The network that a flow's addresses belong to; None: any."""
        return self._network if observer is None else self._fleet.hosts[observer].network

    def _owners_of(self, ip: str, observer: int | None) -> Sequence[int]:
        if is_loopback(ip):
            return self._present if observer is None else (observer,)
        network = self.network(observer)
        if network is not None:
            return self._fleet.hosts_with(network, ip)
        return [host for one in self._networks for host in self._fleet.hosts_with(one, ip)]

    def may_match(self, end: HostEnd, observer: int | None) -> bool:
        """Whether an end may belong to a flow seen by `observer`."""
        if is_loopback(end.server.ip):
            return observer is None or end.host == observer
        network = self.network(observer)
        return network is None or self._fleet.hosts[end.host].network == network

    def is_inside(self, host: int) -> bool:
        """Whether a host is in the network of flows that no known host has seen."""
        return self._network is None or self._fleet.hosts[host].network == self._network


@dataclass(frozen=True, slots=True)
class Sender:
    """The process that sent a segment."""

    host: int
    pid: int
    certain: bool
    """False: probably this process."""


class _Origin(NamedTuple):
    host: int
    certain: bool


class SenderFinder:
    """Finds the processes that TOT options name."""

    def __init__(
        self,
        hosts: HostIndex,
        process: Callable[[int, int], HostProcess | None],
        timing: Timing,
        agents: Mapping[int, str],
    ) -> None:
        """`process` returns a process of a host. `agents`: host names, by agent id."""
        self._hosts = hosts
        self._process = process
        self._timing = timing
        self._agents = {agent: hosts.by_name(name) for agent, name in agents.items()}

    def candidates(self, options: Sequence[CapturedOption]) -> Iterator[ProcessId]:
        """The processes that may have sent the segments with these options."""
        for option in options:
            origin = self._origin(option)
            if isinstance(origin, _Origin):
                yield process_id(origin.host, option.option.pid)

    def find(self, options: Sequence[CapturedOption]) -> Sender | str:
        """The process that sent the segments with these options, or the reason why it is not known.

        connect(2) sends a SYN while its process runs; a timer repeats a SYN while any process may
        be running. write(2) sends data, or the kernel does later, when an acknowledgement makes
        room. The kernel sends a SYN-ACK, whose option names whichever process is running. So the
        first SYN decides; without one the data decide, which is less certain. Pid 0 names no
        process.

        Source: deepflowio/tcp-option-tracing tot.c:95-102, 158-168, ebpf/tot.bpf.c:52-57.
        """
        syns = [option for option in options if option.is_syn and not option.is_ack]
        opening = [option for option in syns[:1] if option.option.pid]
        data = [option for option in options if not option.is_syn and option.option.pid]
        chosen = opening or data
        if not chosen:
            answers = all(option.is_syn and option.is_ack for option in options)
            return "tot-syn-ack" if answers else "tot-no-pid"
        found = [self._sender(option) for option in chosen]
        reasons = {sender for sender in found if isinstance(sender, str)}
        senders = [sender for sender in found if isinstance(sender, Sender)]
        processes = {(sender.host, sender.pid) for sender in senders}
        if len(processes) + len(reasons) > 1:
            return "ambiguous"
        if reasons:
            return reasons.pop()
        certain = bool(opening) and senders[0].certain
        return Sender(senders[0].host, senders[0].pid, certain)

    def _sender(self, captured: CapturedOption) -> Sender | str:
        origin = self._origin(captured)
        if isinstance(origin, str):
            return origin
        process = self._process(origin.host, captured.option.pid)
        if process is None:
            return "no-process"
        running = self._timing.was_running(process, captured.time_s, self._hosts.view(origin.host))
        if running == "no":
            return "other-time"
        return Sender(origin.host, process.pid, origin.certain and running == "yes")

    def _origin(self, captured: CapturedOption) -> _Origin | str:
        """The host that the pid belongs to, or the reason why it is not known.

        The option may have the source address before any translation (NAT), or the agent. The
        segment's source address is correct only if it was not translated on the way; it was, if 12
        bytes are ambiguous.
        """
        option = captured.option
        if option.agent_id in self._agents:
            host = self._agents[option.agent_id]
            return "no-host" if host is None else _Origin(host, certain=True)
        stated = option.address or option.candidate
        ip = stated or captured.source.ip
        owners = self._hosts.owners(ip, self._hosts.observer(None)) if ":" not in ip else ()
        if len(owners) != 1:
            return "ambiguous" if owners else "no-host"
        if option.agent_id is not None and owners[0] in self._agents.values():
            return "no-host"  # the agent of that host has another id, so the address was translated
        # Every machine has loopback addresses: that the only source sent it is just likely.
        certain = stated is not None and not is_loopback(ip)
        return _Origin(owners[0], certain=certain)
