"""Which processes are shown as one node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from proccli.model.fleet import HostView, Party
from proccli.model.topology import Node

Group: TypeAlias = tuple[str | int | None, ...]
"""Equal for processes that are one node."""

TAG_PREFIX = "os.app."
GROUPINGS = ("gprocess", "name", "host", "pid")
"""Besides `os.app.KEY`: the processes of a name on a host; of a name, wherever; of a host; each
by itself."""

EMPTY = '""'
"""What stands for an empty name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """A way to group processes."""

    name: str
    group: Callable[[int, Party], Group]
    """From the number of a host and one of its processes."""
    label: Callable[[HostView, Party], str]


def grouping(name: str) -> Grouping:
    """The grouping of this name. Raises: ValueError if there is none."""
    if name.startswith(TAG_PREFIX) and name != TAG_PREFIX:
        return _by_tag(name)
    ways: dict[str, Grouping] = {
        "gprocess": Grouping(
            name="gprocess",
            group=lambda host, party: (host, party.gprocess),
            label=lambda _, party: party.gprocess or EMPTY,
        ),
        "name": Grouping(
            name="name",
            group=lambda _, party: (party.gprocess,),
            label=lambda _, party: party.gprocess or EMPTY,
        ),
        "host": Grouping(
            name="host", group=lambda host, _: (host,), label=lambda view, _: view.name
        ),
        "pid": Grouping(
            name="pid",
            group=lambda host, party: (host, party.pid),
            label=lambda _, party: f"{party.gprocess or EMPTY} {party.pid}",
        ),
    }
    if name not in ways:
        raise ValueError(f"{name!r} is none of {', '.join(GROUPINGS)} and {TAG_PREFIX}KEY")
    return ways[name]


def _by_tag(name: str) -> Grouping:
    key = name.removeprefix(TAG_PREFIX)

    def value(party: Party) -> str | None:
        return dict(party.tags or ()).get(key)

    def label(_: HostView, party: Party) -> str:
        if party.tags is None:
            return f"{name} unknown"
        found = value(party)
        return f"no {name}" if found is None else found or EMPTY

    return Grouping(
        name=name, group=lambda _, party: (value(party), party.tags is None), label=label
    )


@dataclass(slots=True)
class Members:
    """The processes of a node, gathered one by one."""

    label: str
    hosts: set[int] = field(default_factory=set)
    names: set[str | None] = field(default_factory=set)
    pids: set[tuple[int, int]] = field(default_factory=set)
    tags: dict[tuple[str, str], None] | None = None
    """Those that all have had so far; None: there were no processes yet."""
    untold: bool = False
    """Whether the tags of one of them are not known."""

    def add(self, host: int, party: Party) -> None:
        """One more process, or one that is there already."""
        if (host, party.pid) in self.pids:
            return
        self.hosts.add(host)
        self.names.add(party.gprocess)
        self.pids.add((host, party.pid))
        self.untold = self.untold or party.tags is None
        theirs = dict.fromkeys(party.tags or ())
        self.tags = (
            theirs if self.tags is None else {tag: None for tag in self.tags if tag in theirs}
        )

    def node(self, number: int, names: Sequence[str], gprocesses: tuple[int, int]) -> Node:
        """The node; `names` are what the hosts are called."""
        (host, *more) = sorted(self.hosts)
        (name, *other_names) = self.names
        return Node(
            id=f"n{number}",
            label=self.label,
            host=None if more else names[host],
            gprocess=None if other_names else name,
            pids=tuple(sorted(pid for _, pid in self.pids)),
            tags=None if self.untold else tuple(self.tags or ()),
            gprocesses=gprocesses,
        )


def in_order(members: Iterable[Members], names: Sequence[str]) -> list[Members]:
    """By host, then label; what spans several hosts comes last. The order in which the hosts
    came makes no difference."""

    def order(of_one: Members) -> tuple[bool, list[str], str, list[tuple[str, int]]]:
        hosts = sorted(names[host] for host in of_one.hosts)
        pids = sorted((names[host], pid) for host, pid in of_one.pids)
        return len(hosts) > 1, hosts[:1], of_one.label, pids

    return sorted(members, key=order)
