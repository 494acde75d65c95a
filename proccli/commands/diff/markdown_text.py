"""The effect of a configuration change as Markdown, for the comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from proccli.cli.messages import condensed
from proccli.commands.diff.diff import Change, DiffResult
from proccli.commands.diff.text import (
    KINDS,
    ChangeGroup,
    change_groups,
    decided_text,
    named_text,
    step_texts,
    total_text,
)
from proccli.text import counted, visible

_ROWS = 20
"""Maximum number of rows of a table, without --all."""
_GROUPS = 40
"""Maximum number of changes below it, without --all."""
_LONGEST = 160
"""Characters of a name or pattern."""


def diff_markdown(result: DiffResult, *, everything: bool) -> str:
    """A summary, a table by rule and kind of change, and each change in a part that can be opened.

    Names and patterns are code spans, so that nothing in them is markup. Without `everything`, the
    most frequent rows and changes are shown, which fit into a comment.
    """
    return "\n".join((*_parts(result, everything=everything), ""))


def _parts(result: DiffResult, *, everything: bool) -> Iterator[str]:
    old, new = (_code(config.file or "defaults") for config in (result.old, result.new))
    yield f"### proccli diff {old} → {new}"
    yield ""
    yield f"{total_text(result).capitalize()}."
    if result.changes:
        yield ""
        yield from _by_rule(result, None if everything else _ROWS)
        yield ""
        yield from _details(result, None if everything else _GROUPS)
    if result.witnesses:
        yield ""
        yield from _witnesses(result, None if everything else _ROWS)
    if result.notes:
        yield ""
        yield from (f"- {_escaped(line)}" for line in condensed(result.notes))


def _by_rule(result: DiffResult, most: int | None) -> Iterator[str]:
    rows = result.by_rule
    yield "| processes | change | old | new | example |"
    yield "|---:|---|---|---|---|"
    for row in islice(rows, most):
        title, _ = KINDS[row.kind]
        example = _cell(row.example.process_name or f"pid {row.example.pid}")
        old, new = (
            _cell(decided_text(index, config))
            for index, config in ((row.old, result.old), (row.new, result.new))
        )
        yield f"| {row.processes:,} | {title} | {old} | {new} | {example} |"
    if most is not None and len(rows) > most:
        yield ""
        yield f"and {counted(len(rows) - most, 'more row')} (`--all` shows them)"


def _details(result: DiffResult, most: int | None) -> Iterator[str]:
    for kind, (title, _) in KINDS.items():
        changes = [change for change in result.changes if change.kind == kind]
        if not changes:
            continue
        groups = change_groups(changes)
        yield f"<details><summary>{counted(len(changes), 'process')} {title}</summary>"
        yield ""
        for group in islice(groups, most):
            yield _group_line(group)
        if most is not None and len(groups) > most:
            left = sum(len(group.changes) for group in groups[most:])
            yield f"- and {counted(left, 'more process', 'more processes')} (`--all` shows them)"
        yield ""
        yield "</details>"


def _group_line(group: ChangeGroup) -> str:
    first: Change = group.changes[0]
    name = _code(first.process_name or f"pid {first.pid}")
    old, new = map(_code, step_texts(first))
    return f"- {len(group.changes):,} × {name}: {old} → {new} ({_escaped(group.where())})"


def _witnesses(result: DiffResult, most: int | None) -> Iterator[str]:
    yield "<details><summary>Constructed texts with different results</summary>"
    yield ""
    yield "| match type | text | old | new |"
    yield "|---|---|---|---|"
    for one in islice(result.witnesses, most):
        yield (
            f"| {one.match_type} | {_cell(one.text)} | {_cell(named_text(one.old))} |"
            f" {_cell(named_text(one.new))} |"
        )
    yield ""
    yield "</details>"


def _code(text: str, *, in_table: bool = False) -> str:
    """A code span with any text."""
    shown = visible(text)
    if len(shown) > _LONGEST:
        shown = f"{shown[:_LONGEST]}…"
    if not shown.strip():
        shown = f'"{shown}"'
    longest = max(map(len, re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    escaped = shown.replace("|", r"\|") if in_table else shown
    return f"{fence}{pad}{escaped}{pad}{fence}"


def _cell(text: str) -> str:
    """A code span inside a table, in which a bar would end the cell."""
    return _code(text, in_table=True)


def _escaped(text: str) -> str:
    """A sentence in which nothing is markup, and no name is mentioned."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~@&])", lambda found: f"&#{ord(found[1])};", visible(text))
