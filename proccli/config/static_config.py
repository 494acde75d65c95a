"""The dialect of agents up to 6.5: `static_config` with its `os-proc-*` and `os-app-*` keys.

Source: agent v6.5 config.rs:606-617 (fields), 1040-1052 (defaults).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from proccli.config.aswritten import is_null
from proccli.config.rules import compile_rules
from proccli.config.stages import RULE_FIELDS, RawRule, Stage
from proccli.config.unknownkeys import (
    foreign_keys,
    meant,
    merge_keys,
    misplaced_keys,
    misspelt_keys,
)
from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.nodes import Node, Scalar, described, resolved
from proccli.config.yaml.refusal import Refusal
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.text import visible
from proccli.versions import AgentVersion

T = TypeVar("T")

SECTION: Final = "static_config"
NEWER_SECTION: Final = "inputs"
KEYS: Final = (
    "os-proc-sync-enabled",
    "os-proc-sync-tagged-only",
    "os-proc-root",
    "os-proc-socket-sync-interval",
    "os-proc-socket-min-lifetime",
    "os-app-tag-exec",
    "os-app-tag-exec-user",
    "os-proc-regex",
)


def read_config(root: Node | None, stage: Stage, defaults: Config, agent: AgentVersion) -> Config:
    """The configuration that a document holds; what it leaves out is as in `defaults`.

    The document is an agent group configuration, or its `static_config` mapping alone.

    Raises: Refusal.
    """
    section, notes = _section(root, stage)
    if section is None:
        return replace(defaults, notes=(*defaults.notes, *notes))
    fields = {} if is_null(section) else stage.fields(section, SECTION, KEYS) or {}
    if not stage.merges:
        _refuse_repeated(section)

    def value(key: str, read: Callable[[Node, str], T | None], default: T) -> T:
        node = fields.get(key)
        found = None if node is None else read(node, key)
        return default if found is None else found

    interval, lifetime = defaults.socket_sync_interval_s, defaults.min_lifetime_s
    config = replace(
        defaults,
        sync_enabled=value("os-proc-sync-enabled", stage.boolean, defaults.sync_enabled),
        tagged_only=value("os-proc-sync-tagged-only", stage.boolean, defaults.tagged_only),
        proc_root=value("os-proc-root", stage.string, defaults.proc_root),
        socket_sync_interval_s=value("os-proc-socket-sync-interval", stage.integer, interval),
        min_lifetime_s=value("os-proc-socket-min-lifetime", stage.integer, lifetime),
        tag_exec=value("os-app-tag-exec", stage.strings, defaults.tag_exec),
        tag_exec_user=value("os-app-tag-exec-user", stage.string, defaults.tag_exec_user),
    )
    no_rules: tuple[RawRule, ...] = ()
    raw_rules = value("os-proc-regex", stage.rules, no_rules)
    rules, thrown_away = compile_rules(raw_rules, stage.source, agent)
    unknown = [
        *misspelt_keys(section, KEYS, SECTION, stage),
        *merge_keys(section, SECTION, stage),
    ]
    for number, raw in enumerate(raw_rules, start=1):
        unknown += foreign_keys(raw.node, RULE_FIELDS, f"rule {number}", stage)
        unknown += merge_keys(raw.node, f"rule {number}", stage)
    all_notes = (*defaults.notes, *notes, *unknown, *stage.notes, *thrown_away)
    return replace(config, rules=rules, notes=tuple(dict.fromkeys(all_notes)))


def _section(root: Node | None, stage: Stage) -> tuple[Node | None, list[Note]]:
    """The mapping with the keys of this dialect, None where a text has none, and warnings."""
    if root is None or is_null(root):
        return None, [_nothing(0, stage)]
    mapping = resolved(root)
    if not isinstance(mapping, MappingNode):
        problem = f"a configuration is a mapping of keys to values, not {described(mapping)}"
        raise Refusal(problem, mapping.start)
    names = _names(mapping)
    if NEWER_SECTION in names:
        raise _newer(names)
    if SECTION in names or "<<" in names:
        fields = stage.fields(mapping, "the configuration", (SECTION,)) or {}
        if SECTION in fields:
            return fields[SECTION], list(misplaced_keys(mapping, KEYS, SECTION, stage))
    if any(name in KEYS or meant(name, KEYS) for name in names):
        return mapping, []
    misspelt = misspelt_keys(mapping, (SECTION,), "an agent group configuration", stage)
    return None, [*misspelt, _nothing(mapping.start, stage)]


def _refuse_repeated(section: Node) -> None:
    """Refuses any key written twice: the agent does so for each key that it knows, and knows more.

    Raises: Refusal.
    """
    mapping = resolved(section)
    seen: set[str] = set()
    for key, _ in mapping.pairs if isinstance(mapping, MappingNode) else ():
        scalar = resolved(key)
        if not isinstance(scalar, Scalar):
            continue
        if scalar.text in seen:
            problem = f"{visible(scalar.text)} stands twice in {SECTION}"
            raise Refusal(f"{problem}, which the agent rejects if it knows the key", key.start)
        seen.add(scalar.text)


def _names(mapping: MappingNode) -> Mapping[str, int]:
    """The keys of a mapping that are scalars, with their offsets."""
    keys = (resolved(key) for key, _ in mapping.pairs)
    return {key.text: key.start for key in keys if isinstance(key, Scalar)}


def _newer(names: Mapping[str, int]) -> Refusal:
    at = names[NEWER_SECTION]
    if SECTION in names:
        problem = (
            f"{SECTION} and {NEWER_SECTION} in one file: the first is for agents up to 6.5,"
            " the second for later ones"
        )
        return Refusal(problem, at, hint="keep the one that your agents read", code="other-dialect")
    problem = (
        f"{NEWER_SECTION} is the dialect of agents after 6.5, which proccli doesn't emulate yet:"
        f" it reads {SECTION}"
    )
    return Refusal(problem, at, code="other-dialect")


def _nothing(offset: int, stage: Stage) -> Note:
    return stage.source.note("no-static-config", offset)
