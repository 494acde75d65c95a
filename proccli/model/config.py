"""Configurations, their rules, and what `check` finds in them."""

# Annotations are not strings here: a NamedTuple compiles each string, at every start of proccli.

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from proccli.errors import Location
from proccli.model.note import Note
from proccli.versions import Dialect, agent_version

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


BUILT_IN: Final = Location("built-in", 0, 0)
"""The place of an agent's default matchers, which no file holds."""
_NOWHERE: Mapping[str, Location] = {}


class Rule(NamedTuple):
    """One element of os-proc-regex or process_matcher, with the values in effect: a missing key
    has its default."""

    index: int  # type: ignore[assignment]  # the field hides the method of tuples
    """Counts from 1, in the file's order."""
    at: Location
    """The rule's first key, or the rule itself where it has none; `BUILT_IN`: the agent's own."""
    match_type: str
    match_regex: str
    action: str
    rewrite_name: str
    ignore: bool = False
    """inputs.proc: the processes it hits are kept from later matchers."""
    only_in_container: bool = False
    only_with_tag: bool = False
    enabled_features: tuple[str, ...] = ()
    """inputs.proc: the features that the matcher belongs to; without any it does nothing."""
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


_KEYS: Final[Mapping[str, tuple[str, str]]] = {
    "sync_enabled": ("os-proc-sync-enabled", "enabled"),
    "tagged_only": ("os-proc-sync-tagged-only", "only_with_tag"),
    "proc_root": ("os-proc-root", "proc_dir_path"),
    "socket_sync_interval_s": ("os-proc-socket-sync-interval", "socket_info_sync_interval"),
    "min_lifetime_s": ("os-proc-socket-min-lifetime", "min_lifetime"),
    "tag_exec": ("os-app-tag-exec", "tag_extraction.script_command"),
    "tag_exec_user": ("os-app-tag-exec-user", "tag_extraction.exec_username"),
    "rules": ("os-proc-regex", "process_matcher"),
    "blacklist": ("process_blacklist", "process_blacklist"),
}


DEFAULT_PROC_ROOT: Final = "/proc"


class Config(NamedTuple):
    """The agent's settings for processes, with the values in effect."""

    file: str | None
    """None: no file, the agent's built-in defaults."""
    dialect: Dialect
    agent: str
    via: Literal["server", "file"]
    sync_enabled: bool = False
    tagged_only: bool = False
    proc_root: str = DEFAULT_PROC_ROOT
    socket_sync_interval_s: int = 10
    min_lifetime_s: int = 3
    tag_exec: tuple[str, ...] = ()
    tag_exec_user: str = "deepflow"
    rules: tuple[Rule, ...] = ()
    """Empty where os-proc-regex is missing or empty: then only the agent's own `.*` is left."""
    builtin_rule: bool = True
    """static_config: whether os-proc-regex is missing: then the agent has one rule of its own,
    `.*` accept."""
    feature: str | None = None
    """inputs.proc: the pipeline that is looked at; None for static_config."""
    blacklist: tuple[str, ...] = ()
    """inputs.proc: names of processes that the agent does not see."""
    push_interval_s: int = 10
    """inputs.proc: how often processes are sent."""
    notes: tuple[Note, ...] = ()
    """Warnings: rules that the agent ignores, values that the server changes, …"""

    def key(self, setting: str) -> str:
        """The key of a setting, by the name of its field, in the configuration's dialect."""
        static_config, inputs_proc = _KEYS[setting]
        if self.dialect == "static_config":
            return static_config
        if setting == "socket_sync_interval_s":
            defaults = agent_version(self.agent).defaults
            return defaults.socket_interval_key if defaults is not None else inputs_proc
        return inputs_proc


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
