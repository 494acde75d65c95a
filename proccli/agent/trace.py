"""Each rule's part in an outcome: what it was tried on, whether it matched, how close it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from proccli import rustregex
from proccli.agent.decision import Context, skip_reason
from proccli.agent.first_match import Finding, Name, match_rule, rewrite_is_mask_safe
from proccli.agent.process import (
    AgentProcess,
    Subject,
    ancestors_for_matcher,
    ancestors_of,
    subject_of,
)
from proccli.agent.rules import CompiledRule
from proccli.model.explanation import (
    Effect,
    GroupMatch,
    NearMiss,
    Replacement,
    RewriteTrace,
    RuleOutcome,
    RuleTrace,
)
from proccli.model.outcome import Reason
from proccli.rustregex.match.prefix import longest_prefix
from proccli.versions import InputsProc

if TYPE_CHECKING:
    from proccli.agent.every_matcher import EveryMatcher, Published
    from proccli.model.config import RuleProblem


def trace_rules(process: AgentProcess, context: Context) -> tuple[RuleTrace, ...]:
    """Every rule's part in the outcome, in order.

    A process on which no rule is tried has a trace all the same: whether each would have matched.
    With `static_config`, rules after a match are not reached; with `inputs.proc` every matcher of
    the feature is.
    """
    if isinstance(context.behaviour, InputsProc):
        return _trace_matchers(process, context)
    reached = skip_reason(process, context) is None
    open_question = False
    traces: list[RuleTrace] = []
    for compiled in context.strategy.rules:
        finding = match_rule(compiled, process, context)
        outcome = _outcome(compiled, finding, process, reached=reached, open_question=open_question)
        traces.append(_trace(compiled, finding, outcome, process, context))
        reached = reached and outcome not in ("hit", "unknown")
        open_question = open_question or outcome == "unknown"
    return tuple(traces)


class _Part(NamedTuple):
    """What a matcher of `inputs.proc` does to the outcome of a process."""

    outcome: RuleOutcome
    effect: Effect | None = None
    by: int | None = None
    why: Reason | None = None


def _trace_matchers(process: AgentProcess, context: Context) -> tuple[RuleTrace, ...]:
    from proccli.agent.every_matcher import EveryMatcher, unmet_requirement

    strategy = context.strategy
    assert isinstance(strategy, EveryMatcher)  # noqa: S101 - the strategy of this dialect
    matchers = {compiled.rule.index: compiled for compiled in strategy.matchers}
    parts = dict(_parts(process, context, strategy))
    traces: list[RuleTrace] = []
    for written in strategy.rules:
        compiled = matchers.get(written.rule.index, written)
        part = parts.get(compiled.rule.index, _Part("inert"))
        if compiled.regex is None:
            part = _Part("ignored")
        finding = _finding(compiled, process, context)
        finding = finding._replace(why=part.why or finding.why)
        trace = _trace(compiled, finding, part.outcome, process, context)
        requirement = None
        if part.outcome == "held-back":
            requirement, _ = unmet_requirement(compiled.rule, process, context)
        traces.append(trace._replace(requirement=requirement, effect=part.effect, by=part.by))
    return tuple(traces)


def _parts(
    process: AgentProcess, context: Context, strategy: EveryMatcher
) -> Iterator[tuple[int, _Part]]:
    """The index and the part of each matcher of the feature."""
    from proccli.agent.every_matcher import evaluate

    if skip_reason(process, context) is not None:
        outcome: RuleOutcome = "not-reached" if process.known else "unknown"
        for compiled in strategy.matchers:
            yield compiled.rule.index, _Part(outcome)
        return
    published = strategy.published(process, context)
    ignored_by: int | None = None
    doubt: Reason | None = None
    for compiled in strategy.matchers:
        index, found = compiled.rule.index, evaluate(compiled, process, context)
        if found.hit is False:
            part = _Part("no-match" if found.requirement is None else "held-back")
        elif found.hit is None:
            part = _Part("unknown", why=found.finding.why)
            if strategy.ignores(compiled):
                doubt = doubt or found.finding.why
        elif strategy.ignores(compiled):
            part = _Part("hit", "ignores")
            ignored_by = index if ignored_by is None else ignored_by
        elif ignored_by is not None:
            part = _Part("ignored-before", by=ignored_by)
        elif doubt is not None:
            part = _Part("unknown", why=doubt)
        else:
            part = _taking(compiled, strategy.name_from(compiled, found), process, published)
        yield index, part


def _taking(
    compiled: CompiledRule, name: Name, process: AgentProcess, published: Published
) -> _Part:
    """The part of a matcher that takes a process."""
    renames = name.text != subject_of(process, "process_name").text
    if compiled.expansion is None or not renames or published.rule is None:
        return _Part("hit", "takes")
    if published.rule.index == compiled.rule.index:
        return _Part("hit", "names")
    if published.doubt is not None or published.name == name.text:
        return _Part("hit", "takes")
    return _Part("hit", "overridden", by=published.rule.index)


def _outcome(
    compiled: CompiledRule,
    finding: Finding,
    process: AgentProcess,
    *,
    reached: bool,
    open_question: bool,
) -> RuleOutcome:
    if compiled.regex is None:
        return "ignored"
    if process.texts is None and not process.known:
        return "unknown"
    if not reached:
        return "unknown" if open_question else "not-reached"
    if finding.hit is None:
        return "unknown"
    return "hit" if finding.hit else "no-match"


def _wording(problem: RuleProblem) -> str:
    from proccli.config.warning_words import rule_problem_wording  # most rules are valid

    return rule_problem_wording(problem).problem


def _trace(
    compiled: CompiledRule,
    finding: Finding,
    outcome: RuleOutcome,
    process: AgentProcess,
    context: Context,
) -> RuleTrace:
    rule, regex, subject = compiled.rule, compiled.regex, finding.subject
    would_match = finding.hit if process.texts is not None else None
    if regex is None:
        problem = _wording(rule.problem) if rule.problem is not None else None
        return RuleTrace(
            rule=rule,
            outcome=outcome,
            would_match=False,
            subject=None,
            subject_pid=None,
            error=problem,
        )
    # Where the match lies in a masked text may differ from where it lies in the real one.
    searchable = would_match and subject is not None and not subject.masked_spans
    match = regex.search(subject.text) if searchable and subject is not None else None
    missed = would_match is False
    return RuleTrace(
        rule=rule,
        outcome=outcome,
        would_match=would_match,
        subject=subject.text if subject is not None and subject.known else None,
        subject_pid=finding.subject_pid,
        span=match.span() if match is not None else None,
        groups=_groups(regex, match),
        rewrite=_rewrite(compiled, regex, subject, process, of_match_alone=_of_match_alone(context))
        if outcome == "hit" and subject
        else None,
        near_miss=_near_miss(regex, rule.match_type, process, context) if missed else None,
        also_matches=_also_matches(compiled, process, context) if missed else (),
        error=_open_reason(finding, outcome, process),
    )


def _of_match_alone(context: Context) -> bool:
    """Whether a rewrite replaces the matched part, and the rest of the text is lost."""
    behaviour = context.behaviour
    return isinstance(behaviour, InputsProc) and behaviour.rename == "match"


def _open_reason(finding: Finding, outcome: RuleOutcome, process: AgentProcess) -> str | None:
    if outcome != "unknown":
        return None
    if process.texts is None:
        return "the process could not be read"
    return {
        "masked": "the text that decides is masked in the recording",
        "tags-unknown": "the tags are unknown",
        "unreadable": "an ancestor could not be read",
        "not-recorded": "the source does not tell what decides",
    }.get(finding.why or "", "an earlier rule may match")


def _groups(regex: rustregex.Regex, match: rustregex.Match | None) -> tuple[GroupMatch, ...]:
    if match is None:
        return ()
    return tuple(
        GroupMatch(index=index, name=name, text=match.group(index), span=match.span(index))
        for index, name in enumerate(regex.group_names)
        if index > 0
    )


def _rewrite(
    compiled: CompiledRule,
    regex: rustregex.Regex,
    subject: Subject,
    process: AgentProcess,
    *,
    of_match_alone: bool,
) -> RewriteTrace | None:
    expansion = compiled.expansion
    if expansion is None:
        return None
    replacements: tuple[Replacement, ...] = ()
    result = None
    known = not subject.masked_spans or (
        not of_match_alone and rewrite_is_mask_safe(compiled, process)
    )
    if not expansion.text and not compiled.unknown_env:
        own = subject_of(process, "process_name")
        result = None if own.masked_spans else own.text  # an empty template rewrites nothing
    elif known and not compiled.unknown_env:
        text, offset = subject.text, 0
        if of_match_alone:
            match = regex.search(text)
            text, offset = (match.group(0) or "", match.start) if match else ("", 0)
        replacements = tuple(
            Replacement(
                span=(step.match.start + offset, step.match.end + offset), text=step.expanded
            )
            for step in regex.replacements(text, expansion.text)
        )
        result = regex.replace_all(text, expansion.text)
    return RewriteTrace(
        template=compiled.rule.rewrite_name,
        expanded=None if compiled.unknown_env else expansion.text,
        unset_env=tuple(name for name in expansion.unset if name not in compiled.unknown_env),
        unknown_env=compiled.unknown_env,
        missing_groups=tuple(str(part.group) for part in regex.missing_groups(expansion.text)),
        replacements=replacements,
        result=result,
        of_match_alone=of_match_alone,
    )


def _near_miss(
    regex: rustregex.Regex, match_type: str, process: AgentProcess, context: Context
) -> NearMiss | None:
    """How far the pattern got on the text, or on the best of several texts."""
    best: NearMiss | None = None
    for subject, pid in _texts(match_type, process, context):
        prefix = longest_prefix(regex, subject.text) if not subject.masked_spans else None
        if prefix is None:
            continue
        start, end = prefix.matched_pattern_span
        matched = regex.pattern[start:end]
        if best is None or len(matched) > len(best.matched_prefix):
            best = NearMiss(
                matched_prefix=matched,
                span=prefix.span,
                expected=prefix.expected,
                subject=subject.text,
                subject_pid=pid,
            )
    return best


def _finding(compiled: CompiledRule, process: AgentProcess, context: Context) -> Finding:
    """What the pattern of a rule or matcher finds in a process."""
    if not isinstance(context.behaviour, InputsProc):
        return match_rule(compiled, process, context)
    from proccli.agent.every_matcher import find

    return find(compiled, process, context)[0]


def _also_matches(
    compiled: CompiledRule, process: AgentProcess, context: Context
) -> tuple[str, ...]:
    """The other match types under which the pattern would have matched."""
    every = isinstance(context.behaviour, InputsProc)
    found: list[str] = []
    for kind in _MATCHER_TYPES if every else _RULE_TYPES:
        other = compiled._replace(rule=compiled.rule._replace(match_type=kind))
        finding = _finding(other, process, context)
        if kind != compiled.rule.match_type and finding.hit:
            found.append(kind)
    return tuple(found)


_RULE_TYPES: Final = ("process_name", "cmdline", "parent_process_name", "tag")
_MATCHER_TYPES: Final = (
    *("process_name", "cmdline", "cmdline_with_args"),
    *("parent_process_name", "tag"),
)


def _texts(
    match_type: str, process: AgentProcess, context: Context
) -> Iterator[tuple[Subject, int]]:
    """The texts that a match type is tried on, each with the process it belongs to."""
    if process.texts is None:
        return
    pid = process.process.pid
    every = isinstance(context.behaviour, InputsProc)
    if match_type == "cmdline" and every:
        if process.texts.exe is not None:
            yield process.texts.exe, pid
    elif match_type == "cmdline" or (match_type == "cmdline_with_args" and every):
        yield process.texts.cmdline, pid
    elif match_type == "parent_process_name":
        walk = ancestors_for_matcher if every else ancestors_of
        for ancestor in walk(process.process, context.agent_process, context.host).processes:
            if ancestor.texts is not None:
                yield ancestor.texts.process_name, ancestor.process.pid
    elif match_type == "tag":
        for key, value in context.tags.entries.get(pid, ()):
            yield Subject(f"{key}:{value}"), pid
    else:
        yield process.texts.process_name, pid
