"""The hosts of a store, for labels: ends and processes are fetched for many flows at a time.

The store looks up the addresses of all these flows in one query, so that the time depends on the
number of flows and not on the number of hosts.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property, partial
from itertools import chain
from typing import Final, NamedTuple, TypeAlias

from proccli.errors import StoreError
from proccli.model.hosts import HostProcess
from proccli.model.process import NS_PER_S
from proccli.model.sockets import Endpoint, Protocol
from proccli.server.join import HostEnd, host_of, int_to_ip, is_loopback, pid_of
from proccli.server.labels import Needs
from proccli.store.current import HOST, LOOPBACK, Moment
from proccli.store.engine import GIVEN, Engine, Given
from proccli.store.schema import PROTOCOLS, ROLES
from proccli.store.stored_fleet import StoredHosts
from proccli.store.text import Addresses

_Key: TypeAlias = tuple[int, int]
"""Protocol and both ends of a connection, the lower end first: equal in both directions."""
_PORT_BITS: Final = 16
_PORT: Final = (1 << _PORT_BITS) - 1
_KIND_BITS: Final = 48
"""What is above these bits of the lower end: the number of the protocol, and 2 for loopback."""
_LOOPBACK: Final = 127 << 24
"""Of a loopback connection, the server compares ports only: this is the server's address in its
key, and 0 is the client's."""
_CLIENT: Final = f"if({LOOPBACK}, 0, client_ip) * toUInt64({1 << _PORT_BITS}) + client_port"
_SERVER: Final = (
    f"if({LOOPBACK}, {_LOOPBACK}, server_ip) * toUInt64({1 << _PORT_BITS}) + server_port"
)
_LOWER: Final = (
    f"least({_CLIENT}, {_SERVER}) + (protocol + 2 * ({LOOPBACK})) * toUInt64({1 << _KIND_BITS})"
)
_HIGHER: Final = f"greatest({_CLIENT}, {_SERVER})"

_ENDS: Final = (
    f"{_LOWER}, {_HIGHER}, number, pid, role, {_CLIENT} < {_SERVER}, client_ip, server_ip, scope,"
    " toUInt32(first)"
)
_END: Final = struct.Struct("<QQQIBBIIQI")
_End: TypeAlias = tuple[int, int, int, int, int, int, int, int, int, int]
"""The same as the engine writes it; the key is first."""

_OF_KIND: Final = "gprocess, tags_known, tag_keys, tag_values, container_known, container_id = ''"
"""What labels show of a process. Few processes differ in it, so that it is fetched once."""
_KIND: Final = f"cityHash64({_OF_KIND})"
_PROCESS: Final = struct.Struct("<QIIQ")
"""A process: host, pid, time of its start, kind."""


class _Kind(NamedTuple):
    gprocess: str
    tags: tuple[tuple[str, str], ...] | None
    container_id: str | None
    """Empty or None as in `HostProcess`; of all containers, the same."""


class KnownFlows(NamedTuple):
    """What a store knows of some flows."""

    ends: Mapping[_Key, list[_End]]
    processes: Mapping[tuple[int, int], HostProcess]
    """By host and pid. Without the names that labels do not show, and without command lines."""


class StoredFlows(StoredHosts):
    """Hosts of a store, with the ends and processes that some flows need."""

    is_quick: Final = True
    """What flows need is in memory."""

    def __init__(self, engine: Engine, moment: Moment) -> None:
        """Raises: StoreError, like all that reads."""
        super().__init__(engine, moment)
        self._hashes = list(self._by_hash)
        self._known = KnownFlows({}, {})

    def use(self, known: KnownFlows) -> None:
        """Answer from these from now on."""
        self._known = known

    def between(self, protocol: Protocol, one: Endpoint, other: Endpoint) -> Sequence[HostEnd]:
        """The ends of connections between these two addresses in both directions, on any host and
        in any network; of loopback connections, those on every host and in every namespace."""
        # Without calls of functions, which are half of the time.
        lower, higher = (
            _NUMBERS[one.ip] << _PORT_BITS | one.port,
            _NUMBERS[other.ip] << _PORT_BITS | other.port,
        )
        if lower >> _FIRST_BYTE == 127 or higher >> _FIRST_BYTE == 127:
            both = ((one, other), (other, one))[: 1 + (one != other)]
            return [end for ends in both for end in self._in_direction(protocol, *ends)]
        one_is_lower = lower < higher
        if not one_is_lower:
            lower, higher = higher, lower
        ends = self._known.ends.get((_KINDS[protocol] | lower, higher), ())
        found = []
        for _, _, number, pid, role, client_is_lower, _, _, scope, first_s in ends:
            host, since_ns = self._by_hash[number], first_s * NS_PER_S
            turned = client_is_lower != one_is_lower
            client, server = (other, one) if turned else (one, other)
            found.append(
                HostEnd(
                    host,
                    pid,
                    protocol,
                    ROLES[role],
                    client,
                    server,
                    "synced",
                    None,
                    since_ns,
                    scope,
                )
            )
        return found

    def _in_direction(
        self, protocol: Protocol, client: Endpoint, server: Endpoint
    ) -> Iterator[HostEnd]:
        is_over_loopback = is_loopback(server.ip)
        for end in self._known.ends.get(_key(protocol, client, server), ()):
            found = self._end(protocol, end)
            if is_over_loopback or (found.client, found.server) == (client, server):
                yield found

    def _end(self, protocol: Protocol, end: _End) -> HostEnd:
        lower, higher, number, pid, role, client_is_lower, *ips, scope, first_s = end
        ports = (lower & _PORT, higher & _PORT)
        client_port, server_port = ports if client_is_lower else reversed(ports)
        client_ip, server_ip = map(int_to_ip, ips)
        return HostEnd(
            self._by_hash[number],
            pid,
            protocol,
            ROLES[role],
            Endpoint(client_ip, client_port),
            Endpoint(server_ip, server_port),
            "synced",
            None,
            first_s * NS_PER_S,
            scope,
        )

    def process(self, host: int, pid: int) -> HostProcess | None:
        """The process with this pid; None: the document of the host has no such process."""
        return self._known.processes.get((host, pid))

    def tags(self) -> Iterator[tuple[tuple[str, str], ...] | None]:
        """The tags of all processes, equal ones at least once; None: not known."""
        return (kind.tags for kind in self._kinds.values())

    @cached_property
    def _kinds(self) -> Mapping[int, _Kind]:
        rows = self._engine.rows(
            f"SELECT DISTINCT {_KIND}, {_OF_KIND} FROM {self._moment.database}.processes"
            f" WHERE {self._moment.of_documents}"
        )
        kinds = {
            int(number): _Kind(
                gprocess=gprocess,
                tags=tuple(zip(keys, values, strict=True)) if known else None,
                container_id=("" if is_none else "x") if has_container else None,
            )
            for number, gprocess, known, keys, values, has_container, is_none in rows
        }
        if len(kinds) < len(rows):
            raise StoreError("two kinds of processes have the same number: ask about fewer hosts")
        return kinds

    def fetch(self, needs: Needs) -> KnownFlows:
        """What the store knows of all these flows. Does not change what is used."""
        ends = self._fetch_ends(_keys(needs.pairs))
        wanted = {(self._hashes[host_of(one)], pid_of(one)) for one in needs.processes}
        wanted.update([(end[2], end[3]) for some in ends.values() for end in some])
        try:
            return KnownFlows(ends, self._fetch_processes(wanted))
        except KeyError:  # a host or a kind of process that is new
            problem = "documents of that moment were loaded in the meantime"
            raise StoreError(problem, hint="try again") from None

    def _fetch_ends(self, keys: Collection[_Key]) -> Mapping[_Key, list[_End]]:
        wanted = f"({_LOWER}, {_HIGHER}) IN (SELECT lower, higher FROM {GIVEN})"
        given = _given("lower UInt64, higher UInt64", keys)
        if not given.rows:
            return {}
        packed = self._engine.packed(f"SELECT {_ENDS} FROM ({self._moment.sighted(wanted)})", given)
        found: defaultdict[_Key, list[_End]] = defaultdict(list)
        for end in _END.iter_unpack(packed):
            found[end[:2]].append(end)
        for some in found.values():
            some.sort()  # the engine's order varies
        found.default_factory = None
        return found

    def _fetch_processes(
        self, wanted: Set[tuple[int, int]]
    ) -> Mapping[tuple[int, int], HostProcess]:
        given = _given("number UInt64, process UInt64", wanted)
        if not given.rows:
            return {}
        if not self._by_hash.keys() >= {number for number, _ in wanted}:
            raise KeyError
        packed = self._engine.packed(
            f"SELECT {HOST}, pid, start_time, {_KIND} FROM {self._moment.database}.processes"
            f" WHERE {self._moment.of_documents}"
            f" AND ({HOST}, toUInt64(pid)) IN (SELECT number, process FROM {GIVEN})",
            given,
        )
        return {
            (self._by_hash[number], pid): _process(pid, started_s, self._kinds[kind])
            for number, pid, started_s, kind in _PROCESS.iter_unpack(packed)
        }


def _process(pid: int, started_s: int, kind: _Kind) -> HostProcess:
    return _new_process(
        (
            pid,
            kind.gprocess,
            None,
            kind.tags,
            "accepted",
            None,
            started_s or None,
            None,
            (),
            kind.container_id,
        )
    )


_new_process: Final[Callable[[tuple[object, ...]], HostProcess]] = partial(
    tuple.__new__, HostProcess
)
_NUMBERS: Final = Addresses()
_FIRST_BYTE: Final = _PORT_BITS + 24
_KINDS: Final = {name: number << _KIND_BITS for number, name in enumerate(PROTOCOLS)}
_OVER_LOOPBACK: Final = 2 << _KIND_BITS


def _key(protocol: Protocol, client: Endpoint, server: Endpoint) -> _Key:
    """The key of a connection in this direction."""
    kind = _KINDS[protocol]
    lower, higher = (_NUMBERS[end.ip] << _PORT_BITS | end.port for end in (client, server))
    if higher >> _FIRST_BYTE == 127:
        return kind | _OVER_LOOPBACK | client.port, _LOOPBACK << _PORT_BITS | server.port
    if lower > higher:
        lower, higher = higher, lower
    return kind | lower, higher


def _keys(pairs: Iterable[tuple[Protocol, Endpoint, Endpoint]]) -> set[_Key]:
    """The keys of connections between these addresses, in either direction."""
    keys = set[_Key]()
    for protocol, one, other in pairs:
        lower, higher = (
            _NUMBERS[one.ip] << _PORT_BITS | one.port,
            _NUMBERS[other.ip] << _PORT_BITS | other.port,
        )
        if lower >> _FIRST_BYTE == 127 or higher >> _FIRST_BYTE == 127:
            keys |= {_key(protocol, one, other), _key(protocol, other, one)}
        elif lower < higher:
            keys.add((_KINDS[protocol] | lower, higher))
        else:
            keys.add((_KINDS[protocol] | higher, lower))
    return keys


def _given(structure: str, rows: Collection[tuple[int, int]]) -> Given:
    numbers = list(chain.from_iterable(rows))
    return Given(structure, struct.pack(f"<{len(numbers)}Q", *numbers))
