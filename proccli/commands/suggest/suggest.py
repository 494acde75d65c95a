"""The rules that give what runs on some hosts distinct and stable names, proven on those hosts."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final, Literal, NamedTuple, TypeAlias

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.commands.inputs import (
    InputOptions,
    Progress,
    each_read,
    no_progress,
    open_inputs,
    refuse_ps,
)
from proccli.commands.suggest.insert import Places, find_places, inserted
from proccli.commands.suggest.propose import Key, alone, ordered, propose, read_processes
from proccli.commands.suggest.rules import Member, Proposed, Writer
from proccli.commands.suggest.skeleton import default_matchers, skeleton
from proccli.commands.warnings import (
    NotesOfSources,
    incomplete,
    outcome_notes,
    unread_sources,
)
from proccli.config import loading
from proccli.errors import ConfigError, SourceError, UsageError
from proccli.files import read_file
from proccli.model.config import BUILT_IN, Config
from proccli.model.note import Note
from proccli.model.outcome import Outcome
from proccli.model.process import Host, Process
from proccli.sources.made_up import MadeUpSource
from proccli.versions import DEFAULT_AGENT, StaticConfig, agent_version, behaviour_of

LeftReason: TypeAlias = Literal["masked", "no-program", "not-provable"]
"""Why a process keeps an unclear name: its name would come from masked text; the arguments of its
interpreter name no program; a rule would also change others, or another rule decides."""
_TRIES: Final = 12
_PROPOSED: Final = "proposed configuration"
"""Its name in messages where no file was given."""


class Left(NamedTuple):
    """A process with an unclear name for which no rule is proposed."""

    source: int
    outcome: Outcome
    reason: LeftReason


class Counts(NamedTuple):
    """Numbers of processes."""

    processes: int
    accepted: int
    unclear_before: int
    """Accepted under a name that is shared with other programs, or changes, such as `java`."""
    unclear_after: int
    renamed: int
    """Proven to get the name that is proposed."""
    dropped: int
    unproven: int
    """Their arguments are masked, so that it is not known which name they get."""


class SuggestResult(NamedTuple):
    """The configuration with the proposed rules, and what was proven of it."""

    text: str
    config: Config
    """As the agent reads the text."""
    hosts: tuple[Host, ...]
    names: tuple[str, ...]
    """The name of each source."""
    rules: tuple[tuple[int, Proposed], ...]
    """The proposed rules by their index in the configuration."""
    counts: Counts
    left: tuple[Left, ...]
    notes: tuple[Note, ...]
    incomplete: bool
    """Whether something that the agent would know is unknown here."""
    failures: tuple[SourceError, ...] = ()
    """Why sources could not be read; nothing is proven on them."""


class _Source(NamedTuple):
    inputs: Inputs
    name: str
    own_pid: int | None
    """The process of this program, on a live machine."""


def suggest(
    options: InputOptions,
    snapshots: Sequence[str | None],
    *,
    drops: bool = True,
    progress: Progress = no_progress,
) -> SuggestResult:
    """The rules for what runs in these sources (None: the live machine).

    With a configuration, only for what it leaves unclear: the text is the configuration with the
    rules added. `drops`: whether to propose rules that drop noise.

    Sources that cannot be read are left out. Raises: UsageError; ConfigError; SourceError as
    `each_read` does.
    """
    options = _with_text(options)
    failures: list[SourceError] = []
    opened = each_read(snapshots, partial(_opened, options), failures, progress)
    sources = [source for _, source in opened]
    result = _Suggestion(options, sources, drops=drops).result()
    return result._replace(
        notes=(*result.notes, *unread_sources(failures)),
        incomplete=result.incomplete or bool(failures),
        failures=tuple(failures),
    )


def _with_text(options: InputOptions) -> InputOptions:
    """The options with the text that the rules are added to."""
    if options.config is not None:
        if options.config_text is not None:
            return options
        return options._replace(config_text=read_file(options.config))
    text = skeleton(agent_version(options.agent or DEFAULT_AGENT))
    return options._replace(config=_PROPOSED, config_text=text.encode())


def _opened(options: InputOptions, snapshot: str | None) -> _Source:
    inputs = open_inputs(options._replace(snapshot=snapshot))
    refuse_ps(inputs, "separate arguments, which rules are suggested from")
    host = inputs.source.host
    if host.kind == "recording":
        from proccli.sources.recording.reader import Recording

        if isinstance(inputs.source, Recording):  # all of them are kept
            inputs = inputs._replace(source=inputs.source.without_sockets())
    own = os.getpid() if host.kind == "live" else None
    return _Source(inputs, host.name or snapshot or "live", own)


class _Suggestion:
    def __init__(self, options: InputOptions, sources: Sequence[_Source], *, drops: bool) -> None:
        self.options = options
        self.sources = sources
        self.text = (options.config_text or b"").decode("utf-8", "replace")
        self.config = sources[0].inputs.config
        _require_rules(self.config)
        _require_loaded(self.config)
        self.writer = Writer(self.config, [source.name for source in sources])
        self.drops = drops and self.writer.drops
        self.pipelines = [Pipeline(source.inputs) for source in sources]
        pids = [[pid for pid in s.inputs.source.pids() if pid != s.own_pid] for s in sources]
        with_pids = list(zip(self.pipelines, pids, strict=True))
        self.processes = read_processes(with_pids, self.config)
        self.before = self.processes.outcomes
        self.left: dict[Key, LeftReason] = {}
        self.if_one_word: dict[Key, Outcome] = {}

    def result(self) -> SuggestResult:
        """Propose, prove, and give up what can't be proven."""
        rules = propose(self.processes, self.pipelines, self.writer, drops=self.drops)
        places = self._places() if rules else Places(0, (0,))
        for last in (*[False] * _TRIES, True):
            if last:
                rules = []
            text, order = self._composed(places, rules)
            config, after = self._applied(text)
            wrong = list(self._wrong(rules, order, after))
            if not wrong:
                break
            rules = self._corrected(rules, wrong)
        return SuggestResult(
            text=text,
            config=config if self.options.config != _PROPOSED else config._replace(file=None),
            hosts=tuple(source.inputs.source.host for source in self.sources),
            names=tuple(source.name for source in self.sources),
            rules=tuple(
                (index, rule) for index, rule in enumerate(order, start=1) if rule is not None
            ),
            counts=self._counts(rules, after),
            left=tuple(
                Left(key[0], self.before[key], reason) for key, reason in sorted(self.left.items())
            ),
            notes=(notes := self._notes()),
            incomplete=incomplete(notes, {"processes"}, outcomes=self.before.values()),
        )

    def _notes(self) -> tuple[Note, ...]:
        of_source: dict[int, list[Outcome]] = defaultdict(list)
        for key, outcome in self.before.items():
            of_source[key[0]].append(outcome)
        notes = NotesOfSources()
        for index, source in enumerate(self.sources):
            host = source.inputs.source.host
            found = outcome_notes(self.config, host, of_source[index])
            notes.add(source.name, (*source.inputs.notes, *found))
        return notes.notes(len(self.sources))

    # ---- the configuration -------------------------------------------------------------------

    def _places(self) -> Places:
        """Where rules go in the text, in which the agent's own matchers are written out."""
        places = find_places(self._read_text(), self.config.dialect)
        if self.config.rules and self.config.rules[0].at is BUILT_IN:
            own = default_matchers(agent_version(self.config.agent), places.indent)
            self.text = inserted(self.text, places, {0: own})
            places = find_places(self._read_text(), self.config.dialect)
        return places

    def _read_text(self) -> loading.Reading:
        options = self.options
        return loading.read(
            self.text.encode(),
            _shown(options.config),
            agent=options.agent,
            server=options.server,
            via=options.via,
        )

    def _composed(
        self, places: Places, rules: Sequence[Proposed]
    ) -> tuple[str, list[Proposed | None]]:
        """The text with the rules, and the rules in its order; None for one that it had."""
        count = len(places.starts) - 1
        at = self._positions(rules, count)
        by_place: dict[int, list[Proposed]] = defaultdict(list)
        for rule, place in zip(rules, at, strict=True):
            by_place[place].append(rule)
        if self.writer.every_matcher:
            for of_place in by_place.values():
                of_place.reverse()
        items = {
            place: [line for rule in of_place for line in self.writer.item(rule, places.indent)]
            for place, of_place in by_place.items()
        }
        order: list[Proposed | None] = []
        for place in range(count + 1):
            order += by_place.get(place, [])
            if place < count:
                order.append(None)
        return inserted(self.text, places, items), order

    def _positions(self, rules: Sequence[Proposed], count: int) -> list[int]:
        """Before which rule of the configuration each goes, from 0.

        Where the first match counts: before each rule that decides about its processes now. Where
        the last rename counts: after each rule that gives them their names now, and what drops
        comes first.
        """
        if not self.writer.every_matcher:
            at = [
                min((self._decided_at(m, count) for m in r.members), default=count) for r in rules
            ]
            for index in range(len(at) - 2, -1, -1):
                at[index] = min(at[index], at[index + 1])
            return at
        ignoring = max((rule.index for rule in self.config.rules if rule.ignore), default=0)
        ignoring = min(ignoring, count)
        at = [
            0
            if rule.purpose == "drop"
            else max((self._renamed_at(member) for member in rule.members), default=0)
            for rule in rules
        ]
        lowest = ignoring
        for index in range(len(at) - 1, -1, -1):
            if rules[index].purpose != "drop":
                lowest = at[index] = max(at[index], lowest)
        return at

    def _decided_at(self, member: Member, count: int) -> int:
        decided = member.before.decided_by
        return decided - 1 if decided else count

    def _renamed_at(self, member: Member) -> int:
        before = member.before
        renamed = before.gprocess != before.process_name
        return before.rule.index if renamed and before.rule else 0

    def _applied(self, text: str) -> tuple[Config, dict[Key, Outcome]]:
        """What the agent does with the processes under a text."""
        options = self.options
        config = loading.load(
            text.encode(),
            _shown(options.config),
            agent=options.agent,
            server=options.server,
            via=options.via,
        )
        after: dict[Key, Outcome] = {}
        for index, source in enumerate(self.sources):
            feature = source.inputs.config.feature
            inputs = source.inputs._replace(config=config._replace(feature=feature))
            pids = [pid for of, pid in self.before if of == index]
            for outcome in Pipeline(inputs).outcomes(pids):
                after[index, outcome.process.pid] = outcome
        self._stand_in(config, after)
        return config, after

    def _stand_in(self, config: Config, after: Mapping[Key, Outcome]) -> None:
        """Outcomes of processes whose masked arguments make theirs unknown, as if each masked text
        were what the mask shows: one word."""
        self.if_one_word = {}
        for index, source in enumerate(self.sources):
            keys = [k for k, o in after.items() if k[0] == index and self._hides(k, o)]
            if not keys:
                continue
            shown = {
                process.pid: process
                for process in map(
                    _unmasked, source.inputs.source.read_many(source.inputs.source.pids())
                )
            }
            made_up = MadeUpSource(source.inputs.source.host, shown, None)
            inputs = source.inputs._replace(config=config, source=made_up)
            for outcome in Pipeline(inputs).outcomes([pid for _, pid in keys]):
                self.if_one_word[index, outcome.process.pid] = outcome

    def _hides(self, key: Key, after: Outcome) -> bool:
        return (
            after.status == "unknown"
            and self.before[key].status != "unknown"
            and bool(self.before[key].process.masked_spans)
        )

    # ---- the proof ---------------------------------------------------------------------------

    def _wrong(
        self,
        rules: Sequence[Proposed],
        order: Sequence[Proposed | None],
        after: Mapping[Key, Outcome],
    ) -> Iterator[tuple[Key, Proposed | None, Proposed | None]]:
        """Each process with an outcome that was not meant: with the proposed rule that it is for,
        and the one that decided."""
        meant = {member.key: (rule, member) for rule in rules for member in rule.members}
        for key, before in self.before.items():
            got = after.get(key)
            if got is None or before.status == "unknown":
                continue
            rule, member = meant.get(key, (None, None))
            got = self.if_one_word.get(key, got)
            if _as_meant(before, got, rule, member):
                continue
            decider = got.rule.index if got.rule is not None else 0
            yield key, rule, order[decider - 1] if decider else None

    def _corrected(
        self,
        rules: list[Proposed],
        wrong: Sequence[tuple[Key, Proposed | None, Proposed | None]],
    ) -> list[Proposed]:
        """The rules without what was found wrong: a rule for one name each in place of one that
        also changes others; no rule where that is not enough."""
        by_rule: dict[int, set[Key]] = defaultdict(set)
        for key, meant, decider in wrong:
            culprit = decider if decider is not None else meant
            if culprit is not None:
                by_rule[id(culprit)].add(key)
        corrected: list[Proposed] = []
        for rule in rules:
            keys = by_rule.get(id(rule))
            if keys is None:
                corrected.append(rule)
            elif keys <= {member.key for member in rule.members} and len(keys) < len(rule.members):
                # Only some of its own processes are not named: another rule decides about them.
                self.left.update(dict.fromkeys(keys, "not-provable"))
                kept = tuple(member for member in rule.members if member.key not in keys)
                corrected.append(rule._replace(members=kept))
            elif rule.purpose == "name" and not rule.literal and rule.members:
                made = alone(rule)
                placed = {member.key for each in made for member in each.members}
                missing = {member.key for member in rule.members} - placed
                self.left.update(dict.fromkeys(missing, "not-provable"))
                corrected += made
            else:
                self.left.update({member.key: "not-provable" for member in rule.members})
        return list(ordered(corrected))

    def _counts(self, rules: Sequence[Proposed], after: Mapping[Key, Outcome]) -> Counts:
        accepted = [key for key, outcome in self.before.items() if outcome.status == "accepted"]
        named = {m.key: m.name for rule in rules if rule.purpose == "name" for m in rule.members}
        dropped = [m.key for rule in rules if rule.purpose == "drop" for m in rule.members]
        for key in accepted:
            if key not in named and self.processes.is_bare_interpreter(key):
                masked = bool(self.before[key].process.masked_spans)
                self.left.setdefault(key, "masked" if masked else "no-program")
        ideal = {key: naming.name for key, naming in self.processes.names.items()}
        unclear = _unclear(accepted, self.before, ideal) | self.left.keys()
        still = [key for key in accepted if after[key].status == "accepted"]
        unproven = {key for key in after if self._hides(key, after[key])}
        return Counts(
            processes=len(self.before),
            accepted=len(accepted),
            unclear_before=len(unclear),
            unclear_after=len(
                _unclear(still, after, ideal) | self.left.keys() | (unclear & unproven)
            ),
            renamed=sum(after[key].gprocess == name for key, name in named.items()),
            dropped=len(dropped),
            unproven=len(unproven),
        )


def _unclear(
    keys: Sequence[Key],
    outcomes: Mapping[Key, Outcome],
    ideal: Mapping[Key, str],
) -> set[Key]:
    """The processes whose name is another program's, too, or that of an interpreter or a title."""
    programs: dict[str | None, set[str]] = defaultdict(set)
    for key in keys:
        name = outcomes[key].gprocess
        programs[name].add(ideal.get(key, name or ""))
    return {
        key
        for key in keys
        if len(programs[outcomes[key].gprocess]) > 1
        or (
            outcomes[key].gprocess == outcomes[key].process_name
            and ideal.get(key, outcomes[key].gprocess) != outcomes[key].gprocess
        )
    }


def _as_meant(before: Outcome, got: Outcome, rule: Proposed | None, member: Member | None) -> bool:
    if rule is not None and rule.purpose == "drop":
        return got.status == "dropped"
    if member is not None and member.name is not None:
        return got.status == "accepted" and got.gprocess == member.name
    return got.status == before.status and got.gprocess == before.gprocess


def _require_rules(config: Config) -> None:
    behaviour = behaviour_of(config.agent, config.dialect)
    if isinstance(behaviour, StaticConfig) and not behaviour.rules_count:
        raise UsageError(f"agent {config.agent} does not apply rules; choose another with --agent")


def _require_loaded(config: Config) -> None:
    """Raises: ConfigError for a text that the server can't load: no rule in it reaches an agent."""
    for note in config.notes:
        if note.code == "server-refuses" and not note.fields["loaded"]:
            raise ConfigError(f"the server can't load this: {note.string('problem')}", note.at)


def _unmasked(process: Process) -> Process:
    return process._replace(masked_spans=(), mask_safe=frozenset())


def _shown(config: str | None) -> str:
    return "<stdin>" if config == "-" else config or ""
