"""Flow records, captured connections, and their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from proccli.model.sockets import Endpoint, Protocol
from proccli.model.tuples import from_fields

AutoInstanceKind: TypeAlias = Literal["pod", "other", "none"]
"""What a record already has as `auto_instance` of a side: `pod` (a pod takes precedence over a
process); `other`, over which a process takes precedence (a node, a host, an address); or `none`.

Source: server/ingester/common/common.go, branch v6.5:155-186."""


# A run creates millions of flows and labels; dataclasses take six times as long to create.


class Flow(NamedTuple):
    """A connection as a flow record describes it. Side 0 is the client."""

    protocol: Protocol | None
    """None: neither TCP nor UDP, or not in the record."""
    side_0: Endpoint | None
    """None: missing or unreadable; then `problem` says what is wrong."""
    side_1: Endpoint | None
    start_s: float | None = None
    """Seconds since the epoch; None: not in the record."""
    end_s: float | None = None
    host: str | None = None
    """The host whose agent saw the flow; None: not in the record."""
    pid_0: int | None = None
    """The process that the agent saw at this side, as its host numbers it; None: not in the
    record."""
    pid_1: int | None = None
    instance_0: AutoInstanceKind = "none"
    instance_1: AutoInstanceKind = "none"
    problem: str | None = None
    """Why the record does not describe a flow, for example `no ip_0`; None: it does."""

    @property
    def flow(self) -> Flow:
        """Itself."""
        return self


class SideLabel(NamedTuple):
    """The label of one side of a flow."""

    label: str
    """`socket`, `pid`, `tot` or `tot-likely`: how the process was found; else why none was."""
    gprocess: str | None = None
    auto_instance: str | None = None
    """None: the record keeps its own value, if it has one."""
    tags: tuple[tuple[str, str], ...] = ()
    """Key and value, as `os.app.KEY`."""
    pid: int | None = None
    host: str | None = None

    @property
    def shown(self) -> Shown:
        """What records show of it: all but pid and host, so it is the same for many processes."""
        return self[:4]


Shown: TypeAlias = tuple[str, "str | None", "str | None", tuple[tuple[str, str], ...]]
"""The first fields of a `SideLabel`."""


Seen: TypeAlias = "tuple[str | None, AutoInstanceKind, AutoInstanceKind]"
"""`host`, `instance_0` and `instance_1` of a `Flow`."""


class PlainFlow(NamedTuple):
    """A flow without times between two IPv4 addresses, neither of them in 127/8, as numbers.

    Most flows are plain. It takes a third of the time of a `Flow`, and is found in half of it.
    """

    lower: int
    """The lower end: the number of the protocol, its address and its port."""
    higher: int
    """The address and port of the other end."""
    turned: bool
    """Whether the lower end is that of side 1."""
    seen: Seen

    @property
    def flow(self) -> Flow:
        """The same as a flow."""
        host, instance_0, instance_1 = self.seen
        return Flow(*self.pair, host=host, instance_0=instance_0, instance_1=instance_1)

    @property
    def pair(self) -> tuple[Protocol, Endpoint, Endpoint]:
        """The protocol and the sides."""
        ends = _endpoint(self.lower), _endpoint(self.higher)
        return PROTOCOL_NAMES[self.lower >> KIND_BITS], ends[self.turned], ends[not self.turned]


def _endpoint(end: int) -> Endpoint:
    return Endpoint(int_to_ip(end >> PORT_BITS & 0xFFFF_FFFF), end & (1 << PORT_BITS) - 1)


@lru_cache(1 << 13)
def int_to_ip(address: int) -> str:
    """A number as a dotted IPv4 address."""
    return ".".join(map(str, address.to_bytes(4, "big")))


PROTOCOL_NAMES: Final[tuple[Protocol, ...]] = get_args(Protocol)
"""By their numbers, which are those of the store, too."""
PORT_BITS: Final = 16
"""What is above these bits of an end: its address."""
KIND_BITS: Final = 48
"""What is above these bits of the lower end: the number of the protocol."""
AnyFlow: TypeAlias = "Flow | PlainFlow"


class FlowLabels:
    """The labels of both sides of flows, without pids and hosts. Compared by identity: equal ones
    are mostly the same object, by which it takes little time to find what was made of them."""

    __slots__ = ("counted", "side_0", "side_1")

    def __init__(
        self, side_0: SideLabel, side_1: SideLabel, instances: Sequence[AutoInstanceKind]
    ) -> None:
        """`instances`: what the record has as `auto_instance` of each side."""
        self.side_0 = side_0
        self.side_1 = side_1
        self.counted = (
            side_0.label,
            side_0.auto_instance is None and instances[0] != "pod",
            side_1.label,
            side_1.auto_instance is None and instances[1] != "pod",
        )
        """The label of each side, and whether the server may know a pod for it."""


new_flow: Final = from_fields(Flow)
"""A `Flow` of all its fields in order."""
new_plain_flow: Final = from_fields(PlainFlow)
"""A `PlainFlow` of all its fields in order."""
new_label: Final = from_fields(SideLabel)
"""A `SideLabel` of all its fields in order."""


FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10
"""Bits of a segment's flags."""


class Segment(NamedTuple):
    """The TCP header fields of one captured segment. A run creates millions of these."""

    time_s: float | None
    """Seconds since the epoch, by the clock of the capturing machine; None: not recorded."""
    source: Endpoint
    destination: Endpoint
    flags: int
    seq: int
    ack: int
    payload_bytes: int
    """The length as sent, even if less was captured."""
    options: bytes
    """The bytes of the TCP options, as far as they were captured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TotOption:
    """TCP option kind 253 with which TOT or an agent marks a segment: which process sent it.

    Source: deepflowio/tcp-option-tracing tot.c and ebpf/tot.bpf.c (v1); deepflow #11819 and
    #11847 (v2).
    """

    version: Literal[1, 2]
    pid: int
    """Process id in the pid namespace of the sender's host; 0: the kernel sent the segment
    itself."""
    address: str | None = None
    """v1: the source IPv4 address before any translation (NAT); None: not present, or not
    certain."""
    seq: int | None = None
    """v1: the segment's sequence number before any translation; None: as above."""
    agent_id: int | None = None
    """v2: the id of the agent that added the option."""
    ambiguous: bool = False
    """v1 of 12 bytes: the last four may be the address or the sequence number, and nothing in the
    segment shows which."""
    candidate: str | None = None
    """If `ambiguous`: those bytes as an address. If it is an address of a known host, that is
    hardly by chance: as a sequence number it could be any of four billion values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedOption:
    """A TOT option and the segment that carried it."""

    time_s: float | None
    """As in `Segment`."""
    source: Endpoint
    destination: Endpoint
    flags: int
    seq: int
    """The segment's own sequence number, as captured."""
    option: TotOption

    @property
    def is_syn(self) -> bool:
        """Whether the segment is a SYN or a SYN-ACK."""
        return bool(self.flags & SYN)

    @property
    def is_ack(self) -> bool:
        """With `is_syn`: whether it is a SYN-ACK."""
        return bool(self.flags & ACK)

    @property
    def translated(self) -> bool | None:
        """Whether the source address was translated (NAT) before the capture; None: not known."""
        address = self.option.address
        if address is None or ":" in self.source.ip:
            return None
        return address != self.source.ip


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedConnection:
    """A captured TCP connection with the TOT options that each side sent."""

    flow: Flow
    """Its times are those of the first and the last packet."""
    client_certain: bool
    """Whether side 0 is known to be the client, because its SYN or the SYN-ACK was captured."""
    ended: bool
    """Whether its end was captured: closed by both sides, or reset."""
    packets: int
    options_0: tuple[CapturedOption, ...] = ()
    """Sent by side 0. Of equal options (same version, pid, address and agent, and both in a SYN or
    both not) only the first is kept: the kernel itself sends the SYN-ACK, so an option in a SYN-ACK
    proves less than one in other segments."""
    options_1: tuple[CapturedOption, ...] = ()
