"""A source whose sockets were observed before: by an earlier sample, or by an earlier run."""

# Annotations are not strings here: a NamedTuple compiles each string, at every start of proccli.

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from proccli.errors import NoSuchProcess
from proccli.model.note import Note
from proccli.model.process import ALL_FIELDS, Field, FieldError, Host, Process
from proccli.model.sockets import NetTables, SocketFd, SocketKey
from proccli.model.source import Source

_STAT: Final[frozenset[Field]] = frozenset({"stat"})


class Observations(NamedTuple):
    """When sockets were first seen, by an earlier sample or run."""

    age_source: Literal["observed", "state"]
    first_seen_ns: Mapping[SocketKey, int] = MappingProxyType({})
    """Nanoseconds since the epoch."""
    observed_since_ns: int | None = None
    """When the sample was taken: a socket that is missing from `first_seen_ns` is younger; None:
    it may have any age."""


class ObservedSource:
    """A source whose sockets are as old as the earliest observation of them."""

    def __init__(self, source: Source, *observations: Observations) -> None:
        self._source = source
        self._observations = observations
        observed = [
            one.observed_since_ns for one in observations if one.observed_since_ns is not None
        ]
        since_ns = max([*observed, *filter(None, [source.host.observed_since_ns])], default=None)
        self.host: Host = source.host._replace(observed_since_ns=since_ns)
        self.notes: Sequence[Note] = source.notes

    def pids(self) -> Sequence[int]:
        """As the wrapped source."""
        return self._source.pids()

    def read(self, pid: int, fields: frozenset[Field] = ALL_FIELDS) -> Process:
        """As the wrapped source."""
        return self._source.read(pid, fields)

    def read_many(
        self, pids: Iterable[int], fields: frozenset[Field] = ALL_FIELDS
    ) -> Iterator[Process]:
        """As the wrapped source."""
        return self._source.read_many(pids, fields)

    def users(self, process: Process) -> Mapping[int, str] | None:
        """As the wrapped source."""
        return self._source.users(process)

    def addresses(self, pid: int) -> Sequence[str] | None:
        """As the wrapped source."""
        return self._source.addresses(pid)

    def net_tables(self, pid: int) -> NetTables:
        """As the wrapped source."""
        return self._source.net_tables(pid)

    def socket_fds(self, pid: int) -> Sequence[SocketFd] | FieldError:
        """As the wrapped source, with the time of the earliest observation."""
        found = self._source.socket_fds(pid)
        if isinstance(found, FieldError) or not found:
            return found
        try:
            starttime_ticks = self._source.read(pid, _STAT).starttime_ticks
        except NoSuchProcess:
            return found
        return tuple(self._dated(pid, starttime_ticks, item) for item in found)

    def _dated(self, pid: int, starttime_ticks: int | None, item: SocketFd) -> SocketFd:
        for one in self._observations:
            seen_ns = one.first_seen_ns.get((pid, starttime_ticks, item.fd, item.inode))
            if seen_ns is None:
                continue
            if item.since_ns is None or seen_ns < item.since_ns:
                item = SocketFd(item.fd, item.inode, seen_ns, one.age_source)
        return item


def first_seen_by_socket(source: Source) -> Mapping[SocketKey, int]:
    """When each socket of a source's processes was first seen: for the next sample.

    A link that was created during this sample counts from its beginning: it was never read
    before, so its ctime is only the time of our own reading.
    """
    seen: dict[SocketKey, int] = {}
    for pid in source.pids():
        found = source.socket_fds(pid)
        if isinstance(found, FieldError) or not found:
            continue
        starttime_ticks = source.read(pid, _STAT).starttime_ticks
        for item in found:
            if item.since_ns is not None:
                key = (pid, starttime_ticks, item.fd, item.inode)
                seen[key] = min(item.since_ns, source.host.taken_at_ns)
    return seen
