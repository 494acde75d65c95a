"""The input of all checks: a configuration, its text, and what is known about the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from proccli import rustregex
from proccli.config.inputs_proc import match_type_word
from proccli.config.static_config import NEWER_SECTION, SECTION
from proccli.config.yaml.go_yaml import is_merge
from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.nodes import Node, Scalar, SourceText, resolved
from proccli.config.yaml.nodes import Sequence as SequenceNode
from proccli.config.yaml.positions import source_span
from proccli.diagnostics.subjects import ARGUMENTS, DOMAINS
from proccli.errors import Location
from proccli.model.codes import DIAGNOSTICS
from proccli.model.config import BUILT_IN, Config, Diagnostic, Rule
from proccli.model.process import Environment, TextSpan
from proccli.rustregex import Regex
from proccli.rustregex.automata.domain import Domain, Limits
from proccli.rustregex.automata.patternset import UNDECIDED, Answer, find_text
from proccli.versions import AgentVersion, Dialect, InputsProc, agent_version, behaviour_of

LONGEST_PATTERN: Final = 20_000
"""Characters. Nothing is proven about longer patterns: an automaton of that size takes minutes."""


class Keys(NamedTuple):
    """The keys of a dialect, as they are written; those below a section with its name."""

    enabled: str = "os-proc-sync-enabled"
    tagged_only: str = "os-proc-sync-tagged-only"
    lifetime: str = "os-proc-socket-min-lifetime"
    interval: str = "os-proc-socket-sync-interval"
    command: str = "os-app-tag-exec"
    user: str = "os-app-tag-exec-user"
    rules: str = "os-proc-regex"
    rule: str = "rule"
    """What an element of `rules` is called."""
    regex: str = "match-regex"
    match_type: str = "match-type"
    rewrite: str = "rewrite-name"


_NEWER: Final = Keys(
    enabled="enabled",
    tagged_only="only_with_tag",
    lifetime="min_lifetime",
    interval="socket_info_sync_interval",
    command="tag_extraction.script_command",
    user="tag_extraction.exec_username",
    rules="process_matcher",
    rule="matcher",
    regex="match_regex",
    match_type="match_type",
    rewrite="rewrite_name",
)

Place = tuple[Location, Location]
"""Start and end of a part of the text; the end is after its last character."""


class Written:
    """A text and its syntax tree. All spans are character offsets into the text."""

    def __init__(
        self, source: SourceText, root: Node | None, dialect: Dialect = "static_config"
    ) -> None:
        self.source = source
        self.root = root
        self.path = (SECTION,) if dialect == "static_config" else (NEWER_SECTION, "proc")
        self.section = _section(root) if dialect == "static_config" else _at(root, self.path)
        self._scalars: dict[tuple[int, int], Scalar] = {}
        for scalar in _scalars(root):
            at = source.at(scalar.start)
            self._scalars.setdefault((at.line, at.column), scalar)

    def list_at(self, at: Location) -> Sequence[Node]:
        """The elements of the list that begins at a place; empty where none does."""
        for node in _nodes(self.root):
            if isinstance(node, SequenceNode) and self.source.at(node.start)[:3] == at[:3]:
                return node.items
        return ()

    def merge_keys(self) -> Iterator[Scalar]:
        """The merge keys in the section."""
        for node in _nodes(self.section):
            if isinstance(node, MappingNode):
                yield from (key for key in self.keys(node) if is_merge(key))

    def place(self, span: TextSpan) -> Place:
        """A span as lines and columns."""
        start, end = span
        return self.source.at(start), self.source.at(max(end, start))

    def scalar_at(self, at: Location) -> Scalar | None:
        """The value or key that begins at a place."""
        return self._scalars.get((at.line, at.column))

    def from_place(self, at: Location) -> Place:
        """The place of the value or key that begins here; else an empty place."""
        scalar = self.scalar_at(at)
        return self.place((scalar.start, scalar.end)) if scalar is not None else (at, at)

    def value(self, rule: Rule, name: str) -> Scalar | None:
        """A value of a rule; None if its key is missing or its value is empty."""
        at = rule.places.get(name)
        return None if at is None else self.scalar_at(at)

    def part(self, scalar: Scalar, span: TextSpan | None) -> Place:
        """The place of a part of a value, despite quotes and folded lines; None: the whole value.

        A block or unquoted value is reported without the syntax around it.
        """
        if span is None:
            if scalar.style in ("single", "double", "plain"):
                return self.place((scalar.start, scalar.end))
            span = 0, len(scalar.text.rstrip("\n"))
        return self.place(source_span(self.source.text, scalar, *span))

    def setting(self, name: str) -> Node | None:
        """The value of a key of the section; None if it is missing."""
        found = self._pair(name)
        return None if found is None else found[1]

    def _pair(self, name: str) -> tuple[Node, Node] | None:
        """A key of the section, or of a mapping in it (`outer.key`), with its value."""
        *outer, last = name.split(".")
        section = self.section if not outer else _at(self.section, outer)
        pairs = () if section is None else section.pairs
        return next(((key, value) for key, value in pairs if _is(key, last)), None)

    def setting_place(self, name: str) -> Place:
        """The place of the value of a setting; else of its key, else of the section."""
        found = self._pair(name)
        if found is None:
            return self.heading()
        key, value = found
        node = resolved(value)
        if isinstance(node, Scalar) and not node.absent:
            return self.place((node.start, node.end))
        return self.place((key.start, key.end))

    def heading(self) -> Place:
        """The place for a whole configuration: the key of its section, or its first key."""
        root = resolved(self.root) if self.root is not None else None
        if not isinstance(root, MappingNode) or not root.pairs:
            return self.place((0, 0))
        key = root.pairs[0][0]
        mapping: MappingNode | None = root
        for name in self.path:
            found = None if mapping is None else _entry(mapping, name)
            if found is None:
                break
            key = found[0]
            inner = resolved(found[1])
            mapping = inner if isinstance(inner, MappingNode) else None
        return self.place((key.start, key.end))

    def elements(self, name: str) -> Sequence[Node]:
        """The elements of a list setting; empty if it is not a list."""
        value = self.setting(name)
        node = resolved(value) if value is not None else None
        return node.items if isinstance(node, SequenceNode) else ()

    def keys(self, node: Node | None) -> Iterator[Scalar]:
        """The scalar keys of a mapping."""
        mapping = resolved(node) if node is not None else None
        if isinstance(mapping, MappingNode):
            yield from (key for key, _ in mapping.pairs if isinstance(key, Scalar))


def _section(root: Node | None) -> MappingNode | None:
    """The mapping with the keys that the agent looks for: static_config, or the root itself."""
    mapping = resolved(root) if root is not None else None
    if not isinstance(mapping, MappingNode):
        return None
    for key, value in mapping.pairs:
        if _is(key, SECTION):
            section = resolved(value)
            return section if isinstance(section, MappingNode) else None
    return mapping


def _at(root: Node | None, path: Sequence[str]) -> MappingNode | None:
    """The mapping below some keys."""
    node = resolved(root) if root is not None else None
    for name in path:
        found = _entry(node, name) if isinstance(node, MappingNode) else None
        node = resolved(found[1]) if found is not None else None
    return node if isinstance(node, MappingNode) else None


def _entry(mapping: MappingNode, name: str) -> tuple[Node, Node] | None:
    return next(((key, value) for key, value in mapping.pairs if _is(key, name)), None)


def _is(key: Node, name: str) -> bool:
    scalar = resolved(key)
    return isinstance(scalar, Scalar) and scalar.text == name


def _scalars(root: Node | None) -> Iterator[Scalar]:
    return (node for node in _nodes(root) if isinstance(node, Scalar))


def _nodes(root: Node | None) -> Iterator[Node]:
    stack = [] if root is None else [root]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, SequenceNode):
            stack.extend(node.items)
        elif isinstance(node, MappingNode):
            for pair in node.pairs:
                stack.extend(pair)
        # What an alias stands for has its own place elsewhere.


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is known about the machine that a configuration is for; by default nothing."""

    environment: Callable[[], Environment | None] = lambda: None
    """The environment of the agent; None: unknown. Asked for only if a rule mentions a variable: to
    find the agent takes a look at every process."""
    users: frozenset[str] | None = None
    """The user names in /etc/passwd; None: unknown."""
    exists: Callable[[str], bool] = lambda _path: True
    """Whether a file with this absolute path exists."""
    processes: Sequence[tuple[str, str]] = ()
    """Names and command lines of recorded processes, for examples; without masked ones."""
    expired: Callable[[], bool] = lambda: False
    """Whether the time for searches is over: what is not decided then stays undecided."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """A configuration and its text."""

    config: Config
    written: Written
    surroundings: Surroundings = field(default_factory=Surroundings)

    @property
    def agent(self) -> AgentVersion:
        """The agent version, with the keywords that it accepts."""
        return agent_version(self.config.agent)

    @cached_property
    def keys(self) -> Keys:
        """The keys of the configuration's dialect."""
        if self.config.dialect == "static_config":
            return Keys()
        defaults = self.agent.defaults
        assert defaults is not None  # noqa: S101 - it reads inputs.proc
        return _NEWER._replace(interval=defaults.socket_interval_key)

    @property
    def behaviour(self) -> InputsProc | None:
        """How the agent runs every rule; None where it stops at the first one that matches.

        Some agents run the rules of static_config as matchers (FACTS A0).
        """
        found = behaviour_of(self.config.agent, self.config.dialect)
        return found if isinstance(found, InputsProc) else None

    @property
    def texts(self) -> Dialect:
        """The dialect whose texts the rules are compared with."""
        return "static_config" if self.behaviour is None else "inputs.proc"

    def domain(self, rule: Rule) -> Domain:
        """The texts that a rule is compared with."""
        return DOMAINS[self.texts][rule.match_type]

    def typed(self, match_type: str) -> str:
        """A match type as the configuration has to have it: `match_type: cmdline`."""
        word = match_type
        if self.config.dialect == "inputs.proc":
            word = match_type_word(match_type, self.agent)
        return f"{self.keys.match_type}: {word}"

    def has_arguments(self, rule: Rule) -> bool:
        """Whether a rule is compared with command lines."""
        return rule.match_type == ARGUMENTS[self.texts]

    def value(self, rule: Rule, name: str) -> Scalar | None:
        """A value of a rule, by the name of its key; None if it is missing or empty."""
        return self.written.value(rule, name)

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The valid rules; the agent ignores the others."""
        rules = self.config.rules
        return tuple(rule for rule in rules if rule.problem is None and rule.at != BUILT_IN)

    @cached_property
    def regexes(self) -> Mapping[int, Regex]:
        """The compiled patterns of the valid rules, by rule index."""
        crate = self.agent.regex_crate
        return {rule.index: rustregex.compile(rule.match_regex, crate) for rule in self.rules}

    def decider(self, subjects: Mapping[str, str]) -> Rule | None:
        """The first rule that matches a process, by its texts for each match type; or None.

        A process without a text for a match type is not matched by such rules.
        """
        return next(
            (
                rule
                for rule in self.rules
                if rule.match_type in subjects
                and self.regexes[rule.index].is_match(subjects[rule.match_type])
            ),
            None,
        )

    @cached_property
    def limits(self) -> Limits:
        """Search limits for questions about a single rule."""
        return Limits(steps=300_000, total=600_000, expired=self.surroundings.expired)

    def find(
        self, domain: Domain, *, matching: Sequence[str] = (), avoiding: Sequence[str] = ()
    ) -> Answer:
        """A shortest text of the domain that matches all of some patterns and none of others."""
        if any(len(pattern) > LONGEST_PATTERN for pattern in (*matching, *avoiding)):
            return UNDECIDED
        return find_text(matching=matching, avoiding=avoiding, domain=domain, limits=self.limits)

    def at(
        self,
        place: Place,
        code: str,
        message: str,
        *,
        rule: Rule | None = None,
        effect: str | None = None,
        hint: str | None = None,
    ) -> Diagnostic:
        """A diagnostic at a place."""
        at, end = place
        return Diagnostic(
            severity=DIAGNOSTICS[code],
            code=code,
            message=message,
            at=at,
            end=end,
            rule=rule.index if rule is not None else None,
            effect=effect,
            hint=hint,
        )

    def at_value(
        self,
        rule: Rule,
        name: str,
        code: str,
        message: str,
        *,
        part: TextSpan | None = None,
        effect: str | None = None,
        hint: str | None = None,
    ) -> Diagnostic:
        """A diagnostic at a value of a rule, or a part of it; at the rule if the key is missing."""
        scalar = self.written.value(rule, name)
        if scalar is None:
            return self.at_rule(rule, code, message, effect=effect, hint=hint)
        place = self.written.part(scalar, part)
        return self.at(place, code, message, rule=rule, effect=effect, hint=hint)

    def at_rule(
        self,
        rule: Rule,
        code: str,
        message: str,
        *,
        effect: str | None = None,
        hint: str | None = None,
    ) -> Diagnostic:
        """A diagnostic at a rule as a whole: at its pattern, else at its first key."""
        scalar = self.written.value(rule, self.keys.regex)
        place = (
            self.written.part(scalar, None)
            if scalar is not None
            else self.written.from_place(rule.at)
        )
        return self.at(place, code, message, rule=rule, effect=effect, hint=hint)

    def at_setting(
        self,
        name: str,
        code: str,
        message: str,
        *,
        effect: str | None = None,
        hint: str | None = None,
    ) -> Diagnostic:
        """A diagnostic at a key of static_config."""
        place = self.written.setting_place(name)
        return self.at(place, code, message, effect=effect, hint=hint)
