"""What a configuration change does to the processes of snapshots, and to any process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.agent.sockets.collect import join_sockets
from proccli.commands.diff.rules import RuleComparison, Witness, compare_rules
from proccli.commands.inputs import (
    InputOptions,
    Progress,
    each_read,
    for_several,
    no_progress,
    open_inputs,
    read_config_once,
)
from proccli.commands.samples import Sample, take_sample
from proccli.commands.warnings import NotesOfSources, unread_sources
from proccli.errors import SourceError
from proccli.model.config import Config, Rule
from proccli.model.note import Note
from proccli.model.outcome import Outcome, Tag
from proccli.model.sockets import Socket

ChangeKind: TypeAlias = Literal["lost", "gained", "renamed", "retagged", "rule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A process with different outcomes under the two configurations."""

    snapshot: str
    """The path of the recording or directory as given, or `live`."""
    pid: int
    process_name: str | None
    kind: ChangeKind
    old: Outcome
    new: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """Number of connections that the agent would send under only one of the configurations.

    Connections of unknown age count as sent; others of which it is not known under a configuration
    do not count.
    """

    lost: int
    gained: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ByRule:
    """How many processes went from one rule to another, with the same kind of change."""

    old: int | None
    """The index of the rule that decided; 0: the implicit accept; None: no rule decided."""
    new: int | None
    kind: ChangeKind
    processes: int
    example: Change
    """The first of these processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffResult:
    """The changes on snapshots, and the constructed texts with different results."""

    old: Config
    new: Config
    compared: int
    """Number of processes in the snapshots."""
    changes: tuple[Change, ...]
    undecided: int
    """Number of processes whose outcome is unknown under a configuration."""
    connections: Connections
    witnesses: tuple[Witness, ...]
    equivalent: bool | None
    """True: proven for every process; False: they differ; None: not determined."""
    settings_differ: bool
    """Whether settings besides the rules differ; the warnings say which."""
    notes: tuple[Note, ...]
    snapshots: int = 0
    """Number of snapshots that were compared."""
    failures: tuple[SourceError, ...] = ()
    """Why snapshots could not be read; what changes on them is not known."""

    @property
    def by_rule(self) -> tuple[ByRule, ...]:
        """The changes summed up, the most frequent first."""
        first: dict[tuple[int | None, int | None, ChangeKind], Change] = {}
        counted: Counter[tuple[int | None, int | None, ChangeKind]] = Counter()
        for change in self.changes:
            key = (change.old.decided_by, change.new.decided_by, change.kind)
            first.setdefault(key, change)
            counted[key] += 1
        return tuple(
            ByRule(old=key[0], new=key[1], kind=key[2], processes=processes, example=first[key])
            for key, processes in counted.most_common()
        )

    @property
    def differs(self) -> bool:
        """Whether the rules or other settings differ in effect, as far as was found."""
        return self.equivalent is False or self.settings_differ


def diff(
    old: InputOptions,
    new: InputOptions,
    snapshots: Sequence[str | None],
    progress: Progress = no_progress,
) -> DiffResult:
    """Compare two configurations on each snapshot (None: the live machine) and by construction.

    Raises: UsageError, ConfigError, SourceError.
    """
    old, new = (read_config_once(for_several(given, len(snapshots))) for given in (old, new))
    changes: list[Change] = []
    notes = NotesOfSources()
    failures: list[SourceError] = []
    undecided = compared = read = 0
    connections: Counter[str] = Counter()
    compare = partial(_compared, old, new)
    for snapshot, on_one in each_read(snapshots, compare, failures, progress):
        notes.add(name_of(snapshot), on_one.changes.notes)
        compared += on_one.changes.compared
        changes.extend(on_one.changes.changes)
        undecided += on_one.changes.undecided
        connections.update(on_one.connections)
        read += 1
    rules = _compared_rules(old, new)
    return DiffResult(
        old=rules.old,
        new=rules.new,
        compared=compared,
        changes=tuple(changes),
        undecided=undecided,
        connections=Connections(lost=connections["lost"], gained=connections["gained"]),
        witnesses=rules.witnesses,
        equivalent=False if changes else rules.equivalent,
        settings_differ=bool(rules.notes),
        notes=tuple(dict.fromkeys((*notes.notes(read), *rules.notes, *unread_sources(failures)))),
        snapshots=read,
        failures=tuple(failures),
    )


class SnapshotChanges(NamedTuple):
    """What a configuration change does to the processes of one snapshot."""

    compared: int
    changes: tuple[Change, ...]
    undecided: int
    notes: tuple[Note, ...]


class _OnSnapshot(NamedTuple):
    changes: SnapshotChanges
    connections: Counter[str]


def name_of(snapshot: str | None) -> str:
    """The name of a snapshot in results."""
    return snapshot if snapshot is not None else "live"


def _compared(old: InputOptions, new: InputOptions, snapshot: str | None) -> _OnSnapshot:
    """One snapshot, with its sockets. Raises: UsageError, ConfigError, SourceError."""
    both = _both(old, new, snapshot)
    before, after = map(take_sample, both)
    changes = _all_changes(before.pipeline, after.pipeline, name_of(snapshot))
    return _OnSnapshot(changes, _connections(before, after))


def changes_on(old: InputOptions, new: InputOptions, snapshot: str) -> SnapshotChanges:
    """Compare two configurations on a snapshot. Raises: UsageError, ConfigError, SourceError."""
    return changes_between(*_both(old, new, snapshot), snapshot)


def changes_between(before: Inputs, after: Inputs, name: str) -> SnapshotChanges:
    """Compare two configurations on one source, which the changes call by this name."""
    return _all_changes(Pipeline(before), Pipeline(after), name)


def _all_changes(before: Pipeline, after: Pipeline, name: str) -> SnapshotChanges:
    pairs = list(_pairs(before, after))
    return SnapshotChanges(
        compared=len(pairs),
        changes=tuple(_changes(name, pairs)),
        undecided=sum(_is_undecided(one, other) for one, other in pairs),
        notes=(*before.inputs.notes, *after.inputs.notes),
    )


def _both(old: InputOptions, new: InputOptions, snapshot: str | None) -> tuple[Inputs, Inputs]:
    """The inputs under both configurations, with one shared source."""
    before = open_inputs(old._replace(snapshot=snapshot))
    if snapshot is not None:
        return before, open_inputs(new._replace(snapshot=snapshot), source=before.source)
    after = open_inputs(new._replace(snapshot=None))
    same_root = before.source.host.proc_root == after.source.host.proc_root
    return before, after._replace(source=before.source) if same_root else after


def _compared_rules(old: InputOptions, new: InputOptions) -> RuleComparison:
    """The comparison of the rules alone; no process or tag is read."""
    before, after = (
        open_inputs(options._replace(snapshot=None, proc_root="/proc"), with_tags=False)
        for options in (old, new)
    )
    return compare_rules(before, after)


def _pairs(before: Pipeline, after: Pipeline) -> Iterator[tuple[Outcome, Outcome]]:
    one, other = (each.outcomes(each.inputs.source.pids()) for each in (before, after))
    by_pid = {outcome.process.pid: outcome for outcome in other}
    for outcome in one:
        again = by_pid.get(outcome.process.pid)
        if again is not None:
            yield outcome, again


def _changes(snapshot: str, pairs: Sequence[tuple[Outcome, Outcome]]) -> Iterator[Change]:
    for old, new in pairs:
        kind = _kind(old, new)
        if kind is not None:
            yield Change(
                snapshot=snapshot,
                pid=old.process.pid,
                process_name=old.process_name,
                kind=kind,
                old=old,
                new=new,
            )


def _kind(old: Outcome, new: Outcome) -> ChangeKind | None:
    if _is_undecided(old, new):
        return None
    if old.status != new.status and "accepted" in (old.status, new.status):
        return "lost" if old.status == "accepted" else "gained"
    if old.gprocess != new.gprocess:
        return "renamed"
    known = old.tags is not None and new.tags is not None
    if known and _pairs_of(old.tags) != _pairs_of(new.tags):
        return "retagged"
    if old.rule is None and new.rule is None and old.status != "accepted":
        return None  # not sent either way; no rule decides, and only the reasons for it differ
    if (old.status, old.reason) != (new.status, new.reason) or _content(old) != _content(new):
        return "rule"
    return None


def _is_undecided(old: Outcome, new: Outcome) -> bool:
    return "unknown" in (old.status, new.status)


def _pairs_of(tags: Sequence[Tag] | None) -> list[tuple[str, str]] | None:
    return None if tags is None else [(tag.key, tag.value) for tag in tags]


def _content(outcome: Outcome) -> tuple[object, ...] | None:
    """The content of the deciding rule, without its position."""
    rule: Rule | None = outcome.rule
    if rule is None:
        return None
    requirements = rule.ignore, rule.only_in_container, rule.only_with_tag
    return rule.match_type, rule.match_regex, rule.action, rule.rewrite_name, *requirements


def _connections(before: Sample, after: Sample) -> Counter[str]:
    """What both samples have and only one agent sends: a live machine opens and closes sockets."""
    old, new = _sent_by_socket(before), _sent_by_socket(after)
    pairs = Counter((old[key], new[key]) for key in old.keys() & new.keys())
    return Counter(lost=pairs[True, False], gained=pairs[False, True])


def _sent_by_socket(sample: Sample) -> dict[tuple[int, int], bool | None]:
    """By pid and fd, whether the socket is sent, or may be once its age is known; None: not
    known."""

    def is_sent(socket: Socket) -> bool | None:
        if socket.status == "undecided" and socket.reason != "min-lifetime":
            return None
        return socket.status != "skipped"

    return {
        (socket.pid, socket.fd): is_sent(socket) for socket in join_sockets(sample.sockets).sockets
    }
