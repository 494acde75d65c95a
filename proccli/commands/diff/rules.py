"""Compares the rules of two configurations: is there any process that they treat differently?

The rules of each match type are compared separately (`rustregex.automata`). A text with different
results becomes a made-up process, and both complete configurations decide it; it is a witness only
if these results differ, too. That there is none is proven only if all rules match the same text of
a process; otherwise it is not determined, because rules on several texts can hide each other.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline, strategy_for
from proccli.agent.rules import CompiledRule
from proccli.model.config import BUILT_IN, Config
from proccli.model.note import Note
from proccli.model.outcome import Outcome
from proccli.model.process import TagTable
from proccli.rustregex.automata.compare import Case, Comparison, differences
from proccli.rustregex.automata.domain import Domain, texts_without
from proccli.sources.made_up import MadeUp, made_up_source
from proccli.versions import StaticConfig, behaviour_of

FILE_NAMES = texts_without("\0/", min_length=1, avoiding=(r"^\.\.?$",))
COMMAND_LINES = texts_without("\0", min_length=1)
TAGS = texts_without("", matching=(":",))

_DOMAINS: dict[str, Domain] = {
    "process_name": FILE_NAMES,
    "cmdline": COMMAND_LINES,
    "cmdline_with_args": COMMAND_LINES,
    "parent_process_name": FILE_NAMES,
    "tag": TAGS,
}
_SETTINGS = (
    "sync_enabled",
    "tagged_only",
    "min_lifetime_s",
    "tag_exec",
    "tag_exec_user",
    "blacklist",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A text that two configurations treat differently, with its match type."""

    match_type: str
    text: str
    """A process name, a command line, the names of ancestors (nearest first, a line each), or
    a `key:value`."""
    old: Outcome
    new: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleComparison:
    """The result of comparing two configurations without processes."""

    old: Config
    new: Config
    witnesses: tuple[Witness, ...]
    equivalent: bool | None
    notes: tuple[Note, ...]


def compare_rules(old: Inputs, new: Inputs) -> RuleComparison:
    """Witnesses for each match type, or the proof that there are none.

    Raises: nothing; a comparison that takes too long is not determined.
    """
    before = _rules_in_effect(old)
    after = _rules_in_effect(new)
    settings = [name for name in _SETTINGS if _differs(old.config, new.config, name)]
    notes = tuple(_setting_note(old.config, new.config, name) for name in settings)
    alike = _first_match(old.config, new.config)
    if (
        [_case(rule) for rule in before] == [_case(rule) for rule in after]
        if alike
        else _same_matchers(old.config, new.config)
    ):
        equivalent = None if settings else True
        return RuleComparison(
            old=old.config, new=new.config, witnesses=(), equivalent=equivalent, notes=notes
        )
    witnesses: list[Witness] = []
    proven = True
    for match_type, domain in _DOMAINS.items():
        found = _compared(before, after, match_type, domain)
        proven = proven and found.equivalent is True
        witnesses.extend(_confirmed(old, new, match_type, found))
    one_text = len({rule.rule.match_type for rule in (*before, *after)}) == 1
    proven = proven and alike and one_text and not settings
    equivalent = False if witnesses else True if proven else None
    return RuleComparison(
        old=old.config,
        new=new.config,
        witnesses=tuple(witnesses),
        equivalent=equivalent,
        notes=notes,
    )


def _first_match(old: Config, new: Config) -> bool:
    """Whether both are read by agents that answer alike and for which the first match decides:
    only then are equal lists of rules known to give equal results."""
    one, other = (behaviour_of(config.agent, config.dialect) for config in (old, new))
    return isinstance(one, StaticConfig) and one == other


def _same_matchers(old: Config, new: Config) -> bool:
    """Whether one agent reads the same matchers in both, with all of their keys."""
    return all(
        getattr(old, name) == getattr(new, name)
        for name in ("agent", "dialect", "feature", "builtin_rule")
    ) and [rule._replace(at=BUILT_IN) for rule in old.rules] == [
        rule._replace(at=BUILT_IN) for rule in new.rules
    ]


def _rules_in_effect(inputs: Inputs) -> list[CompiledRule]:
    rules = strategy_for(inputs.config, inputs.environment).rules
    return [rule for rule in rules if rule.regex is not None]


def _case(rule: CompiledRule) -> Hashable:
    return rule.rule.match_type, rule.rule.match_regex, _effect(rule)


def _effect(rule: CompiledRule) -> Hashable:
    """The effect of a match; rules with an equal effect give every process the same name."""
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
            (rule.rule.match_regex, _effect(rule))
            for rule in rules
            if rule.rule.match_type == match_type
        ]

    several = match_type in ("parent_process_name", "tag")
    return differences(cases(before), cases(after), several=several, domain=domain)


def _confirmed(old: Inputs, new: Inputs, match_type: str, found: Comparison) -> Iterator[Witness]:
    """The texts for which the complete configurations have different results."""
    for difference in found.differences:
        for made_up in _candidates(old, new, match_type, difference.texts):
            before, after = _outcome_of(old, made_up), _outcome_of(new, made_up)
            if "unknown" in (before.status, after.status):
                continue
            if (before.status, before.gprocess) != (after.status, after.gprocess):
                yield Witness(
                    match_type=match_type,
                    text="\n".join(difference.texts),
                    old=before,
                    new=after,
                )
                break


def _candidates(
    old: Inputs, new: Inputs, match_type: str, texts: Sequence[str]
) -> Iterator[MadeUp]:
    """Processes with these texts; with `inputs.proc`, outside of containers and in one."""
    made_up = _made_up(match_type, texts)
    if made_up is None:
        return
    dialects = {inputs.config.dialect for inputs in (old, new)}
    if dialects == {"static_config"}:
        yield made_up
        return
    if match_type == "process_name":
        made_up = MadeUp(argv=(texts[0],), comm=texts[0])
    elif match_type == "cmdline" and dialects == {"inputs.proc"} and "/" not in texts[0]:
        made_up = MadeUp(argv=("x",), comm="x", exe=f"/{texts[0]}")
    yield made_up
    yield made_up._replace(container_id="0" * 64)


def _made_up(match_type: str, texts: Sequence[str]) -> MadeUp | None:
    """A process with these texts and minimal other fields; None if there can be none."""
    if match_type == "parent_process_name":
        return MadeUp(argv=("x",), parents=tuple(texts))
    if match_type == "tag":
        tags = [text.partition(":") for text in texts]
        return MadeUp(argv=("x",), tags=tuple((key, value) for key, _, value in tags))
    return MadeUp(title=texts[0]) if len(texts) == 1 else None


def _outcome_of(inputs: Inputs, made_up: MadeUp) -> Outcome:
    source = made_up_source(made_up, inputs.source.host.taken_at_ns)
    entries = {0: made_up.tags} if made_up.tags else {}
    tags = TagTable(entries=entries, known=True, origin="a witness")
    (outcome,) = Pipeline(inputs._replace(source=source, tags=tags)).outcomes([0])
    return outcome


def _differs(old: Config, new: Config, setting: str) -> bool:
    return bool(getattr(old, setting) != getattr(new, setting))


def _setting_note(old: Config, new: Config, setting: str) -> Note:
    before, after = getattr(old, setting), getattr(new, setting)
    return Note.of("setting-differs", key=new.key(setting), before=before, after=after)
