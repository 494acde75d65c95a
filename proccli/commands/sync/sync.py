"""What the agent would send, and what changed since the last run."""

# Annotations are not strings here: a NamedTuple compiles each string, at every start of proccli.

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from proccli.agent.inputs import Inputs
from proccli.agent.report import config_digest, digest, sent
from proccli.agent.sockets.result import sent_sockets
from proccli.commands.samples import Sample, WaitPolicy, take_sample_with_ages
from proccli.commands.scan.scan import hits_by_rule
from proccli.commands.sync.provenance import Provenance, provenance
from proccli.commands.sync.state.memory import Memory, boot_id
from proccli.commands.warnings import in_order, incomplete, outcome_notes, socket_notes
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.outcome import Outcome
from proccli.model.process import SHOWN_FIELDS, Host
from proccli.model.sockets import SocketKey, SyncedProcess, SyncedSocket
from proccli.sources.observed import Observations, first_seen_by_socket
from proccli.versions import behaviour_of

_FIELDS = SHOWN_FIELDS - {"exe"}
"""The process fields that the agent needs for its messages."""

_FRESH_NS = 600 * 1_000_000_000
"""How long a state replaces the first of two samples; later, most sockets are newer than it."""


ChangeKind: TypeAlias = Literal["names", "processes", "sockets"]


class Counts(NamedTuple):
    """How many processes and connections were decided in each way."""

    statuses: Mapping[str, int]
    """Processes by status."""
    hits: Mapping[int, int]
    """Processes by the rule that decided, 0 for the implicit accept; also rules without any."""
    processes_left_out: Mapping[str, int]
    """Processes that are not reported, by reason, most frequent first."""
    left_out: Mapping[str, int]
    """Connections that are not reported, by reason, most frequent first."""


class ReportedProcess(NamedTuple):
    """A process as the agent sends it, and the rule that decided."""

    process: SyncedProcess
    rule: int | None
    """0 for the implicit accept; None: an ancestor that stands for processes with a rule."""


class Changes(NamedTuple):
    """The differences between two cycles: processes in the order of pids, numbers of sockets."""

    added: tuple[SyncedProcess, ...]
    removed: tuple[SyncedProcess, ...]
    """As they were before. A pid that now belongs to another process is both removed and added."""
    changed: tuple[SyncedProcess, ...]
    """As they are now: the same process with a different name, tag or other field."""
    names_added: tuple[str, ...]
    """Names that no process had before, sorted."""
    names_removed: tuple[str, ...]
    """Names that no process has any more, sorted."""
    sockets_added: int
    sockets_removed: int

    @property
    def any(self) -> bool:
        """Whether anything changed."""
        return self.includes("processes") or self.includes("sockets")

    def includes(self, kind: ChangeKind) -> bool:
        """Whether anything of this kind changed."""
        match kind:
            case "names":
                return bool(self.names_added or self.names_removed)
            case "processes":
                return bool(self.added or self.removed or self.changed)
            case "sockets":
                return bool(self.sockets_added or self.sockets_removed)


class SyncResult(NamedTuple):
    """The result of one cycle: processes sorted by pid, sockets in the agent's order."""

    host: Host
    config: Config
    enabled: bool
    """Whether the agent sends anything, or `--assume-enabled` is given."""
    digest: str | None
    """None: some processes or tags, which are part of it, are unknown."""
    changed: bool | None
    """Whether anything changed since the last run; None: no state is kept."""
    agent_sends: bool | None
    """Whether the agent would send its processes now; None: no state is kept."""
    processes: tuple[SyncedProcess, ...]
    sockets: tuple[SyncedSocket, ...]
    changes: Changes | None
    """None: no state is kept."""
    notes: tuple[Note, ...]
    new_notes: tuple[Note, ...]
    """The notes that the last run did not have."""
    incomplete: bool
    """Whether something that the agent would know is unknown here."""
    before: Memory | None
    memory: Memory
    """The state for the next run."""
    provenance: Provenance
    rules: Mapping[int, int | None]
    """The rule that decided, by the pids of `processes`."""
    counts: Counts | None
    """None: sync is disabled, and nothing was decided."""

    @property
    def reported(self) -> Iterator[ReportedProcess]:
        """The processes, each with the rule that decided."""
        return (ReportedProcess(one, self.rules[one.pid]) for one in self.processes)

    @property
    def left_out(self) -> Mapping[str, int]:
        """Connections that are not reported, by reason."""
        return self.counts.left_out if self.counts is not None else {}

    @property
    def processes_left_out(self) -> Mapping[str, int]:
        """Processes that are not reported, by reason."""
        return self.counts.processes_left_out if self.counts is not None else {}


class _Report(NamedTuple):
    """What the agent would send, as found by one cycle."""

    host: Host
    digest: str | None
    notes: tuple[Note, ...]
    first_seen_ns: Mapping[SocketKey, int]
    provenance: Provenance
    processes: tuple[SyncedProcess, ...] = ()
    sockets: tuple[SyncedSocket, ...] = ()
    incomplete: bool = False
    sampled_at_ns: int | None = None
    rules: Mapping[int, int | None] = MappingProxyType({})
    counts: Counts | None = None


def sync(
    inputs: Inputs,
    before: Memory | None,
    wait_policy: WaitPolicy,
    *,
    remembering: bool = True,
    assume_enabled: bool = False,
    final: bool = False,
) -> SyncResult:
    """The result of one cycle, compared with `before`.

    Without `before` everything is new; if no state is kept either (`remembering`), changes are
    unknown. `final`: no cycle follows, so what only the next one needs is left out.

    Raises: SourceError.
    """
    config, host = inputs.config, inputs.source.host
    enabled = config.sync_enabled or assume_enabled
    boot = boot_id() if host.kind == "live" else None
    known = before is not None and before.same_boot(host, boot)
    reader = f"{host.proc_root} {'as root' if host.privileged else 'as a user'}"
    if enabled:
        earlier = before if known and host.kind == "live" else None
        report = _report(
            take_sample_with_ages(
                inputs,
                wait_policy,
                *_earlier_observations(earlier, host, reader),
                fields=_FIELDS,
            ),
            dated=host.kind == "live" and not final,
        )
    else:
        report = _nothing(inputs, before if known else None)
    notes = (*inputs.notes, *report.notes, *_restart_notes(before, config, known=known))
    memory = Memory(
        host=host.name,
        boot_id=boot,
        boot_time_s=host.boot_time_s,
        config=config_digest(config),
        enabled=enabled,
        digest=report.digest,
        processes=report.processes,
        sockets=report.sockets,
        warned=frozenset(map(_subject, notes)),
        written_to=before.written_to if before is not None else None,
        sampled_at_ns=report.sampled_at_ns,
        reader=reader,
        first_seen_ns=report.first_seen_ns,
    )
    compared = before is not None or remembering
    changes = changes_since(before, memory, same_boot=known) if compared else None
    return SyncResult(
        host=report.host,
        config=config,
        enabled=enabled,
        digest=memory.digest,
        changed=_changed(before, memory, changes),
        agent_sends=_agent_sends(before, memory, config, same_boot=known) if compared else None,
        processes=report.processes,
        sockets=report.sockets,
        changes=changes,
        notes=notes,
        new_notes=tuple(
            note for note in notes if before is None or _subject(note) not in before.warned
        ),
        incomplete=report.incomplete,
        before=before,
        memory=memory,
        provenance=report.provenance,
        rules=report.rules,
        counts=report.counts,
    )


def _earlier_observations(before: Memory | None, host: Host, reader: str) -> Sequence[Observations]:
    """When the last run saw each socket; while that is recent, it replaces the first sample."""
    if before is None:
        return ()
    at_ns = before.sampled_at_ns
    fresh = (
        at_ns is not None and 0 <= host.taken_at_ns - at_ns <= _FRESH_NS and before.reader == reader
    )
    return (
        Observations(
            first_seen_ns=before.first_seen_ns,
            age_source="state",
            observed_since_ns=at_ns if fresh else None,
        ),
    )


def _report(sample: Sample, *, dated: bool) -> _Report:
    config, source = sample.inputs.config, sample.inputs.source
    host, behaviour = source.host, sample.pipeline.context.behaviour
    outcomes = sample.outcomes
    accepted = [outcome for outcome in outcomes if outcome.status == "accepted"]
    sockets = sent_sockets(sample.sockets, behaviour)
    processes = sent(sample.pipeline.completed(accepted), sample.inputs.tags, behaviour)
    hidden = socket_notes(sockets, host, config)
    left_out = _left_out_notes(outcomes, processes)
    of_processes = outcome_notes(config, host, sample.outcomes)
    lacking = (*sample.inputs.source.notes, *left_out, *of_processes, *hidden)
    live = host.kind == "live"
    return _Report(
        host=host,
        digest=None
        if behaviour.change_told_by == "unknown" or incomplete(lacking, {"processes"})
        else digest(processes),
        processes=processes,
        sockets=sockets.synced,
        notes=(
            *of_processes,
            *left_out,
            *hidden,
            *sample.notes,
        ),
        incomplete=sockets.undecided
        or incomplete(lacking, {"processes", "owners", "tags", "sockets"}),
        sampled_at_ns=host.taken_at_ns if live else None,
        first_seen_ns=first_seen_by_socket(source) if dated else {},
        provenance=provenance(sample.inputs, (one.process for one in outcomes)),
        rules={one.process.pid: one.decided_by for one in accepted},
        counts=Counts(
            statuses=Counter(outcome.status for outcome in outcomes),
            hits=hits_by_rule(config, outcomes),
            processes_left_out=_by_count(
                outcome.reason for outcome in outcomes if outcome.status != "accepted"
            ),
            left_out=sockets.left_out,
        ),
    )


def _by_count(reasons: Iterable[str]) -> Mapping[str, int]:
    return dict(Counter(reasons).most_common())


def _nothing(inputs: Inputs, before: Memory | None) -> _Report:
    """The report with sync disabled; ages of sockets are kept for when it is enabled again."""
    behaviour = behaviour_of(inputs.config.agent, inputs.config.dialect)
    return _Report(
        host=inputs.source.host,
        digest=None if behaviour.change_told_by == "unknown" else digest(()),
        notes=(
            Note.of("sync-disabled", key=inputs.config.key("sync_enabled"), nothing_listed=True),
        ),
        first_seen_ns=before.first_seen_ns if before is not None else {},
        provenance=provenance(inputs, None),
    )


def changes_since(before: Memory | None, now: Memory, *, same_boot: bool) -> Changes:
    """All differences; without `before`, everything is added.

    After another boot, no process is the same as one before, even with the same pid.
    """
    old = {process.pid: process for process in before.processes} if before is not None else {}
    new = {process.pid: process for process in now.processes}
    stayed = {pid for pid in old.keys() & new.keys() if same_boot and _is_same(old[pid], new[pid])}
    sockets_old = Counter(before.sockets if before is not None else ())
    sockets_new = Counter(now.sockets)
    kept = sockets_old & sockets_new if same_boot else Counter[SyncedSocket]()
    names_old, names_new = ({process.name for process in part.values()} for part in (old, new))
    return Changes(
        added=tuple(process for pid, process in sorted(new.items()) if pid not in stayed),
        removed=tuple(process for pid, process in sorted(old.items()) if pid not in stayed),
        changed=tuple(new[pid] for pid in sorted(stayed) if new[pid] != old[pid]),
        names_added=tuple(sorted(names_new - names_old)),
        names_removed=tuple(sorted(names_old - names_new)),
        sockets_added=(sockets_new - kept).total(),
        sockets_removed=(sockets_old - kept).total(),
    )


def _is_same(old: SyncedProcess, new: SyncedProcess) -> bool:
    """Whether both are the same process, not two that had the same pid one after the other."""
    ticks = old.starttime_ticks, new.starttime_ticks
    return None in ticks or ticks[0] == ticks[1]


def _changed(before: Memory | None, now: Memory, changes: Changes | None) -> bool | None:
    if changes is None:
        return None
    return (
        before is None
        or changes.any
        or (before.enabled, before.digest) != (now.enabled, now.digest)
    )


def _agent_sends(
    before: Memory | None, now: Memory, config: Config, *, same_boot: bool
) -> bool | None:
    """Whether the agent would send its processes now; None: not known.

    It sends once after it has started, which a changed configuration makes most releases do again,
    and when its digest changes: over pids and tags in older releases, over pids alone since.

    Source: agent v6.5 querier.rs:116-200, 338-356; FACTS A9, Generations.
    """
    if not now.enabled:
        return False
    if before is None or not same_boot:
        return True
    behaviour = behaviour_of(config.agent, config.dialect)
    if not before.enabled or before.config != now.config:
        if behaviour.config_change == "restart":
            return True
        if behaviour.config_change != "next-scan" or not before.enabled:
            return None
    changes_told_by = behaviour.change_told_by
    if changes_told_by == "sha1" and None not in (before.digest, now.digest):
        return before.digest != now.digest
    if changes_told_by != "pids":
        return None
    pids = [{process.pid for process in memory.processes} for memory in (before, now)]
    return pids[0] != pids[1]


def _left_out_notes(outcomes: Sequence[Outcome], processes: Sequence[SyncedProcess]) -> list[Note]:
    """Notes about processes and tags that the agent may send and that are unknown here."""
    notes = []
    unknown = [outcome for outcome in outcomes if outcome.status == "unknown"]
    if unknown:
        reasons = in_order(Counter(outcome.reason for outcome in unknown))
        first_pid = unknown[0].process.pid
        notes.append(Note.of("unknown-left-out", reasons=reasons, first_pid=first_pid))
    without_tags = sum(process.os_app_tags is None for process in processes)
    if without_tags:
        notes.append(Note.of("tags-left-out", processes=without_tags))
    return notes


def _restart_notes(before: Memory | None, config: Config, *, known: bool) -> list[Note]:
    """The reason why the agent restarts and sends everything again."""
    if before is None:
        return []
    if not known:
        return [Note.of("another-boot")]
    if before.config != config_digest(config):
        behaviour = behaviour_of(config.agent, config.dialect)
        return [Note.of("config-changed", agent=config.agent, effect=behaviour.config_change)]
    return []


def _subject(note: Note) -> str:
    """An identifier of a note, equal if only numbers differ: its code, file and texts.

    A note about three sockets fewer is the same note.
    """
    texts = [value for _, value in note.values if isinstance(value, str)]
    texts += [item for _, value in note.values for item in _texts(value)]
    file = note.at.source if note.at is not None else ""
    return json.dumps([note.code, file, *texts, note.text or ""])


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, tuple):
        yield from (item for item in value if isinstance(item, str))
