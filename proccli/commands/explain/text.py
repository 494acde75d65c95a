"""Explanations as text: the outcome, then each rule."""

from __future__ import annotations

from collections.abc import Iterable

from proccli.commands.explain.explain import ExplainResult
from proccli.commands.explain.explain_facts import LABEL, facts
from proccli.commands.explain.rule_text import is_conditional, rule_lines
from proccli.model.config import Config
from proccli.model.outcome import Explanation, Outcome
from proccli.terminal.lines import Line, cells, foreign, joined, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.view import View
from proccli.terminal.words import own_name, why


def explain_text(result: ExplainResult, view: View) -> str:
    """Every explanation, in the requested order."""
    lines: list[Line] = []
    for explanation in result.explanations:
        if lines:
            lines.append(())
        lines.extend(_lines(explanation, result, view))
    return paint(lines, view)


def _lines(explanation: Explanation, result: ExplainResult, view: View) -> Iterable[Line]:
    outcome, config = explanation.outcome, result.config
    yield from _headline(outcome, config, view)
    for label, value, style in facts(explanation, result, view):
        room = None if view.width is None else max(view.width - LABEL - 2, 10)
        first, *more = wrapped(value, room)
        yield [(f"  {label:<{LABEL}}", style), *first]
        for line in more:
            yield [(" " * (LABEL + 2), ""), *line]
    yield ()
    yield from _rules(explanation, view)
    if outcome.reason == "implicit-accept":
        yield (
            (
                " end  No rule matched: the agent's built-in .* accepts it under its own name.",
                "accepted",
            ),
        )


def _rules(explanation: Explanation, view: View) -> Iterable[Line]:
    """Each rule, and a line where the agent itself stops."""
    never = explanation.outcome.status == "skipped" and explanation.outcome.rule is None
    unreached = [trace for trace in explanation.trace if trace.outcome == "not-reached"]
    if unreached and all(trace.would_match is None for trace in unreached):
        yield ((" The process does not get to the rules: it has no text to match.", "dim"),)
        return
    if all(trace.outcome in ("unknown", "ignored") for trace in explanation.trace) and (
        explanation.outcome.reason == "unreadable"
    ):
        yield ((" The result of the rules is unknown: the process could not be read.", "dim"),)
        return
    has_divider, previous_error = False, None
    for trace in explanation.trace:
        if (trace.outcome == "not-reached" or is_conditional(trace)) and not has_divider:
            has_divider = True
            here = "The process does not get to the rules" if never else "Not reached"
            if is_conditional(trace):
                here = "It is unknown whether the other rules are reached"
            yield ((f" {here}; their results would be:", "dim"),)
        yield from rule_lines(trace, explanation, view, previous_error=previous_error)
        previous_error = trace.error


def _headline(outcome: Outcome, config: Config, view: View) -> list[Line]:
    """`pid 4312  java  →  DROPPED by rule 3`, and the agent version."""
    pid = "made up" if outcome.process.pid == 0 else f"pid {outcome.process.pid}"
    becomes = (f"  {view.glyphs.becomes}  ", "")
    result, remark = _outcome(outcome, config)
    line: Line = [(f"{pid}  ", "head"), *foreign(own_name(outcome), "head"), becomes, *result]
    agent: Line = ((f"agent {config.agent} ({config.dialect})", "dim"),)
    between: Line = (("   ", ""),) if remark else ()
    if view.width is None or view.margin is None:
        return [[*line, *between, *remark, ("    ", ""), *agent]]
    gap = view.margin - sum(map(cells, (line, between, remark, agent)))
    if gap >= 2:
        return [[*line, *between, *remark, (" " * gap, ""), *agent]]
    below = joined([part for part in (remark, agent) if part], "   ")
    return [*wrapped(line, view.width), *wrapped([("  ", ""), *below], view.width)]


def _outcome(outcome: Outcome, config: Config) -> tuple[Line, Line]:
    """The outcome of the process, and the rule that led to it."""
    by = ", no rule matched" if outcome.rule is None else f" by rule {outcome.rule.index}"
    if outcome.gprocess is not None:
        return foreign(outcome.gprocess or '""', "accepted"), ((f"accepted{by}", "accepted"),)
    if outcome.reason == "rule":
        return ((f"{outcome.status.upper()}{by}", "alarm"),), ()
    style = "unknown" if outcome.status == "unknown" else "warn"
    result: Line = ((f"{outcome.status.upper()}: ", style), *foreign(why(outcome, config), style))
    return result, () if outcome.rule is None else (
        (f"after rule {outcome.rule.index} matched", style),
    )
