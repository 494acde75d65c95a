"""The effect of a configuration change as text: grouped by kind, equal changes together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal

from proccli.commands.diff.diff import Change, ChangeKind, DiffResult
from proccli.model.config import Config
from proccli.model.outcome import Outcome
from proccli.terminal.lines import Line, shorten, untrusted, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.view import View
from proccli.text import counted, listed

_TITLES: dict[ChangeKind, tuple[str, str]] = {
    "lost": ("no longer sent", "dropped"),
    "gained": ("newly sent", "accepted"),
    "renamed": ("renamed", "warning"),
    "retagged": ("retagged", "tag"),
    "rule": ("decided by another rule, same result", "dim"),
}
_SHOWN_PIDS = 5
_SHOWN_WITNESSES = 8


def diff_content(
    result: DiffResult, output: Literal["table", "json", "jsonl"], view: View
) -> str | bytes:
    """The result in one of the output formats."""
    if output == "table":
        return diff_text(result, view)
    from proccli.commands.diff.json import diff_document, diff_lines

    return diff_document(result) if output == "json" else diff_lines(result)


def diff_text(result: DiffResult, view: View) -> str:
    """The changes by kind, the constructed texts, and a summary."""
    lines: list[Line] = []
    for kind, (title, style) in _TITLES.items():
        changes = [change for change in result.changes if change.kind == kind]
        if changes:
            count = counted(len(changes), "process")
            lines.append(((f"{count} {title}", style),))
            lines.extend(_groups(changes, view))
            lines.append(())
    if len(result.changes) > 1:
        lines.append((("By rule:", "head"),))
        lines.extend(_by_rule(result, view))
        lines.append(())
    if result.witnesses:
        lines.append((("Constructed texts with different results:", "head"),))
        for witness in result.witnesses[:_SHOWN_WITNESSES]:
            text = shorten(witness.text.replace("\n", " ← "), _room(view), view.glyphs.ellipsis)
            lines.append([("  ", ""), (f"{witness.match_type} ", "dim"), (f'"{text}"', "name")])
            lines.append(_step(_named(witness.old), _named(witness.new), view))
        left_out = len(result.witnesses) - _SHOWN_WITNESSES
        if left_out > 0:
            lines.append(((f"  and {left_out:,} more (-o json lists all)", "dim"),))
        lines.append(())
    lines.extend(wrapped(((_total(result), "head"),), view.width))
    return paint(lines, view)


def _by_rule(result: DiffResult, view: View) -> Iterable[Line]:
    """How many processes went from which rule to which."""
    for row in result.by_rule:
        old, new = _decided(row.old, result.old), _decided(row.new, result.new)
        title, style = _TITLES[row.kind]
        yield [
            (f"  {row.processes:,} ", ""),
            (title, style),
            (": ", ""),
            *_step(old, new, view)[1:],
        ]


def _decided(index: int | None, config: Config) -> str:
    if index is None:
        return "no rule" if config.dialect == "static_config" else "no matcher"
    if index == 0:
        return "the implicit accept"
    rule = next((rule for rule in config.rules if rule.index == index), None)
    return f"#{index}" if rule is None else f"#{index} {rule.match_type} ~ {rule.match_regex}"


def _groups(changes: Sequence[Change], view: View) -> Iterable[Line]:
    """Equal changes, joined into one line."""

    def what(change: Change) -> tuple[str, str, str]:
        name = change.process_name or f"pid {change.pid}"
        return name, _with_tags(change.old), _with_tags(change.new)

    for (name, old, new), group in groupby(sorted(changes, key=what), key=what):
        alike = list(group)
        pids = [f"{change.pid}" for change in alike[:_SHOWN_PIDS]]
        more = len(alike) - len(pids)
        where = f"pid {', '.join(pids)}" + (f" and {more:,} more" if more else "")
        snapshots = sorted({change.snapshot for change in alike} - {"live"})
        if snapshots:
            where += f" in {listed(snapshots)}"
        shown = shorten(name, _room(view), view.glyphs.ellipsis)
        yield [("  ", ""), (shown, "name"), ("  ", ""), *untrusted(where, "dim")]
        yield _step(old, new, view)


def _step(old: str, new: str, view: View) -> Line:
    arrow = f" {view.glyphs.becomes} "
    return [("    ", ""), *untrusted(old, "dim"), (arrow, "dim"), *untrusted(new)]


def _with_tags(outcome: Outcome) -> str:
    tags = ", ".join(f"{tag.key}={tag.value}" for tag in outcome.tags or ())
    return _named(outcome) + (f" [{tags}]" if tags else "")


def _named(outcome: Outcome) -> str:
    by = f" by rule {outcome.decided_by}" if outcome.decided_by else ""
    if outcome.status == "accepted":
        return f'"{outcome.gprocess}"{by}'
    return f"{outcome.status}{by}"


def _total(result: DiffResult) -> str:
    parts = []
    if result.old.agent != result.new.agent:
        parts.append(f"agent {result.old.agent} and agent {result.new.agent}")
    if result.compared:
        compared = result.compared - result.undecided
        parts.append(f"{counted(compared, 'process')} compared")
        if compared:
            parts.append(counted(len(result.changes), "change") if result.changes else "no change")
        if result.connections.lost or result.connections.gained:
            lost, gained = result.connections.lost, result.connections.gained
            parts.append(
                f"{counted(lost, 'connection')} without label now, {gained:,} with a new one"
            )
        if result.undecided:
            parts.append(f"{result.undecided:,} not compared (outcome unknown)")
    parts.append(
        {
            True: "proven: no process is treated differently",
            False: "the configurations differ",
            None: "not determined whether other processes are treated differently",
        }[result.equivalent]
    )
    return "; ".join(parts)


def _room(view: View) -> int | None:
    return None if view.width is None else max(view.width - 30, 20)
