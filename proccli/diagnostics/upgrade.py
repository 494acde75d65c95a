"""What an upgrade of the agent changes for a configuration, rule by rule.

It rests on the table of versions alone; `diff` and `scan` show it process by process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

from proccli.config import loading
from proccli.diagnostics.context import Context, Surroundings, Written
from proccli.diagnostics.lint import Linted, lint, ordered
from proccli.diagnostics.rewriting import rewrites
from proccli.model.config import BUILT_IN, Config, Diagnostic, Rule
from proccli.text import visible
from proccli.versions import SENT_FEATURE, behaviour_of

_RULE: Final = "upgrade-rule"
_SETTING: Final = "upgrade-setting"
_REFUSED: Final = "upgrade-refused"


def compare(
    text: bytes,
    name: str,
    *,
    agents: tuple[str, str],
    via: Literal["server", "file"] = "server",
    surroundings: Surroundings | None = None,
) -> Linted:
    """What changes from the first agent to the second, and what is wrong for the second alone.

    Raises: UsageError for an agent that isn't emulated.
    """
    linted = [lint(text, name, agent=one, via=via, surroundings=surroundings) for one in agents]
    before, after = linted
    known = {(found.code, found.at) for found in before.diagnostics}
    found = [one for one in after.diagnostics if (one.code, one.at) not in known]
    sides = tuple(_side(text, name, agent, via) for agent in agents)
    found += _changes(sides[0], sides[1])
    return Linted(
        config=after.config,
        diagnostics=ordered(found),
        is_yaml=before.is_yaml and after.is_yaml,
    )


class _Side(NamedTuple):
    """A configuration as one of the agents has it."""

    context: Context
    refused: bool
    other_dialect: bool

    @property
    def config(self) -> Config:
        return self.context.config

    @property
    def agent(self) -> str:
        return f"agent {self.config.agent}"

    @property
    def written(self) -> Sequence[Rule]:
        return [rule for rule in self.config.rules if rule.at != BUILT_IN]


def _side(text: bytes, name: str, agent: str, via: Literal["server", "file"]) -> _Side:
    reading = loading.read(text, name, agent=agent, via=via)
    other = any(fault.code == "other-dialect" for fault in reading.faults)
    config = reading.config or loading.defaults(agent, via)
    written = Written(reading.source, reading.root, config.dialect)
    return _Side(Context(config=config, written=written), bool(reading.faults), other)


def _changes(old: _Side, new: _Side) -> Iterator[Diagnostic]:
    if old.refused and new.refused:
        return
    if new.refused:
        yield _refused(old, new)
    elif old.refused:
        yield _at_heading(
            new,
            _SETTING,
            f"{new.agent} takes the configuration, and {old.agent} refuses it",
            effect=f"its {_counted(new)} take effect for the first time",
        )
    elif old.config.dialect != new.config.dialect:
        yield _at_heading(
            new,
            _SETTING,
            f"{old.agent} reads {old.config.dialect}, and {new.agent} reads {new.config.dialect}",
            effect=f"its {_counted(new)} replace the {_counted(old)} of {old.config.dialect}",
        )
    else:
        yield from _rules(old, new)
        yield from _settings(old, new)
        yield from _behaviours(old, new)


def _counted(side: _Side) -> str:
    count, word = len(side.written), side.context.keys.rule
    return f"{count} {word}{'' if count == 1 else 's'}"


def _refused(old: _Side, new: _Side) -> Diagnostic:
    if new.other_dialect:
        effect = f"none of its rules ({len(old.written)}) exist for {new.agent}, whose defaults"
        effect += f" apply: {_default_rules(new)}"
        hint = f"write the configuration as {new.config.dialect}"
        if new.config.dialect == "inputs.proc":
            hint += ", where every matcher runs and the last name counts; proccli migrate does it"
    else:
        effect = f"{new.agent} keeps the configuration that it has"
        hint = "correct the values that are reported for it"
    return _at_heading(
        old,
        _REFUSED,
        f"{new.agent} does not take the configuration that {old.agent} takes",
        effect=effect,
        hint=hint,
    )


def _default_rules(side: _Side) -> str:
    on = "on" if side.config.sync_enabled else "off"
    count = len(side.config.rules)
    default = f"{count} default matcher{'' if count == 1 else 's'}"
    if side.config.dialect == "static_config":
        default = "no rules"
    return f"sync {on}, {default}"


_FIELDS: Final = (
    "match_type",
    "match_regex",
    "action",
    "rewrite_name",
    "ignore",
    "only_in_container",
    "only_with_tag",
    "enabled_features",
)


def _rules(old: _Side, new: _Side) -> Iterator[Diagnostic]:
    """Rules that only one of the agents uses, or that have other values."""
    word = new.context.keys.rule
    for before, after in zip(old.config.rules, new.config.rules, strict=False):
        if BUILT_IN in (before.at, after.at):
            continue
        if (before.problem is None) != (after.problem is None):
            user, other = (new, old) if after.problem is None else (old, new)
            yield new.context.at_rule(
                after,
                _RULE,
                f"{user.agent} uses {word} {after.index}, and {other.agent} ignores it",
                effect="the processes that it matches get another outcome",
            )
            continue
        for field in _FIELDS:
            values: tuple[Any, Any] = getattr(before, field), getattr(after, field)
            if values[0] != values[1]:
                newer = new.config.dialect == "inputs.proc"
                key = field if newer else field.replace("_", "-")
                yield new.context.at_value(
                    after,
                    key,
                    _RULE,
                    f"{key} of {word} {after.index} is {_shown(values[0])} for {old.agent} and"
                    f" {_shown(values[1])} for {new.agent}",
                    hint="write the value, so that it no longer depends on the agent",
                )
    if old.written != new.written and not (old.written and new.written):
        return
    if not new.written and old.config.rules != new.config.rules:
        yield _at_heading(
            new,
            _RULE,
            f"the default matchers of {new.agent} differ from those of {old.agent}:"
            f" {len(new.config.rules)} and {len(old.config.rules)}",
            hint=f"write {new.context.keys.rules} to keep them",
        )


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = f"[{', '.join(value)}]" if isinstance(value, tuple) else f'"{value}"'
    return visible(text[:80])


def _settings(old: _Side, new: _Side) -> Iterator[Diagnostic]:
    keys = new.context.keys
    settings: tuple[tuple[str, Callable[[Config], object]], ...] = (
        (keys.enabled, lambda config: config.sync_enabled),
        (keys.tagged_only, lambda config: config.tagged_only),
        (keys.interval, lambda config: config.socket_sync_interval_s),
        (keys.lifetime, lambda config: config.min_lifetime_s),
        (keys.command, lambda config: config.tag_exec),
        (keys.user, lambda config: config.tag_exec_user),
        ("process_blacklist", lambda config: config.blacklist),
    )
    for key, value in settings:
        before, after = value(old.config), value(new.config)
        if before != after:
            yield new.context.at_setting(
                key,
                _SETTING,
                f"{key} is {_setting(before)} for {old.agent} and {_setting(after)} for"
                f" {new.agent}",
                hint="write the value, if the agent has the key",
            )


def _setting(value: object) -> str:
    return f"{value} s" if type(value) is int else _shown(value)


def _behaviours(old: _Side, new: _Side) -> Iterator[Diagnostic]:
    """What the same rules do otherwise."""
    dialect = new.config.dialect
    behaviours = [behaviour_of(side.config.agent, dialect) for side in (old, new)]
    before, after = (behaviour._asdict() for behaviour in behaviours)
    if type(behaviours[0]) is not type(behaviours[1]):
        every = "generation" in after
        yield _at_heading(
            new,
            _RULE,
            f"{new.agent} runs every rule, and {old.agent} stops at the first one"
            if every
            else f"{new.agent} stops at the first rule, and {old.agent} runs every one",
            effect="the last name counts, drop drops nothing, and nothing is accepted implicitly"
            if every
            else "the first rule that matches decides",
        )
        return
    for field, words in _WORDS.items():
        if before.get(field) != after.get(field):
            value = str(after[field])
            yield from _behaviour(field, words.get(value, words.get("*", "")), new)


def _behaviour(field: str, words: str, new: _Side) -> Iterator[Diagnostic]:
    if not words:
        return
    concerned = [rule for rule in new.written if _concerns(field, rule, new.context)]
    for rule in concerned:
        word = new.context.keys.rule
        yield new.context.at_rule(rule, _RULE, f"{word} {rule.index}, for {new.agent}: {words}")
    if field in _OF_ALL:
        yield _at_heading(new, _SETTING, f"{new.agent}: {words}")


def _concerns(field: str, rule: Rule, context: Context) -> bool:
    if rule.problem is not None:
        return False
    if field in ("rename", "env"):
        wanted = field == "rename" or "%" in rule.rewrite_name
        return wanted and rewrites(rule, context)
    if field == "ignore":
        return rule.ignore
    if field == "container":
        return rule.only_in_container
    if field == "name_from":
        return rule.match_type in ("process_name", "parent_process_name")
    if field == "invisible_without":
        every = rule.match_type == "process_name" and SENT_FEATURE in rule.enabled_features
        return every and not rule.only_in_container and rule.match_regex in (".*", "", ".+", ".")
    return False


_OF_ALL: Final = frozenset({"rules_count", "implicit_accept", "socket_thread", "start_check"})
_WORDS: Final = {
    # inputs.proc
    "rename": {
        "match": "the name is made of the matched part alone; what is around it is left out",
        "whole": "what is around the matched part stays in the name",
    },
    "ignore": {
        "removes": "ignore keeps later matchers from taking its processes",
        "no-rename": "ignore does not keep later matchers from taking its processes",
        "unused": "ignore has no effect",
    },
    "container": {
        "scope-v2": "containers on hosts with cgroup v2 are seen",
        "*": "containers on hosts with cgroup v2 are not seen",
    },
    "invisible_without": {
        "status": "kernel threads are taken, too",
        "everything": "kernel threads are not seen",
    },
    "start_check": {
        "True": "a process is sent only if its start time still is what it was",
        "False": "the start time of a process is not checked again before it is sent",
    },
    "socket_thread": {
        "per-namespace": "the socket sync works, where it is switched on",
        "ends-at-once": "no sockets are sent",
        "leaves-early": "only the first process of each network namespace has sockets",
    },
    # static_config
    "name_from": {
        "argv0": "the name is the last part of argv[0], no longer the file name of the program",
        "exe": "the name is the file name of the program, no longer the last part of argv[0]",
    },
    "env": {
        "True": "%NAME% in the new name is replaced",
        "False": "%NAME% stays in the new name as it is",
    },
    "rules_count": {
        "True": "the rules take effect",
        "False": "os-proc-regex and os-proc-sync-tagged-only have no effect",
    },
    "implicit_accept": {
        "True": "a process that no rule matches is accepted",
        "False": "a process that no rule matches is not sent",
    },
}


def _at_heading(
    side: _Side, code: str, message: str, *, effect: str | None = None, hint: str | None = None
) -> Diagnostic:
    place = side.context.written.heading()
    return side.context.at(place, code, message, effect=effect, hint=hint)
