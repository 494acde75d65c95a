"""What the agent would send, and what of it is news since the last time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proccli.agent.inputs import Inputs
from proccli.agent.report import as_sent, config_digest, digest
from proccli.agent.sockets.result import synced_sockets
from proccli.commands.samples import Sample, WaitPolicy, take_settled_sample
from proccli.commands.sync.state.memory import Memory, boot_id
from proccli.commands.sync.syncchanges import Changes, changes_since
from proccli.commands.sync.warnings import left_out_notes, restart_notes, subject
from proccli.commands.warnings import incomplete, outcome_notes, socket_notes
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.process import ALL_FIELDS, Host
from proccli.model.sockets import SocketKey, SyncedProcess, SyncedSocket
from proccli.sources.observed import Observations, first_seen_by_socket

_FIELDS = ALL_FIELDS - {"exe"}
"""What the agent sends of a process comes from these."""

_FRESH_NS = 600 * 1_000_000_000
"""How long a state spares the second look: by then, what is new since the last run has become
most of what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """One cycle: processes sorted by pid, sockets as the agent comes upon them."""

    host: Host
    config: Config
    enabled: bool
    """Whether the agent sends anything; or `--assume-enabled`."""
    digest: str | None
    """None where tags that go into it are not known."""
    changed: bool | None
    """Whether anything differs from the last time; None: there is no state to tell."""
    agent_sends: bool | None
    """Whether the agent would warning; None as with `changed`."""
    processes: tuple[SyncedProcess, ...]
    sockets: tuple[SyncedSocket, ...]
    changes: Changes | None
    """None as with `changed`."""
    notes: tuple[Note, ...]
    news: tuple[Note, ...]
    """The warnings that the last run did not give."""
    incomplete: bool
    """Whether something that the agent would know is unknown here."""
    before: Memory | None
    memory: Memory
    """For the next run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What a look came to."""

    host: Host
    processes: tuple[SyncedProcess, ...] = ()
    sockets: tuple[SyncedSocket, ...] = ()
    notes: tuple[Note, ...] = ()
    incomplete: bool = False
    looked_at_ns: int | None = None
    first_seen_ns: Mapping[SocketKey, int]


def sync(
    inputs: Inputs,
    before: Memory | None,
    wait_policy: WaitPolicy,
    *,
    remembering: bool = True,
    assume_enabled: bool = False,
) -> SyncResult:
    """One cycle. Without `before` it is the first one, or, where nothing is remembered, one that
    can't tell what is new.

    Raises: SourceError.
    """
    config, host = inputs.config, inputs.source.host
    enabled = config.sync_enabled or assume_enabled
    boot = boot_id() if host.kind == "live" else None
    known = before is not None and before.same_boot(host, boot)
    looked_as = f"{host.proc_root} {'as root' if host.privileged else 'as a user'}"
    if enabled:
        earlier = before if known and host.kind == "live" else None
        seen = _seen(
            take_settled_sample(
                inputs,
                wait_policy,
                *_earlier_observations(earlier, host, looked_as),
                fields=_FIELDS,
            )
        )
    else:
        seen = _nothing(inputs, before if known else None)
    notes = (*inputs.notes, *seen.notes, *restart_notes(before, config, known=known))
    memory = Memory(
        host=host.name,
        boot_id=boot,
        boot_time_s=host.boot_time_s,
        config=config_digest(config),
        enabled=enabled,
        digest=digest(seen.processes),
        processes=seen.processes,
        sockets=seen.sockets,
        told=frozenset(map(subject, notes)),
        written_to=before.written_to if before is not None else None,
        looked_at_ns=seen.looked_at_ns,
        looked_as=looked_as,
        first_seen_ns=seen.first_seen_ns,
    )
    compared = before is not None or remembering
    changes = changes_since(before, memory, same_boot=known) if compared else None
    return SyncResult(
        host=seen.host,
        config=config,
        enabled=enabled,
        digest=memory.digest,
        changed=_changed(before, memory, changes),
        agent_sends=_agent_sends(before, memory, same_boot=known) if compared else None,
        processes=seen.processes,
        sockets=seen.sockets,
        changes=changes,
        notes=notes,
        news=tuple(note for note in notes if before is None or subject(note) not in before.told),
        incomplete=seen.incomplete,
        before=before,
        memory=memory,
    )


def _earlier_observations(
    before: Memory | None, host: Host, looked_as: str
) -> Sequence[Observations]:
    """What an earlier run saw of the sockets: it spares the second look while it is fresh."""
    if before is None:
        return ()
    at_ns = before.looked_at_ns
    fresh = (
        at_ns is not None
        and 0 <= host.taken_at_ns - at_ns <= _FRESH_NS
        and before.looked_as == looked_as
    )
    return (
        Observations(
            first_seen_ns=before.first_seen_ns,
            age_source="state",
            observed_since_ns=at_ns if fresh else None,
        ),
    )


def _seen(sample: Sample) -> _Seen:
    config, source = sample.inputs.config, sample.inputs.source
    host = source.host
    outcomes = sample.pipeline.outcomes(outcome.process.pid for outcome in sample.outcomes)
    accepted = [outcome for outcome in outcomes if outcome.status == "accepted"]
    unseen = socket_notes(sample.sockets, host)
    left_out = left_out_notes(outcomes, accepted)
    live = host.kind == "live"
    return _Seen(
        host=host,
        processes=tuple(map(as_sent, accepted)),
        sockets=synced_sockets(sample.sockets),
        notes=(
            *outcome_notes(config, host, sample.outcomes),
            *left_out,
            *unseen,
            *sample.notes,
        ),
        incomplete=incomplete(
            (*left_out, *unseen),
            {"processes", "tags", "sockets"},
            sockets=sample.sockets.sockets,
        ),
        looked_at_ns=host.taken_at_ns if live else None,
        first_seen_ns=first_seen_by_socket(source) if live else {},
    )


def _nothing(inputs: Inputs, before: Memory | None) -> _Seen:
    """With sync disabled: what was seen of sockets stays known for when it is enabled again."""
    return _Seen(
        host=inputs.source.host,
        notes=(Note.of("sync-disabled", nothing_listed=True),),
        first_seen_ns=before.first_seen_ns if before is not None else {},
    )


def _changed(before: Memory | None, now: Memory, changes: Changes | None) -> bool | None:
    if changes is None:
        return None
    return (
        before is None
        or changes.any
        or (before.enabled, before.digest) != (now.enabled, now.digest)
    )


def _agent_sends(before: Memory | None, now: Memory, *, same_boot: bool) -> bool:
    """Whether the agent sends processes: agent 6.5 compares nothing but their pids, and sends
    once when it has started, as it does anew when its configuration changes.

    Source: agent v6.5 querier.rs:116-200, 338-356.
    """
    if not now.enabled:
        return False
    if before is None or not same_boot or not before.enabled or before.config != now.config:
        return True
    pids = [{process.pid for process in memory.processes} for memory in (before, now)]
    return pids[0] != pids[1]
