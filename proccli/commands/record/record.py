"""Write a source into a recording, and check whether masking changes outcomes."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from proccli.agent.every_matcher import rewritten
from proccli.agent.first_match import mask_safe_key
from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline, strategy_for
from proccli.agent.process import AgentProcess, SubjectKind, agent_process, subject_of
from proccli.agent.rules import CompiledRule
from proccli.agent.sockets.collect import join_sockets
from proccli.commands.inputs import mentioned_names
from proccli.commands.samples import NO_WAIT, WaitPolicy, take_sample_with_ages
from proccli.commands.warnings import incomplete, outcome_notes, socket_notes
from proccli.errors import OutputError
from proccli.files import atomic_output
from proccli.model.codes import HostFailure, Lack
from proccli.model.note import Note
from proccli.model.outcome import Outcome
from proccli.model.process import ALL_FIELDS, NO_TAGS, Process, SourceKind
from proccli.sources.recording.masking import MaskedSource, mask_environment
from proccli.sources.recording.writer import write_recording
from proccli.terminal.warning_text import message
from proccli.versions import behaviour_of

_MATTERS: Final[frozenset[Lack]] = frozenset({"processes", "owners", "sockets", "tags"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordResult:
    """What went into a recording."""

    path: str
    processes: int
    masked_values: int
    masked_processes: int
    masked_by: tuple[tuple[str, int], ...]
    """What the secrets were recognized by and how often, the most frequent first; hostile
    text."""
    masked_variables: tuple[str, ...]
    """Names of variables of the agent's environment whose values are left out."""
    changed_pids: tuple[int, ...]
    """Processes whose outcome is unknown from the recording, because of a mask."""
    incomplete: bool
    """Whether the agent knows something that the recording does not hold."""
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why there is no recording of a host."""

    reason: HostFailure
    detail: str
    """What ssh or the host says: hostile text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRecord:
    """What became of one host."""

    host: str | None
    """As it was written; None: no other host was asked."""
    interpreter: str | None = None
    """What ran the collector there; None if nothing did, and on this machine."""
    result: RecordResult | None = None
    """None if it failed."""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedHosts:
    """The result for all hosts."""

    hosts: tuple[HostRecord, ...]
    """In the order in which they were listed."""
    skipped: int
    """Hosts whose recordings were there already."""
    notes: tuple[Note, ...]

    @property
    def failed(self) -> tuple[HostRecord, ...]:
        """The hosts without a recording."""
        return tuple(host for host in self.hosts if host.failure is not None)

    @property
    def recorded(self) -> tuple[RecordResult, ...]:
        """The results of the others."""
        return tuple(host.result for host in self.hosts if host.result is not None)

    def with_notes(self, notes: Sequence[Note]) -> RecordedHosts:
        """The same with these warnings before its own."""
        return replace(self, notes=(*notes, *self.notes))


def record(
    inputs: Inputs,
    path: str,
    *,
    redact: bool = True,
    force: bool = False,
    wait_policy: WaitPolicy = NO_WAIT,
    kind: SourceKind | None = None,
) -> RecordResult:
    """Write a recording, atomically and with mode 0600; `-` is stdout.

    Of a live machine, it holds what a second sample shows if the first leaves the age of sockets
    open. `kind` is what was recorded, if it is not the kind of the source.

    Raises: SourceError, OutputError.
    """
    # Before anybody waits: there may be no place to write to.
    with _output(path, force=force) as out:
        # With all that is written: a source reads a process again for more fields.
        seen = take_sample_with_ages(inputs, wait_policy, fields=ALL_FIELDS)
        names = mentioned_names(inputs.config)
        shown = looked_at = seen.inputs
        masking = None
        if redact:
            environment = mask_environment(looked_at.environment, names)
            shown = looked_at._replace(environment=environment)
            masking = MaskedSource(looked_at.source, MaskChecker(shown).mask_safe)
            shown = shown._replace(source=masking)
        plain = tuple(seen.pipeline.completed(seen.outcomes))
        changed = _changed(plain, shown, masking, names) if masking is not None else ()
        written = write_recording(
            out,
            shown.source,
            compress=path.endswith(".gz"),
            tags=None if inputs.tags is NO_TAGS else inputs.tags,
            environment=shown.environment if names else None,
            names=names,
            message=message,
            kind=kind,
            tables={one.netns: one.tables for one in seen.sockets.namespaces},
        )
    host, sockets = looked_at.source.host, join_sockets(seen.sockets)
    missing = [
        *inputs.notes,
        *(
            note
            for note in outcome_notes(inputs.config, host, plain)
            if note.code != "sync-disabled"
        ),
        *socket_notes(sockets, host, inputs.config),
    ]
    return RecordResult(
        path=path,
        processes=written.processes,
        masked_values=written.masked_values,
        masked_processes=written.masked_processes,
        masked_by=tuple(masking.found_by.most_common()) if masking is not None else (),
        masked_variables=tuple(
            name
            for name in names
            if name in looked_at.environment.values and name not in shown.environment.values
        ),
        changed_pids=changed,
        incomplete=bool(changed)
        or incomplete(missing, _MATTERS, outcomes=plain, sockets=sockets.sockets),
        notes=(*missing, *seen.notes),
    )


def _changed(
    plain: Sequence[Outcome], masked: Inputs, masking: MaskedSource, names: Collection[str]
) -> tuple[int, ...]:
    """The processes that have another outcome with masks: in arguments, or in the variables of
    these names."""
    for outcome in plain:
        masking.read(outcome.process.pid)
    if not masking.found_by and not names:
        return ()
    again = Pipeline(masked).outcomes(masked.source.pids())
    return tuple(
        before.process.pid
        for before, after in zip(plain, again, strict=True)
        if _outcome(before) != _outcome(after)
    )


def _outcome(outcome: Outcome) -> tuple[object, ...]:
    return outcome.status, outcome.reason, outcome.hits, outcome.gprocess, outcome.tags


@contextmanager
def _output(path: str, *, force: bool) -> Iterator[BinaryIO]:
    if path != "-":
        with atomic_output(path, force=force) as out:
            yield out
        return
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"can't write to stdout: {error.strerror}") from error


class MaskChecker:
    """Compares the results of a configuration's rules on real and on masked text."""

    def __init__(self, inputs: Inputs) -> None:
        self._host = inputs.source.host
        self._behaviour = behaviour_of(inputs.config.agent, inputs.config.dialect)
        self._rules = strategy_for(inputs.config, inputs.environment).rules

    def mask_safe(self, real: Process, masked: Process) -> frozenset[str]:
        """The digests of what gives the same result for both; none where the agent keeps no such
        process."""
        known = agent_process(real, self._host, self._behaviour)
        shown = agent_process(masked, self._host, self._behaviour)
        if known.texts is None or shown.texts is None or real.masked_spans:
            return frozenset()  # the text under an earlier mask is not known
        return frozenset(
            digest for rule in self._rules for digest in _mask_safe_of_rule(rule, known, shown)
        )


def _mask_safe_of_rule(
    compiled: CompiledRule, known: AgentProcess, shown: AgentProcess
) -> Iterator[str]:
    regex, match_type = compiled.regex, compiled.rule.match_type
    if regex is None or match_type == "tag":
        return
    arguments = match_type in ("cmdline", "cmdline_with_args")
    kind: SubjectKind = "cmdline" if arguments else "process_name"
    real, masked = subject_of(known, kind).text, subject_of(shown, kind).text
    if regex.is_match(real) != regex.is_match(masked):
        return
    yield mask_safe_key(kind, regex.pattern, None)
    if compiled.expansion is not None:
        template = compiled.expansion.text
        for alone in (False, True):
            results = {
                rewritten(regex, text, template, of_match_alone=alone) for text in (real, masked)
            }
            if len(results) == 1:
                yield mask_safe_key(kind, regex.pattern, template, of_match_alone=alone)
