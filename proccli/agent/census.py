"""Who is on the agent's map of processes, and who stands above whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from proccli.agent.process import Subjects, subjects
from proccli.model.outcome import Reason
from proccli.model.process import Host, Process


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentProcess:
    """A process and what the agent knows it by."""

    process: Process
    subjects: Subjects | None
    obstacle: Reason | None
    """Why the agent has no such process; None where it has."""
    known: bool = True
    """False: the agent could read it and we can't, so nothing can be said."""


Lookup: TypeAlias = Callable[[int], AgentProcess | None]
"""The member of a pid; None where the source has no such process."""


def enrol(process: Process, host: Host) -> AgentProcess:
    """Whether the agent takes a process into its map, and under which texts.

    A missing stat is tolerated; the command line and the owner must be readable.

    Source: agent v6.5 linux_process.rs:120-160.
    """
    for needed in ("cmdline", "uid"):
        error = process.error(needed)
        if error is not None:
            refused = error.problem == "denied" and not host.privileged
            return AgentProcess(
                process=process, subjects=None, obstacle="unreadable", known=not refused
            )
    if process.cmdline is None:
        return AgentProcess(process=process, subjects=None, obstacle="no-cmdline")
    found = subjects(process.cmdline, process.masked_spans)
    if isinstance(found, str):
        return AgentProcess(process=process, subjects=None, obstacle=found)
    return AgentProcess(process=process, subjects=found, obstacle=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The ancestors that the agent's walk sees, nearest first."""

    members: tuple[AgentProcess, ...]
    complete: bool
    """False: the walk ends at a process that the agent could read and we can't."""


def lineage(process: Process, lookup: Lookup, host: Host) -> Lineage:
    """The ancestors that parent_process_name rules are tried on.

    The agent's walk ends at parent id 0 and at the first parent that is not on its map (a kernel
    thread, a command line that is not UTF-8). It has no guard against a circle of parents, which
    only a made-up tree can have: it would come back to the process itself and go on for ever.
    Here the walk ends where the circle closes.

    Source: agent v6.5 linux_process.rs:310-336.
    """
    members: list[AgentProcess] = []
    for member in _upwards(process, lookup):
        if member is None:
            return Lineage(members=tuple(members), complete=host.sees_all)
        if not member.known:
            return Lineage(members=tuple(members), complete=False)
        if member.subjects is None:
            break
        members.append(member)
    return Lineage(members=tuple(members), complete=True)


def family(process: Process, lookup: Lookup) -> tuple[AgentProcess, ...]:
    """All processes above one, nearest first, as far as the source knows them."""
    return tuple(
        member
        for member in _upwards(process, lookup)
        if member is not None and member.process.pid != process.pid
    )


def _upwards(process: Process, lookup: Lookup) -> Iterator[AgentProcess | None]:
    """Parent, its parent, … until parent id 0; None once where the source knows no more."""
    seen: set[int] = set()
    while process.ppid:
        if process.ppid in seen:
            return
        seen.add(process.ppid)
        member = lookup(process.ppid)
        yield member
        if member is None:
            return
        process = member.process
