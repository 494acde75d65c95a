"""Processes that nobody has seen yet: does any exist that two configurations treat differently?

The rules of each match type are compared as lists by themselves (`rustregex.automata`). A text
that they decide differently becomes a made-up process, which both whole configurations judge;
only if they do differ is it a witness. That there is none is proven where all rules look at one
text, and is otherwise left open: rules on several texts of one process may hide each other.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.agent.rules import CompiledRule, compile_rules
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.outcome import Outcome, Status
from proccli.model.process import TagTable
from proccli.rustregex.automata.compare import Case, Comparison, differences
from proccli.rustregex.automata.domain import Domain, texts_without
from proccli.sources.made_up import MadeUp, made_up_source

FILE_NAMES = texts_without("\0/", min_length=1, avoiding=(r"^\.\.?$",))
COMMAND_LINES = texts_without("\0", min_length=1)
TAGS = texts_without("", matching=(":",))

_DOMAINS: dict[str, Domain] = {
    "process_name": FILE_NAMES,
    "cmdline": COMMAND_LINES,
    "parent_process_name": FILE_NAMES,
    "tag": TAGS,
}
_SETTINGS = ("sync_enabled", "tagged_only", "min_lifetime_s", "tag_exec", "tag_exec_user")


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessOutcome:
    """What one configuration makes of a made-up process."""

    status: Status
    rule: int | None
    gprocess: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A text that two configurations treat differently, and for which kind of rule."""

    match_type: str
    text: str
    """A process name, a command line, the names of ancestors (nearest first, a line each), or
    a `key:value`."""
    old: WitnessOutcome
    new: WitnessOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What could be said by construction."""

    old: Config
    new: Config
    witnesses: tuple[Witness, ...]
    equivalent: bool | None
    notes: tuple[Note, ...]


def compare_rules(old: Inputs, new: Inputs) -> Proof:
    """Witnesses for each match type, or the proof that there is none.

    Raises: nothing; what takes too long is left open.
    """
    before = _valid(compile_rules(old.config.rules, old.environment))
    after = _valid(compile_rules(new.config.rules, new.environment))
    settings = [name for name in _SETTINGS if _differs(old.config, new.config, name)]
    notes = tuple(_setting_note(old.config, new.config, name) for name in settings)
    if [_case(rule) for rule in before] == [_case(rule) for rule in after]:
        equivalent = None if settings else True
        return Proof(
            old=old.config, new=new.config, witnesses=(), equivalent=equivalent, notes=notes
        )
    witnesses: list[Witness] = []
    proven = True
    for match_type, domain in _DOMAINS.items():
        found = _compared(before, after, match_type, domain)
        proven = proven and found.equivalent is True
        witnesses.extend(_confirmed(old, new, match_type, found))
    one_text = len({rule.rule.match_type for rule in (*before, *after)}) == 1
    equivalent = False if witnesses else True if proven and one_text and not settings else None
    return Proof(
        old=old.config,
        new=new.config,
        witnesses=tuple(witnesses),
        equivalent=equivalent,
        notes=notes,
    )


def _valid(rules: Sequence[CompiledRule]) -> list[CompiledRule]:
    return [rule for rule in rules if rule.regex is not None]


def _case(rule: CompiledRule) -> Hashable:
    return rule.rule.match_type, rule.rule.match_regex, _outcome(rule)


def _outcome(rule: CompiledRule) -> Hashable:
    """What a hit comes to: two rules with the same give every process the same name."""
    if rule.rule.action == "drop":
        return "drop"
    if rule.expansion is None or not rule.expansion.text:
        return None
    return rule.rule.match_type, rule.rule.match_regex, rule.expansion.text


def _compared(
    before: Sequence[CompiledRule],
    after: Sequence[CompiledRule],
    match_type: str,
    domain: Domain,
) -> Comparison:
    def cases(rules: Sequence[CompiledRule]) -> list[Case]:
        return [
            (rule.rule.match_regex, _outcome(rule))
            for rule in rules
            if rule.rule.match_type == match_type
        ]

    several = match_type in ("parent_process_name", "tag")
    return differences(cases(before), cases(after), several=several, domain=domain)


def _confirmed(old: Inputs, new: Inputs, match_type: str, found: Comparison) -> Iterator[Witness]:
    """The texts on which the whole configurations differ, each judged by both."""
    for difference in found.differences:
        made_up = _made_up(match_type, difference.texts)
        if made_up is None:
            continue
        before, after = _judged(old, made_up), _judged(new, made_up)
        if (before.status, before.gprocess) != (after.status, after.gprocess):
            yield Witness(
                match_type=match_type,
                text="\n".join(difference.texts),
                old=_of(before),
                new=_of(after),
            )


def _made_up(match_type: str, texts: Sequence[str]) -> MadeUp | None:
    """A process that has these texts, and otherwise as little as possible."""
    if match_type == "parent_process_name":
        return MadeUp(argv=("x",), parents=tuple(texts))
    if match_type == "tag":
        tags = [text.partition(":") for text in texts]
        return MadeUp(argv=("x",), tags=tuple((key, value) for key, _, value in tags))
    return MadeUp(title=texts[0]) if len(texts) == 1 else None


def _judged(inputs: Inputs, made_up: MadeUp) -> Outcome:
    source = made_up_source(made_up, inputs.source.host.taken_at_ns)
    entries = {0: made_up.tags} if made_up.tags else {}
    tags = TagTable(entries=entries, known=True, origin="a witness")
    (outcome,) = Pipeline(replace(inputs, source=source, tags=tags)).outcomes([0])
    return outcome


def _of(outcome: Outcome) -> WitnessOutcome:
    return WitnessOutcome(status=outcome.status, rule=outcome.decided_by, gprocess=outcome.gprocess)


def _differs(old: Config, new: Config, setting: str) -> bool:
    return bool(getattr(old, setting) != getattr(new, setting))


def _setting_note(old: Config, new: Config, setting: str) -> Note:
    key = {
        "sync_enabled": "os-proc-sync-enabled",
        "tagged_only": "os-proc-sync-tagged-only",
        "min_lifetime_s": "os-proc-socket-min-lifetime",
        "tag_exec": "os-app-tag-exec",
        "tag_exec_user": "os-app-tag-exec-user",
    }[setting]
    before, after = getattr(old, setting), getattr(new, setting)
    return Note.of("setting-differs", key=key, before=before, after=after)
