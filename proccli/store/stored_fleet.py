"""The hosts of a store, for the graph of `topology`: connections are joined by the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import groupby, islice
from operator import itemgetter
from struct import Struct
from typing import Final

from proccli.errors import StoreError
from proccli.model.flows import int_to_ip
from proccli.model.hosts import EndColumns, HostProcess, HostView
from proccli.model.process import NS_PER_S
from proccli.model.sockets import Endpoint, Protocol
from proccli.model.topology import RemoteStatus
from proccli.server.join import (
    HostEnd,
    Link,
    Network,
    ProcessId,
    ip_to_int,
    is_loopback,
    pack_addresses,
    process_id,
)
from proccli.store.current import HOST, PROCESS, Moment, joined_sql
from proccli.store.engine import Engine
from proccli.store.schema import PROTOCOLS, ROLES

_JOINED: Final = Struct("<BIIHQQBHQ")
"""A row of `joined_sql`, as the engine writes it."""
_UDP: Final = PROTOCOLS.index("udp")
_USED: Final = Struct("<QI")
"""A host and an address that it uses."""


class StoredHosts:
    """Hosts of a store at one moment. Their order is that of network and name."""

    def __init__(self, engine: Engine, moment: Moment) -> None:
        """Raises: StoreError, like all that reads."""
        self._engine = engine
        self._moment = moment
        views = host_views(engine, moment)
        self.hosts: list[HostView] = list(views.values())
        """Without processes, ends and listeners."""
        self._by_hash = {number: n for n, number in enumerate(views)}
        self._owners: dict[tuple[Network, str], list[int]] = {}
        for number, view in enumerate(self.hosts):
            for ip in view.addresses:
                self._owners.setdefault((view.network, ip), []).append(number)

    @property
    def present(self) -> Sequence[int]:
        """The numbers of all hosts."""
        return range(len(self.hosts))

    def hosts_with(self, network: Network, ip: str) -> Sequence[int]:
        """The hosts of a network that have this address."""
        return self._owners.get((network, ip), ())

    def count_collisions(self) -> int:
        """How many connections of different networks have equal keys for the server."""
        if len({view.network for view in self.hosts}) < 2:
            return 0
        loopback = "intDiv(server_ip, 16777216) = 127"
        ((count,),) = self._engine.rows(
            "SELECT count() FROM (SELECT protocol, client_ip, client_port, server_ip, server_port"
            f" FROM {self._moment.ends} AND NOT ({loopback})"
            " GROUP BY protocol, client_ip, client_port, server_ip, server_port"
            " HAVING uniqExact(scope) > 1)"
        )
        return int(count)


class StoredFleet(StoredHosts):
    """These hosts with all their connections and processes, for a graph."""

    def __init__(self, engine: Engine, moment: Moment) -> None:
        """Raises: StoreError, like all that reads."""
        super().__init__(engine, moment)
        self._numbers = {(view.network, view.name): n for n, view in enumerate(self.hosts)}

    def links(self) -> Iterator[Link]:
        """All connections; those between the same ends and the same server port are one link.

        The client's port is 0, except for UDP with one end.
        """
        for row in _JOINED.iter_unpack(self._engine.packed(joined_sql(self._moment))):
            (protocol, ip_0, ip_1, server_port, *processes, several, port, connections) = row
            client, server = map(self._of_number.get, processes)
            remote: RemoteStatus | None = None
            if client is None or server is None:
                remote = "ambiguous" if several else "absent"
            yield Link(
                client=client,
                server=server,
                addresses=pack_addresses(PROTOCOLS[protocol], ip_0, ip_1, server_port),
                remote=remote,
                client_port=port,
                connections=connections,
            )

    def processes(self) -> Iterator[tuple[int, HostProcess]]:
        """All processes with the numbers of their hosts, ordered by host and pid."""
        for host, pid in sorted(self._processes):
            yield host, self._processes[host, pid]

    def process(self, host: int, pid: int) -> HostProcess | None:
        """The process with this pid; None: the document of the host has no such process."""
        return self._processes.get((host, pid))

    @cached_property
    def _processes(self) -> dict[tuple[int, int], HostProcess]:
        return {place: process for place, _, process in self._numbered}

    @cached_property
    def _of_number(self) -> dict[int, ProcessId]:
        """The processes by the number of `joined_sql`."""
        found = {number: process_id(*place) for place, number, _ in self._numbered if number}
        if len(found) < len(self._processes):
            raise StoreError("two processes have the same number: ask about fewer hosts")
        return found

    @cached_property
    def _numbered(self) -> list[tuple[tuple[int, int], int, HostProcess]]:
        masked = masked_hosts(self._engine, self._moment)
        return [
            ((self._numbers[network, host], process.pid), number, process)
            for network, host, number, process in stored_processes(
                self._engine, self._moment, masked
            )
        ]

    def owners(self, host: int, remote_ip: str) -> Sequence[int]:
        """The hosts that may have the remote end of a connection of a host, by its address."""
        if is_loopback(remote_ip):
            return (host,)
        return self.hosts_with(self.hosts[host].network, remote_ip)

    def listening(self, host: int, at: Endpoint) -> Sequence[int]:
        """No pids: documents have no listeners."""
        del host, at
        return ()

    def find(self, protocol: Protocol, client: Endpoint, server: Endpoint) -> list[HostEnd]:
        """The ends of UDP connections between these two addresses, on any host."""
        assert protocol == "udp"  # noqa: S101 - all that a graph asks for
        return self._udp_ends.get(_udp_key(client, server), [])

    @cached_property
    def _udp_ends(self) -> dict[tuple[object, ...], list[HostEnd]]:
        rows = self._engine.rows(
            "SELECT DISTINCT network, host, pid, role, client_ip, client_port, server_ip,"
            f" server_port FROM {self._moment.ends} AND protocol = {_UDP}"
            " ORDER BY network, host, pid"
        )
        found: dict[tuple[object, ...], list[HostEnd]] = {}
        for network, host, pid, role, ip_0, port_0, ip_1, port_1 in rows:
            client, server = Endpoint(int_to_ip(ip_0), port_0), Endpoint(int_to_ip(ip_1), port_1)
            number = self._numbers[network, host]
            end = HostEnd(
                host=number,
                pid=pid,
                protocol="udp",
                role=ROLES[role],
                client=client,
                server=server,
                status="synced",
                reason=None,
                since_ns=self.hosts[number].taken_at_ns,
            )
            found.setdefault(_udp_key(client, server), []).append(end)
        return found


def _udp_key(client: Endpoint, server: Endpoint) -> tuple[object, ...]:
    # Of a loopback connection, the server compares ports only.
    if is_loopback(server.ip):
        return ("loopback", client.port, server.port)
    return (client, server)


def host_views(engine: Engine, moment: Moment) -> dict[int, HostView]:
    """All hosts by their `HOST`, ordered by network and name. Raises: StoreError."""
    near = "if(role = 0, client_ip, server_ip)"
    # By number, which takes less time than by network and name.
    used = engine.packed(f"SELECT DISTINCT {HOST}, {near} FROM {moment.ends}")
    addresses_of: dict[int, set[str]] = {}
    for number, ip in _USED.iter_unpack(used):
        addresses_of.setdefault(number, set()).add(int_to_ip(ip))
    rows = engine.rows(
        f"SELECT {HOST}, network, host, toUInt32(taken_at), source, boot_time, enabled, addresses,"
        f" left_out_reasons, left_out_counts FROM {moment.database}.hosts"
        f" WHERE {moment.of_documents} ORDER BY network, host"
    )
    # A document that was loaded twice at the same moment has two rows until they are merged.
    views: dict[int, HostView] = {}
    for text, network, host, taken_at, source, boot, enabled, ips, reasons, counts in rows:
        number = int(text)
        own = addresses_of.get(number, set()).union(map(int_to_ip, ips))
        view = HostView(
            name=host,
            source=source,
            kind="sync",
            network=network,
            taken_at_ns=taken_at * NS_PER_S,
            boot_time_s=boot or None,
            addresses=tuple(sorted(filter(_is_host_address, own), key=ip_to_int)),
            processes={},
            ends=(),
            left_out=dict(zip(reasons, counts, strict=True)),
            enabled=bool(enabled),
        )
        same = views.setdefault(number, view)
        if (same.network, same.name) != (network, host):
            raise StoreError("two hosts have the same number: ask about fewer hosts")
        views[number] = view
    return views


def _is_host_address(ip: str) -> bool:
    return ip != "0.0.0.0" and not is_loopback(ip)  # noqa: S104 - compared, not bound


def masked_hosts(engine: Engine, moment: Moment) -> set[tuple[str, str]]:
    """Network and name of the hosts whose command lines have masks. Raises: StoreError."""
    rows = engine.rows(
        f"SELECT DISTINCT network, host FROM {moment.database}.hosts"
        f" WHERE redacted AND {moment.of_documents}"
    )
    return {(network, host) for network, host in rows}


def stored_processes(
    engine: Engine, moment: Moment, masked: set[tuple[str, str]], wanted: str = "1"
) -> Iterator[tuple[str, str, int, HostProcess]]:
    """Network, host, number (see `PROCESS`) and process.

    `masked`: hosts whose command lines have masks. `wanted`: a further condition.

    Raises: StoreError.
    """
    rows = engine.rows(
        f"SELECT network, host, {PROCESS}, pid, gprocess, process_name, cmdline, start_time,"
        " tags_known, tag_keys, tag_values, container_known, container_id"
        f" FROM {moment.database}.processes"
        f" WHERE {moment.of_documents} AND {wanted}"
    )
    for (
        network,
        host,
        number,
        pid,
        gprocess,
        name,
        cmdline,
        started,
        known,
        keys,
        values,
        has_container,
        container,
    ) in rows:
        hidden = ((0, len(cmdline)),) if (network, host) in masked else ()
        yield (
            network,
            host,
            int(number),
            HostProcess(
                pid=pid,
                gprocess=gprocess,
                process_name=name,
                tags=tuple(zip(keys, values, strict=True)) if known else None,
                status="accepted",
                reason=None,
                started_s=started or None,
                cmdline=cmdline,
                masked_spans=hidden,
                container_id=container if has_container else None,
            ),
        )


def lacks_tags(engine: Engine, moment: Moment) -> bool:
    """Whether the tags of a process are not known. Raises: StoreError."""
    ((count,),) = engine.rows(
        f"SELECT count() FROM {moment.database}.processes"
        f" WHERE NOT tags_known AND {moment.of_documents}"
    )
    return int(count) > 0


_HOSTS_AT_ONCE: Final = 1_000
"""Hosts whose ends are in memory at the same time."""
_END_COLUMNS: Final = "protocol, role, client_ip, client_port, server_ip, server_port, scope, pid"
_END: Final = Struct("<QBBIHIHQII")
"""A row of `_ends`, as the engine writes it."""


def whole_views(engine: Engine, moment: Moment) -> Iterator[HostView]:
    """All hosts with their processes and ends, ordered by network and name. Raises: StoreError."""
    views = host_views(engine, moment)
    masked = masked_hosts(engine, moment)
    everyone = iter(views.items())
    while some := dict(islice(everyone, _HOSTS_AT_ONCE)):
        wanted = f"{HOST} IN ({', '.join(map(str, some))})"
        processes: dict[tuple[str, str], dict[int, HostProcess]] = {}
        for network, host, _, process in stored_processes(engine, moment, masked, wanted):
            processes.setdefault((network, host), {})[process.pid] = process
        ends = _ends(engine, moment, wanted)
        for number, view in some.items():
            own = processes.get((view.network, view.name), {})
            yield replace(view, processes=own, ends=ends.get(number, ()))


def _ends(engine: Engine, moment: Moment, wanted: str) -> Mapping[int, EndColumns]:
    """The ends of each host, by its number. The number of the namespace is that of the store.

    A fleet has millions of them: as JSON, with the names of their hosts, they take three times as
    long, and as objects twice as long.
    """
    packed = engine.packed(
        f"SELECT number, {_END_COLUMNS}, toUInt32(first) FROM ({moment.sighted(wanted)})"
        " ORDER BY number"
    )
    found: dict[int, EndColumns] = {}
    for host, rows in groupby(_END.iter_unpack(packed), key=itemgetter(0)):
        (_, protocols, roles, ips_0, ports_0, ips_1, ports_1, scopes, pids, firsts_s) = zip(
            *rows, strict=True
        )
        ip_of = {ip: int_to_ip(ip) for ip in {*ips_0, *ips_1}}.__getitem__
        count = len(pids)
        found[host] = EndColumns(
            list(map(PROTOCOLS.__getitem__, protocols)),
            list(map(ROLES.__getitem__, roles)),
            list(map(ip_of, ips_0)),
            ports_0,
            list(map(ip_of, ips_1)),
            ports_1,
            scopes,
            pids,
            ["synced"] * count,
            [None] * count,
            [first_s * NS_PER_S for first_s in firsts_s],
        )
    return found
