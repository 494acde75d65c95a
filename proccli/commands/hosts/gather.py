"""Reads many sources into one fleet, with their warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from proccli.commands.hosts.read import NamedSource, read_hosts
from proccli.commands.inputs import InputOptions
from proccli.commands.samples import WaitPolicy
from proccli.model.config import Config
from proccli.model.hosts import HostView
from proccli.model.note import Note
from proccli.model.process import NS_PER_S
from proccli.server.join import Network
from proccli.server.store import Fleet

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of sources that were read, and of all."""


_CLOCK_SET_S = 60
"""How far a clock may be set between two looks, for all that a start may seem to have moved."""
_ROUNDED_S = 1
"""The kernel itself may tell one second more or less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """A fleet, which is to be closed, with what it rests on."""

    fleet: Fleet
    names: tuple[str, ...]
    """What its hosts are called, each otherwise."""
    config: Config | None
    """None: all sources are outputs of `sync`, each made with a configuration of its own."""
    notes: tuple[Note, ...]
    incomplete: bool
    """Whether something that an agent would know is unknown here."""


def gather(
    options: InputOptions,
    sources: Sequence[NamedSource],
    wait_policy: WaitPolicy,
    progress: Progress,
) -> Gathered:
    """Look at all sources. Of two of one host the newer counts.

    Raises: UsageError, ConfigError, SourceError.
    """
    hosts = _Hosts()
    config: Config | None = None
    looks: list[tuple[tuple[Note, ...], bool]] = []
    try:
        for done, looked in enumerate(read_hosts(options, sources, wait_policy), start=1):
            config = config or looked.config
            if hosts.add(looked.view):
                looks.append((looked.notes, looked.incomplete))
            progress(done, len(sources))
    except BaseException:
        hosts.fleet.close()
        raise
    notes: dict[Note, list[str]] = {}
    for host in hosts.fleet.present:
        for note in dict.fromkeys(looks[host][0]):
            notes.setdefault(note, []).append(hosts.fleet.hosts[host].source)
    said = (_with_sources(note, by, len(hosts.fleet.present)) for note, by in notes.items())
    names = _names(hosts.fleet)
    return Gathered(
        fleet=hosts.fleet,
        names=names,
        config=config,
        notes=(*said, *hosts.notes, *_fleet_notes(hosts.fleet, names)),
        incomplete=any(looks[host][1] for host in hosts.fleet.present),
    )


@dataclass(slots=True)
class _Hosts:
    fleet: Fleet = field(default_factory=Fleet)
    notes: list[Note] = field(default_factory=list)
    _called: dict[tuple[Network, str], list[int]] = field(default_factory=dict)

    def add(self, view: HostView) -> bool:
        """Whether it counts, unless a newer one of its host follows."""
        namesakes = self._called.setdefault((view.network, view.name), [])
        for host in namesakes:
            before = self.fleet.hosts[host]
            if not _same_machine(before, view):
                continue
            keeps = before.taken_at_ns > view.taken_at_ns
            newer, older = (before, view) if keeps else (view, before)
            self.notes.append(_host_again(newer, older))
            if keeps:
                return False
            self.fleet.remove(host)
            namesakes.remove(host)
            break
        namesakes.append(len(self.fleet.hosts))
        self.fleet.add(view)
        return True


def _same_machine(one: HostView, other: HostView) -> bool:
    """Of two that share a name and a network: if they share an address, too, which means one host
    there, unless both were up at the same time, having been started at different ones; or if they
    were started at the same time, as far as that is known.

    The time of a start is reckoned from the clock, and follows it when that is set.
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


def _host_again(newer: HostView, older: HostView) -> Note:
    return Note.of("host-again", older=older.source, newer=newer.source, host=newer.name)


def _names(fleet: Fleet) -> tuple[str, ...]:
    """Their names, with the network, or the source, where those alone would be the same."""
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


def _with_sources(note: Note, by: Sequence[str], sources: int) -> Note:
    """A warning with the sources that gave it, unless all did."""
    return note if len(by) == sources else replace(note, source=by[0], sources=len(by))


def _fleet_notes(fleet: Fleet, names: Sequence[str]) -> Iterator[Note]:
    """Agents that send nothing, and connections that the server mixes up."""
    for host in fleet.present:
        # Of a look with a configuration, that is said already.
        if fleet.hosts[host].kind == "sync" and not fleet.hosts[host].enabled:
            yield Note.of("sync-disabled", host=names[host])
    if crossed := _crossed(fleet):
        yield crossed


def _crossed(fleet: Fleet) -> Note | None:
    """The server knows no networks: agents send no VPC with a connection."""
    count = fleet.count_collisions()
    return Note.of("networks-collide", pairs=count) if count else None
