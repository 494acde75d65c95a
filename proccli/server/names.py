"""For how many gprocesses a name stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from proccli.server.gprocess import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class NameUse:
    """All processes of one name."""

    name: str
    members: tuple[int, ...]
    """Their places in what was asked about."""
    groups: tuple[int, ...]
    """Ascending."""
    at_least: int
    """So many gprocesses the server surely tells apart under this name."""

    @property
    def at_most(self) -> int:
        """So many there are if every doubt is a difference."""
        return len(self.groups)


def by_name(each: Sequence[Identity]) -> tuple[NameUse, ...]:
    """Each name with its gprocesses, in the order in which the names first come."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, identity in enumerate(each):
        places[identity.name].append(place)
    return tuple(
        NameUse(
            name=name,
            members=tuple(members),
            groups=tuple(sorted({each[place].group for place in members})),
            at_least=_surely([each[place] for place in members]),
        )
        for name, members in places.items()
    )


def _surely(alike: Iterable[Identity]) -> int:
    """How many gprocesses of one name differ whatever the doubts turn out to be."""
    pids: set[int] = set()
    lines: defaultdict[str, set[str | None]] = defaultdict(set)
    contained: list[Identity] = []
    for identity in alike:
        if identity.basis == "pid":
            pids.add(identity.group)
        elif identity.basis == "cmdline":
            lines[identity.agent].add(identity.cmdline)
        else:
            contained.append(identity)
    # A masked command line may be any of the others.
    surely = len(pids) + sum(len(known - {None}) or 1 for known in lines.values())
    # What is in containers may be one workload; it is one more if it can't be any of those.
    more = any(_differs(identity, lines.get(identity.agent, set())) for identity in contained)
    return surely + more


def _differs(identity: Identity, lines: set[str | None]) -> bool:
    if identity.cmdline is None:
        return not lines
    return identity.cmdline not in lines and None not in lines
