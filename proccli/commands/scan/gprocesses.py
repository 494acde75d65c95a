"""The gprocesses that a server makes of what an agent sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proccli.agent.process import Texts, parse_cmdline
from proccli.model.outcome import Outcome
from proccli.model.process import Host, TextSpan
from proccli.server.gprocess import (
    Identity,
    NameUsage,
    ReportedProcess,
    group_by_name,
    identify_gprocesses,
)
from proccli.versions import ServerVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class NamePids:
    """All processes of one name."""

    use: NameUsage
    pids: tuple[int, ...]
    """Ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """The accepted processes of a host as gprocesses."""

    server: ServerVersion
    by_pid: Mapping[int, Identity]
    names: tuple[NamePids, ...]
    """In the order of their first pids."""
    undecided: int
    """Processes that may be sent as well."""

    @property
    def at_least(self) -> int:
        """The minimum number of gprocesses that the server distinguishes."""
        return sum(name.use.at_least for name in self.names)

    @property
    def at_most(self) -> int:
        """The maximum: every doubt counts as a difference."""
        return sum(name.use.at_most for name in self.names)


def identify(outcomes: Sequence[Outcome], host: Host, server: ServerVersion) -> Identified:
    """Which gprocess each accepted process of one agent is, whether or not sync is enabled."""
    accepted = sorted(
        (outcome for outcome in outcomes if outcome.status == "accepted"),
        key=lambda outcome: outcome.process.pid,
    )
    pids = [outcome.process.pid for outcome in accepted]
    each = identify_gprocesses([reported(outcome, host) for outcome in accepted], server)
    return Identified(
        server=server,
        by_pid=dict(zip(pids, each, strict=True)),
        names=tuple(
            NamePids(use=use, pids=tuple(pids[place] for place in use.indices))
            for use in group_by_name(each)
        ),
        undecided=sum(outcome.status == "unknown" for outcome in outcomes),
    )


def reported(outcome: Outcome, host: Host, agent: str = "") -> ReportedProcess:
    """What the agent reports of a process that it accepts."""
    return ReportedProcess(
        pid=outcome.process.pid,
        name=outcome.gprocess or "",
        process_name=outcome.process_name or "",
        cmdline=outcome.cmdline or "",
        masked_spans=_masked_spans(outcome),
        container_id=_container_id(outcome, host),
        user=outcome.user or "",
        tags=tuple((tag.key, tag.value) for tag in outcome.tags or ()),
        agent=agent,
    )


def _masked_spans(outcome: Outcome) -> tuple[TextSpan, ...]:
    process = outcome.process
    if process.arguments_joined and outcome.process_name is None and outcome.cmdline is not None:
        return ((0, len(outcome.cmdline)),)  # how the server reads it depends on the name
    if not process.masked_spans or process.cmdline is None:
        return ()
    found = parse_cmdline(process.cmdline, process.masked_spans)
    return found.cmdline.masked_spans if isinstance(found, Texts) else ()


def _container_id(outcome: Outcome, host: Host) -> str | None:
    """The id that the agent sends, empty for none; None where it may see what we don't."""
    error = outcome.process.error("cgroup")
    if error is None:
        return outcome.container_id or ""
    match error.problem:
        case "malformed":
            none = True
        case "denied":
            none = host.privileged
        case "missing":  # a kernel without cgroups; who copies a tree may have left them out
            none = host.kind == "live"
        case _:
            none = False
    return "" if none else None
