"""Flow records and captured connections, and the labels that they get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from proccli.model.sockets import Endpoint, Protocol

AutoInstanceKind: TypeAlias = Literal["pod", "other", "none"]
"""What a record's `auto_instance` of a side is already: a pod, which comes before a process;
something else that a process comes before (a node, a host, an address); not said.

Source: server/ingester/common/common.go, branch v6.5:155-186."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A connection as a flow record has it. Side 0 is the client."""

    protocol: Protocol | None
    """None: neither TCP nor UDP, or not said."""
    side_0: Endpoint | None
    """None: not said, or no address; then `problem` says what is wrong."""
    side_1: Endpoint | None
    start_s: float | None = None
    """Seconds since the epoch; None: not said."""
    end_s: float | None = None
    host: str | None = None
    """Whose agent saw it, as far as the record says."""
    instance_0: AutoInstanceKind = "none"
    instance_1: AutoInstanceKind = "none"
    problem: str | None = None
    """Why this is no record of a flow: `no ip_0`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideLabel:
    """What one side of a flow is labelled with."""

    label: str
    """`socket` or `tot`: how the process was found; else the reason why there is none."""
    gprocess: str | None = None
    auto_instance: str | None = None
    """None: the record's own value stays, or there is none."""
    tags: tuple[tuple[str, str], ...] = ()
    """Key and value, as `os.app.KEY`."""
    pid: int | None = None
    host: str | None = None


FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10
"""Bits of a segment's flags."""


class Segment(NamedTuple):
    """A TCP segment of a capture, as far as its headers tell. Millions are made in a run."""

    time_s: float | None
    """Seconds since the epoch, by the clock of the capturing machine; None: not recorded."""
    source: Endpoint
    destination: Endpoint
    flags: int
    seq: int
    ack: int
    payload_bytes: int
    """As it was sent, also where less of it was captured."""
    options: bytes
    """The options of its header, as far as they were captured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TotOption:
    """TCP option kind 253, as TOT or an agent puts it into a segment: who sent it.

    Source: deepflowio/tcp-option-tracing tot.c and ebpf/tot.bpf.c (v1); deepflow #11819 and
    #11847 (v2).
    """

    version: Literal[1, 2]
    pid: int
    """Process id in the pid namespace of the sender's host; 0: the kernel sent it by itself."""
    address: str | None = None
    """v1: the source IPv4 address before any translation; None: not carried, or not certain."""
    seq: int | None = None
    """v1: the segment's sequence number before any translation; None as above."""
    agent_id: int | None = None
    """v2: the agent that put it there."""
    ambiguous: bool = False
    """v1 of 12 bytes, whose last four may be the address or the sequence number, and nothing in
    the segment tells which."""
    candidate: str | None = None
    """Where `ambiguous`: the address, if those bytes are one. That it is one of a known host's is
    no chance: as a sequence number it would be any of four billion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedOption:
    """A TOT option where it was seen."""

    time_s: float | None
    """As in the segment."""
    source: Endpoint
    destination: Endpoint
    flags: int
    seq: int
    """The segment's own sequence number, as captured."""
    option: TotOption

    @property
    def is_syn(self) -> bool:
        """Whether the segment opens a connection, or answers one that does."""
        return bool(self.flags & SYN)

    @property
    def is_ack(self) -> bool:
        """With `is_syn`: whether it is the answer."""
        return bool(self.flags & ACK)

    @property
    def translated(self) -> bool | None:
        """Whether the source address was translated on the way here; None: not known."""
        address = self.option.address
        if address is None or ":" in self.source.ip:
            return None
        return address != self.source.ip


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedConnection:
    """A TCP connection in a capture, with the options that each side sent."""

    flow: Flow
    """Times are those of its first and last packet."""
    client_certain: bool
    """Whether side 0 is known to be the client: its SYN, or the SYN-ACK, was captured."""
    ended: bool
    """Whether its end was captured: closed at both sides, or reset."""
    packets: int
    options_0: tuple[CapturedOption, ...] = ()
    """Sent by side 0; of many alike (version, pid, address, agent, in a SYN or not) only the first:
    the kernel itself answers with the SYN-ACK, so what stands in that is worth less."""
    options_1: tuple[CapturedOption, ...] = ()
