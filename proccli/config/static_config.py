"""The dialect of agents up to 6.5: `static_config` with its `os-proc-*` and `os-app-*` keys.

Rules are read with the values in effect, and with the reasons for which the agent ignores some.

Source: agent v6.5 config.rs:606-617 (fields), 1040-1052 (defaults); rules: handler.rs:1634-1653,
linux_process.rs:244-283.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeVar

from proccli import rustregex
from proccli.config import characters
from proccli.config.delivery import RULE_FIELDS, RawRule, Stage
from proccli.config.unknown_keys import (
    foreign_keys,
    meant,
    merge_keys,
    misplaced_keys,
    misspelt_keys,
    newer_keys,
)
from proccli.config.yaml.nodes import (
    Alias,
    Node,
    Refusal,
    Scalar,
    SourceText,
    described,
    is_null,
    resolved,
)
from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.nodes import Sequence as SequenceNode
from proccli.config.yaml.positions import source_offset
from proccli.errors import Location
from proccli.model.config import BUILT_IN, Config, Rule, RuleProblem
from proccli.model.note import Note
from proccli.versions import AgentVersion, StaticConfig

T = TypeVar("T")

SECTION: Final = "static_config"
NEWER_SECTION: Final = "inputs"
"""The section of the other dialect."""
GPROCESS_INFO: Final = "proc.gprocess_info"
SOCKET_LIST: Final = "proc.socket_list"
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


def static_defaults(config: Config, agent: AgentVersion) -> Config:
    """A configuration with the values that the agent has without any."""
    assert agent.static_config is not None  # noqa: S101 - it reads this dialect
    behaviour = agent.static_config
    if "os-proc-sync-enabled" not in behaviour.keys:
        config = config._replace(sync_enabled=True)
    return _without(config, behaviour)


def read_config(root: Node | None, stage: Stage, defaults: Config, agent: AgentVersion) -> Config:
    """The configuration that a document holds; what it leaves out is as in `defaults`.

    The document is an agent group configuration, or its `static_config` mapping alone.

    Raises: Refusal.
    """
    assert agent.static_config is not None  # noqa: S101 - it reads this dialect
    behaviour = agent.static_config
    if "os-proc-sync-enabled" not in behaviour.keys:
        defaults = defaults._replace(sync_enabled=True)
    section, notes = _section(root, stage)
    if section is None:
        return static_defaults(defaults, agent)._replace(notes=(*defaults.notes, *notes))
    keys = tuple(key for key in KEYS if key in behaviour.keys)
    fields = {} if is_null(section) else stage.fields(section, SECTION, keys) or {}
    if any(name not in KEYS for name in _names(section)):
        from proccli.config.static_config_types import key_types

        stage.check_types(section, SECTION, key_types(agent))

    def value(key: str, read: Callable[[Node, str], T | None], default: T) -> T:
        node = fields.get(key)
        found = None if node is None else read(node, key)
        return default if found is None else found

    interval, lifetime = defaults.socket_sync_interval_s, defaults.min_lifetime_s
    config = defaults._replace(
        sync_enabled=value("os-proc-sync-enabled", stage.boolean, defaults.sync_enabled),
        tagged_only=value("os-proc-sync-tagged-only", stage.boolean, defaults.tagged_only),
        proc_root=value("os-proc-root", stage.string, defaults.proc_root),
        socket_sync_interval_s=value("os-proc-socket-sync-interval", stage.integer, interval),
        min_lifetime_s=value("os-proc-socket-min-lifetime", stage.integer, lifetime),
        tag_exec=value("os-app-tag-exec", stage.strings, defaults.tag_exec),
        tag_exec_user=value("os-app-tag-exec-user", stage.string, defaults.tag_exec_user),
    )
    names = RULE_FIELDS if behaviour.actions else RULE_FIELDS[:-1]
    raw_rules: tuple[RawRule, ...] | None = None
    if "os-proc-regex" in fields:
        raw_rules = stage.rules(fields["os-proc-regex"], "os-proc-regex", names)
    source = stage.source
    unapplied = tuple(_unapplied(config, behaviour, raw_rules, section, source))
    config = _without(config, behaviour, raw_rules)
    builtin_rule = raw_rules is None
    raw_rules = raw_rules or ()
    applied = raw_rules if _applies_rules(behaviour) else ()
    rules, ignored = compile_rules(applied, source, agent)
    unknown = tuple(_odd_keys(section, raw_rules, stage, agent))
    odd = tuple(_odd_values(fields, raw_rules, source))
    all_notes = (*defaults.notes, *notes, *unapplied, *unknown, *odd, *stage.notes, *ignored)
    return config._replace(
        rules=(*config.rules, *rules),
        builtin_rule=builtin_rule,
        notes=tuple(dict.fromkeys(all_notes)),
    )


_WITHOUT: Final = {"os-proc-sync-enabled": "true", "os-proc-sync-tagged-only": "false"}
"""What releases do that do not know these keys."""


def _odd_keys(
    section: Node, raw_rules: Sequence[RawRule], stage: Stage, agent: AgentVersion
) -> Iterator[Note]:
    """A warning for each key that means nothing to this release."""
    assert agent.static_config is not None  # noqa: S101 - it reads this dialect
    behaviour, source = agent.static_config, stage.source
    rules = [(raw.node, f"rule {number}") for number, raw in enumerate(raw_rules, start=1)]
    yield from misspelt_keys(section, KEYS, SECTION, source)
    for node, where in rules:
        yield from foreign_keys(node, RULE_FIELDS, where, source)
    newer = {key: value for key, value in _WITHOUT.items() if key not in behaviour.keys}
    yield from newer_keys(section, newer, SECTION, agent.number, source)
    if not behaviour.actions:
        for node, where in rules:
            yield from newer_keys(node, {"action": "accept"}, where, agent.number, source)
    if not stage.merges:
        yield from merge_keys(section, SECTION, source)
        for node, where in rules:
            yield from merge_keys(node, where, source)


_TEXT_KEYS: Final = ("os-proc-root", "os-app-tag-exec", "os-app-tag-exec-user")


def _odd_values(
    fields: Mapping[str, Node], raw_rules: Sequence[RawRule], source: SourceText
) -> Iterator[Note]:
    """A warning for each text with a character that looks like another one."""
    texts = [(name, fields[name]) for name in _TEXT_KEYS if name in fields]
    for name, node in texts:
        value = resolved(node)
        items = value.items if isinstance(value, SequenceNode) else (value,)
        for scalar in map(resolved, items):
            if isinstance(scalar, Scalar) and (note := characters.in_text(scalar, source, name)):
                yield note
    for number, raw in enumerate(raw_rules, start=1):
        for name, (_, node) in raw.texts.items():
            scalar = resolved(node)
            found = _ODD_IN.get(name, characters.in_text)
            if isinstance(scalar, Scalar) and (
                note := found(scalar, source, f"{name} of rule {number}")
            ):
                yield note


_ODD_IN: Final = {"match-regex": characters.in_pattern, "rewrite-name": characters.in_name}


def _applies_rules(behaviour: StaticConfig) -> bool:
    return behaviour.rules_count or behaviour.engine == "every-matcher"


def _unapplied(
    config: Config,
    behaviour: StaticConfig,
    raw_rules: Sequence[RawRule] | None,
    section: Node,
    source: SourceText,
) -> Iterator[Note]:
    """A warning for each key that a release between the dialects reads and does not apply.

    Source: FACTS A0.
    """
    keys = {key.text: key.start for key in _scalar_keys(section)}
    if raw_rules and not _applies_rules(behaviour):
        offset = keys.get("os-proc-regex", section.start)
        yield source.note("rule-without-effect", offset, agent=config.agent)
    if config.tagged_only and not behaviour.rules_count:
        offset = keys.get("os-proc-sync-tagged-only", section.start)
        yield source.note("tagged-only-without-effect", offset, agent=config.agent)


def _without(
    config: Config, behaviour: StaticConfig, raw_rules: tuple[RawRule, ...] | None = None
) -> Config:
    """The configuration without what the release reads and passes over, and with the matchers
    that it adds to the rules.

    Source: agent v6.6.6 config.rs:2440-2580.
    """
    if not behaviour.rules_count:
        config = config._replace(tagged_only=False)
    if behaviour.engine == "first-match":
        return config
    features = [SOCKET_LIST] if config.socket_sync_interval_s else []
    if raw_rules is None:
        features.append(GPROCESS_INFO)
    rules = (
        Rule(
            index=0,
            at=BUILT_IN,
            match_type="process_name",
            match_regex=".*",
            action="accept",
            rewrite_name="",
            enabled_features=(feature,),
        )
        for feature in features
    )
    return config._replace(tagged_only=False, feature=GPROCESS_INFO, rules=tuple(rules))


def _section(root: Node | None, stage: Stage) -> tuple[Node | None, list[Note]]:
    """The mapping with the keys of this dialect, None where a text has none, and warnings."""
    if stage.is_nothing(root):
        return None, [_nothing(0, stage)]
    if root is None:
        raise Refusal("there is no YAML document for the agent", 0, by="agent")
    mapping = resolved(root)
    if not isinstance(mapping, MappingNode):
        problem = f"a configuration is a mapping of keys to values, not {described(mapping)}"
        raise Refusal(problem, mapping.start, by="agent" if not stage.merges else "proccli")
    _refuse_bootstrap(mapping)
    names = _names(mapping)
    if SECTION in names or "<<" in names:
        fields = stage.fields(mapping, "the configuration", (SECTION,)) or {}
        if SECTION in fields:
            return fields[SECTION], list(misplaced_keys(mapping, KEYS, SECTION, stage.source))
    if any(name in KEYS or meant(name, KEYS) for name in names):
        return mapping, []
    misspelt = misspelt_keys(mapping, (SECTION,), "an agent group configuration", stage.source)
    return None, [*misspelt, _nothing(mapping.start, stage)]


def _refuse_bootstrap(mapping: MappingNode) -> None:
    """Refuses the file that the agent starts with, by its keys.

    An agent reads the address of its server there, and no setting for processes: those come from
    the server, or for an agent in standalone mode from another file.

    Source: agent v6.5 config.rs, `Config` (unknown keys are ignored).

    Raises: Refusal.
    """
    scalars = (resolved(key) for key, _ in mapping.pairs)
    names = {key.text: key.start for key in scalars if isinstance(key, Scalar)}
    keys = [*_BOOTSTRAP_KEYS, *(_SHARED_BOOTSTRAP_KEYS if SECTION in names else ())]
    found = next((name for name in names if name in keys), None)
    if found is not None:
        problem = f"{found} is a key of the agent's own bootstrap file, deepflow-agent.yaml"
        hint = (
            "agents get these settings from the server: give the group configuration instead,"
            " from deepflow-ctl agent-group-config list GROUP -o yaml"
        )
        raise Refusal(problem, names[found], hint=hint, code="bootstrap-file")


_BOOTSTRAP_KEYS: Final = (
    "controller-ips",
    "controller-port",
    "controller-tls-port",
    "controller-cert-file-prefix",
    "kubernetes-cluster-name",
    "agent-unique-identifier",
    "async-worker-thread-number",
)
_SHARED_BOOTSTRAP_KEYS: Final = ("vtap-group-id-request", "kubernetes-cluster-id", "log-file")
"""Some releases have these in `static_config`, too, but none has them beside it."""


def _names(node: Node) -> frozenset[str]:
    """The keys of a mapping that are scalars."""
    return frozenset(key.text for key in _scalar_keys(node))


def _scalar_keys(node: Node) -> Iterator[Scalar]:
    mapping = resolved(node)
    if isinstance(mapping, MappingNode):
        keys = (resolved(key) for key, _ in mapping.pairs)
        yield from (key for key in keys if isinstance(key, Scalar))


def _nothing(offset: int, stage: Stage) -> Note:
    return stage.source.note("no-static-config", offset)


def compile_rules(
    raw_rules: Sequence[RawRule], source: SourceText, agent: AgentVersion
) -> tuple[tuple[Rule, ...], tuple[Note, ...]]:
    """All rules in the file's order, and a warning for each problem of the ignored ones.

    The agent does not report those; the other rules keep their order.
    """
    compiler = _Compiler(source, agent)
    rules = tuple(compiler.rule(index, raw) for index, raw in enumerate(raw_rules, start=1))
    notes = tuple(
        Note.of(
            "rule-thrown-away",
            problem.at,
            rule=rule.index,
            problem=problem.code,
            value=problem.value,
            detail=problem.detail,
            hint=problem.hint,
            known=problem.known,
        )
        for rule in rules
        for problem in rule.problems
    )
    return rules, notes


class _Compiler:
    def __init__(self, source: SourceText, agent: AgentVersion) -> None:
        self.source = source
        assert agent.static_config is not None  # noqa: S101 - it reads this dialect
        self.agent = agent.static_config
        self.regex_crate = agent.regex_crate
        # An alias may repeat one pattern thousands of times.
        self.errors: dict[str, rustregex.RegexSyntaxError | None] = {}

    def rule(self, index: int, raw: RawRule) -> Rule:
        """One rule, and everything for which the agent would ignore it."""
        texts = {name: text for name, (text, _) in raw.texts.items()}
        match_regex = texts.get("match-regex", "")
        match_type, action = texts.get("match-type", ""), texts.get("action", "")
        types, actions = self.agent.match_types, self.agent.actions or ("accept",)
        problems = tuple(self._pattern(match_regex, raw))
        features: tuple[str, ...] = ()
        if self.agent.engine == "every-matcher":
            features = (GPROCESS_INFO,)
            match_type = match_type if match_type in types else types[0]
            action = action if action == "drop" else actions[0]
        else:
            if match_type or self.agent.empty_match_type:
                match_type = match_type or types[0]
            action = (action if self.agent.actions else "") or actions[0]
            problems = (
                *problems,
                *self._keyword("action", action, actions, raw),
                *self._keyword("match-type", match_type, types, raw),
            )
        return Rule(
            index=index,
            at=self._place(raw.node),
            match_type=match_type,
            match_regex=match_regex,
            action=action,
            rewrite_name=texts.get("rewrite-name", ""),
            enabled_features=features,
            problems=problems,
            places={name: self._at(node) for name, (_, node) in raw.texts.items()},
        )

    def _pattern(self, pattern: str, raw: RawRule) -> Iterator[RuleProblem]:
        error = self._error(pattern)
        if error is None:
            return
        scalar = resolved(raw.texts["match-regex"][1])
        assert isinstance(scalar, Scalar)  # noqa: S101 - a text was read from it
        yield RuleProblem(
            code="regex-size" if error.kind == "compiled-too-big" else "regex-syntax",
            at=self.source.at(source_offset(self.source.text, scalar, error.position)),
            value=pattern,
            detail=error.message,
            span=(error.position, error.end),
            hint=error.hint,
        )

    def _error(self, pattern: str) -> rustregex.RegexSyntaxError | None:
        if pattern not in self.errors:
            self.errors[pattern] = None
            try:
                rustregex.compile(pattern, self.regex_crate)
            except rustregex.RegexSyntaxError as error:
                self.errors[pattern] = error
        return self.errors[pattern]

    def _keyword(
        self,
        name: Literal["match-type", "action"],
        word: str,
        known: tuple[str, ...],
        raw: RawRule,
    ) -> Iterator[RuleProblem]:
        if word not in known:
            at = self._at(raw.texts[name][1]) if name in raw.texts else self._place(raw.node)
            yield RuleProblem(code=name, at=at, value=word, known=known)

    def _at(self, node: Node) -> Location:
        return self.source.at(resolved(node).start)

    def _place(self, node: Node) -> Location:
        """The rule's first key, or the rule itself where it is no mapping with keys."""
        if isinstance(node, Alias):
            return self.source.at(node.start)
        if isinstance(node, MappingNode) and node.pairs:
            return self.source.at(node.pairs[0][0].start)
        return self.source.at(node.start)
