"""What the readers of a configuration refuse, ignore or change, apart from the rules."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from proccli.config.delivery import RULE_FIELDS
from proccli.config.inputs_proc import SOCKET_INTERVALS, keys_by_agent, proc_keys
from proccli.config.loading import Reading
from proccli.config.static_config import KEYS
from proccli.config.warning_words import wording
from proccli.config.yaml.nodes import Node, is_null, resolved
from proccli.diagnostics.context import Context, Written
from proccli.errors import Fault, Location
from proccli.model.codes import DIAGNOSTICS
from proccli.model.config import BUILT_IN, Diagnostic, Rule
from proccli.sources.secrets.arguments import mask_line
from proccli.versions import LAST_STATIC_CONFIG

_NEWER_KEYS: Final[Mapping[str, str | None]] = {
    "enabled": "os-proc-sync-enabled",
    "proc_dir_path": "os-proc-root",
    "socket_info_sync_interval": "os-proc-socket-sync-interval, in seconds",
    "min_lifetime": "os-proc-socket-min-lifetime, in seconds",
    "tag_extraction": "os-app-tag-exec and os-app-tag-exec-user",
    "process_matcher": "os-proc-regex",
    "process_blacklist": "a rule with action: drop in os-proc-regex",
}
_NEWER_FIELDS: Final[Mapping[str, str | None]] = {
    "match_regex": "match-regex",
    "match_type": "match-type",
    "rewrite_name": "rewrite-name",
    "ignore": "action: drop",
    "only_with_tag": "os-proc-sync-tagged-only beside os-proc-regex",
    "only_in_container": None,
    "enabled_features": None,
    "match_languages": None,
    "match_usernames": None,
}
"""Keys of `inputs.proc`, and what does the same for agents up to 6.5."""


_NOT_KNOWN: Final = "what the agent does with this is not known, so the rest is not checked"
_NOTHING_APPLIES: Final = "nothing of this configuration takes effect"


def refusals(reading: Reading, context: Context) -> Iterator[Diagnostic]:
    """Why the configuration, or the text as a whole, is refused."""
    other = next((fault for fault in reading.faults if fault.code == "other-dialect"), None)
    if other is not None:
        yield _other_dialect(other, context)
        return
    values = _value_faults(reading)
    for fault in values or reading.faults:
        about_value = fault.code == "config-rejected"
        code = fault.code if fault.code in DIAGNOSTICS else "config-rejected"
        effect = fault.consequence or (_NOT_KNOWN if about_value else _NOTHING_APPLIES)
        place = context.written.from_place(fault.at)
        problem = mask_line(fault.problem)
        yield context.at(place, code, problem, effect=effect, hint=fault.hint)


def unknown_to_us(reading: Reading) -> bool:
    """Whether a value is refused of which it is not known what the agent does with it."""
    return any(fault.by == "proccli" for fault in _value_faults(reading))


def _value_faults(reading: Reading) -> Sequence[Fault]:
    """The faults of single values; a second document is not one."""
    return [fault for fault in reading.faults if fault.code in ("config-rejected", "other-dialect")]


def _other_dialect(fault: Fault, context: Context) -> Diagnostic:
    return context.at(
        context.written.from_place(fault.at),
        "other-dialect",
        fault.problem,
        effect=_NOTHING_APPLIES,
        hint=fault.hint,
    )


def notes(context: Context) -> Iterator[Diagnostic]:
    """The warnings of reading the configuration, except those that other checks replace."""
    newer: Mapping[tuple[int, int], Diagnostic] = {}
    if context.config.dialect == "static_config":
        newer = {_key(found.at): found for found in _newer_keys(context)}
    else:
        found_here = (*_nulls(context), *_of_other_versions(context))
        newer = {_key(found.at): found for found in found_here}
    yield from newer.values()
    written_rules = [rule for rule in context.config.rules if rule.at != BUILT_IN]
    empty = [_lines(context.written, rule) for rule in written_rules if not rule.places]
    for note in context.config.notes:
        at = note.at
        if at is None or note.code == "rule-thrown-away":
            continue
        if note.code in ("unknown-key", "server-changes-value") and _key(at) in newer:
            continue
        if note.code == "server-changes-value" and any(at.line in lines for lines in empty):
            continue
        words = wording(note)
        one_character = at, at._replace(column=at.column + 1)
        yield context.at(
            one_character if note.code == "lookalike-character" else context.written.from_place(at),
            note.code,
            words.problem,
            effect=words.effect,
            hint=words.hint,
        )


def _nulls(context: Context) -> Iterator[Diagnostic]:
    """Texts of matchers that are left empty, of which the server makes the word null."""
    for rule in context.rules:
        for name in (context.keys.regex, context.keys.rewrite):
            scalar = context.value(rule, name)
            text = rule.match_regex if name == context.keys.regex else rule.rewrite_name
            if scalar is None or not is_null(scalar) or not text:
                continue
            if name == context.keys.regex:
                effect = f'it is a pattern, which matches texts with "{text}" in them'
            else:
                effect = f'each process that the matcher takes gets the name "{text}"'
            place = context.written.place((scalar.start, scalar.end))
            yield context.at(
                place,
                "null-is-text",
                f'{name} is empty and arrives at the agent as the text "{text}"',
                rule=rule,
                effect=effect,
                hint='write "" for no text, or omit the key',
            )


def _of_other_versions(context: Context) -> Iterator[Diagnostic]:
    """Keys of `inputs.proc` that only other versions have."""
    number = context.config.agent
    written = context.written
    mappings: list[tuple[Node | None, int]] = [
        (written.section, 0),
        *((matcher, 1) for matcher in written.elements(context.keys.rules)),
    ]
    releases = keys_by_agent()
    own = proc_keys(context.agent)
    for mapping, level in mappings:
        for key in written.keys(mapping):
            if key.text in own[level]:
                continue
            others = [name for name, keys in releases.items() if key.text in keys[level]]
            if not others:
                continue
            more = "" if len(others) < _MOST else f" and {len(others) - _MOST + 1} more"
            listed = ", ".join(others if not more else others[: _MOST - 1])
            interval = key.text in SOCKET_INTERVALS
            yield context.at(
                written.place((key.start, key.end)),
                "other-version-key",
                f"{key.text} is a key of other agents: {listed}{more}",
                effect=f"agent {number} ignores it",
                hint=f"write {context.keys.interval}" if interval else "remove it",
            )


_MOST: Final = 6


def _key(at: Location) -> tuple[int, int]:
    return at.line, at.column


def _newer_keys(context: Context) -> Iterator[Diagnostic]:
    written = context.written
    mappings: list[tuple[Node | None, Collection[str], Mapping[str, str | None]]] = [
        (written.section, KEYS, _NEWER_KEYS),
        *((rule, RULE_FIELDS, _NEWER_FIELDS) for rule in written.elements("os-proc-regex")),
    ]
    for mapping, own, newer in mappings:
        for key in written.keys(mapping):
            if key.text in newer and key.text not in own:
                instead = newer[key.text]
                yield context.at(
                    written.place((key.start, key.end)),
                    "newer-key",
                    f"{key.text} is a key of agents after {LAST_STATIC_CONFIG}",
                    effect=f"agent {context.config.agent} ignores it",
                    hint=f"write {instead}"
                    if instead
                    else f"agents up to {LAST_STATIC_CONFIG} have no such key",
                )


def _lines(written: Written, rule: Rule) -> range:
    """The lines of a rule."""
    elements = written.elements("os-proc-regex")
    if rule.index > len(elements):
        return range(0)
    node = resolved(elements[rule.index - 1])
    at = written.source.at
    return range(at(node.start).line, at(node.end).line + 1)
