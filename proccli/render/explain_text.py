"""Explanations for a person: the verdict first, then what led to it, rule by rule."""

from __future__ import annotations

from collections.abc import Iterable

from proccli.jobs.explain import ExplainResult
from proccli.model import Config, Explanation, Reason, Verdict
from proccli.render.explain_rule import rule_lines
from proccli.render.paint import paint
from proccli.render.spans import Line, cells, foreign, joined, plain, wrapped
from proccli.render.view import View
from proccli.render.words import duration, listed, rfc3339, why

_LABEL = 10
_BEFORE_THE_RULES: frozenset[Reason] = frozenset(
    {"no-cmdline", "cmdline-not-utf8", "no-name", "min-lifetime", "future-start", "unreadable"}
)


def explain_text(result: ExplainResult, view: View) -> str:
    """Every explanation, in the order asked for."""
    lines: list[Line] = []
    for explanation in result.explanations:
        if lines:
            lines.append(())
        lines.extend(_explanation_lines(explanation, result.config, view))
    return paint(lines, view)


def _explanation_lines(explanation: Explanation, config: Config, view: View) -> Iterable[Line]:
    verdict = explanation.verdict
    yield from _headline(verdict, config, view)
    for label, value, style in _facts(explanation, config, view):
        room = None if view.width is None else max(view.width - _LABEL - 2, 10)
        first, *more = wrapped(value, room)
        yield [(f"  {label:<{_LABEL}}", style), *first]
        for line in more:
            yield [(" " * (_LABEL + 2), ""), *line]
    yield ()
    if verdict.reason in _BEFORE_THE_RULES and explanation.trace:
        yield (("  The rules never see it. They would have said:", "dim"),)
    for trace in explanation.trace:
        yield from rule_lines(trace, explanation, view)
    if verdict.reason == "implicit-accept":
        yield (
            (" end  No rule hit: the agent's own .* accepts it under its own name.", "accepted"),
        )


def _headline(verdict: Verdict, config: Config, view: View) -> list[Line]:
    """`pid 4312  java  →  DROPPED by rule 3`, and which agent says so."""
    pid = "made up" if verdict.process.pid == 0 else f"pid {verdict.process.pid}"
    left: list[tuple[str, str]] = [(f"{pid}  ", "head"), *foreign(_own_name(verdict), "head")]
    left.append((f"  {view.glyphs.becomes}  ", ""))
    left.extend(_outcome(verdict, config))
    agent: Line = ((f"agent {config.agent} ({config.dialect})", "dim"),)
    if view.width is None:
        return [[*left, ("    ", ""), *agent]]
    gap = view.width - cells(left) - cells(agent)
    if gap >= 2:
        return [[*left, (" " * gap, ""), *agent]]
    return [*wrapped(left, view.width), [("  ", ""), *agent]]


def _own_name(verdict: Verdict) -> str:
    if verdict.process_name is not None:
        return verdict.process_name
    return "?" if verdict.process.comm is None else f"[{verdict.process.comm}]"


def _outcome(verdict: Verdict, config: Config) -> Line:
    by = "no rule hit" if verdict.rule is None else f"by rule {verdict.rule.index}"
    if verdict.gprocess is not None:
        return (*foreign(verdict.gprocess or '""', "accepted"), (f"   accepted, {by}", "accepted"))
    if verdict.reason == "rule":
        return ((f"{verdict.status.upper()} {by}", "alarm"),)
    hit = "" if verdict.rule is None else f" (rule {verdict.rule.index} had hit)"
    style = "unknown" if verdict.status == "unknown" else "warn"
    return (
        (f"{verdict.status.upper()}: ", style),
        *foreign(why(verdict, config), style),
        (hit, ""),
    )


def _facts(explanation: Explanation, config: Config, view: View) -> Iterable[tuple[str, Line, str]]:
    """What is known of the process, as label, value and the label's style."""
    verdict = explanation.verdict
    process = verdict.process
    yield "chain", _chain(explanation, view), "dim"
    if verdict.cmdline is not None:
        yield "command", foreign(verdict.cmdline), "dim"
    if verdict.uptime_s is not None:
        since = rfc3339(verdict.start_s)
        yield "up", plain(duration(verdict.uptime_s) + (f", since {since}" if since else "")), "dim"
    if verdict.user:
        yield "user", foreign(verdict.user), "dim"
    if verdict.container_id:
        yield "container", foreign(verdict.container_id), "dim"
    if verdict.tags:
        tags = (
            [
                *foreign(f"{tag.name}={tag.value}", "tag"),
                ("" if tag.from_pid == process.pid else f" (from pid {tag.from_pid})", "dim"),
            ]
            for tag in verdict.tags
        )
        yield "tags", joined(tags, ", "), "dim"
    if verdict.tags is None:
        yield "tags", plain("not known"), "warn"
    if process.errors:
        causes = [f"{error.field} ({error.detail})" for error in process.errors]
        yield "unreadable", foreign(listed(causes)), "warn"
    if not config.sync_enabled:
        text = "os-proc-sync-enabled is false: the agent sends nothing, whatever the rules say"
        yield "but", ((text, "alarm"),), "alarm"


def _chain(explanation: Explanation, view: View) -> Line:
    verdict = explanation.verdict
    pid = verdict.process.pid
    links = [foreign(f"{_own_name(verdict)} {pid}" if pid else _own_name(verdict))]
    for ancestor in explanation.ancestors:
        name = "?" if ancestor.process_name is None else ancestor.process_name
        links.append(foreign(f"{name} {ancestor.pid}" if ancestor.pid > 0 else name))
    return joined(links, f" {view.glyphs.came_from} ")
