"""The effect of a configuration change as text: grouped by kind, equal changes together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from proccli.commands.diff.diff import Change, ChangeKind, DiffResult
from proccli.model.config import Config
from proccli.model.outcome import Outcome
from proccli.terminal.lines import Line, cells, shorten, untrusted, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.view import View
from proccli.text import counted, listed

KINDS: dict[ChangeKind, tuple[str, str]] = {
    "lost": ("no longer sent", "dropped"),
    "gained": ("newly sent", "accepted"),
    "renamed": ("renamed", "warning"),
    "retagged": ("retagged", "tag"),
    "rule": ("decided by another rule, same result", "dim"),
}
_LEAST_RULE = 20
"""Cells of a rule, and of the path of a snapshot, at least."""
_LEAST_PATH = 20
_SHOWN_PIDS = 5
_SHOWN_SNAPSHOTS = 3
_SHOWN_GROUPS = 12
"""Maximum number of different changes of a kind, without --all."""
_SHOWN_RULES = 20
_SHOWN_WITNESSES = 8


def diff_content(
    result: DiffResult,
    output: Literal["table", "json", "jsonl"],
    view: View,
    *,
    everything: bool = False,
) -> str | bytes:
    """The result in one of the output formats; `everything`: texts show all changes."""
    if output == "table":
        return diff_text(result, view, everything=everything)
    from proccli.commands.diff.json import diff_document, diff_lines

    return diff_document(result) if output == "json" else diff_lines(result)


def diff_text(result: DiffResult, view: View, *, everything: bool = False) -> str:
    """The changes by kind and by rule, the constructed texts, and a summary.

    Without `everything`, only the most frequent changes of each kind.
    """
    lines: list[Line] = []
    for kind, (title, style) in KINDS.items():
        changes = [change for change in result.changes if change.kind == kind]
        if changes:
            count = counted(len(changes), "process")
            lines.append(((f"{count} {title}", style),))
            lines.extend(_groups(changes, None if everything else _SHOWN_GROUPS, view))
            lines.append(())
    if len(result.changes) > 1:
        lines.append((("By rule:", "head"),))
        lines.extend(_by_rule(result, None if everything else _SHOWN_RULES, view))
        lines.append(())
    if result.witnesses:
        lines.append((("Constructed texts with different results:", "head"),))
        for witness in result.witnesses[:_SHOWN_WITNESSES]:
            text = shorten(witness.text.replace("\n", " ← "), _room(view), view.glyphs.ellipsis)
            lines.append([("  ", ""), (f"{witness.match_type} ", "dim"), (f'"{text}"', "name")])
            lines.append(_step(named_text(witness.old), named_text(witness.new), view))
        left_out = len(result.witnesses) - _SHOWN_WITNESSES
        if left_out > 0:
            lines.append(((f"  and {left_out:,} more (-o json lists all)", "dim"),))
        lines.append(())
    lines.extend(wrapped(((total_text(result), "head"),), view.width))
    return paint(lines, view)


def _by_rule(result: DiffResult, most: int | None, view: View) -> Iterable[Line]:
    """How many processes went from which rule to which."""
    rows = result.by_rule
    for row in rows[:most]:
        old, new = decided_text(row.old, result.old), decided_text(row.new, result.new)
        title, style = KINDS[row.kind]
        start: Line = [(f"  {row.processes:,} ", ""), (title, style), (": ", "")]
        if view.width is not None:
            old, new = _both_shortened(old, new, view.width - cells(start) - 3, view)
        yield [*start, *_step(old, new, view)[1:]]
    if most is not None and len(rows) > most:
        yield ((f"  and {len(rows) - most:,} more (--all lists all)", "dim"),)


def _both_shortened(old: str, new: str, room: int, view: View) -> tuple[str, str]:
    """The two texts in this many cells, but not in fewer than can be read."""
    mark, half = view.glyphs.ellipsis, max(room // 2, _LEAST_RULE)
    shortened = shorten(old, max(half, room - len(new)), mark)
    return shortened, shorten(new, max(half, room - len(shortened)), mark)


def decided_text(index: int | None, config: Config) -> str:
    """The rule that decided, with its pattern."""
    if index is None:
        return "no rule" if config.dialect == "static_config" else "no matcher"
    if index == 0:
        return "the implicit accept"
    rule = next((rule for rule in config.rules if rule.index == index), None)
    return f"#{index}" if rule is None else f"#{index} {rule.match_type} ~ {rule.match_regex}"


class ChangeGroup(NamedTuple):
    """Equal changes of processes with the same name."""

    changes: Sequence[Change]

    def where(self, room: int | None = None, mark: str = "") -> str:
        """The pids and snapshots; of many, an example and the number. The path of the example is
        shortened to the room."""
        first = min(self.changes, key=lambda change: (change.snapshot, change.pid))
        snapshots = sorted({change.snapshot for change in self.changes})
        if len(snapshots) == 1:
            pids = [f"{change.pid}" for change in self.changes[:_SHOWN_PIDS]]
            more = len(self.changes) - len(pids)
            text = f"pid {', '.join(pids)}" + (f" and {more:,} more" if more else "")
            if snapshots == ["live"]:
                return text
            text += " in "
        else:
            some = len(snapshots) <= _SHOWN_SNAPSHOTS
            number = f"{listed(snapshots)}" if some else f"{len(snapshots):,} snapshots"
            text = f"{number}, e.g. pid {first.pid} in "
        if room is None:
            return text + first.snapshot
        left = max(room - len(text), _LEAST_PATH)
        fits = len(first.snapshot) <= left
        name = first.snapshot if fits else first.snapshot.rpartition("/")[2]
        return text + shorten(name, left, mark)


def step_texts(change: Change) -> tuple[str, str]:
    """What a process was and what it becomes; with the tags if these change, too."""
    old, new = change.old, change.new
    if _tags_text(old) == _tags_text(new) or "accepted" not in (old.status, new.status):
        return named_text(old), named_text(new)
    if change.kind in ("lost", "gained"):  # the tags come and go with the name
        return named_text(old), named_text(new)
    return named_text(old) + _tags_text(old), named_text(new) + _tags_text(new)


def change_groups(changes: Sequence[Change]) -> Sequence[ChangeGroup]:
    """Equal changes together, the most frequent first, then by name."""

    def what(change: Change) -> tuple[str, str, str]:
        return change.process_name or f"pid {change.pid}", *step_texts(change)

    groups = [
        ChangeGroup(tuple(alike)) for _, alike in groupby(sorted(changes, key=what), key=what)
    ]
    if len(groups) > _SHOWN_GROUPS:
        groups.sort(key=lambda group: -len(group.changes))
    return groups


def _groups(changes: Sequence[Change], most: int | None, view: View) -> Iterable[Line]:
    """Equal changes, joined into one line, with their number if there are several."""
    groups = change_groups(changes)
    for group in groups[:most]:
        first = group.changes[0]
        name = shorten(first.process_name or f"pid {first.pid}", _room(view), view.glyphs.ellipsis)
        number = f"{len(group.changes):,} × " if len(group.changes) > _SHOWN_PIDS else ""
        start: Line = [(f"  {number}", ""), (name, "name"), ("  ", "")]
        room = None if view.width is None else view.width - cells(start)
        yield [*start, *untrusted(group.where(room, view.glyphs.ellipsis), "dim")]
        yield _step(*step_texts(first), view)
    if most is not None and len(groups) > most:
        left = sum(len(group.changes) for group in groups[most:])
        yield (
            (f"  and {counted(left, 'more process', 'more processes')} (--all lists all)", "dim"),
        )


def _step(old: str, new: str, view: View) -> Line:
    arrow = f" {view.glyphs.becomes} "
    return [("    ", ""), *untrusted(old, "dim"), (arrow, "dim"), *untrusted(new)]


def _tags_text(outcome: Outcome) -> str:
    tags = ", ".join(f"{tag.key}={tag.value}" for tag in outcome.tags or ())
    return f" [{tags}]" if tags else ""


def named_text(outcome: Outcome) -> str:
    """The name or status, and the rule."""
    word = "rule" if outcome.taken is None else "matcher"
    by = f" by {word} {outcome.decided_by}" if outcome.decided_by else ""
    if outcome.status == "accepted":
        return f'"{outcome.gprocess}"{by}'
    return f"{outcome.status}{by}"


def total_text(result: DiffResult) -> str:
    """What was compared, and how much of it changes."""
    parts = []
    if result.old.agent != result.new.agent:
        parts.append(f"agent {result.old.agent} and agent {result.new.agent}")
    if result.compared:
        compared = result.compared - result.undecided
        where = f" on {counted(result.snapshots, 'snapshot')}" if result.snapshots > 1 else ""
        parts.append(f"{counted(compared, 'process')} compared{where}")
        if compared:
            parts.append(counted(len(result.changes), "change") if result.changes else "no change")
        if result.connections.lost or result.connections.gained:
            lost, gained = result.connections.lost, result.connections.gained
            parts.append(
                f"{counted(lost, 'connection')} without label now, {gained:,} with a new one"
            )
        if result.undecided:
            parts.append(f"{result.undecided:,} not compared (outcome unknown)")
    if result.failures:
        parts.append(
            f"{counted(len(result.failures), 'snapshot')} not read: what changes there is unknown"
        )
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
