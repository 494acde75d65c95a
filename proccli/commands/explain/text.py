"""Explanations as text: the outcome, then each rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from proccli.commands.explain.explain import ExplainResult, ExplainTotals, OutcomeCount
from proccli.commands.explain.rule_text import is_conditional, rule_lines
from proccli.commands.inputs import InputOptions
from proccli.model.config import Config
from proccli.model.explanation import Explanation
from proccli.model.outcome import Outcome, SocketCounts
from proccli.terminal.lines import (
    COMMAND,
    Line,
    Span,
    cells,
    joined,
    plain,
    shorten,
    untrusted,
    wrapped,
)
from proccli.terminal.paint import paint
from proccli.terminal.table import Column, grid
from proccli.terminal.view import View
from proccli.terminal.words import SHORT_REASONS, duration, own_name, rfc3339, seen, why
from proccli.text import counted, listed
from proccli.versions import InputsProc, behaviour_of


def explain_text(result: ExplainResult, view: View, options: InputOptions | None = None) -> str:
    """Every explanation, in the requested order.

    `options` are the inputs of further commands; without them none is shown.
    """
    lines: list[Line] = []
    for explanation in result.explanations:
        if lines:
            lines.append(())
        lines.extend(_lines(explanation, result, view, options))
    return paint(lines, view)


def totals_text(totals: ExplainTotals, view: View, options: InputOptions | None = None) -> str:
    """The explanations of all hosts; of several processes with the same outcome, one of them."""
    lines: list[Line] = []
    for result, explanation in totals.shown:
        if lines:
            lines.append(())
        lines.extend(_lines(explanation, result, view, options))
    for name, counts in totals.by_name.items():
        if lines:
            lines.append(())
        lines.extend(_counts_lines(name, tuple(counts.values()), totals, view))
        for count in _frequent(tuple(counts.values()))[:_EXAMPLES]:
            lines.append(())
            lines.extend(_lines(count.example, count.on, view, options))
    return paint(lines, view)


_EXAMPLES = 4
"""Maximum number of outcomes of a name of which a process is explained in full."""
_SOME = 3
_SOME_PIDS = 5


def _frequent(counts: Sequence[OutcomeCount]) -> Sequence[OutcomeCount]:
    return sorted(counts, key=lambda count: -count.processes)


def _counts_lines(
    name: str, counts: Sequence[OutcomeCount], totals: ExplainTotals, view: View
) -> Iterable[Line]:
    """How many processes of a name have which outcome, and which processes these are."""
    mark, several = view.glyphs.ellipsis, len(totals.hosts) > 1
    total = counted(sum(count.processes for count in counts), "process")
    hosts = dict.fromkeys(host for count in counts for host in count.hosts)
    on = f" on {_few(tuple(hosts), 'host')}" if several else ""
    yield [
        (f"{total} ", "head"),
        (shorten(name, view.width and view.width // 2, mark), "name"),
        (f"{on}:", "head"),
    ]

    def outcome_cell(count: OutcomeCount, _room: int | None) -> Line:
        outcome = count.example.outcome
        style = "error" if outcome.reason == "rule" and outcome.gprocess is None else outcome.status
        rule = "" if outcome.rule is None else f" #{outcome.rule.index}"
        reason = SHORT_REASONS.get(outcome.reason)
        return ((f"{outcome.status}{rule}{f' ({reason})' if reason else ''}", style),)

    def name_cell(count: OutcomeCount, room: int | None) -> Line:
        names = [one for one in count.names if one]
        more = len(names) - _SOME
        text = ", ".join(names[:_SOME]) + (f" and {more:,} more names" if more > 0 else "")
        return ((shorten(text, room, mark), "name"),)

    def where_cell(count: OutcomeCount, room: int | None) -> Line:
        more = count.processes - len(count.pids[:5])
        pids = f"pid {', '.join(map(str, count.pids[:5]))}" + (
            f" and {more:,} more" if more else ""
        )
        text = f"{_few(tuple(count.hosts), 'host')}, {pids}" if several else pids
        return ((shorten(text, room, mark), "dim"),)

    columns: Sequence[Column[OutcomeCount]] = (
        Column(title="PROCESSES", cell=lambda c, _: plain(f"{c.processes:,}"), right=True),
        Column(title="OUTCOME", cell=outcome_cell),
        Column(title="NAME", cell=name_cell, least=8),
        Column(title="WHERE", cell=where_cell, least=10),
    )
    yield from grid(_frequent(counts), columns, view)
    left = len(counts) - _EXAMPLES
    explained = "One process of each outcome is explained below."
    if left > 0:
        explained = f"One process of each of the first {_EXAMPLES} outcomes is explained below."
    yield from wrapped(plain(explained), view.width)


def _few(names: Sequence[str], noun: str) -> str:
    if len(names) <= _SOME:
        return listed(names)
    return f"{counted(len(names), noun)}, e.g. {names[0]}"


def _lines(
    explanation: Explanation, result: ExplainResult, view: View, options: InputOptions | None
) -> Iterable[Line]:
    outcome, config = explanation.outcome, result.config
    yield from _headline(outcome, config, view)
    for label, value, style in facts(explanation, result, view, options):
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
    result, remark = _outcome(outcome, config, view)
    line: Line = [(f"{pid}  ", "head"), _name(own_name(outcome), "head", view), becomes, *result]
    agent: Line = ((f"agent {config.agent} ({config.dialect})", "dim"),)
    between: Line = (("   ", ""),) if remark else ()
    if view.width is None or view.margin is None:
        return [[*line, *between, *remark, ("    ", ""), *agent]]
    gap = view.margin - sum(map(cells, (line, between, remark, agent)))
    if gap >= 2:
        return [[*line, *between, *remark, (" " * gap, ""), *agent]]
    below = joined([part for part in (remark, agent) if part], "   ")
    return [*wrapped(line, view.width), *wrapped([("  ", ""), *below], view.width)]


def _name(name: str, style: str, view: View) -> Span:
    """A name; on a terminal, at most a few lines of it: a process can make it megabytes long."""
    room = None if view.width is None else view.width * _COMMAND_LINES
    return shorten(name, room, view.glyphs.ellipsis), style


def _outcome(outcome: Outcome, config: Config, view: View) -> tuple[Line, Line]:
    """The outcome of the process, and the rule that led to it."""
    noun = "rule" if config.dialect == "static_config" else "matcher"
    by = f", no {noun} matched" if outcome.rule is None else f" by {noun} {outcome.rule.index}"
    if outcome.gprocess is not None:
        name = _name(outcome.gprocess or '""', "accepted", view)
        return (name,), ((f"accepted{by}", "accepted"),)
    if outcome.reason == "rule":
        return ((f"{outcome.status.upper()}{by}", "error"),), ()
    style = "unknown" if outcome.status == "unknown" else "warning"
    result: Line = ((f"{outcome.status.upper()}: ", style), *untrusted(why(outcome, config), style))
    return result, () if outcome.rule is None else (
        (f"after {noun} {outcome.rule.index} matched", style),
    )


Fact: TypeAlias = tuple[str, Line, str]
"""A label, its value, and the style of the label."""

LABEL = 12
"""Width of the label in cells."""
_COMMAND_LINES = 3


def facts(
    explanation: Explanation, result: ExplainResult, view: View, options: InputOptions | None
) -> Iterable[Fact]:
    """The known facts about the process."""
    outcome = explanation.outcome
    process = outcome.process
    if result.host.kind in ("recording", "directory", "ps"):
        where = f"{result.host.name}, " if result.host.name else ""
        yield "snapshot", untrusted(f"{where}{seen(result.host)}"), "dim"
    yield "ancestors", _chain(explanation, view), "dim"
    if outcome.cmdline is not None:
        room = None if view.width is None else (view.width - LABEL - 2) * _COMMAND_LINES
        yield "command", plain(shorten(outcome.cmdline, room, view.glyphs.ellipsis)), "dim"
    if outcome.uptime_s is not None:
        since = rfc3339(outcome.start_s)
        yield (
            "uptime",
            plain(duration(outcome.uptime_s) + (f", since {since}" if since else "")),
            "dim",
        )
    for label, text in (("user", outcome.user), ("container", outcome.container_id)):
        if text:
            yield label, untrusted(text), "dim"
    if outcome.sockets is not None and outcome.gprocess is not None:
        again = None
        if options is not None:
            again = options.command("sockets", "--pid", str(process.pid), as_root=True)
        yield from _sockets(outcome.sockets, again)
    yield from _tags(outcome)
    yield from _of_matchers(explanation, result)
    if process.failures and outcome.reason != "unreadable":  # else the headline shows them
        causes = [f"{error.field} ({error.detail})" for error in process.failures]
        yield "unreadable", untrusted(listed(causes)), "warning"
    if not result.config.sync_enabled:
        key = result.config.key("sync_enabled")
        text = f"{key} is false: the agent sends nothing, regardless of the rules"
        yield "note", ((text, "error"),), "error"


def _of_matchers(explanation: Explanation, result: ExplainResult) -> Iterable[Fact]:
    """The other features, and what depends on what the agent saw before."""
    if explanation.features:
        yield "features", _features(explanation), "dim"
    behaviour = behaviour_of(result.config.agent, result.config.dialect)
    if isinstance(behaviour, InputsProc) and behaviour.cached and result.host.kind != "made-up":
        text = (
            "a running agent keeps what it read first while pid and start second stay the same:"
            " it does not see a later exec or title"
        )
        yield "note", plain(text), "dim"


def _features(explanation: Explanation) -> Line:
    """What the other features do with the process."""
    parts = []
    for other in explanation.features:
        what = {None: "unknown", True: "taken", False: "not taken"}[other.taken]
        name = "" if other.name is None else f' as "{other.name}"'
        parts.append(f"{other.feature}: {what}{name}")
    return untrusted("; ".join(parts))


def _sockets(counts: SocketCounts, again: str | None) -> Iterable[Fact]:
    parts = [
        f"{number:,} {word}"
        for number, word in (
            (counts.synced, "would be sent"),
            (counts.undecided, "of unknown age"),
            (counts.skipped, "would not be sent"),
        )
        if number
    ]
    if parts:
        more: Line = (("   ", ""), (again, COMMAND)) if again is not None else ()
        yield "sockets", [*plain(", ".join(parts)), *more], "dim"


def _chain(explanation: Explanation, view: View) -> Line:
    outcome = explanation.outcome
    # A made-up process has pid 0, and its ancestors have meaningless pids.
    pids = outcome.process.pid > 0
    links = [(own_name(outcome), outcome.process.pid)]
    links.extend(
        ("?" if up.process_name is None else up.process_name, up.pid)
        for up in explanation.ancestors
    )
    names = ((_name(name, "", view), (f" {pid}" if pids else "", "")) for name, pid in links)
    return joined(names, f" {view.glyphs.came_from} ")


def _tags(outcome: Outcome) -> Iterable[Fact]:
    if outcome.tags is None:
        yield "tags", plain("unknown"), "warning"
    elif outcome.tags:
        own = outcome.process.pid
        tags = (
            [
                *untrusted(f"{tag.name}={tag.value}", "tag"),
                ("" if tag.from_pid == own else f" (from pid {tag.from_pid})", "dim"),
            ]
            for tag in outcome.tags
        )
        yield "tags", joined(tags, ", "), "dim"
