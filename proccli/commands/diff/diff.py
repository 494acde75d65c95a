"""What a change of the configuration does to processes that were seen, and to any that may come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.commands.diff.rules import Proof, Witness, compare_rules
from proccli.commands.inputs import InputOptions, open_inputs
from proccli.commands.samples import take_sample
from proccli.files import read_file
from proccli.model.config import Config, Rule
from proccli.model.note import Note
from proccli.model.outcome import Outcome, Reason, Status, Tag
from proccli.model.sockets import Socket

ChangeKind: TypeAlias = Literal["lost", "gained", "renamed", "retagged", "rule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What one configuration makes of a process."""

    status: Status
    reason: Reason
    rule: int | None
    """Index of the rule that decided; 0 is the implicit accept."""
    gprocess: str | None
    tags: tuple[Tag, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A process of which the two configurations make something else."""

    snapshot: str
    """The recording or directory as it was named; `live`."""
    pid: int
    process_name: str | None
    kind: ChangeKind
    old: Fate
    new: Fate


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """Connections that the agent would send under one configuration and not under the other;
    those whose age is still open count as sent."""

    lost: int
    gained: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffResult:
    """What changes, on what was seen and by construction."""

    old: Config
    new: Config
    seen: int
    """Processes compared."""
    changes: tuple[Change, ...]
    undecided: int
    """Processes of which one configuration makes something unknown."""
    connections: Connections
    witnesses: tuple[Witness, ...]
    equivalent: bool | None
    settings_differ: bool
    """Whether settings besides the rules differ; the warnings say which."""
    notes: tuple[Note, ...]

    @property
    def differs(self) -> bool:
        """Whether anything was found that differs: on what was seen, by construction, in the
        settings."""
        return self.equivalent is False or self.settings_differ


def diff(old: InputOptions, new: InputOptions, snapshots: Sequence[str | None]) -> DiffResult:
    """Compare two configurations on each snapshot (None: the live machine) and by construction.

    Raises: UsageError, ConfigError, SourceError.
    """
    old, new = _read_once(old), _read_once(new)
    changes: list[Change] = []
    notes: list[Note] = []
    undecided = seen = 0
    connections: Counter[str] = Counter()
    for snapshot in snapshots:
        before, after = _both(old, new, snapshot)
        notes.extend((*before.notes, *after.notes))
        name = snapshot if snapshot is not None else "live"
        pairs = list(_pairs(before, after))
        seen += len(pairs)
        changes.extend(_changes(name, pairs))
        undecided += sum(_is_undecided(one, other) for one, other in pairs)
        connections.update(_connections(before, after))
    proof = _proof(old, new)
    return DiffResult(
        old=proof.old,
        new=proof.new,
        seen=seen,
        changes=tuple(changes),
        undecided=undecided,
        connections=Connections(lost=connections["lost"], gained=connections["gained"]),
        witnesses=proof.witnesses,
        equivalent=False if changes else proof.equivalent,
        settings_differ=bool(proof.notes),
        notes=tuple(dict.fromkeys((*notes, *proof.notes))),
    )


def _read_once(options: InputOptions) -> InputOptions:
    """The same with the configuration's text, which may come from a pipe and is used again."""
    if options.config is None or options.config_text is not None:
        return options
    return replace(options, config_text=read_file(options.config))


def _both(old: InputOptions, new: InputOptions, snapshot: str | None) -> tuple[Inputs, Inputs]:
    """The same source under both configurations: what is read once is the same for both."""
    before = open_inputs(replace(old, snapshot=snapshot))
    if snapshot is not None:
        return before, open_inputs(replace(new, snapshot=snapshot), source=before.source)
    after = open_inputs(replace(new, snapshot=None))
    same_root = before.source.host.proc_root == after.source.host.proc_root
    return before, replace(after, source=before.source) if same_root else after


def _proof(old: InputOptions, new: InputOptions) -> Proof:
    """By construction: no process is read, and no tag, wherever os-proc-root points."""
    before, after = (
        open_inputs(replace(options, snapshot=None, proc_root="/proc"), with_tags=False)
        for options in (old, new)
    )
    return compare_rules(before, after)


def _pairs(before: Inputs, after: Inputs) -> Iterator[tuple[Outcome, Outcome]]:
    one = Pipeline(before).outcomes(before.source.pids())
    other = {
        outcome.process.pid: outcome for outcome in Pipeline(after).outcomes(after.source.pids())
    }
    for outcome in one:
        again = other.get(outcome.process.pid)
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
                old=_fate(old),
                new=_fate(new),
            )


def _kind(old: Outcome, new: Outcome) -> ChangeKind | None:
    if _is_undecided(old, new):
        return None
    if old.status != new.status and "accepted" in (old.status, new.status):
        return "lost" if old.status == "accepted" else "gained"
    if old.gprocess != new.gprocess:
        return "renamed"
    if _pairs_of(old.tags) != _pairs_of(new.tags):
        return "retagged"
    if (old.status, old.reason) != (new.status, new.reason) or _content(old) != _content(new):
        return "rule"
    return None


def _is_undecided(old: Outcome, new: Outcome) -> bool:
    return "unknown" in (old.status, new.status)


def _pairs_of(tags: Sequence[Tag] | None) -> list[tuple[str, str]] | None:
    return None if tags is None else [(tag.key, tag.value) for tag in tags]


def _content(outcome: Outcome) -> tuple[str, ...] | None:
    """What the deciding rule says, wherever it stands."""
    rule: Rule | None = outcome.rule
    if rule is None:
        return None
    return rule.match_type, rule.match_regex, rule.action, rule.rewrite_name


def _fate(outcome: Outcome) -> Fate:
    return Fate(
        status=outcome.status,
        reason=outcome.reason,
        rule=outcome.decided_by,
        gprocess=outcome.gprocess,
        tags=outcome.tags,
    )


def _connections(before: Inputs, after: Inputs) -> Counter[str]:
    old, new = _sent(before), _sent(after)
    return Counter(lost=len(old - new), gained=len(new - old))


def _sent(inputs: Inputs) -> set[tuple[int, int]]:
    """Pid and fd of the sockets that are sent, or may be once their age is known."""

    def is_sent(socket: Socket) -> bool:
        young = socket.status == "undecided" and socket.reason == "min-lifetime"
        return socket.status == "synced" or young

    sockets = take_sample(inputs).sockets.sockets
    return {(socket.pid, socket.fd) for socket in sockets if is_sent(socket)}
