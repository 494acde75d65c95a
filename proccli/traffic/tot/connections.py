"""One connection while its segments come in: its client, its end, and what its sides say."""

from __future__ import annotations

from typing import Final, TypeAlias

from proccli.model.flows import (
    ACK,
    FIN,
    RST,
    SYN,
    CapturedConnection,
    CapturedOption,
    Flow,
    Segment,
    TotOption,
)
from proccli.model.sockets import Endpoint
from proccli.traffic.tot.option import decode

MOST_OPTIONS: Final = 64
"""Different options that are kept of each side; more than a few processes never share one."""
_SEQUENCE_NUMBERS: Final = 1 << 32

_Alike: TypeAlias = tuple[int, int, str | None, int | None, bool, int]
_Options: TypeAlias = dict[_Alike, CapturedOption]


class Conversation:
    """What is known so far of the segments between two ends. Tens of thousands are kept."""

    __slots__ = (
        "_client",
        "_ends",
        "_fins",
        "_first_s",
        "_isns",
        "_options",
        "_packets",
        "_reset",
        "last_s",
        "seen_s",
    )

    def __init__(self, first: Segment) -> None:
        self._ends = (first.source, first.destination)
        self._client: int | None = None
        self._isns: tuple[int | None, int | None] = (None, None)
        self._fins = 0
        self._reset = False
        self._packets = 0
        self._first_s = first.time_s
        self._options: tuple[_Options, _Options] | None = None
        self.last_s = first.time_s
        self.seen_s: float | None = None
        """When something came last, by a clock that never goes back: its keeper's."""

    @property
    def closed(self) -> bool:
        """Whether both sides have closed it, or one has reset it."""
        return self._reset or self._fins == 0b11

    def is_another(self, syn: Segment) -> bool:
        """Whether a segment with SYN begins another connection between the same ends.

        A repeated one has the same initial sequence number.
        """
        side = self._side(syn.source)
        isn = self._isns[side]
        if isn is not None:
            return isn != syn.seq
        if self._isns[1 - side] is None and not syn.flags & ACK:
            return True  # of this one, the beginning was missed
        return self.closed

    def add(self, segment: Segment) -> None:
        """Take a segment of this connection into account."""
        side = self._side(segment.source)
        self._packets += 1
        self._take_time(segment.time_s)
        flags = segment.flags
        if flags & SYN:
            self._take_syn(segment, side)
        if flags & FIN:
            self._fins |= 1 << side
        if flags & RST:
            self._reset = True
        found = decode(segment).tot
        if found:
            self._take_options(segment, side, found)

    def connection(self) -> CapturedConnection:
        """What has come of it."""
        client = self._client or 0
        options = self._options or ({}, {})
        return CapturedConnection(
            flow=Flow(
                protocol="tcp",
                side_0=self._ends[client],
                side_1=self._ends[1 - client],
                start_s=self._first_s,
                end_s=self.last_s,
            ),
            client_certain=self._client is not None,
            ended=self.closed,
            packets=self._packets,
            options_0=tuple(options[client].values()),
            options_1=tuple(options[1 - client].values()),
        )

    def _side(self, sender: Endpoint) -> int:
        return 0 if sender == self._ends[0] else 1

    def _take_time(self, time_s: float | None) -> None:
        if time_s is None:
            return
        if self._first_s is None or time_s < self._first_s:
            self._first_s = time_s
        if self.last_s is None or time_s > self.last_s:
            self.last_s = time_s

    def _take_syn(self, segment: Segment, side: int) -> None:
        isns = list(self._isns)
        isns[side] = segment.seq
        answers = bool(segment.flags & ACK)
        if answers and isns[1 - side] is None:
            isns[1 - side] = (segment.ack - 1) % _SEQUENCE_NUMBERS
        self._isns = (isns[0], isns[1])
        if self._client is None:
            self._client = 1 - side if answers else side

    def _take_options(self, segment: Segment, side: int, found: tuple[TotOption, ...]) -> None:
        if self._options is None:
            self._options = ({}, {})
        kept = self._options[side]
        for option in found:
            # A SYN-ACK's is worth less than another's: neither may stand for the other.
            alike: _Alike = (
                option.version,
                option.pid,
                option.address,
                option.agent_id,
                option.ambiguous,
                segment.flags & SYN,
            )
            if alike not in kept and len(kept) < MOST_OPTIONS:
                kept[alike] = CapturedOption(
                    time_s=segment.time_s,
                    source=segment.source,
                    destination=segment.destination,
                    flags=segment.flags,
                    seq=segment.seq,
                    option=option,
                )
