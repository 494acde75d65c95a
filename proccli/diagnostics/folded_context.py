"""The input of all checks, and helpers to create diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from proccli import rustregex
from proccli.diagnostics.codes import CODES
from proccli.diagnostics.context import Place, Written
from proccli.model.config import Config, Diagnostic, Rule
from proccli.model.process import Environment, TextSpan
from proccli.rustregex import Regex
from proccli.versions import AgentVersion, agent_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is known about the machine that a configuration is for; by default nothing."""

    environment: Environment | None = None
    """The environment of the agent; None: unknown."""
    users: frozenset[str] | None = None
    """The user names in /etc/passwd; None: unknown."""
    exists: Callable[[str], bool] = lambda _path: True
    """Whether a file with this absolute path exists."""


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
        return {rule.index: rustregex.compile(rule.match_regex) for rule in self.rules}

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
            severity=CODES[code],
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
