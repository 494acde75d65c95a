"""Which processes a topology shows as one node: `--group-by`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from proccli.model.hosts import HostProcess, HostView
from proccli.model.topology import TopologyNode
from proccli.server.gprocess import ReportedProcess

GroupKey: TypeAlias = tuple[str | int | None, ...]
"""Equal for processes that belong to the same node."""

TAG_PREFIX = "os.app."
GROUPINGS = ("gprocess", "name", "host", "pid")
"""Values of `--group-by` besides `os.app.KEY`. One node for: a name on one host; a name on all
hosts; a host; a single process."""

EMPTY = '""'
"""The label of an empty name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """A way to group processes."""

    name: str
    group: Callable[[int, HostProcess], GroupKey]
    """The node of a process; arguments: the number of its host, the process."""
    label: Callable[[HostView, HostProcess], str]
    """The displayed name of the node that a process belongs to."""


def parse_grouping(name: str) -> Grouping:
    """The grouping with this name. Raises: ValueError for an unknown name."""
    if name.startswith(TAG_PREFIX) and name != TAG_PREFIX:
        return _by_tag(name)
    known: dict[str, Grouping] = {
        "gprocess": Grouping(
            name="gprocess",
            group=lambda host, process: (host, process.gprocess),
            label=lambda _, process: process.gprocess or EMPTY,
        ),
        "name": Grouping(
            name="name",
            group=lambda _, process: (process.gprocess,),
            label=lambda _, process: process.gprocess or EMPTY,
        ),
        "host": Grouping(
            name="host", group=lambda host, _: (host,), label=lambda view, _: view.name
        ),
        "pid": Grouping(
            name="pid",
            group=lambda host, process: (host, process.pid),
            label=lambda _, process: f"{process.gprocess or EMPTY} {process.pid}",
        ),
    }
    if name not in known:
        raise ValueError(f"{name!r} is none of {', '.join(GROUPINGS)} and {TAG_PREFIX}KEY")
    return known[name]


def _by_tag(name: str) -> Grouping:
    key = name.removeprefix(TAG_PREFIX)

    def value(process: HostProcess) -> str | None:
        return dict(process.tags or ()).get(key)

    def label(_: HostView, process: HostProcess) -> str:
        if process.tags is None:
            return f"{name} unknown"
        found = value(process)
        return f"no {name}" if found is None else found or EMPTY

    return Grouping(
        name=name, group=lambda _, process: (value(process), process.tags is None), label=label
    )


@dataclass(slots=True)
class NodeProcesses:
    """The processes of one node, added one at a time."""

    label: str
    hosts: set[int] = field(default_factory=set)
    names: set[str | None] = field(default_factory=set)
    pids: set[tuple[int, int]] = field(default_factory=set)
    tags: dict[tuple[str, str], None] | None = None
    """The tags that all processes added so far have; None: no process was added yet."""
    tags_unknown: bool = False
    """Whether the tags of at least one process are not known."""
    reported: list[ReportedProcess] = field(default_factory=list)
    """The same processes, where a server compares more of them than their pids."""

    def add(self, host: int, process: HostProcess) -> None:
        """Add a process that was not added before."""
        self.hosts.add(host)
        self.names.add(process.gprocess)
        self.pids.add((host, process.pid))
        self.tags_unknown = self.tags_unknown or process.tags is None
        process_tags = dict.fromkeys(process.tags or ())
        self.tags = (
            process_tags
            if self.tags is None
            else {tag: None for tag in self.tags if tag in process_tags}
        )

    def topology_node(
        self, number: int, names: Sequence[str], gprocesses: tuple[int, int]
    ) -> TopologyNode:
        """The node with this number. `names`: the displayed names of the hosts."""
        (host, *more) = sorted(self.hosts)
        (name, *other_names) = self.names
        return TopologyNode(
            id=f"n{number}",
            label=self.label,
            host=None if more else names[host],
            gprocess=None if other_names else name,
            pids=tuple(sorted(pid for _, pid in self.pids)),
            tags=None if self.tags_unknown else tuple(self.tags or ()),
            gprocesses=gprocesses,
            hosts=tuple(sorted(names[host] for host in self.hosts)),
        )


def sort_nodes(members: Iterable[NodeProcesses], names: Sequence[str]) -> list[NodeProcesses]:
    """The nodes ordered by host and label; nodes of several hosts last.

    The result does not depend on the order in which hosts were added.
    """

    def order(processes: NodeProcesses) -> tuple[bool, list[str], str, list[tuple[str, int]]]:
        hosts = sorted(names[host] for host in processes.hosts)
        pids = sorted((names[host], pid) for host, pid in processes.pids)
        return len(hosts) > 1, hosts[:1], processes.label, pids

    return sorted(members, key=order)
