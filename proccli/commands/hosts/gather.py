"""Reads many sources into one fleet and collects their warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from proccli.commands.hosts.read import read_hosts
from proccli.commands.inputs import InputOptions, Progress
from proccli.commands.samples import WaitPolicy
from proccli.commands.warnings import NotesOfSources, unread_sources
from proccli.errors import SourceError
from proccli.model.config import Config
from proccli.model.hosts import HostView
from proccli.model.note import Note
from proccli.model.process import NS_PER_S
from proccli.server.join import Network
from proccli.server.senders import NamedHosts
from proccli.server.store import Fleet, PackedHost
from proccli.sources.opening import NamedSource
from proccli.versions import DEFAULT_AGENT

_CLOCK_SET_S = 60
"""How far setting the clock between two snapshots may move the boot time."""
_ROUNDED_S = 1
"""The kernel's own boot time varies by one second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """A fleet, which the caller closes, with its configuration and warnings."""

    fleet: Fleet
    names: tuple[str, ...]
    """Names of the hosts, by their number in the fleet; those present have different names."""
    config: Config | None
    """None: all sources are outputs of `sync`, each made with its own configuration."""
    server: str
    """The server's version: as asked for, or that of the agent."""
    notes: tuple[Note, ...]
    incomplete: bool
    """Whether something that an agent would know is unknown here."""
    failures: tuple[SourceError, ...] = ()
    """Why sources could not be read; they are left out."""


def gather(
    options: InputOptions,
    sources: Sequence[NamedSource],
    wait_policy: WaitPolicy,
    progress: Progress,
) -> Gathered:
    """All sources as one fleet. Of several sources of the same host, only the newest is used.

    Sources that cannot be read are left out. Raises: UsageError, ConfigError, SourceError as
    `each_read` does.
    """
    hosts = _Hosts()
    failures: list[SourceError] = []
    config: Config | None = None
    results: list[tuple[tuple[Note, ...], bool]] = []
    try:
        for done, result in enumerate(read_hosts(options, sources, wait_policy, failures), start=1):
            config = config or result.config
            for source in sources[len(results) : result.packed.number]:
                hosts.leave_out(source)
                results.append(((), True))
            hosts.add(result.packed)
            results.append((result.notes, result.incomplete))
            progress(done + len(failures), len(sources))
    except BaseException:
        hosts.fleet.close()
        raise
    of_sources = NotesOfSources()
    for host in hosts.fleet.present:
        of_sources.add(hosts.fleet.hosts[host].source, results[host][0])
    names = host_names(hosts.fleet)
    return Gathered(
        fleet=hosts.fleet,
        names=names,
        config=config,
        server=options.server or (config.agent if config else options.agent) or DEFAULT_AGENT,
        notes=(
            *of_sources.notes(len(hosts.fleet.present)),
            *hosts.notes,
            *fleet_notes(hosts.fleet, names),
            *_unused_config(options, config),
            *unread_sources(failures),
        ),
        incomplete=bool(failures) or any(results[host][1] for host in hosts.fleet.present),
        failures=tuple(failures),
    )


def _unused_config(options: InputOptions, config: Config | None) -> Iterator[Note]:
    """That a configuration was given, and all sources were made with their own."""
    if config is None and options.config is not None:
        yield Note.of("config-unused", file=options.config)


@dataclass(slots=True)
class _Hosts:
    fleet: Fleet = field(default_factory=Fleet)
    notes: list[Note] = field(default_factory=list)
    _by_name: dict[tuple[Network, str], list[int]] = field(default_factory=dict)

    def leave_out(self, source: NamedSource) -> None:
        """Skip the number of a source that cannot be read."""
        nothing = HostView(
            name=source.name,
            source=source.name,
            kind="recording",
            network=source.network,
            taken_at_ns=0,
            boot_time_s=None,
            addresses=(),
            processes={},
            ends=(),
        )
        self.fleet.add(nothing)
        self.fleet.remove(len(self.fleet.hosts) - 1)

    def add(self, packed: PackedHost) -> None:
        """Add a host, and remove the older snapshot if there are two of the same host."""
        view = packed.view
        self.fleet.add_packed(packed)
        namesakes = self._by_name.setdefault((view.network, view.name), [])
        for host in namesakes:
            before = self.fleet.hosts[host]
            if not _same_machine(before, view):
                continue
            if before.taken_at_ns > view.taken_at_ns:
                self.notes.append(_host_again(newer=before, older=view))
                self.fleet.remove(packed.number)
                return
            self.notes.append(_host_again(newer=view, older=before))
            self.fleet.remove(host)
            namesakes.remove(host)
            break
        namesakes.append(packed.number)


def _same_machine(one: HostView, other: HostView) -> bool:
    """Whether two views with the same name and network are of the same machine.

    With an address in common, they are, unless both machines were up at the same time with
    different boot times. Without one, they are if their boot times are equal. Unknown boot times
    and addresses do not distinguish them. The boot time is computed from the clock, and moves when
    the clock is set.
    """
    apart = bool(one.addresses and other.addresses) and set(one.addresses).isdisjoint(
        other.addresses
    )
    if one.boot_time_s is None or other.boot_time_s is None:
        return not apart
    between_s = abs(one.boot_time_s - other.boot_time_s)
    if apart:
        return between_s <= _ROUNDED_S
    earlier, later = sorted((one, other), key=lambda view: view.boot_time_s or 0)
    started_again = (later.boot_time_s or 0) * NS_PER_S >= earlier.taken_at_ns
    return started_again or between_s <= _CLOCK_SET_S


def _host_again(*, newer: HostView, older: HostView) -> Note:
    return Note.of("host-again", older=older.source, newer=newer.source, host=newer.name)


class CountedHosts(NamedHosts, Protocol):
    """Hosts of which it is known how many connections collide."""

    def count_collisions(self) -> int:
        """How many connections of different networks have equal keys for the server."""


def host_names(fleet: NamedHosts) -> tuple[str, ...]:
    """The names of the hosts; equal ones get the network, and if that is not enough, the source."""
    names = [view.name for view in fleet.hosts]
    for more in (_with_network, _with_source):
        times = Counter(names[host] for host in fleet.present)
        names = [
            more(name, view) if times[name] > 1 else name
            for name, view in zip(names, fleet.hosts, strict=True)
        ]
    return tuple(names)


def _with_network(name: str, view: HostView) -> str:
    return f"{name} ({view.network})" if view.network else name


def _with_source(name: str, view: HostView) -> str:
    return f"{name} [{view.source}]"


def fleet_notes(fleet: CountedHosts, names: Sequence[str]) -> Iterator[Note]:
    """Warnings about agents that send nothing and connections that the server confuses."""
    for host in fleet.present:
        # With a configuration, reading the source has given this warning already.
        if fleet.hosts[host].kind == "sync" and not fleet.hosts[host].enabled:
            yield Note.of("sync-disabled", host=names[host])
    if crossed := _crossed(fleet):
        yield crossed


def _crossed(fleet: CountedHosts) -> Note | None:
    """Connections of different networks that look the same to the server.

    Agents send no VPC with a connection, so the server cannot distinguish networks.
    """
    count = fleet.count_collisions()
    return Note.of("networks-collide", pairs=count) if count else None
