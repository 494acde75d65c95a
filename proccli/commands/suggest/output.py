"""A proposal as JSON, and the summary on standard error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, get_args

from proccli.commands.suggest.rules import Member, Proposed, Purpose
from proccli.commands.suggest.suggest import LeftReason, SuggestResult
from proccli.terminal.document import CONFIG, SNAPSHOT, Document, lines
from proccli.terminal.record import (
    Field,
    Record,
    array_of,
    boolean,
    enum,
    integer,
    nullable,
    text,
)
from proccli.text import counted, listed, visible

_PROCESS: Final = Record(
    "member",
    Field("snapshot", integer(0), "Index in `snapshots`.", value="source"),
    Field("pid", integer(0), value="before.process.pid"),
    Field("process_name", nullable(text()), value="before.process_name"),
    Field("before", nullable(text()), "The name without the rule.", value="before.gprocess"),
    Field("name", nullable(text()), "The name with the rule; null if the rule gives none."),
)
"""The row is a `Member`."""


def _rule(row: Any) -> Proposed:
    rule: Proposed = row[1]
    return rule


def _members(row: Any) -> tuple[Member, ...]:
    return _rule(row).members


RULE: Final = Record(
    "proposed",
    Field("index", integer(1), "In the configuration, from 1.", value=lambda row: row[0]),
    Field(
        "purpose",
        enum(*get_args(Purpose)),
        "It gives names, keeps what a later rule would drop, or drops.",
        value=lambda row: _rule(row).purpose,
    ),
    Field("about", text(), value=lambda row: _rule(row).about),
    Field("match_type", text(), value=lambda row: _rule(row).match_type),
    Field("match_regex", text(), value=lambda row: _rule(row).pattern),
    Field("rewrite_name", text(), value=lambda row: _rule(row).rewrite),
    Field(
        "literal",
        boolean(),
        "Whether it is for one program alone.",
        value=lambda row: _rule(row).literal,
    ),
    Field(
        "names",
        array_of(text()),
        "The most frequent first.",
        value=lambda row: list(_rule(row).names),
    ),
    Field("processes", array_of(_PROCESS), value=_members),
)
"""The row is an index and a `Proposed`."""

_LEFT: Final = Record(
    "left",
    Field("snapshot", integer(0), value="source"),
    Field("pid", integer(0), value="outcome.process.pid"),
    Field("process_name", nullable(text()), value="outcome.process_name"),
    Field(
        "reason",
        enum(*get_args(LeftReason)),
        "masked: its name would come from masked text. no-program: the arguments of its interpreter"
        " name no program. not-provable: a rule would also change others, or another rule decides.",
    ),
)
"""The row is a `Left`."""

_SUMMARY: Final = Record(
    "",
    Field("processes", integer(0)),
    Field("accepted", integer(0), "Without the proposed rules."),
    Field(
        "unclear_before",
        integer(0),
        "Accepted processes whose name is that of other programs, too, or that of an interpreter"
        " or a title.",
    ),
    Field("unclear_after", integer(0), "The same with the proposed rules."),
    Field("renamed", integer(0), "Proven to get the proposed name."),
    Field("dropped", integer(0), "Proven to be dropped."),
    Field("unproven", integer(0), "Their name depends on masked arguments."),
)
"""The row is a `Counts`."""

SUGGEST: Final = Document(
    "suggest",
    "proccli suggest --json: rules that name what runs",
    Field("snapshots", array_of(SNAPSHOT), value="hosts"),
    Field("config", CONFIG, "The configuration with the proposed rules."),
    Field("text", text(), "Its text, as the command prints it."),
    Field(
        "rules",
        array_of(RULE),
        "The proposed rules. -o jsonl prints one of these a line.",
    ),
    Field("left", array_of(_LEFT), "Processes with an unclear name and no rule."),
    Field("summary", _SUMMARY, value="counts"),
)


def suggest_document(result: SuggestResult) -> bytes:
    """The document `proccli/suggest/v1`."""
    return SUGGEST.render(result)


def suggest_lines(result: SuggestResult) -> bytes:
    """One line per rule."""
    return lines(map(RULE.line, result.rules))


_LEFT_WORDS: Final = {
    "masked": "their arguments are masked",
    "not-provable": "a rule would also change other processes, or another rule decides",
    "no-program": "their arguments name no program (code, or options that are not known)",
}


def messages(result: SuggestResult) -> Iterator[str]:
    """The summary: what the rules do, proven on the processes, and what they leave."""
    counts = result.counts
    hosts = f" on {counted(len(result.hosts), 'host')}" if len(result.hosts) > 1 else ""
    if result.failures:
        hosts += f" ({counted(len(result.failures), 'source')} not read, and nothing proven there)"
    yield (
        f"{counted(counts.processes, 'process')}{hosts}, {counts.accepted:,} accepted; with an"
        f" unclear name (shared by several programs, an interpreter's, or changing):"
        f" {counts.unclear_before:,} before, {counts.unclear_after:,} with these rules"
    )
    by_purpose = Counter(rule.purpose for _, rule in result.rules)
    names = {name for _, rule in result.rules for name in rule.names}
    parts = []
    if by_purpose["name"]:
        members = sum(len(rule.members) for _, rule in result.rules if rule.purpose == "name")
        unproven = members - counts.renamed
        parts.append(
            f"{counted(by_purpose['name'], 'rule')} for {counted(len(names), 'name')}"
            f" ({counted(counts.renamed, 'process')}"
            f"{f', and {unproven} with masked arguments' if unproven else ''})"
        )
    if by_purpose["keep"]:
        parts.append(f"{counted(by_purpose['keep'], 'rule')} for what a supervisor starts")
    if by_purpose["drop"]:
        parts.append(
            f"{counted(by_purpose['drop'], 'rule')} to drop {counted(counts.dropped, 'process')}"
            f" ({_programs(result)})"
        )
    agent = f"agent {result.config.agent}"
    if parts:
        yield f"proposed and proven with {agent}: {listed(parts)}; no other process changes"
    else:
        yield f"no rule to propose for {agent}"
    if counts.unproven:
        masked = counted(counts.unproven, "process")
        yield (
            f"{masked} with masked arguments: named so if each masked text is one word; record"
            " again with -c and this configuration to be sure"
        )
    for reason, number in Counter(left.reason for left in result.left).most_common():
        yield f"without a rule: {counted(number, 'process')}, because {_LEFT_WORDS[reason]}"


def _programs(result: SuggestResult) -> str:
    """The dropped programs, by number."""
    times = Counter(
        member.line.program
        for _, rule in result.rules
        if rule.purpose == "drop"
        for member in rule.members
    )
    shown = [f"{visible(name)} {number}" for name, number in times.most_common(5)]
    return ", ".join([*shown, "…"] if len(times) > 5 else shown)
