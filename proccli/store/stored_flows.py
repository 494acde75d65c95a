"""The hosts of a store, for labels: ends and processes are fetched for many flows at a time.

The store looks up the addresses of all these flows in one query, so that the time depends on the
number of flows and not on the number of hosts.
"""

from __future__ import annotations

import struct
from collections.abc import (
    Collection,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Set,
)
from functools import cached_property
from itertools import chain
from typing import Final, NamedTuple, TypeAlias, cast

from proccli.errors import StoreError
from proccli.model.flows import KIND_BITS, PORT_BITS, PlainFlow, int_to_ip
from proccli.model.hosts import HostProcess
from proccli.model.process import NS_PER_S
from proccli.model.sockets import Endpoint, Protocol
from proccli.model.tuples import from_fields
from proccli.server.join import HostEnd, PlainEnd, host_of, is_loopback, pid_of
from proccli.server.labels import Needs
from proccli.store.current import HOST, LOOPBACK, Moment
from proccli.store.engine import GIVEN, Engine, Given
from proccli.store.schema import PROTOCOLS, ROLES
from proccli.store.stored_fleet import StoredHosts
from proccli.store.text import Addresses

_NO_PROCESS: Final = (0, None)

_Key: TypeAlias = tuple[int, int]
"""Protocol and both ends of a connection, the lower end first: equal in both directions."""
_PORT: Final = (1 << PORT_BITS) - 1
_LOOPBACK: Final = 127 << 24
"""Of a loopback connection, the server compares ports only: this is the server's address in its
key, and 0 is the client's."""
_CLIENT: Final = f"if({LOOPBACK}, 0, client_ip) * toUInt64({1 << PORT_BITS}) + client_port"
_SERVER: Final = (
    f"if({LOOPBACK}, {_LOOPBACK}, server_ip) * toUInt64({1 << PORT_BITS}) + server_port"
)
_LOWER: Final = (
    f"least({_CLIENT}, {_SERVER}) + (protocol + 2 * ({LOOPBACK})) * toUInt64({1 << KIND_BITS})"
)
_HIGHER: Final = f"greatest({_CLIENT}, {_SERVER})"

_ENDS: Final = (
    f"{_LOWER}, {_HIGHER}, number, pid, role, {_CLIENT} < {_SERVER}, client_ip, server_ip, scope,"
    " toUInt32(first)"
)
_END: Final = struct.Struct("<QQQIBBIIQI")
_END_KEY: Final = struct.Struct("<QQ34x")
_END_PROCESS: Final = struct.Struct("<16xQI22x")
_END_FACTS: Final = struct.Struct("<28xBB16xI")
"""Parts of it: to unpack them takes less time than to cut them out of the whole."""
_End: TypeAlias = tuple[int, int, int, int, int, int, int, int, int, int]
"""The same as the engine writes it; the key is first."""

_OF_KIND: Final = "gprocess, tags_known, tag_keys, tag_values, container_known, container_id = ''"
"""What labels show of a process. Few processes differ in it, so that it is fetched once."""
_KIND: Final = f"cityHash64({_OF_KIND})"
_PROCESS: Final = struct.Struct("<QI12x")
_FACTS: Final = struct.Struct("<12xIQ")
"""Of a process: host and pid, and the time of its start and its kind."""


class _Kind(NamedTuple):
    gprocess: str
    tags: tuple[tuple[str, str], ...] | None
    container_id: str | None
    """Empty or None as in `HostProcess`; of all containers, the same."""


class KnownFlows(NamedTuple):
    """What a store knows of some flows."""

    packed: bytes
    """The ends, as the engine writes them."""
    ends: Mapping[tuple[int, ...], Sequence[PlainEnd]]
    """The same by key; the last field of each is its number in `packed`."""
    processes: Mapping[tuple[int, ...], tuple[int, ...]]
    """Time of the start (0: not known) and kind, by the number of the host and the pid."""


class StoredFlows(StoredHosts):
    """Hosts of a store, with the ends and processes that some flows need."""

    is_quick: Final = True
    """What flows need is in memory."""

    def __init__(self, engine: Engine, moment: Moment) -> None:
        """Raises: StoreError, like all that reads."""
        super().__init__(engine, moment)
        self._hashes = list(self._by_hash)
        self._known = KnownFlows(b"", {}, {})

    def use(self, known: KnownFlows) -> None:
        """Answer from these from now on."""
        self._known = known

    def between(self, protocol: Protocol, one: Endpoint, other: Endpoint) -> Sequence[HostEnd]:
        """The ends of connections between these two addresses in both directions, on any host and
        in any network; of loopback connections, those on every host and in every namespace."""
        # Without calls of functions of Python, which are half of the time.
        lower, higher = (
            _NUMBERS[one.ip] << PORT_BITS | one.port,
            _NUMBERS[other.ip] << PORT_BITS | other.port,
        )
        if lower >> _FIRST_BYTE == 127 or higher >> _FIRST_BYTE == 127:
            both = ((one, other), (other, one))[: 1 + (one != other)]
            return [end for ends in both for end in self._in_direction(protocol, *ends)]
        one_is_lower = lower < higher
        if not one_is_lower:
            lower, higher = higher, lower
        found = []
        for _, _, number, pid, role, client_is_lower, _, _, scope, first_s in self._rows(
            (_KINDS[protocol] | lower, higher)
        ):
            host, since_ns = self._by_hash[number], first_s * NS_PER_S
            turned = client_is_lower != one_is_lower
            client, server = (other, one) if turned else (one, other)
            end = (
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
            found.append(_new_end(end))
        return found

    def plain_ends(self, flow: PlainFlow) -> Sequence[PlainEnd]:
        """The ends of `between` of a plain flow."""
        return self._known.ends.get((flow.lower, flow.higher), ())

    def _rows(self, key: _Key) -> Iterable[_End]:
        """The ends with this key. The engine's order varies."""
        found = self._known.ends.get(key, ())
        packed = self._known.packed
        return sorted(_END.unpack_from(packed, end[-1] * _END.size) for end in found)

    def _in_direction(
        self, protocol: Protocol, client: Endpoint, server: Endpoint
    ) -> Iterator[HostEnd]:
        is_over_loopback = is_loopback(server.ip)
        for end in self._rows(_key(protocol, client, server)):
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
        """The process with this pid; None: the document of the host has no such process. Without
        the names that labels do not show, and without its command line."""
        facts = self._known.processes.get((self._hashes[host], pid))
        if facts is None:
            return None
        started_s, kind = facts
        return self._of_kind(kind, pid, started_s)

    def process_of_kind(self, kind: Hashable) -> HostProcess | None:
        """A process of the kind of an end."""
        return None if kind is None else self._of_kind(cast("int", kind))

    def _of_kind(self, number: int, pid: int = 0, started_s: int = 0) -> HostProcess:
        kind = self._kinds[number]
        return HostProcess(
            pid=pid,
            gprocess=kind.gprocess,
            process_name=None,
            tags=kind.tags,
            status="accepted",
            reason=None,
            started_s=started_s or None,
            cmdline=None,
            container_id=kind.container_id,
        )

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
        packed = self._fetch_ends(needs.plain | _keys(needs.pairs))
        wanted = set(_END_PROCESS.iter_unpack(packed))
        wanted.update((self._hashes[host_of(one)], pid_of(one)) for one in needs.processes)
        try:
            processes = self._fetch_processes(wanted)
            return KnownFlows(packed, self._by_key(packed, processes), processes)
        except KeyError:  # a host or a kind of process that is new
            problem = "documents of that moment were loaded in the meantime"
            raise StoreError(problem, hint="try again") from None

    def _by_key(
        self, packed: bytes, processes: Mapping[tuple[int, ...], tuple[int, ...]]
    ) -> Mapping[tuple[int, ...], Sequence[PlainEnd]]:
        parts = (_END_KEY, _END_PROCESS, _END_FACTS)
        ends = zip(*[part.iter_unpack(packed) for part in parts], strict=True)
        hosts = self._by_hash
        found: dict[tuple[int, ...], tuple[PlainEnd, ...]] = {}
        for place, (key, process, (role, client_is_lower, first_s)) in enumerate(ends):
            started_s, kind = processes.get(process, _NO_PROCESS)
            host = hosts[process[0]]
            end = (role != client_is_lower, host, role, first_s, True, started_s, kind, place)
            found[key] = (*found[key], end) if key in found else (end,)
        return found

    def _fetch_ends(self, keys: Collection[_Key]) -> bytes:
        wanted = f"({_LOWER}, {_HIGHER}) IN (SELECT lower, higher FROM {GIVEN})"
        given = _given("lower UInt64, higher UInt64", keys)
        if not given.rows:
            return b""
        return self._engine.packed(f"SELECT {_ENDS} FROM ({self._moment.sighted(wanted)})", given)

    def _fetch_processes(
        self, wanted: Set[tuple[int, ...]]
    ) -> Mapping[tuple[int, ...], tuple[int, ...]]:
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
        facts = _FACTS.iter_unpack(packed)
        found = dict(zip(_PROCESS.iter_unpack(packed), facts, strict=True))
        if not self._kinds.keys() >= {kind for _, kind in found.values()}:
            raise KeyError
        return found


_new_end: Final = from_fields(HostEnd)
_NUMBERS: Final = Addresses()
_FIRST_BYTE: Final = PORT_BITS + 24
_KINDS: Final = {name: number << KIND_BITS for number, name in enumerate(PROTOCOLS)}
_OVER_LOOPBACK: Final = 2 << KIND_BITS
"""Is added to the number of the protocol."""


def _key(protocol: Protocol, client: Endpoint, server: Endpoint) -> _Key:
    """The key of a connection in this direction."""
    kind = _KINDS[protocol]
    lower, higher = (_NUMBERS[end.ip] << PORT_BITS | end.port for end in (client, server))
    if higher >> _FIRST_BYTE == 127:
        return kind | _OVER_LOOPBACK | client.port, _LOOPBACK << PORT_BITS | server.port
    if lower > higher:
        lower, higher = higher, lower
    return kind | lower, higher


def _keys(pairs: Iterable[tuple[Protocol, Endpoint, Endpoint]]) -> set[_Key]:
    """The keys of connections between these addresses, in either direction."""
    keys = set[_Key]()
    for protocol, one, other in pairs:
        lower, higher = (
            _NUMBERS[one.ip] << PORT_BITS | one.port,
            _NUMBERS[other.ip] << PORT_BITS | other.port,
        )
        if lower >> _FIRST_BYTE == 127 or higher >> _FIRST_BYTE == 127:
            keys |= {_key(protocol, one, other), _key(protocol, other, one)}
        elif lower < higher:
            keys.add((_KINDS[protocol] | lower, higher))
        else:
            keys.add((_KINDS[protocol] | higher, lower))
    return keys


def _given(structure: str, rows: Collection[tuple[int, ...]]) -> Given:
    numbers = list(chain.from_iterable(rows))
    return Given(structure, struct.pack(f"<{len(numbers)}Q", *numbers))
