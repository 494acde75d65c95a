"""A scan as a table: a line per process, then the rules with their hits, then a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, Protocol

from proccli.commands.scan.scan import ScanResult, ScanTotals
from proccli.model.config import BUILT_IN, Config, Rule
from proccli.model.outcome import Outcome, Status
from proccli.model.process import Host, Process
from proccli.terminal.frame import Frame
from proccli.terminal.lines import Line, cells, joined, plain, shorten, untrusted, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.table import Column, grid, host_grid
from proccli.terminal.view import View
from proccli.terminal.words import SHORT_REASONS, duration, own_name, seen
from proccli.text import counted, listed
from proccli.versions import SENT_FEATURE, StaticConfig, behaviour_of

if TYPE_CHECKING:
    from proccli.commands.scan.gprocesses import Identified
    from proccli.terminal.document import OfHost

_FOLDED = 3
"""Minimum number of consecutive processes without a command line that share a line."""
_ROOM_FOR_UNNAMED = 18
"""Maximum width in cells of a name that is not sent, on a terminal of `_USUAL_WIDTH`."""
_USUAL_WIDTH = 80

_LEAST_REMARK = 12
"""Minimum width in cells to show the original name next to the new one."""


class _Row(NamedTuple):
    """A process, or several consecutive ones without a command line."""

    outcome: Outcome
    last_pid: int | None = None
    processes: int = 1


def scan_table(
    result: ScanResult,
    shown: Sequence[Outcome],
    view: View,
    identified: Identified | None = None,
) -> str:
    """The selected processes, and the summary of the whole scan.

    On a terminal, consecutive kernel threads share a line, unless processes are filtered. With
    `identified`, each process has its gprocess, and names shared by processes are listed.
    """
    rows = [_Row(outcome=outcome) for outcome in shown]
    if view.width is not None and len(shown) == len(result.outcomes):
        rows = list(_folded(shown))
    columns = _columns(shown, view)
    if identified is not None and identified.server.aggregates:
        columns.insert(2, _group_column(identified))
    lines = grid(rows, columns, view)
    if lines:
        lines.append(())
    if identified is not None:
        from proccli.commands.scan.gprocesses_text import identity_lines

        lines.extend(identity_lines(identified, shown, view))
    lines.extend(rules_lines(result.totals, view))
    lines.extend(total_lines(result.totals, len(shown), view))
    return paint(lines, view)


def watched(result: ScanResult, shown: Sequence[Outcome], now: str, view: View) -> Frame:
    """The same for a terminal that shows it again and again; `now` is the time of day."""
    rows = [_Row(outcome=outcome) for outcome in shown]
    if len(shown) == len(result.outcomes):
        rows = list(_folded(shown))
    totals = total_lines(result.totals, len(shown), view)
    head = paint([[(f"{now}  ", "head"), *totals[0]], *totals[1:], ()], view)
    body = paint(grid(rows, _columns(shown, view), view), view)
    return Frame(head.splitlines(), body.splitlines())


def slim(outcome: Outcome) -> Outcome:
    """The outcome with what the table shows, so that those of many hosts fit into memory."""
    process = Process(pid=outcome.process.pid, comm=outcome.process.comm)
    return outcome._replace(process=process, hits=())


def hosts_table(totals: ScanTotals, shown: Sequence[OfHost], view: View) -> str:
    """The selected processes of several hosts, and the summary of all."""
    rows = [(host, _Row(outcome=outcome)) for host, outcome in shown]
    if view.width is not None and len(shown) == totals.summary.total:
        rows = [
            (host, row)
            for host, run in groupby(shown, key=itemgetter(0))
            for row in _folded(outcome for _, outcome in run)
        ]
    columns = _columns([outcome for _, outcome in shown], view)
    lines = host_grid(rows, columns, view)
    if lines:
        lines.append(())
    lines.extend(rules_lines(totals, view))
    lines.extend(total_lines(totals, len(shown), view))
    return paint(lines, view)


def _folded(outcomes: Iterable[Outcome]) -> Iterator[_Row]:
    for idle, run in groupby(outcomes, key=lambda outcome: outcome.reason == "no-cmdline"):
        alike = list(run)
        if idle and len(alike) >= _FOLDED:
            yield _Row(outcome=alike[0], last_pid=alike[-1].process.pid, processes=len(alike))
        else:
            yield from (_Row(outcome=outcome) for outcome in alike)


def _columns(shown: Sequence[Outcome], view: View) -> list[Column[_Row]]:
    """The columns that are not empty for these processes."""
    columns: list[Column[_Row]] = [
        Column(title="PID", cell=lambda row, _: plain(str(row.outcome.process.pid)), right=True),
        Column(title="OUTCOME", cell=lambda row, _: _outcome_cell(row.outcome)),
        Column(title="NAME", cell=lambda row, room: _name_cell(row, room, view), least=14),
    ]
    if any(outcome.tags for outcome in shown):
        columns.append(
            Column(
                title="TAGS",
                cell=lambda row, room: _tags_cell(row, room, view),
                least=10,
                spare=1,
            )
        )
    if any(outcome.user for outcome in shown):
        columns.append(
            Column(
                title="USER", cell=lambda row, room: _user_cell(row, room, view), least=8, spare=2
            )
        )
    if any(outcome.uptime_s is not None for outcome in shown):
        columns.append(
            Column(title="UPTIME", cell=lambda row, _: _uptime_cell(row), right=True, spare=3)
        )
    columns.append(
        Column(title="COMMAND", cell=lambda row, room: _command_cell(row, room, view), least=20)
    )
    return columns


def _group_column(identified: Identified) -> Column[_Row]:
    from proccli.commands.scan.gprocesses_text import group_cell

    return Column(
        title="ID",
        cell=lambda row, _: group_cell(identified.by_pid.get(row.outcome.process.pid)),
        right=True,
    )


def _outcome_cell(outcome: Outcome) -> Line:
    """`accepted #2`; without a number if no rule matched."""
    rule = "" if outcome.rule is None else f" #{outcome.rule.index}"
    return ((f"{outcome.status}{rule}", outcome.status),)


def _name_cell(row: _Row, room: int | None, view: View) -> Line:
    """The name it is sent under and, if different, its original name."""
    outcome, mark = row.outcome, view.glyphs.ellipsis
    if row.last_pid is not None:
        return ((f"to {row.last_pid}", "dim"),)
    if outcome.gprocess is None:
        if room is not None and view.width is not None:
            # Of the cells that a wider terminal has, a third is for names.
            spare = max(view.width - _USUAL_WIDTH, 0) // 3
            room = min(room, _ROOM_FOR_UNNAMED + spare)
        return ((shorten(own_name(outcome), room, mark), "dim"),)
    if outcome.gprocess == outcome.process_name:
        return ((shorten(outcome.gprocess, room, mark), "name"),)
    name = outcome.gprocess or '""'
    was = f" {view.glyphs.came_from} {outcome.process_name or '?'}"
    line: Line = (*untrusted(name, "name"), *untrusted(was, "dim"))
    if room is None or cells(line) <= room:
        return line
    left = room - cells(untrusted(name))
    if left >= _LEAST_REMARK:
        return (*untrusted(name, "name"), (shorten(was, left, mark), "dim"))
    return ((shorten(name, room, mark), "name"),)


def _tags_cell(row: _Row, room: int | None, view: View) -> Line:
    tags, own = row.outcome.tags, row.outcome.process.pid
    if row.processes > 1 or tags == ():
        return ()
    if tags is None:
        return (("?", "unknown"),)
    texts = [(f"{tag.key}={tag.value}", "tag" if tag.from_pid == own else "dim") for tag in tags]
    line = joined((untrusted(text, style) for text, style in texts), " ")
    if room is None or cells(line) <= room:
        return line
    return ((shorten(" ".join(text for text, _ in texts), room, view.glyphs.ellipsis), "tag"),)


def _user_cell(row: _Row, room: int | None, view: View) -> Line:
    if row.processes > 1:
        return ()
    return plain(shorten(row.outcome.user or "", room, view.glyphs.ellipsis))


def _uptime_cell(row: _Row) -> Line:
    uptime_s = row.outcome.uptime_s
    return () if uptime_s is None or row.processes > 1 else ((duration(uptime_s), "dim"),)


def _command_cell(row: _Row, room: int | None, view: View) -> Line:
    """The reason why it is not sent, and the command line as the agent sees it."""
    outcome, mark = row.outcome, view.glyphs.ellipsis
    if row.processes > 1:
        return ((shorten(f"({row.processes:,} without a command line)", room, mark), "skipped"),)
    reason = SHORT_REASONS.get(outcome.reason)
    remark = "" if reason is None else f"({reason}) " if outcome.cmdline else f"({reason})"
    left = None if room is None else max(room - len(remark), 0)
    command = shorten(outcome.cmdline or "", left, mark)
    style = "dim" if outcome.gprocess is None else ""
    return ((shorten(remark, room, mark), outcome.status), (command, style))


class Basis(Protocol):
    """The host and configuration that a result is about."""

    @property
    def host(self) -> Host:
        """Where and when the processes were read."""

    @property
    def config(self) -> Config:
        """The configuration of the agent."""


class _RuleRow(NamedTuple):
    rule: Rule | None
    hits: int
    accepts: bool = True
    """Whether the agent accepts what no rule matches."""


def rules_lines(result: ScanTotals, view: View) -> list[Line]:
    """Each rule with its number of hits, and the implicit accept at the end."""
    hits = result.hits_by_rule
    rows = [_RuleRow(rule=rule, hits=hits[rule.index]) for rule in result.config.rules]
    if not rows:
        return []
    behaviour = behaviour_of(result.config.agent, result.config.dialect)
    implicit = isinstance(behaviour, StaticConfig) and behaviour.implicit_accept
    unmatched = sum(n for (_, reason), n in result.reasons.items() if reason == "no-match")
    rows.append(_RuleRow(rule=None, hits=hits[0] if implicit else unmatched, accepts=implicit))
    mark = view.glyphs.ellipsis
    columns: Sequence[Column[_RuleRow]] = (
        Column(title="HITS", cell=lambda row, _: _hits_cell(row), right=True),
        Column(
            title="RULE",
            cell=lambda row, _: ((f"#{row.rule.index}" if row.rule else " 0", ""),),
        ),
        Column(title="MATCH", cell=lambda row, room: _test_cell(row, room, mark), least=20),
        Column(title="ACTION", cell=lambda row, room: _action_cell(row, room, view), least=14),
        Column(title="LINE", cell=lambda row, _: _line_cell(row), right=True),
    )
    return [*grid(rows, columns, view), ()]


def _hits_cell(row: _RuleRow) -> Line:
    if row.rule is not None and row.rule.problem is not None:
        return (("-", "error"),)
    style = "" if row.hits or row.rule is None else "warning"
    return ((f"{row.hits:,}", style),)


def _test_cell(row: _RuleRow, room: int | None, mark: str) -> Line:
    if row.rule is None:
        return ((shorten("no rule matched", room, mark), "dim"),)
    text = f"{row.rule.match_type} ~ {row.rule.match_regex}"
    return ((shorten(text, room, mark), ""),)


def _action_cell(row: _RuleRow, room: int | None, view: View) -> Line:
    if row.rule is None:
        return ((("accept" if row.accepts else "not sent"), "dim"),)
    if row.rule.problem is not None:
        from proccli.config.warning_words import rule_problem_wording

        text = f"ignored (invalid): {rule_problem_wording(row.rule.problem).problem}"
        return ((shorten(text, room, view.glyphs.ellipsis), "error"),)
    if row.rule.ignore:
        return (("ignore", "dropped"),)
    if row.rule.action == "drop":
        return (("drop", "dropped"),)
    if not row.rule.rewrite_name or row.rule.match_type in ("parent_process_name", "tag"):
        return (("accept", "accepted"),)
    text = f"accept {view.glyphs.becomes} {row.rule.rewrite_name}"
    return ((shorten(text, room, view.glyphs.ellipsis), "accepted"),)


def _line_cell(row: _RuleRow) -> Line:
    built_in = row.rule is None or row.rule.at == BUILT_IN
    return () if row.rule is None or built_in else ((str(row.rule.at.line), "dim"),)


def total_lines(result: ScanTotals, shown: int, view: View) -> list[Line]:
    """Where and when, the counts by outcome, and what the agent would send."""
    summary = result.summary
    parts: list[Line] = []
    for status in ("accepted", "dropped", "skipped", "unknown"):
        number = getattr(summary, status)
        if number:
            parts.append(_status_part(result, status, number))
    counts = joined(parts, ", ")
    total: Line = [(f"{counted(summary.total, 'process')}: ", "head"), *counts]
    if shown < summary.total:
        total = [(f"{shown:,} of {summary.total:,} shown. ", "head"), *total]
    lines = [hosts_line(result.hosts, result.config, view), total, _sent_line(result)]
    return [piece for line in lines for piece in wrapped(line, view.width)]


def _status_part(result: ScanTotals, status: Status, number: int) -> Line:
    reasons: Counter[str] = Counter()
    for (of_status, reason), processes in result.reasons.items():
        if of_status == status and reason in SHORT_REASONS:
            reasons[SHORT_REASONS[reason]] += processes
    part: list[tuple[str, str]] = [(f"{number:,} {status}", status)]
    if reasons:
        detail = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
        part.append((f" ({detail})", "dim"))
    return part


def basis_line(result: Basis, view: View) -> Line:
    """The machine, the configuration and the agent version of a result."""
    return hosts_line([result.host], result.config, view)


_NAMED_HOSTS = 3
"""Maximum number of hosts that are named; of more, the first is the example."""


def hosts_line(hosts: Sequence[Host], config: Config, view: View) -> Line:
    """The hosts, the configuration and the agent version of a result."""
    first = hosts[0]
    names = [host.name or "unnamed host" for host in hosts]
    if len(hosts) == 1:
        where = [untrusted(names[0]), plain(seen(first))]
    else:
        different = tuple(dict.fromkeys(names))
        what = counted(len(different), "host")
        if len(different) < len(hosts):  # one host twice, or two machines of one name
            what = f"{len(hosts):,} sources of {what} by name, each counted"
        few = len(different) <= _NAMED_HOSTS
        which = f": {listed(different)}" if few else f", e.g. {different[0]}"
        where = [untrusted(f"{what}{which}")]
    parts = [
        *where,
        untrusted(config.file or "the agent's defaults"),
        plain(f"agent {config.agent} ({config.dialect}, via {config.via})"),
    ]
    return [(text, "dim") for text, _ in joined(parts, f" {view.glyphs.dot} ")]


def hidden_text(accepted: int) -> str:
    """What would be sent where a proc mount hides processes."""
    if not accepted:
        return (
            "It is unknown what the agent would send: no visible process is accepted, and others"
            " are hidden."
        )
    return f"The agent would send at least {counted(accepted, 'process')}; others are hidden."


def _sent_line(result: ScanTotals) -> Line:
    if not result.config.sync_enabled:
        least = "" if all(host.sees_all for host in result.hosts) else "at least "
        return (
            ("The agent would send nothing: ", "error"),
            (f"{result.config.key('sync_enabled')} is false. ", "error"),
            ("With sync enabled, it would send ", ""),
            (f"{least}{counted(result.summary.accepted, 'process')}.", ""),
        )
    if not result.sends:
        what = result.config.feature
        why = (
            "the tag command fails."
            if what in (None, SENT_FEATURE)
            else f"the processes of {what} are used on the agent alone."
        )
        return ((f"The agent would send nothing: {why}", "error"),)
    unknown, accepted = result.summary.unknown, result.summary.accepted
    if result.summary.reported is not None:
        accepted = result.summary.reported
    agent = "agent" if len(result.hosts) == 1 else "agents"
    if result.summary.reported is None:
        return ((hidden_text(accepted), "unknown"),)
    if not accepted and not unknown:
        return (("The agent would send nothing: no process is accepted.", "error"),)
    return (
        (f"The {agent} would send {counted(accepted, 'process')}", "head"),
        (f", and perhaps up to {unknown:,} more." if unknown else ".", "head"),
    )
