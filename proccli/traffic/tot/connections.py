"""One connection while its segments come in: its client, its end, and what its sides say."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
from proccli.traffic.tot.option import decode_options

MAX_OPTIONS: Final = 64
"""Different options that are kept of each side; more than a few processes never share one."""
_SEQUENCE_NUMBERS: Final = 1 << 32

_OptionKey: TypeAlias = tuple[int, int, str | None, int | None, bool, int]
_Options: TypeAlias = dict[_OptionKey, CapturedOption]


class OpenConnection:
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
        found = decode_options(segment).tot
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
            option_key: _OptionKey = (
                option.version,
                option.pid,
                option.address,
                option.agent_id,
                option.ambiguous,
                segment.flags & SYN,
            )
            if option_key not in kept and len(kept) < MAX_OPTIONS:
                kept[option_key] = CapturedOption(
                    time_s=segment.time_s,
                    source=segment.source,
                    destination=segment.destination,
                    flags=segment.flags,
                    seq=segment.seq,
                    option=option,
                )


IDLE_S: Final = 7_500.0
"""A little more than a living but silent connection waits before it shows a sign of life: two
hours (net.ipv4.tcp_keepalive_time)."""
LINGER_S: Final = 60.0
"""How long a closed connection may still get late and repeated segments: Linux's TIME_WAIT."""

_Key: TypeAlias = tuple[Endpoint, Endpoint]
_Table: TypeAlias = "OrderedDict[_Key, OpenConnection]"


@dataclass(slots=True, kw_only=True)
class ConnectionCounts:
    """What became of the connections; it is complete when the last one is out."""

    evicted: int = 0
    """Given out early, since more were open at once than are kept: what follows of such a one
    appears as another connection."""


def assemble_connections(
    segments: Iterable[Segment],
    *,
    max_open: int = 100_000,
    idle_s: float = IDLE_S,
    counts: ConnectionCounts | None = None,
) -> Iterator[CapturedConnection]:
    """The TCP connections that segments belong to, each when it has ended.

    It has ended when both sides have closed it, or one has reset it, and no more comes; when a SYN
    of another begins at the same ends; when nothing was seen of it for `idle_s`; or with the
    capture. At most `max_open` are kept at a time, and then the one that was silent for longest is
    given out. Memory is bounded; the order is that of their ends.
    """
    table = _Connections(max_open, idle_s, counts if counts is not None else ConnectionCounts())
    for segment in segments:
        yield from table.add(segment)
    yield from table.rest()


class _Connections:
    def __init__(self, max_open: int, idle_s: float, counts: ConnectionCounts) -> None:
        self._max_open = max_open
        self._idle_s = idle_s
        self._counts = counts
        self._now: float | None = None
        # Each with the one that was seen last at its end.
        self._open: _Table = OrderedDict()
        self._closed: _Table = OrderedDict()

    def add(self, segment: Segment) -> Iterator[CapturedConnection]:
        """Those that have ended by now."""
        time_s = segment.time_s
        if time_s is not None and (self._now is None or time_s > self._now):
            # Captures of several interfaces are not quite in order.
            self._now = time_s
            yield from self._expired(time_s)
        source, destination = segment.source, segment.destination
        key = (source, destination) if source <= destination else (destination, source)
        found = self._open.get(key) or self._closed.get(key)
        if found is not None and segment.flags & SYN and found.is_another(segment):
            yield self._take_out(key)
            found = None
        if found is None:
            found = OpenConnection(segment)
        found.add(segment)
        found.seen_s = self._now
        if found.closed:
            self._open.pop(key, None)
        table = self._closed if found.closed else self._open
        table[key] = found
        table.move_to_end(key)
        if len(self._open) + len(self._closed) > self._max_open:
            yield self._evicted()

    def rest(self) -> Iterator[CapturedConnection]:
        """Those that are left, by when they were seen last."""
        left = sorted((*self._closed.values(), *self._open.values()), key=_last_seen)
        yield from (connection.connection() for connection in left)

    def _expired(self, now: float) -> Iterator[CapturedConnection]:
        for table, after_s in ((self._closed, LINGER_S), (self._open, self._idle_s)):
            while table:
                key = next(iter(table))
                seen = table[key].seen_s
                if seen is None or seen + after_s >= now:
                    break
                yield table.pop(key).connection()

    def _evicted(self) -> CapturedConnection:
        # A closed one is complete.
        table = self._closed or self._open
        self._counts.evicted += table is self._open
        return table.popitem(last=False)[1].connection()

    def _take_out(self, key: _Key) -> CapturedConnection:
        ended = self._open.pop(key, None) or self._closed.pop(key)
        return ended.connection()


def _last_seen(connection: OpenConnection) -> float:
    return float("-inf") if connection.last_s is None else connection.last_s
