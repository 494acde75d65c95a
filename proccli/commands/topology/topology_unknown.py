"""Connection ends with an unknown process: which of them are shown as one vertex.

They have only addresses, and a server on the Internet has thousands of those. If many of the same
kind are connected to one port of one node, they become one vertex: `500 addresses`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple, TypeAlias

from proccli.commands.topology.words import why_unknown
from proccli.model.topology import TopologyEdge
from proccli.text import counted

PER_PORT = 3
"""Maximum number of addresses at one port of one node that are shown separately."""
PER_NODE = 8
"""Maximum number of unknown ends of one kind at one node; more become one for all ports."""


@dataclass(slots=True)
class UnknownEnd:
    """Unknown ends that are shown as one vertex."""

    host: str | None
    process: str | None
    note: str
    addresses: dict[str, None] = field(default_factory=dict)

    def label(self) -> str:
        """Its process, its address, or the number of addresses."""
        if self.process is not None:
            return self.process or '""'
        if len(self.addresses) == 1:
            return next(iter(self.addresses))
        (ip, *more) = dict.fromkeys(address.partition(":")[0] for address in self.addresses)
        return counted(len(more) + 1, "address") if more else ip


class _Kind(NamedTuple):
    """What unknown ends must have in common to become one vertex."""

    peer: str | None
    is_server: bool
    remote: str | None
    host: str | None
    process: str | None
    note: str


class UnknownEnds:
    """Assigns a vertex to each end without a node: by process, else by folded addresses."""

    def __init__(self, edges: Iterable[TopologyEdge], taken: set[str]) -> None:
        self._far: dict[tuple[object, ...], UnknownEnd] = {}
        self._key_of: dict[tuple[int, bool], tuple[object, ...]] = {}
        self._ids: dict[tuple[object, ...], str] = {}
        self.of_any_port: set[str] = set()
        sides = [(edge, server) for edge in edges for server in _missing(edge)]
        by_kind: dict[_Kind, list[tuple[TopologyEdge, bool]]] = defaultdict(list)
        for edge, server in sides:
            by_kind[_kind(edge, server)].append((edge, server))
        wide_keys = set()
        for kind, alike in by_kind.items():
            for key, is_wide, edge, server in _folded(kind, alike):
                self._key_of[id(edge), server] = key
                if is_wide:
                    wide_keys.add(key)
        free = (name for number in count(1) if (name := f"x{number}") not in taken)
        for edge, server in sides:
            key = self._key_of[id(edge), server]
            if key not in self._far:
                self._ids[key] = next(free)
                self._far[key] = UnknownEnd(edge.remote_host, _process(edge), why_unknown(edge))
            self._far[key].addresses.setdefault(_address(edge, server))
        self.of_any_port = {self._ids[key] for key in wide_keys}

    def id_of(self, edge: TopologyEdge, *, server: bool) -> str:
        """The id of an edge's end."""
        return self._ids[self._key_of[id(edge), server]]

    def ends(self) -> Mapping[str, UnknownEnd]:
        """All ends by id, in the order of the edges."""
        return {self._ids[key]: far for key, far in self._far.items()}


def _missing(edge: TopologyEdge) -> Iterable[bool]:
    """Which ends have no node: False the client's, True the server's."""
    return [side for side, node in ((False, edge.client), (True, edge.server)) if node is None]


def _kind(edge: TopologyEdge, server: bool) -> _Kind:
    return _Kind(
        peer=edge.client if server else edge.server,
        is_server=server,
        remote=edge.remote,
        host=edge.remote_host,
        process=_process(edge),
        note=why_unknown(edge),
    )


def _process(edge: TopologyEdge) -> str | None:
    """The process that holds the end; a process that only listens there need not hold it."""
    return edge.remote_process if edge.remote in ("not-sent", "undecided") else None


def _address(edge: TopologyEdge, server: bool) -> str:
    """The address; without the port for a client, whose port changes with each connection."""
    return f"{edge.server_ip}:{edge.server_port}" if server else edge.client_ip


_Keyed: TypeAlias = tuple[tuple[object, ...], bool, TopologyEdge, bool]


def _folded(kind: _Kind, alike: Sequence[tuple[TopologyEdge, bool]]) -> Iterable[_Keyed]:
    """The vertex of each of these ends: its key, whether ports are folded too, and the end."""
    if kind.process is not None:
        # The same process at other nodes is the same vertex.
        same = (kind.host, kind.process, kind.remote, kind.note)
        return [(same, False, edge, server) for edge, server in alike]
    addresses: dict[tuple[str, int], set[str]] = defaultdict(set)
    for edge, server in alike:
        addresses[edge.protocol, edge.server_port].add(_address(edge, server))
    keyed: list[_Keyed] = []
    for edge, server in alike:
        at = (edge.protocol, edge.server_port)
        key: tuple[object, ...]
        if len(addresses[at]) > PER_PORT:
            key = (kind, *at)
        else:
            key = (kind._replace(peer=None), _address(edge, server))
        keyed.append((key, False, edge, server))
    if len({key for key, *_ in keyed}) > PER_NODE:
        return [((kind,), True, edge, server) for edge, server in alike]
    return keyed
