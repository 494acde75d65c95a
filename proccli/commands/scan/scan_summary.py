"""The summary of a scan: hits by rule, counts by outcome, and what the agent would send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from proccli.commands.scan.scan import ScanResult
from proccli.config.warning_words import rule_problem_wording
from proccli.model.config import Config, Rule
from proccli.model.outcome import Status
from proccli.model.process import Host
from proccli.terminal.lines import Line, foreign, joined, plain, shorten, wrapped
from proccli.terminal.table import Column, grid
from proccli.terminal.view import View
from proccli.terminal.words import SHORT_REASONS, seen
from proccli.text import counted


class Basis(Protocol):
    """The host and configuration that a result is about."""

    @property
    def host(self) -> Host:
        """Where and when the processes were read."""

    @property
    def config(self) -> Config:
        """The configuration of the agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _RuleRow:
    rule: Rule | None
    hits: int


def rules_lines(result: ScanResult, view: View) -> list[Line]:
    """Each rule with its number of hits, and the implicit accept at the end."""
    hits = result.hits_by_rule
    rows = [_RuleRow(rule=rule, hits=hits[rule.index]) for rule in result.config.rules]
    if not rows:
        return []
    rows.append(_RuleRow(rule=None, hits=hits[0]))
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
        return (("-", "alarm"),)
    style = "" if row.hits or row.rule is None else "warn"
    return ((f"{row.hits:,}", style),)


def _test_cell(row: _RuleRow, room: int | None, mark: str) -> Line:
    if row.rule is None:
        return ((shorten("no rule matched", room, mark), "dim"),)
    text = f"{row.rule.match_type} ~ {row.rule.match_regex}"
    return ((shorten(text, room, mark), ""),)


def _action_cell(row: _RuleRow, room: int | None, view: View) -> Line:
    if row.rule is None:
        return (("accept", "dim"),)
    if row.rule.problem is not None:
        text = f"ignored (invalid): {rule_problem_wording(row.rule.problem).problem}"
        return ((shorten(text, room, view.glyphs.ellipsis), "alarm"),)
    if row.rule.action == "drop":
        return (("drop", "dropped"),)
    if not row.rule.rewrite_name or row.rule.match_type not in ("cmdline", "process_name"):
        return (("accept", "accepted"),)
    text = f"accept {view.glyphs.becomes} {row.rule.rewrite_name}"
    return ((shorten(text, room, view.glyphs.ellipsis), "accepted"),)


def _line_cell(row: _RuleRow) -> Line:
    return () if row.rule is None else ((str(row.rule.at.line), "dim"),)


def total_lines(result: ScanResult, shown: int, view: View) -> list[Line]:
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
    lines = [basis_line(result, view), total, _sent_line(result)]
    return [piece for line in lines for piece in wrapped(line, view.width)]


def _status_part(result: ScanResult, status: Status, number: int) -> Line:
    reasons = Counter(
        SHORT_REASONS[outcome.reason]
        for outcome in result.outcomes
        if outcome.status == status and outcome.reason in SHORT_REASONS
    )
    part: list[tuple[str, str]] = [(f"{number:,} {status}", status)]
    if reasons:
        detail = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
        part.append((f" ({detail})", "dim"))
    return part


def basis_line(result: Basis, view: View) -> Line:
    """The machine, the configuration and the agent version of a result."""
    host, config = result.host, result.config
    parts = [
        foreign(host.name or "unnamed host"),
        plain(seen(host)),
        foreign(config.file or "the agent's defaults"),
        plain(f"agent {config.agent} ({config.dialect}, via {config.via})"),
    ]
    return [(text, "dim") for text, _ in joined(parts, f" {view.glyphs.dot} ")]


def _sent_line(result: ScanResult) -> Line:
    if not result.config.sync_enabled:
        return (
            ("The agent would send nothing: ", "alarm"),
            ("os-proc-sync-enabled is false. ", "alarm"),
            ("With sync enabled, it would send ", ""),
            (f"{counted(result.summary.accepted, 'process')}.", ""),
        )
    unknown = result.summary.unknown
    if not result.summary.accepted and not unknown:
        return (("The agent would send nothing: no process is accepted.", "alarm"),)
    return (
        (f"The agent would send {counted(result.summary.reported, 'process')}", "head"),
        (f", and perhaps up to {unknown:,} more." if unknown else ".", "head"),
    )
