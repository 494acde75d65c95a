"""The input of all checks: a configuration, its text, and what is known about the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from proccli import rustregex
from proccli.config.static_config import SECTION
from proccli.config.yaml.nodes import Alias, Node, Scalar, SourceText, resolved
from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.nodes import Sequence as SequenceNode
from proccli.config.yaml.positions import source_span
from proccli.errors import Location
from proccli.model.codes import DIAGNOSTICS
from proccli.model.config import Config, Diagnostic, Rule
from proccli.model.process import Environment, TextSpan
from proccli.rustregex import Regex
from proccli.rustregex.automata.domain import Domain, Limits
from proccli.rustregex.automata.patternset import UNDECIDED, Answer, find_text
from proccli.versions import AgentVersion, agent_version

LONGEST_PATTERN: Final = 20_000
"""Characters. Nothing is proven about longer patterns: an automaton of that size takes minutes."""

Place = tuple[Location, Location]
"""Start and end of a part of the text; the end is after its last character."""


class Written:
    """A text and its syntax tree. All spans are character offsets into the text."""

    def __init__(self, source: SourceText, root: Node | None) -> None:
        self.source = source
        self.root = root
        self.section = _section(root)
        self._scalars: dict[tuple[int, int], Scalar] = {}
        for scalar in _scalars(root):
            at = source.at(scalar.start)
            self._scalars.setdefault((at.line, at.column), scalar)

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
        """The value of a key of static_config; None if it is missing."""
        if self.section is None:
            return None
        return next((value for key, value in self.section.pairs if _is(key, name)), None)

    def setting_place(self, name: str) -> Place:
        """The place of the value of a setting; else of its key, else of the section."""
        if self.section is not None:
            for key, value in self.section.pairs:
                if _is(key, name):
                    node = resolved(value)
                    if isinstance(node, Scalar) and not node.absent:
                        return self.place((node.start, node.end))
                    return self.place((key.start, key.end))
        return self.heading()

    def heading(self) -> Place:
        """The place for a whole configuration: the key of its section, or its first key."""
        root = resolved(self.root) if self.root is not None else None
        if not isinstance(root, MappingNode) or not root.pairs:
            return self.place((0, 0))
        key = next((key for key, _ in root.pairs if _is(key, SECTION)), root.pairs[0][0])
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


def _is(key: Node, name: str) -> bool:
    scalar = resolved(key)
    return isinstance(scalar, Scalar) and scalar.text == name


def _scalars(root: Node | None) -> Iterator[Scalar]:
    stack = [] if root is None else [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Scalar):
            yield node
        elif isinstance(node, SequenceNode):
            stack.extend(node.items)
        elif isinstance(node, MappingNode):
            for pair in node.pairs:
                stack.extend(pair)
        else:
            # What an alias stands for has its own place elsewhere.
            assert isinstance(node, Alias)  # noqa: S101 - there is no other kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is known about the machine that a configuration is for; by default nothing."""

    environment: Environment | None = None
    """The environment of the agent; None: unknown."""
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
    def rules(self) -> tuple[Rule, ...]:
        """The valid rules; the agent ignores the others."""
        return tuple(rule for rule in self.config.rules if rule.problem is None)

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
        scalar = self.written.value(rule, "match-regex")
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
