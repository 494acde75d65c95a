"""Rules to propose: what each matches and names, and how it is written in a dialect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from proccli.commands.suggest.naming import Line
from proccli.config.inputs_proc import match_type_word
from proccli.config.static_config import GPROCESS_INFO, SOCKET_LIST
from proccli.config.yaml.go_writer import spelled
from proccli.model.config import Config
from proccli.model.outcome import Outcome
from proccli.text import counted, visible
from proccli.versions import InputsProc, agent_version, behaviour_of

Purpose: TypeAlias = Literal["name", "keep", "drop"]
"""A rule gives names, accepts what a later rule would drop, or drops."""


class Member(NamedTuple):
    """One process of a source, with what is proposed for it."""

    source: int
    """Index of the source."""
    before: Outcome
    line: Line
    name: str | None
    """The name that it should get; None: it keeps its name, or is dropped."""

    @property
    def key(self) -> tuple[int, int]:
        """Source and pid."""
        return self.source, self.before.process.pid


class Proposed(NamedTuple):
    """A rule with the processes that it is for."""

    purpose: Purpose
    about: str
    pattern: str
    rewrite: str
    """The rewrite-name; empty: none."""
    members: tuple[Member, ...]
    match_type: Literal["cmdline", "parent_process_name"] = "cmdline"
    literal: bool = False
    guards: bool = False
    """Whether it is proposed for the sake of the rule after it."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it gives, the most frequent first."""
        names = Counter(member.name for member in self.members if member.name is not None)
        return tuple(name for name, _ in names.most_common())


class Writer:
    """Writes rules as list items of a dialect."""

    def __init__(self, config: Config, hosts: Sequence[str]) -> None:
        self.config = config
        self._agent = agent_version(config.agent)
        self._behaviour = behaviour_of(config.agent, config.dialect)
        self._static = config.dialect == "static_config"
        self._hosts = hosts
        """Names of the sources; one source needs none."""

    @property
    def every_matcher(self) -> bool:
        """Whether every rule runs, and the last one that renames names."""
        return isinstance(self._behaviour, InputsProc)

    @property
    def drops(self) -> bool:
        """Whether the agent can drop processes by a rule."""
        if isinstance(self._behaviour, InputsProc):
            return self._behaviour.ignore == "removes" and not self._static
        return "drop" in self._behaviour.actions

    @property
    def keeps(self) -> bool:
        """Whether a rule can accept processes by their ancestors under their own names."""
        behaviour = self._behaviour
        return (
            not isinstance(behaviour, InputsProc) and "parent_process_name" in behaviour.match_types
        )

    def item(self, rule: Proposed, indent: int) -> list[str]:
        """The lines of a rule, with its processes as comments above it."""
        pad = " " * indent
        return [
            *(f"{pad}# {line}" for line in self._comment(rule)),
            *(
                f"{pad}{'- ' if first == 0 else '  '}{key}: {value}"
                for first, (key, value) in enumerate(self._values(rule))
            ),
        ]

    def _values(self, rule: Proposed) -> Iterator[tuple[str, str]]:
        if self._static:
            yield "match-regex", spelled(rule.pattern)
            type_ = rule.match_type
            if self.every_matcher and type_ == "cmdline":
                yield "match-type", "cmdline_with_args"
            else:
                yield "match-type", type_
            if rule.purpose == "drop":
                yield "action", "drop"
            elif rule.rewrite:
                yield "rewrite-name", spelled(rule.rewrite)
            return
        yield "match_regex", spelled(rule.pattern)
        yield "match_type", match_type_word("cmdline_with_args", self._agent)
        if rule.purpose == "drop":
            yield "ignore", "true"
        elif rule.rewrite:
            yield "rewrite_name", spelled(rule.rewrite)
        contained = (
            rule.purpose == "name" and rule.members and all(map(_in_container, rule.members))
        )
        yield "only_in_container", "true" if contained else "false"
        if rule.purpose == "name" and rule.members and all(map(_only_with_tag, rule.members)):
            yield "only_with_tag", "true"
        listed = any if rule.purpose == "drop" else all
        sockets = not rule.members or listed(map(_has_sockets, rule.members))
        features = [GPROCESS_INFO, SOCKET_LIST] if sockets else [GPROCESS_INFO]
        yield "enabled_features", f"[{', '.join(features)}]"

    def _comment(self, rule: Proposed) -> Iterator[str]:
        if rule.guards and not rule.members:
            yield f"{_safe(rule.about)}: none now; the rule for folders would name them wrongly."
            return
        count = counted(len(rule.members), "process")
        if rule.purpose == "drop":
            programs = Counter(member.line.program or "?" for member in rule.members)
            yield f"Dropped, {count}: {_frequent(programs)}"
            return
        if rule.purpose == "keep":
            yield f"{_safe(rule.about)}: kept with their names, {count}."
        else:
            yield f"{_safe(rule.about)}, {count}."
        shown = 0
        done: set[str] = set()
        for member in rule.members:
            name = member.name or member.before.gprocess or ""
            if name in done:
                continue
            done.add(name)
            shown += 1
            if shown > _SHOWN:
                more = len({m.name for m in rule.members}) - _SHOWN
                yield f"  … and {counted(more, 'more name')}"
                return
            alike = sum(other.name == member.name for other in rule.members)
            times = f" ×{alike}" if alike > 1 else ""
            yield f"  {_safe(name)}{times}: {self._process(member)}"

    def _process(self, member: Member) -> str:
        pid = member.before.process.pid
        where = f"{_safe(self._hosts[member.source])} " if len(self._hosts) > 1 else ""
        return f"{where}{pid} {_safe(member.line.text)}"


def _in_container(member: Member) -> bool:
    return bool(member.before.rule and member.before.rule.only_in_container)


def _only_with_tag(member: Member) -> bool:
    return bool(member.before.rule and member.before.rule.only_with_tag)


def _has_sockets(member: Member) -> bool:
    """Whether the agent looks for the sockets of the process already."""
    rule = member.before.rule
    return rule is not None and SOCKET_LIST in rule.enabled_features


_SHOWN: Final = 8
"""Names in a comment."""
_WIDTH: Final = 110
"""Characters of a command line in a comment."""


def _safe(text: str) -> str:
    """A text for one line of a comment, shortened in the middle."""
    text = visible(text)
    if len(text) <= _WIDTH:
        return text
    half = _WIDTH // 2
    return f"{text[:half]} … {text[-half:]}"


def _frequent(times: Counter[str]) -> str:
    most = times.most_common(_SHOWN)
    more = len(times) - len(most)
    words = ", ".join(f"{_safe(name)} {number}" for name, number in most)
    return f"{words} and {counted(more, 'more program')}" if more else words
