"""Each rule's part in an outcome: what it was tried on, whether it matched, how close it was."""

from __future__ import annotations

from collections.abc import Iterator

from proccli import rustregex
from proccli.agent.decision import Context, skip_reason
from proccli.agent.first_match import Finding, match_rule, rewrite_is_mask_safe, subject_of
from proccli.agent.process import AgentProcess, Subject, ancestors_of
from proccli.agent.rules import CompiledRule
from proccli.config.warning_words import rule_problem_wording
from proccli.model.outcome import (
    GroupMatch,
    NearMiss,
    Replacement,
    RewriteTrace,
    RuleOutcome,
    RuleTrace,
)
from proccli.rustregex.match.prefix import longest_prefix


def trace_rules(process: AgentProcess, context: Context) -> tuple[RuleTrace, ...]:
    """Every rule's part in the outcome, in order.

    A process on which no rule is tried has a trace all the same: whether each would have matched.
    Rules are traced as `first_match` applies them: those after a match are not reached. A strategy
    that tries every rule needs a trace of its own, in which all are reached.
    """
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
        problem = rule_problem_wording(rule.problem).problem if rule.problem is not None else None
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
        subject=subject.text if subject is not None else None,
        subject_pid=finding.subject_pid,
        span=match.span() if match is not None else None,
        groups=_groups(regex, match),
        rewrite=_rewrite(compiled, regex, subject, process)
        if outcome == "hit" and subject
        else None,
        near_miss=_near_miss(regex, rule.match_type, process, context) if missed else None,
        also_matches=_also_matches(compiled, process, context) if missed else (),
        error=_open_reason(finding, outcome, process),
    )


def _open_reason(finding: Finding, outcome: RuleOutcome, process: AgentProcess) -> str | None:
    if outcome != "unknown":
        return None
    if process.texts is None:
        return "the process could not be read"
    return {
        "masked": "the text that decides is masked in the recording",
        "tags-unknown": "the tags are unknown",
        "unreadable": "an ancestor could not be read",
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
    compiled: CompiledRule, regex: rustregex.Regex, subject: Subject, process: AgentProcess
) -> RewriteTrace | None:
    expansion = compiled.expansion
    if expansion is None:
        return None
    replacements: tuple[Replacement, ...] = ()
    result = None
    known = not subject.masked_spans or rewrite_is_mask_safe(compiled, process)
    if not expansion.text and not compiled.unknown_env:
        own = subject_of(process, "process_name")
        result = None if own.masked_spans else own.text  # an empty template rewrites nothing
    elif known and not compiled.unknown_env:
        replacements = tuple(
            Replacement(span=(step.match.start, step.match.end), text=step.expanded)
            for step in regex.replacements(subject.text, expansion.text)
        )
        result = regex.replace_all(subject.text, expansion.text)
    return RewriteTrace(
        template=compiled.rule.rewrite_name,
        expanded=None if compiled.unknown_env else expansion.text,
        unset_env=tuple(name for name in expansion.unset if name not in compiled.unknown_env),
        unknown_env=compiled.unknown_env,
        missing_groups=tuple(str(part.group) for part in regex.missing_groups(expansion.text)),
        replacements=replacements,
        result=result,
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


def _also_matches(
    compiled: CompiledRule, process: AgentProcess, context: Context
) -> tuple[str, ...]:
    """The other match types under which the pattern would have matched."""
    return tuple(
        kind
        for kind in ("process_name", "cmdline", "parent_process_name", "tag")
        if kind != compiled.rule.match_type
        and match_rule(
            compiled._replace(rule=compiled.rule._replace(match_type=kind)), process, context
        ).hit
    )


def _texts(
    match_type: str, process: AgentProcess, context: Context
) -> Iterator[tuple[Subject, int]]:
    """The texts that a match type is tried on, each with the process it belongs to."""
    if process.texts is None:
        return
    pid = process.process.pid
    if match_type == "cmdline":
        yield process.texts.cmdline, pid
    elif match_type == "parent_process_name":
        for ancestor in ancestors_of(
            process.process, context.agent_process, context.host
        ).processes:
            if ancestor.texts is not None:
                yield ancestor.texts.process_name, ancestor.process.pid
    elif match_type == "tag":
        for key, value in context.tags.entries.get(pid, ()):
            yield Subject(f"{key}:{value}"), pid
    else:
        yield process.texts.process_name, pid
