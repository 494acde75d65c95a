"""The segments of a capture, put together to connections."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from proccli.model.flows import SYN, CapturedConnection, Segment
from proccli.model.sockets import Endpoint
from proccli.traffic.tot.connections import Conversation

IDLE_S: Final = 7_500.0
"""A little more than a living but silent connection waits before it shows a sign of life: two
hours (net.ipv4.tcp_keepalive_time)."""
LINGER_S: Final = 60.0
"""How long a closed connection may still get late and repeated segments: Linux's TIME_WAIT."""

_Key: TypeAlias = tuple[Endpoint, Endpoint]
_Table: TypeAlias = "OrderedDict[_Key, Conversation]"


@dataclass(slots=True, kw_only=True)
class ConnectionCounts:
    """What became of the connections; it is complete when the last one is out."""

    evicted: int = 0
    """Given out early, since more were open at once than are kept: what follows of such a one
    appears as another connection."""


def connections(
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
            found = Conversation(segment)
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
        yield from (conversation.connection() for conversation in left)

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


def _last_seen(conversation: Conversation) -> float:
    return float("-inf") if conversation.last_s is None else conversation.last_s
