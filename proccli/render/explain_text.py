"""Explanations for a person: the verdict first, then what led to it, rule by rule."""

from __future__ import annotations

from collections.abc import Iterable

from proccli.jobs.explain import ExplainResult
from proccli.model import Config, Explanation, SocketCounts, Verdict
from proccli.render.explain_rule import rule_lines
from proccli.render.paint import paint
from proccli.render.spans import Line, cells, foreign, joined, plain, shorten, wrapped
from proccli.render.view import View
from proccli.render.words import duration, listed, own_name, rfc3339, why

_LABEL = 12
_COMMAND_LINES = 3


def explain_text(result: ExplainResult, view: View) -> str:
    """Every explanation, in the order asked for."""
    lines: list[Line] = []
    for explanation in result.explanations:
        if lines:
            lines.append(())
        lines.extend(_lines(explanation, result.config, view))
    return paint(lines, view)


def _lines(explanation: Explanation, config: Config, view: View) -> Iterable[Line]:
    verdict = explanation.verdict
    yield from _headline(verdict, config, view)
    for label, value, style in _facts(explanation, config, view):
        room = None if view.width is None else max(view.width - _LABEL - 2, 10)
        first, *more = wrapped(value, room)
        yield [(f"  {label:<{_LABEL}}", style), *first]
        for line in more:
            yield [(" " * (_LABEL + 2), ""), *line]
    yield ()
    yield from _rules(explanation, view)
    if verdict.reason == "implicit-accept":
        yield (
            (" end  No rule hit: the agent's own .* accepts it under its own name.", "accepted"),
        )


def _rules(explanation: Explanation, view: View) -> Iterable[Line]:
    """Rule after rule, and a word where the agent itself stops looking."""
    never = explanation.verdict.status == "skipped" and explanation.verdict.rule is None
    unreached = [trace for trace in explanation.trace if trace.outcome == "not-reached"]
    if unreached and all(trace.would_match is None for trace in unreached):
        yield ((" The rules never see it: it has nothing that they could test.", "dim"),)
        return
    if all(trace.outcome in ("unknown", "ignored") for trace in explanation.trace) and (
        explanation.verdict.reason == "unreadable"
    ):
        yield ((" What the rules say to it is not known: it could not be read.", "dim"),)
        return
    told, problem = False, None
    for trace in explanation.trace:
        if trace.outcome == "not-reached" and not told:
            told = True
            here = "The rules never see it" if never else "Not reached"
            yield ((f" {here}; this is what they would have said:", "dim"),)
        yield from rule_lines(trace, explanation, view, said=problem)
        problem = trace.error


def _headline(verdict: Verdict, config: Config, view: View) -> list[Line]:
    """`pid 4312  java  →  DROPPED by rule 3`, and which agent says so."""
    pid = "made up" if verdict.process.pid == 0 else f"pid {verdict.process.pid}"
    becomes = (f"  {view.glyphs.becomes}  ", "")
    outcome, remark = _outcome(verdict, config)
    line: Line = [(f"{pid}  ", "head"), *foreign(own_name(verdict), "head"), becomes, *outcome]
    agent: Line = ((f"agent {config.agent} ({config.dialect})", "dim"),)
    between: Line = (("   ", ""),) if remark else ()
    if view.width is None or view.margin is None:
        return [[*line, *between, *remark, ("    ", ""), *agent]]
    gap = view.margin - sum(map(cells, (line, between, remark, agent)))
    if gap >= 2:
        return [[*line, *between, *remark, (" " * gap, ""), *agent]]
    below = joined([part for part in (remark, agent) if part], "   ")
    return [*wrapped(line, view.width), *wrapped([("  ", ""), *below], view.width)]


def _outcome(verdict: Verdict, config: Config) -> tuple[Line, Line]:
    """What becomes of it, and a remark on how."""
    by = ", no rule hit" if verdict.rule is None else f" by rule {verdict.rule.index}"
    if verdict.gprocess is not None:
        return foreign(verdict.gprocess or '""', "accepted"), ((f"accepted{by}", "accepted"),)
    if verdict.reason == "rule":
        return ((f"{verdict.status.upper()}{by}", "alarm"),), ()
    style = "unknown" if verdict.status == "unknown" else "warn"
    outcome: Line = ((f"{verdict.status.upper()}: ", style), *foreign(why(verdict, config), style))
    return outcome, () if verdict.rule is None else (
        (f"after rule {verdict.rule.index} hit", style),
    )


def _facts(explanation: Explanation, config: Config, view: View) -> Iterable[tuple[str, Line, str]]:
    """What is known of the process, as label, value and the label's style."""
    verdict = explanation.verdict
    process = verdict.process
    yield "chain", _chain(explanation, view), "dim"
    if verdict.cmdline is not None:
        room = None if view.width is None else (view.width - _LABEL - 2) * _COMMAND_LINES
        yield "command", plain(shorten(verdict.cmdline, room, view.glyphs.ellipsis)), "dim"
    if verdict.uptime_s is not None:
        since = rfc3339(verdict.start_s)
        yield "up", plain(duration(verdict.uptime_s) + (f", since {since}" if since else "")), "dim"
    if verdict.user:
        yield "user", foreign(verdict.user), "dim"
    if verdict.container_id:
        yield "container", foreign(verdict.container_id), "dim"
    if verdict.sockets is not None and verdict.gprocess is not None:
        yield from _sockets(verdict.sockets, process.pid)
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
        yield "however", ((text, "alarm"),), "alarm"


def _sockets(counts: SocketCounts, pid: int) -> Iterable[tuple[str, Line, str]]:
    told = [
        f"{number:,} {word}"
        for number, word in (
            (counts.synced, "would be sent"),
            (counts.undecided, "of unknown age"),
            (counts.skipped, "would not be sent"),
        )
        if number
    ]
    if told:
        more: Line = ((f"   (proccli sockets --pid {pid})", "dim"),)
        yield "sockets", [*plain(", ".join(told)), *more], "dim"


def _chain(explanation: Explanation, view: View) -> Line:
    verdict = explanation.verdict
    # A made-up process has pid 0, and numbers of no meaning above it.
    pids = verdict.process.pid > 0
    links = [(own_name(verdict), verdict.process.pid)]
    links.extend(
        ("?" if up.process_name is None else up.process_name, up.pid)
        for up in explanation.ancestors
    )
    names = (foreign(f"{name} {pid}" if pids else name) for name, pid in links)
    return joined(names, f" {view.glyphs.came_from} ")
