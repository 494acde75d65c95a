"""Which process sent a segment, by its TOT option."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from proccli.model.fleet import Party
from proccli.model.flows import CapturedOption
from proccli.server.keys import is_loopback
from proccli.server.senders import Hosts, Timing


@dataclass(frozen=True, slots=True)
class Sender:
    """A process, and whether it is certainly that one."""

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
        """The process that sent them, or why it is not known.

        A SYN is sent by connect(2), while its process runs; when it is sent again, by a timer, any
        process may. Data may be sent by write(2), or later, when an acknowledgement makes room. A
        SYN is answered by the kernel, and then an option names whoever runs. So the first SYN
        decides, else the data, and that is less than certain. Pid 0 is nobody's.

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
        party = self._party(origin.host, captured.option.pid)
        if party is None:
            return "no-process"
        life = self._timing.lived(party, captured.time_s, self._hosts.view(origin.host))
        if life == "not":
            return "other-time"
        return Sender(origin.host, party.pid, origin.certain and life == "surely")

    def _origin(self, captured: CapturedOption) -> _Origin | str:
        """The host whose pid it is.

        An option may say so, by the address before any translation or by its agent. The address
        of the segment says it only if nobody has translated that on the way, as somebody has where
        twelve bytes are ambiguous.
        """
        option = captured.option
        if option.agent_id in self._agents:
            host = self._agents[option.agent_id]
            return "no-host" if host is None else _Origin(host, certain=True)
        told = option.address or option.candidate
        ip = told or captured.source.ip
        owners = self._hosts.owners(ip, self._hosts.observer(None)) if ":" not in ip else ()
        if len(owners) != 1:
            return "ambiguous" if owners else "no-host"
        if option.agent_id is not None and owners[0] in self._agents.values():
            return "no-host"  # that one's agent has another id: somebody translated the address
        # Every machine has a loopback: that it is the only source's is no more than likely.
        certain = told is not None and not is_loopback(ip)
        return _Origin(owners[0], certain=certain)
