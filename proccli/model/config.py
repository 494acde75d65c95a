"""Configurations, their rules, and what `check` finds in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from proccli.errors import Location
from proccli.model.note import Note

RuleProblemCode: TypeAlias = Literal["regex-syntax", "regex-size", "match-type", "action"]


class RuleProblem(NamedTuple):
    """Why the agent ignores a rule; it does not report it.

    `config.warning_words.rule_problem_wording` has the words.
    """

    code: RuleProblemCode
    at: Location
    value: str
    """The pattern or the keyword that is not valid."""
    detail: str = ""
    """For a pattern: what is wrong, as the regex parser reports it; else empty."""
    span: tuple[int, int] | None = None
    """For a pattern: where it is wrong, from the first character to after the last."""
    hint: str | None = None
    """For a pattern: what to write instead."""
    known: tuple[str, ...] = ()
    """For a keyword: those that the agent accepts."""


_NOWHERE: Mapping[str, Location] = {}


class Rule(NamedTuple):
    """One element of os-proc-regex, with the values in effect (a missing key has its default)."""

    index: int  # type: ignore[assignment]  # the field hides the method of tuples
    """Counts from 1, in the file's order."""
    at: Location
    """The rule's first key, or the rule itself where it has none."""
    match_type: str
    match_regex: str
    action: str
    rewrite_name: str
    problems: tuple[RuleProblem, ...] = ()
    """Empty for a rule that the agent uses."""
    places: Mapping[str, Location] = _NOWHERE
    """Where each value is written, by the key's name as written. Two rules are equal whatever
    theirs are."""

    @property
    def problem(self) -> RuleProblem | None:
        """The first reason why the agent ignores the rule; None: it uses the rule."""
        return self.problems[0] if self.problems else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rule) and self[:-1] == other[:-1]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:-1])


class Config(NamedTuple):
    """The agent's settings for processes, with the values in effect."""

    file: str | None
    """None: no file, the agent's built-in defaults."""
    dialect: Literal["static_config"]
    agent: str
    via: Literal["server", "file"]
    sync_enabled: bool = False
    tagged_only: bool = False
    proc_root: str = "/proc"
    socket_sync_interval_s: int = 10
    min_lifetime_s: int = 3
    tag_exec: tuple[str, ...] = ()
    tag_exec_user: str = "deepflow"
    rules: tuple[Rule, ...] = ()
    """Empty where os-proc-regex is missing or empty: then only the agent's own `.*` is left."""
    notes: tuple[Note, ...] = ()
    """Warnings: rules that the agent ignores, values that the server changes, …"""


Severity: TypeAlias = Literal["error", "warning", "info"]


class Diagnostic(NamedTuple):
    """Something to know about a place in a configuration."""

    severity: Severity
    code: str
    """`proccli check --explain CODE` shows the page of the code."""
    message: str
    at: Location
    end: Location
    """After the last character; may be in a later line."""
    rule: int | None = None
    """The rule's index, where it is about one."""
    effect: str | None = None
    """What the agent does then."""
    hint: str | None = None
    """What to write instead."""
