"""Assembles captured segments into TCP connections, with the TOT options of both sides."""

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

IDLE_S: Final = 7_500.0
"""Seconds after which a silent connection counts as ended: a little more than the two hours after
which Linux sends a keepalive (net.ipv4.tcp_keepalive_time)."""
LINGER_S: Final = 60.0
"""Seconds for which a closed connection may still receive late or repeated segments: Linux's
TIME_WAIT."""
MAX_OPTIONS: Final = 64
"""Maximum number of different options to keep for each side; only few processes share one
socket."""
_SEQUENCE_NUMBERS: Final = 1 << 32

_OptionKey: TypeAlias = tuple[int, int, str | None, int | None, bool, int]
_Options: TypeAlias = dict[_OptionKey, CapturedOption]


class OpenConnection:
    """A connection whose segments are still being read. Up to 100,000 exist at a time."""

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
        """The time of its last segment, by the clock of `_ConnectionTable`, which never goes
        back."""

    @property
    def closed(self) -> bool:
        """Whether both sides have closed the connection, or one has reset it."""
        return self._reset or self._fins == 0b11

    def is_another(self, syn: Segment) -> bool:
        """Whether a segment with SYN starts another connection between the same two addresses.

        A retransmitted SYN has the same initial sequence number.
        """
        side = self._side(syn.source)
        isn = self._isns[side]
        if isn is not None:
            return isn != syn.seq
        if self._isns[1 - side] is None and not syn.flags & ACK:
            return True  # the capture has no SYN of the current connection
        return self.closed

    def add(self, segment: Segment) -> None:
        """Add a segment of this connection."""
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

    def result(self) -> CapturedConnection:
        """The connection as far as it was captured."""
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
            # An option in a SYN-ACK proves less than another, so neither replaces the other.
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


_Key: TypeAlias = tuple[Endpoint, Endpoint]
_Table: TypeAlias = "OrderedDict[_Key, OpenConnection]"


@dataclass(slots=True, kw_only=True)
class ConnectionCounts:
    """Counts of `assemble_connections`; complete after its last connection."""

    evicted: int = 0
    """Connections returned before their end because too many were open at once. Later segments of
    such a connection form another one."""


def assemble_connections(
    segments: Iterable[Segment],
    *,
    max_open: int = 100_000,
    idle_s: float = IDLE_S,
    counts: ConnectionCounts | None = None,
) -> Iterator[CapturedConnection]:
    """The TCP connections of these segments, each when it has ended, in the order of their ends.

    A connection has ended when both sides have closed it or one has reset it, and no segment came
    for `LINGER_S`; when a SYN starts another connection between the same addresses; when no segment
    came for `idle_s`; or at the end of the capture. Memory is bounded: of more than `max_open`
    connections, the one that was silent for longest is returned early.
    """
    table = _ConnectionTable(max_open, idle_s, counts if counts is not None else ConnectionCounts())
    for segment in segments:
        yield from table.add(segment)
    yield from table.rest()


class _ConnectionTable:
    def __init__(self, max_open: int, idle_s: float, counts: ConnectionCounts) -> None:
        self._max_open = max_open
        self._idle_s = idle_s
        self._counts = counts
        self._now: float | None = None
        # In both tables, the connection with the latest segment is last.
        self._open: _Table = OrderedDict()
        self._closed: _Table = OrderedDict()

    def add(self, segment: Segment) -> Iterator[CapturedConnection]:
        """Add a segment; yields the connections that have ended by now."""
        time_s = segment.time_s
        if time_s is not None and (self._now is None or time_s > self._now):
            # Captures of several interfaces are not strictly in order.
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
        """The remaining connections, ordered by their last segment."""
        left = sorted((*self._closed.values(), *self._open.values()), key=_last_seen)
        yield from (connection.result() for connection in left)

    def _expired(self, now: float) -> Iterator[CapturedConnection]:
        for table, after_s in ((self._closed, LINGER_S), (self._open, self._idle_s)):
            while table:
                key = next(iter(table))
                seen = table[key].seen_s
                if seen is None or seen + after_s >= now:
                    break
                yield table.pop(key).result()

    def _evicted(self) -> CapturedConnection:
        # A closed connection is complete, so evict those first.
        table = self._closed or self._open
        self._counts.evicted += table is self._open
        return table.popitem(last=False)[1].result()

    def _take_out(self, key: _Key) -> CapturedConnection:
        ended = self._open.pop(key, None) or self._closed.pop(key)
        return ended.result()


def _last_seen(connection: OpenConnection) -> float:
    return float("-inf") if connection.last_s is None else connection.last_s
