"""Explanations as JSON."""

from __future__ import annotations

from proccli.commands.explain.explain import ExplainResult
from proccli.commands.scan.json import process_json, rule_json
from proccli.model.outcome import Explanation, GroupMatch, NearMiss, RewriteTrace, RuleTrace
from proccli.terminal.document import (
    Json,
    config_json,
    document,
    lines,
    snapshot_json,
    warnings_json,
)


def explain_document(result: ExplainResult) -> bytes:
    """The document `proccli/explain/v1`."""
    return document(
        "explain",
        {
            "snapshot": snapshot_json(result.host),
            "config": config_json(result.config),
            "processes": [explanation_json(one) for one in result.explanations],
            "warnings": warnings_json(result.notes),
        },
    )


def explain_lines(result: ExplainResult) -> bytes:
    """A line for each process."""
    return lines(explanation_json(one) for one in result.explanations)


def explanation_json(explanation: Explanation) -> Json:
    """A process as `scan` shows it, with its ancestors and the trace of the rules."""
    ancestors = [
        {"pid": ancestor.pid, "process_name": ancestor.process_name}
        for ancestor in explanation.ancestors
    ]
    trace = [_trace_json(trace) for trace in explanation.trace]
    return process_json(explanation.outcome) | {"ancestors": ancestors, "trace": trace}


def _trace_json(trace: RuleTrace) -> Json:
    return rule_json(trace.rule) | {
        "outcome": trace.outcome,
        "would_match": trace.would_match,
        "subject": trace.subject,
        "subject_pid": trace.subject_pid,
        "span": None if trace.span is None else list(trace.span),
        "groups": [_group_json(group) for group in trace.groups],
        "rewrite": None if trace.rewrite is None else _rewrite_json(trace.rewrite),
        "near_miss": None if trace.near_miss is None else _near_miss_json(trace.near_miss),
        "error": trace.error,
    }


def _group_json(group: GroupMatch) -> Json:
    return {
        "index": group.index,
        "name": group.name,
        "text": group.text,
        "span": None if group.span is None else list(group.span),
    }


def _rewrite_json(rewrite: RewriteTrace) -> Json:
    return {
        "template": rewrite.template,
        "expanded": rewrite.expanded,
        "unset_env": list(rewrite.unset_env),
        "missing_groups": list(rewrite.missing_groups),
        "result": rewrite.result,
    }


def _near_miss_json(near_miss: NearMiss) -> Json:
    return {
        "matched_prefix": near_miss.matched_prefix,
        "span": list(near_miss.span),
        "expected": near_miss.expected,
    }
