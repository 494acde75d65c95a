"""Which process sent a segment, by its TOT option."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from proccli.fleet.whose import Hosts, Timing
from proccli.model import CapturedOption, Party


@dataclass(frozen=True, slots=True)
class Sender:
    """A process, and whether it is certain which host's it is."""

    host: int
    pid: int
    certain: bool


class _Origin(NamedTuple):
    host: int
    certain: bool


class Senders:
    """Finds the processes that options name."""

    def __init__(
        self,
        hosts: Hosts,
        party: Callable[[int, int], Party | None],
        timing: Timing,
        agents: Mapping[int, str],
    ) -> None:
        """`agents`: the hosts' names, by the ids of their agents."""
        self._hosts = hosts
        self._party = party
        self._timing = timing
        self._agents = {agent: hosts.named(name) for agent, name in agents.items()}

    def of(self, options: Sequence[CapturedOption]) -> Sender | str:
        """The process that sent all of them, or why it is not known.

        What answers a SYN is sent while any process may run, and TOT's kernel module names that
        one; pid 0 is nobody's.

        Source: deepflowio/tcp-option-tracing tot.c:158-168, ebpf/tot.bpf.c:104-110.
        """
        trusted = [option for option in options if not (option.is_syn and option.is_ack)]
        if not trusted:
            return "tot-syn-ack"
        named = [option for option in trusted if option.option.pid]
        if not named:
            return "tot-no-pid"
        found = [self._sender(option) for option in named]
        reasons = [sender for sender in found if isinstance(sender, str)]
        senders = [sender for sender in found if isinstance(sender, Sender)]
        processes = {(sender.host, sender.pid) for sender in senders}
        if len(processes) + len(set(reasons)) > 1:
            return "ambiguous"
        if reasons:
            return reasons[0]
        ((host, pid),) = processes
        return Sender(host, pid, any(sender.certain for sender in senders))

    def _sender(self, captured: CapturedOption) -> Sender | str:
        origin = self._origin(captured)
        if isinstance(origin, str):
            return origin
        party = self._party(origin.host, captured.option.pid)
        if party is None:
            return "no-process"
        if not self._timing.lived(party, captured.time_s, self._hosts.taken_at_ns(origin.host)):
            return "other-time"
        return Sender(origin.host, party.pid, origin.certain)

    def _origin(self, captured: CapturedOption) -> _Origin | str:
        """The host whose pid it is.

        An option may say so, by the address before any translation or by its agent. The address
        of the segment says it only if nobody has translated that on the way.
        """
        option = captured.option
        if option.agent_id in self._agents:
            host = self._agents[option.agent_id]
            return "no-host" if host is None else _Origin(host, certain=True)
        ip = option.address or captured.source.ip
        owners = self._hosts.owners(ip, self._hosts.observer(None)) if ":" not in ip else ()
        if len(owners) != 1:
            return "ambiguous" if owners else "no-host"
        return _Origin(owners[0], certain=option.address is not None)
