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
from proccli.config.yaml.go_yaml import is_merge
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
from proccli.model.config import Config, Rule, RuleProblem
from proccli.model.note import Note
from proccli.rustregex.parse.release_1_6 import rejected_by_1_6
from proccli.text import visible
from proccli.versions import LAST_STATIC_CONFIG, AgentVersion

T = TypeVar("T")

SECTION: Final = "static_config"
NEWER_SECTION: Final = "inputs"
SWITCH: Final = "os-proc-sync-enabled"
KEYS: Final = (
    SWITCH,
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
        return defaults._replace(notes=(*defaults.notes, *notes))
    fields = {} if is_null(section) else stage.fields(section, SECTION, KEYS) or {}
    if not stage.merges:
        _refuse_repeated(section)

    known = agent.static_config.keys if agent.static_config is not None else frozenset()

    def value(key: str, read: Callable[[Node, str], T | None], default: T) -> T:
        node = fields.get(key) if key in known else None
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
    no_rules: tuple[RawRule, ...] = ()
    raw_rules = value("os-proc-regex", stage.rules, no_rules)
    rules, ignored = compile_rules(raw_rules, stage.source, agent)
    unknown = [
        *misspelt_keys(section, KEYS, SECTION, stage),
        *merge_keys(section, SECTION, stage),
    ]
    for number, raw in enumerate(raw_rules, start=1):
        unknown += foreign_keys(raw.node, RULE_FIELDS, f"rule {number}", stage)
        unknown += merge_keys(raw.node, f"rule {number}", stage)
    unknown += _odd_values(fields, raw_rules, stage.source)
    all_notes = (*defaults.notes, *notes, *unknown, *stage.notes, *ignored)
    return config._replace(
        rules=rules,
        builtin_rule=value("os-proc-regex", lambda _node, _key: False, True),
        notes=tuple(dict.fromkeys(all_notes)),
    )


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


def _section(root: Node | None, stage: Stage) -> tuple[Node | None, list[Note]]:
    """The mapping with the keys of this dialect, None where a text has none, and warnings."""
    if root is None or is_null(root):
        if stage.source.text and not stage.merges:
            raise _no_document(root)
        return None, [_nothing(0, stage)]
    mapping = resolved(root)
    if not isinstance(mapping, MappingNode):
        problem = f"a configuration is a mapping of keys to values, not {described(mapping)}"
        raise Refusal(problem, mapping.start)
    names = _names(mapping)
    refuse_bootstrap(names)
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


def refuse_bootstrap(names: Mapping[str, int]) -> None:
    """Refuses the file that the agent starts with, by its keys and their offsets.

    An agent reads the address of its server there, and no setting for processes: those come from
    the server, or for an agent in standalone mode from another file.

    Source: agent v6.5 config.rs, `Config` (unknown keys are ignored).

    Raises: Refusal.
    """
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
            problem = f"duplicate key {visible(scalar.text)} in {SECTION}"
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
            f"{SECTION} and {NEWER_SECTION} in one file: the first is for agents up to"
            f" {LAST_STATIC_CONFIG}, the second for later ones"
        )
        return Refusal(problem, at, hint="keep the one that your agents read", code="other-dialect")
    problem = (
        f"{NEWER_SECTION} is the dialect of agents after {LAST_STATIC_CONFIG}, which proccli does"
        f" not emulate yet: it reads {SECTION}"
    )
    return Refusal(problem, at, code="other-dialect")


def _no_document(root: Node | None) -> Refusal:
    """The agent's reader takes an empty text for the defaults, and no other one without a value.

    Source: agent v6.5 config.rs:664-668, run on such texts.
    """
    what = "comments and blank lines" if root is None else "an empty value"
    problem = f"the text has no keys, only {what}"
    start = 0 if root is None else resolved(root).start
    return Refusal(problem, start, by="agent", hint="write {} for the defaults")


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
        self.older_regex = agent.regex_crate == "1.6.0"
        # An alias may repeat one pattern thousands of times.
        self.errors: dict[str, rustregex.RegexSyntaxError | None] = {}

    def rule(self, index: int, raw: RawRule) -> Rule:
        """One rule, and everything for which the agent would ignore it."""
        texts = {name: text for name, (text, _) in raw.texts.items()}
        match_regex = texts.get("match-regex", "")
        match_type = texts.get("match-type", "")
        if self.agent.empty_match_type:
            match_type = match_type or self.agent.match_types[0]
        action = texts.get("action") or "accept" if self.agent.actions else "accept"
        return Rule(
            index=index,
            at=self._place(raw.node),
            match_type=match_type,
            match_regex=match_regex,
            action=action,
            rewrite_name=texts.get("rewrite-name", ""),
            problems=(
                *self._pattern(match_regex, raw),
                *self._keyword("action", action, self.agent.actions or ("accept",), raw),
                *self._keyword("match-type", match_type, self.agent.match_types, raw),
            ),
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
                if self.older_regex:
                    rejected = rejected_by_1_6(pattern)
                    if rejected is not None:
                        raise rejected
                rustregex.compile(pattern)
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


CODE: Final = "unknown-key"
_LIKE: Final = 0.83
"""How alike two names must be for one to be meant by the other: the other keys of static_config
are not known here, and none of them is that much like ours."""
_LONGEST: Final = 60
_MOST_KEYS: Final = 1000
"""Keys looked at in one mapping: comparing names takes its time."""


def meant(name: str, known: Sequence[str]) -> str | None:
    """The key that was probably meant by a name that is none, or None."""
    import difflib

    plain = characters.meant_by(name[:_LONGEST]).lower().replace("_", "-")
    by_spelling = {key.replace("_", "-"): key for key in known}
    found = difflib.get_close_matches(plain, by_spelling, n=1, cutoff=_LIKE)
    return by_spelling[found[0]] if found and name != by_spelling[found[0]] else None


def misspelt_keys(node: Node, known: Sequence[str], where: str, stage: Stage) -> Iterator[Note]:
    """A warning for each key of a mapping that is almost one of `known`."""
    for key in _keys(node):
        if key.text not in known and (close := meant(key.text, known)):
            yield _unknown(key, where, stage, meant=close)
        elif characters.is_list_item(key.text):
            yield _unknown(key, where, stage)


def foreign_keys(node: Node, known: Sequence[str], where: str, stage: Stage) -> Iterator[Note]:
    """A warning for each key of a mapping that is none of `known`, where those are all."""
    for key in _keys(node):
        if key.text not in known and not is_merge(key):
            close = meant(key.text, known)
            yield _unknown(key, where, stage, meant=close, known=None if close else tuple(known))


def misplaced_keys(node: Node, known: Sequence[str], where: str, stage: Stage) -> Iterator[Note]:
    """A warning for each key that is beside the section it belongs to."""
    for key in _keys(node):
        if key.text in known:
            yield stage.source.note(CODE, key.start, kind="misplaced", key=key.text, where=where)
        elif characters.meant_by(key.text) in known and (
            note := characters.in_key(key, stage.source, where)
        ):
            yield note


def merge_keys(node: Node, where: str, stage: Stage) -> Iterator[Note]:
    """A warning for a merge key of a mapping, where the reader does not apply it."""
    if stage.merges:
        return
    for key in _keys(node):
        if is_merge(key):
            yield _unknown(key, where, stage, kind="merge-key")


def _unknown(
    key: Scalar,
    where: str,
    stage: Stage,
    *,
    kind: Literal["unknown", "merge-key"] = "unknown",
    meant: str | None = None,
    known: tuple[str, ...] | None = None,
) -> Note:
    if (note := characters.in_key(key, stage.source, where)) is not None:
        return note
    shown = visible(key.text[:_LONGEST])
    return stage.source.note(
        CODE, key.start, kind=kind, key=shown, where=where, meant=meant, known=known
    )


def _keys(node: Node) -> Iterator[Scalar]:
    mapping = resolved(node)
    if isinstance(mapping, MappingNode):
        for key, _ in mapping.pairs[:_MOST_KEYS]:
            scalar = resolved(key)
            if isinstance(scalar, Scalar):
                yield scalar
