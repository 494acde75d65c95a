"""Recordings of a made-up fleet: many hosts whose processes talk to each other.

    python benchmarks/fleet.py FOLDER [RECORDINGS] [CONNECTIONS]

`write_documents` writes the output of `proccli sync` for each of these hosts instead.

Writes host-0000.jsonl.gz and so on, each with some 60 processes that hold so many ends of
connections: four in five to or from another host of the fleet, the others over loopback, over
IPv6, and to addresses that no recording has. Nothing is random: the same numbers give the same
files, but for the version of proccli in them.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from proccli.commands.inputs import InputOptions, open_inputs
from proccli.commands.samples import NO_WAIT
from proccli.commands.sync.json import sync_line
from proccli.commands.sync.sync import sync
from proccli.model.note import Note
from proccli.model.process import ALL_FIELDS, Field, FieldError, Host, Process, TagTable
from proccli.model.sockets import TABLES, Endpoint, Family, NetTable, NetTables, SocketFd, SocketRow
from proccli.sources.recording.writer import write_recording

CONFIG = Path(__file__).parent.parent / "sample-configs" / "java-python.yaml"
_TAKEN_AT_NS = 1_767_323_045 * 1_000_000_000
_UP_S = 97_445
_HOUR_NS = 3_600 * 1_000_000_000
_NETNS = 4_026_531_840
_FIRST_PORT = 32_768
_POOL = 8
"""Connections that a service keeps open to another."""
_DISTINCT = 420
"""Hosts after which times and tags repeat, which depend on a host's number modulo 60, 7 and 2."""
_FLEET_ADDRESS = re.compile(r'"10\.(\d+)\.(\d+)\.(\d+)"')
_CGROUP = "0::/system.slice/{}.service\n"
_USERS = {0: "root", 33: "www-data", 100: "redis", 101: "postgres", 999: "shop"}
_KERNEL = ("kthreadd", "rcu_sched", "ksoftirqd/0", "kworker/0:1H", "migration/0", "kswapd0")
_DAEMONS = (
    "/usr/sbin/sshd -D",
    "/usr/sbin/cron -f -P",
    "/usr/sbin/chronyd -F 1",
    "/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile",
    "/usr/bin/containerd",
    "/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock",
    "/usr/local/bin/node_exporter --collector.systemd --web.listen-address=:9100",
    "/usr/bin/deepflow-agent -f /etc/deepflow-agent.yaml",
    "/usr/share/filebeat/bin/filebeat --environment systemd -c /etc/filebeat/filebeat.yml",
)


@dataclass(frozen=True, slots=True)
class _Service:
    """Some processes, of which each may hold connections."""

    name: str
    port: int
    uid: int
    commands: tuple[str, ...]


_SERVICES = (
    _Service("nginx", 443, 33, ("nginx: worker process",) * 4),
    _Service("app", 8080, 999, ("/usr/bin/python3 -u /opt/shop/app.py --port 8080",) * 6),
    _Service("orders", 9092, 999, ("/usr/bin/java -Xmx2g -jar /opt/shop/orders-1.4.jar",) * 2),
    _Service("search", 9200, 999, ("/usr/bin/java -Xmx4g com.shop.search.Main --shards 4",)),
    _Service("redis", 6379, 100, ("redis-server 0.0.0.0:6379",)),
    _Service("postgres", 5432, 101, ("postgres: shop shop 10.0.0.5(41000) idle",) * 8),
    _Service("worker", 0, 999, ("/usr/bin/python3 -m shop.worker --queue mail",) * 4),
)
_CALLING = ("app", "orders", "worker", "nginx")
"""The services that open connections."""


def _name(host: int) -> str:
    return f"host-{host:04}"


def address(host: int) -> str:
    """The IPv4 address of a host of the fleet."""
    return f"10.{host >> 16 & 255}.{host >> 8 & 255}.{host & 255}"


@dataclass(slots=True)
class FleetHost:
    """A source of one host."""

    number: int
    hosts: int
    connections: int
    notes: Sequence[Note] = ()
    days: int = 0
    """How many days later it is looked at."""
    _processes: dict[int, Process] = field(default_factory=dict)
    _services: dict[str, list[int]] = field(default_factory=dict)
    _fds: dict[int, list[SocketFd]] = field(default_factory=dict)
    _rows: dict[str, list[SocketRow]] = field(default_factory=dict)
    _inode: int = 20_000

    def __post_init__(self) -> None:
        self._populate()
        self._listen()
        self._connect()

    @property
    def host(self) -> Host:
        """All were recorded within a minute."""
        return Host(
            kind="live",
            name=_name(self.number),
            taken_at_ns=_TAKEN_AT_NS + (self.number % 60 + self.days * 86_400) * 1_000_000_000,
            boot_time_s=_TAKEN_AT_NS // 1_000_000_000 - _UP_S - self.number,
            ticks_per_s=100,
            proc_root="/proc",
        )

    def pids(self) -> Sequence[int]:
        """Ascending."""
        return sorted(self._processes)

    def read(self, pid: int, fields: frozenset[Field] = ALL_FIELDS) -> Process:  # noqa: ARG002 - all
        """One of them."""
        return self._processes[pid]

    def read_many(
        self, pids: Iterable[int], fields: frozenset[Field] = ALL_FIELDS
    ) -> Iterator[Process]:
        """Those of them that have one of these pids, in order."""
        del fields
        return (self._processes[pid] for pid in pids if pid in self._processes)

    def users(self, process: Process) -> Mapping[int, str] | None:
        """The same for all."""
        return _USERS if process.uid is not None else None

    def socket_fds(self, pid: int) -> Sequence[SocketFd] | FieldError:
        """Those of a process."""
        return self._fds.get(pid, ())

    def addresses(self, pid: int) -> Sequence[str] | None:
        """All in one network namespace."""
        return (address(self.number),) if pid in self._processes else None

    def net_tables(self, pid: int) -> NetTables:
        """Of the one network namespace."""
        assert pid in self._processes
        return tuple(NetTable(name=name, rows=tuple(self._rows.get(name, ()))) for name in TABLES)

    def tags(self) -> TagTable:
        """Every other host has an inventory that knows its services."""
        entries: dict[int, tuple[tuple[str, str], ...]] = {}
        if self.number % 2:
            for service in ("app", "orders", "search"):
                owner = f"team-{self.number % 7}"
                pairs = (("owner", owner), ("service", service), ("tier", "production"))
                entries |= dict.fromkeys(self._services[service], pairs)
        return TagTable(entries=entries, known=True, origin="/usr/local/bin/cmdb-tags")

    def _populate(self) -> None:
        self._add("/lib/systemd/systemd --switched-root --system", "init", ppid=0)
        for round_ in range(3):
            for name in _KERNEL:
                self._add("", name.replace("0", str(round_)), ppid=2)
        for command in _DAEMONS:
            self._add(command, command.split()[0].rsplit("/", 1)[-1])
        for service in _SERVICES:
            self._services[service.name] = [
                self._add(command, service.name, uid=service.uid) for command in service.commands
            ]
        for command in ("-bash", "sleep 3600", "/usr/bin/top -b"):
            self._add(command, command.split()[0].rsplit("/", 1)[-1])

    def _add(self, command: str, name: str, *, ppid: int = 1, uid: int = 0) -> int:
        pid = len(self._processes) * 13 + 1
        arguments = [command] if ": " in command else command.split()
        self._processes[pid] = Process(
            pid=pid,
            comm=name[:15],
            ppid=ppid,
            cmdline="".join(f"{argument}\0" for argument in arguments).encode(),
            exe=arguments[0] if arguments and arguments[0].startswith("/") else None,
            uid=uid,
            starttime_ticks=100 * pid,
            netns=_NETNS,
            cgroup=_CGROUP.format(name),
            root_inode=2,
        )
        return pid

    def _listen(self) -> None:
        for service in _SERVICES:
            if service.port:
                at = Endpoint("0.0.0.0", service.port)
                self._hold(self._services[service.name][0], "LISTEN", at, Endpoint("0.0.0.0", 0))

    def _hold(
        self, pid: int, state: str, local: Endpoint, remote: Endpoint, family: Family = "ipv4"
    ) -> None:
        table = "tcp" if family == "ipv4" else "tcp6"
        self._inode += 7
        self._rows.setdefault(table, []).append(
            SocketRow("tcp", family, state, local, remote, self._inode)
        )
        held = self._fds.setdefault(pid, [])
        since = _TAKEN_AT_NS - _HOUR_NS - self._inode
        held.append(SocketFd(len(held) + 5, self._inode, since, "fd-ctime"))

    def _connect(self) -> None:
        """The n-th pool of connections of every host goes to the host that is n further on."""
        fleet, loopback = self.connections * 2 // 5, self.connections // 20
        ours = address(self.number)
        for turn in range(fleet):
            pool, port = turn // _POOL, _FIRST_PORT + turn
            server, calling = _SERVICES[pool % 6], _CALLING[pool % len(_CALLING)]
            there = Endpoint(address((self.number + pool + 1) % self.hosts), server.port)
            self._establish(self._one_of(calling, turn), Endpoint(ours, port), there)
            here = Endpoint(address((self.number - pool - 1) % self.hosts), port)
            self._establish(self._one_of(server.name, turn), Endpoint(ours, server.port), here)
        for turn in range(loopback):
            ends = Endpoint("127.0.0.1", _FIRST_PORT + turn), Endpoint("127.0.0.1", 6379)
            self._establish(self._one_of("app", turn), *ends)
            self._establish(self._one_of("redis", turn), *ends[::-1])
        for turn in range(self.connections - 2 * fleet - 2 * loopback):
            port, caller = _FIRST_PORT + fleet + turn, self._one_of("worker", turn)
            if turn % 2:
                outside = Endpoint(f"203.0.113.{turn // _POOL + 1}", 443)
                self._establish(caller, Endpoint(ours, port), outside)
            else:
                local, remote = (f"fd00::{host + 1:x}" for host in (self.number, self.number + 1))
                ends = Endpoint(local, port), Endpoint(remote, 8080)
                self._hold(caller, "ESTABLISHED", *ends, "ipv6")

    def _one_of(self, service: str, turn: int) -> int:
        pids = self._services[service]
        return pids[turn % len(pids)]

    def _establish(self, pid: int, local: Endpoint, remote: Endpoint) -> None:
        self._hold(pid, "ESTABLISHED", local, remote)


def write_fleet(folder: Path, recordings: int, connections: int) -> list[Path]:
    """Write so many recordings with so many ends of connections each. Raises: OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    return list(_written(folder, recordings, connections))


def _written(folder: Path, recordings: int, connections: int) -> Iterator[Path]:
    for number in range(recordings):
        path = _document_path(folder, number)
        source = FleetHost(number, recordings, connections)
        with path.open("wb") as out:
            write_recording(out, source, compress=True, tags=source.tags())
        yield path


def write_documents(folder: Path, hosts: int, connections: int, *, days: int = 0) -> list[Path]:
    """Write what `proccli sync` prints for each host, so many days later. Raises: OSError.

    Those after the first `_DISTINCT` are copies with the names and addresses of their host, which
    takes a hundredth of the time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made, copied = range(hosts)[:_DISTINCT], range(hosts)[_DISTINCT:]
    with ProcessPoolExecutor() as pool:
        return [
            *pool.map(partial(_write_document, folder, hosts, connections, days), made),
            *pool.map(partial(_copy_document, folder, hosts, _DISTINCT), copied, chunksize=64),
        ]


def _document_path(folder: Path, number: int) -> Path:
    return folder / f"{_name(number)}.jsonl.gz"


def _write_document(folder: Path, hosts: int, connections: int, days: int, number: int) -> Path:
    path = _document_path(folder, number)
    source = FleetHost(number, hosts, connections, days=days)
    inputs = open_inputs(InputOptions(config=str(CONFIG)), source=source)
    inputs = inputs._replace(tags=source.tags())
    result = sync(inputs, None, NO_WAIT, remembering=False)
    path.write_bytes(gzip.compress(b"".join(sync_line(result)), 1))
    return path


def _copy_document(folder: Path, hosts: int, distinct: int, number: int) -> Path:
    """All hosts have the same connections to the hosts that are as many further on or back."""
    model = number % distinct
    text = gzip.decompress(_document_path(folder, model).read_bytes()).decode()

    def moved(found: re.Match[str]) -> str:
        high, middle, low = map(int, found.groups())
        host = (high << 16 | middle << 8 | low) + number - model
        return f'"{address(host % hosts)}"'

    text = text.replace(f'"{_name(model)}"', f'"{_name(number)}"')
    text = _FLEET_ADDRESS.sub(moved, text)
    path = _document_path(folder, number)
    path.write_bytes(gzip.compress(text.encode(), 1))
    return path


def write_flows(path: Path, documents: Sequence[Path], flows: int) -> None:
    """Write records of so many flows, on connections of all these hosts. Raises: OSError."""
    each = -(-flows // len(documents))
    left = flows
    with path.open("w", encoding="utf-8") as out:
        for number, document in enumerate(documents):
            value = json.loads(gzip.decompress(document.read_bytes()))
            ends = [end for end in value["sockets"] if not end["ip_0"].startswith("127.")]
            for turn in range(min(each, left)):
                end = ends[(number + turn * 7) % len(ends)]
                record = {key: end[key] for key in ("protocol", "ip_0", "port_0", "ip_1", "port_1")}
                seconds = _TAKEN_AT_NS // 1_000_000_000
                record |= {"start_time": seconds + 20, "end_time": seconds + 30}
                out.write(f"{json.dumps(record)}\n")
            left -= min(each, left)


def main() -> None:
    """A fleet of the size that was asked for."""
    folder, *sizes = sys.argv[1:]
    given = [int(text) for text in sizes]
    recordings, connections = given + [1000, 500][len(given) :]
    write_fleet(Path(folder), recordings, connections)


if __name__ == "__main__":
    main()
