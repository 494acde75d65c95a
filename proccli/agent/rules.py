"""Rules made ready to match, and what one rule says about one process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from proccli import rustregex
from proccli.agent.census import AgentProcess, Lineage
from proccli.agent.envexpand import Expansion, expand_windows
from proccli.agent.process import Subject
from proccli.model.config import Rule
from proccli.model.outcome import Reason
from proccli.model.process import Environment, TagTable
from proccli.rustregex import Regex

SubjectKind: TypeAlias = Literal["cmdline", "process_name"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRule:
    """A rule with its pattern compiled and its rewrite-name expanded, as at the agent's start."""

    rule: Rule
    regex: Regex | None
    """None: the agent throws the rule away, so it never matches."""
    expansion: Expansion | None
    """rewrite-name with %NAME% replaced; None where the agent doesn't rewrite with this rule."""
    unknown_env: tuple[str, ...] = ()
    """Names in rewrite-name whose value can't be known here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one rule says about one process."""

    hit: bool | None
    """None: can't be told; `why` says why."""
    subject: Subject | None = None
    """The text that hit, or, without a hit, the one text that was tested."""
    subject_pid: int | None = None
    why: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What rules may look at besides the process itself."""

    lineage: Lineage
    tags: TagTable


def compile_rule(rule: Rule, environment: Environment) -> CompiledRule:
    """A rule ready to match.

    Only accepting cmdline and process_name rules rewrite, and only with a template that is not
    empty once the environment is in it (agent v6.5 linux_process.rs:254-300).
    """
    if rule.problem is not None:
        return CompiledRule(rule=rule, regex=None, expansion=None)
    regex = rustregex.compile(rule.match_regex)
    rewrites = rule.match_type in ("cmdline", "process_name") and rule.action == "accept"
    if not rewrites or not rule.rewrite_name:
        return CompiledRule(rule=rule, regex=regex, expansion=None)
    expansion = expand_windows(rule.rewrite_name, environment.values.get)
    unknown = tuple(name for name in expansion.unset if not environment.knows(name))
    return CompiledRule(rule=rule, regex=regex, expansion=expansion, unknown_env=unknown)


def match_rule(compiled: CompiledRule, member: AgentProcess, setting: Setting) -> Finding:
    """Whether a rule hits a process, decided on the text that its match type asks for.

    Source: agent v6.5 linux_process.rs:286-352.
    """
    regex = compiled.regex
    if regex is None or member.subjects is None:
        return Finding(hit=False)
    match compiled.rule.match_type:
        case "cmdline":
            return _own(regex, "cmdline", member)
        case "parent_process_name":
            return _ancestors(regex, setting.lineage)
        case "tag":
            return _tags(regex, member.process.pid, setting.tags)
        case _:
            return _own(regex, "process_name", member)


def _own(regex: Regex, kind: SubjectKind, member: AgentProcess) -> Finding:
    hit = matches(regex, kind, member)
    why: Reason | None = "masked" if hit is None else None
    subject = subject_of(member, kind)
    return Finding(hit=hit, subject=subject, subject_pid=member.process.pid, why=why)


def _ancestors(regex: Regex, lineage: Lineage) -> Finding:
    masked = False
    for member in lineage.members:
        hit = matches(regex, "process_name", member)
        if hit:
            name = subject_of(member, "process_name")
            return Finding(hit=True, subject=name, subject_pid=member.process.pid)
        masked = masked or hit is None
    if masked:
        return Finding(hit=None, why="masked")
    if not lineage.complete:
        return Finding(hit=None, why="unreadable")
    return Finding(hit=False)


def _tags(regex: Regex, pid: int, tags: TagTable) -> Finding:
    if not tags.known:
        return Finding(hit=None, why="tags-unknown")
    for key, value in tags.entries.get(pid, ()):
        pair = f"{key}:{value}"
        if regex.is_match(pair):
            return Finding(hit=True, subject=Subject(pair), subject_pid=pid)
    return Finding(hit=False)


def matches(regex: Regex, kind: SubjectKind, member: AgentProcess) -> bool | None:
    """Whether a pattern matches a process's text; None where what is masked decides."""
    subject = subject_of(member, kind)
    if not subject.masked_spans or is_proven(member, kind, regex.pattern, None):
        return regex.is_match(subject.text)
    return regex.is_match_masked(subject.text, subject.masked_spans)


def is_proven(member: AgentProcess, kind: SubjectKind, pattern: str, template: str | None) -> bool:
    """Whether a masked text is known to give the real one's answer to this question."""
    return question(kind, pattern, template) in member.process.mask_safe


def question(kind: SubjectKind, pattern: str, template: str | None) -> str:
    """The digest of a question to a text: whether a pattern matches it, or, with a template,
    what becomes of it. A recording carries the digest, not the configuration."""
    asked = json.dumps([kind, pattern, template])
    return hashlib.sha256(asked.encode()).hexdigest()[:32]


def subject_of(member: AgentProcess, kind: SubjectKind) -> Subject:
    """One of the texts of a process that the agent knows."""
    assert member.subjects is not None  # noqa: S101 - only such processes get to the rules
    return member.subjects.cmdline if kind == "cmdline" else member.subjects.process_name


def compile_rules(rules: Sequence[Rule], environment: Environment) -> tuple[CompiledRule, ...]:
    """All rules, in order, those that the agent throws away included."""
    return tuple(compile_rule(rule, environment) for rule in rules)
