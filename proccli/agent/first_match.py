"""The strategy of `static_config`: the first rule that matches decides, and its rewrite names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from proccli import rustregex
from proccli.agent.decision import Context, Decision, Text, age_reason
from proccli.agent.process import (
    AgentProcess,
    Subject,
    SubjectKind,
    subject_of,
    unknown_because,
)
from proccli.agent.rules import MANY_RULES, CompiledRule
from proccli.model.config import Rule
from proccli.model.outcome import Reason
from proccli.model.process import TagTable
from proccli.versions import StaticConfig

if TYPE_CHECKING:
    from proccli.agent.candidates import Candidates

_NEEDS: Final[frozenset[Text]] = frozenset({"argv0", "arguments"})


class FirstMatch:
    """The rules of os-proc-regex, in order; after the last one most agents accept everything.

    Source: agent v6.5 linux_process.rs:398-492; FACTS A0.
    """

    def __init__(self, rules: Sequence[CompiledRule], behaviour: StaticConfig) -> None:
        self.rules = tuple(rules)
        self.needs: frozenset[Text] = _NEEDS | (
            {"exe"} if behaviour.name_from == "exe" else frozenset()
        )
        self._behaviour = behaviour
        self._by_kind = tuple((one, _text_of(one.rule)) for one in self.rules)
        self._index: Candidates | None = None

    def _candidates(
        self, process: AgentProcess
    ) -> Iterable[tuple[CompiledRule, SubjectKind | None]]:
        """The rules without those that are certain not to match, each with the text of the process
        that it is matched against."""
        if len(self.rules) < MANY_RULES:
            return self._by_kind
        if self._index is None:
            from proccli.agent.candidates import Candidates

            self._index = Candidates(self.rules, _text_of)
        return map(self._by_kind.__getitem__, self._index.of(process))

    def skip_reason(self, process: AgentProcess, context: Context) -> Reason | None:
        """Too young, or started in the future; the first release does not ask."""
        return age_reason(process, context) if self._behaviour.min_lifetime else None

    def decide(self, process: AgentProcess, context: Context) -> Decision:
        """The decision of the first rule that matches; later rules are not tried."""
        reason = self.skip_reason(process, context)
        if reason is not None:
            return Decision(status="skipped", reason=reason)
        texts = process.texts
        for compiled, kind in self._candidates(process):
            subject = None
            if kind is not None and texts is not None:
                subject = texts.cmdline if kind == "cmdline" else texts.process_name
            if subject is None or subject.masked_spans:
                finding = match_rule(compiled, process, context)
            elif compiled.matches(subject.text):
                finding = Finding(hit=True, subject=subject, subject_pid=process.process.pid)
            else:
                continue  # as most rules do
            if finding.hit is None:
                return Decision(status="unknown", reason=finding.why or "unreadable")
            if finding.hit:
                return _decided(process, compiled, finding, context)
        if not (self._behaviour.implicit_accept or context.config.builtin_rule):
            return Decision(status="dropped", reason="no-match")
        return _decided(process, None, None, context)


def _text_of(rule: Rule) -> SubjectKind | None:
    """The text of the process itself that a rule is matched against, if it is."""
    if rule.match_type in ("parent_process_name", "tag"):
        return None
    return "cmdline" if rule.match_type == "cmdline" else "process_name"


def _decided(
    process: AgentProcess,
    compiled: CompiledRule | None,
    finding: Finding | None,
    context: Context,
) -> Decision:
    """What a rule that matches decides; None: the implicit accept."""
    rule = compiled.rule if compiled is not None else None
    hits = (rule.index,) if rule is not None else ()
    if rule is not None and rule.action == "drop":
        return Decision(status="dropped", reason="rule", rule=rule, hits=hits)
    behaviour = context.behaviour
    rules_count = not isinstance(behaviour, StaticConfig) or behaviour.rules_count
    tagged_only = context.config.tagged_only and rules_count
    if tagged_only and not context.tags.known:
        return Decision(status="unknown", reason="tags-unknown", rule=rule, hits=hits)
    if tagged_only and process.process.pid not in context.tags.entries:
        return Decision(status="skipped", reason="untagged", rule=rule, hits=hits)
    name = _name(process, compiled, finding)
    if name.unknown is not None:
        return Decision(status="unknown", reason=name.unknown, rule=rule, hits=hits)
    reason: Reason = "rule" if rule is not None else "implicit-accept"
    return Decision(status="accepted", reason=reason, rule=rule, hits=hits, name=name.text)


class Name(NamedTuple):
    """The name of an accepted process, or why it is not known."""

    text: str | None = None
    unknown: Reason | None = None


def _name(process: AgentProcess, compiled: CompiledRule | None, finding: Finding | None) -> Name:
    """The gprocess: the rewritten subject, whole, or the process's own name.

    Text outside the match is kept and every match is replaced; the result may be empty.

    Source: agent v6.5 linux_process.rs:286-300.
    """
    own = subject_of(process, "process_name")
    own_name = Name(text=own.text)
    if own.masked_spans:
        own_name = Name(unknown=unknown_because(process.process, "masked"))
    if compiled is None or compiled.regex is None or compiled.expansion is None:
        return own_name
    if compiled.unknown_env:
        return Name(unknown="env-unknown")
    if not compiled.expansion.text:
        return own_name
    assert finding is not None and finding.subject is not None  # noqa: S101, PT018 - it matched
    if finding.subject.masked_spans and not rewrite_is_mask_safe(compiled, process):
        return Name(unknown=unknown_because(process.process, "masked"))
    return Name(text=compiled.regex.replace_all(finding.subject.text, compiled.expansion.text))


def rewrite_is_mask_safe(compiled: CompiledRule, process: AgentProcess) -> bool:
    """Whether a rule's rewrite of a masked text is known to be that of the real one."""
    if compiled.regex is None or compiled.expansion is None:
        return False
    kind: SubjectKind = "cmdline" if compiled.rule.match_type == "cmdline" else "process_name"
    return is_mask_safe(process, kind, compiled.regex.pattern, compiled.expansion.text)


# ---- one rule on one process ----------------------------------------------------------------


class Finding(NamedTuple):
    """Whether one rule matches one process, and on which text."""

    hit: bool | None
    """None: not known; `why` is the reason."""
    subject: Subject | None = None
    """The text that hit, or, without a hit, the one text that was tested."""
    subject_pid: int | None = None
    why: Reason | None = None


def match_rule(compiled: CompiledRule, process: AgentProcess, context: Context) -> Finding:
    """Whether a rule matches a process, tried on the text that its match type names.

    Source: agent v6.5 linux_process.rs:286-352.
    """
    regex = compiled.regex
    if regex is None or process.texts is None:
        return Finding(hit=False)
    match compiled.rule.match_type:
        case "parent_process_name":
            return _ancestors(regex, process, context)
        case "tag":
            return match_tags(regex, process.process.pid, context.tags)
        case _:
            return _own_text(regex, _text_of(compiled.rule) or "process_name", process)


def _own_text(regex: rustregex.Regex, kind: SubjectKind, process: AgentProcess) -> Finding:
    hit = matches(regex, kind, process)
    why = unknown_because(process.process, "masked") if hit is None else None
    subject = subject_of(process, kind)
    return Finding(hit=hit, subject=subject, subject_pid=process.process.pid, why=why)


def _ancestors(regex: rustregex.Regex, process: AgentProcess, context: Context) -> Finding:
    found = context.ancestors.nearest(
        process.process,
        regex.pattern,
        lambda ancestor: matches(regex, "process_name", ancestor),
    )
    if found.match is not None:
        name = subject_of(found.match, "process_name")
        return Finding(hit=True, subject=name, subject_pid=found.match.process.pid)
    if found.undecided:
        return Finding(hit=None, why=unknown_because(process.process, "masked"))
    if not found.complete:
        return Finding(hit=None, why=unknown_because(process.process, "unreadable"))
    return Finding(hit=False)


def match_tags(regex: rustregex.Regex, pid: int, tags: TagTable) -> Finding:
    """Whether a pattern matches one of the process's own tags, written `key:value`."""
    if not tags.known:
        return Finding(hit=None, why="tags-unknown")
    for key, value in tags.entries.get(pid, ()):
        pair = f"{key}:{value}"
        if regex.is_match(pair):
            return Finding(hit=True, subject=Subject(pair), subject_pid=pid)
    return Finding(hit=False)


def matches(regex: rustregex.Regex, kind: SubjectKind, process: AgentProcess) -> bool | None:
    """Whether a pattern matches a process's text; None where that depends on masked text."""
    subject = subject_of(process, kind)
    if not subject.masked_spans or is_mask_safe(process, kind, regex.pattern, None):
        return regex.is_match(subject.text)
    if subject.candidates:
        results = {regex.is_match(text) for text in subject.candidates}
        return results.pop() if len(results) == 1 else None
    return regex.is_match_masked(subject.text, subject.masked_spans)


def is_mask_safe(
    process: AgentProcess,
    kind: SubjectKind,
    pattern: str,
    template: str | None,
    *,
    of_match_alone: bool = False,
) -> bool:
    """Whether the mask is known not to change the result of this pattern, or of this rewrite."""
    key = mask_safe_key(kind, pattern, template, of_match_alone=of_match_alone)
    return key in process.process.mask_safe


def mask_safe_key(
    kind: SubjectKind, pattern: str, template: str | None, *, of_match_alone: bool = False
) -> str:
    """The digest under which a recording notes that a mask changes nothing: neither whether a
    pattern matches, nor, with a template, the result of the rewrite. A recording carries the
    digest, not the configuration."""
    import hashlib
    import json

    asked = json.dumps([kind, pattern, template, *(["match"] if of_match_alone else [])])
    return hashlib.sha256(asked.encode()).hexdigest()[:32]
