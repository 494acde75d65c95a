"""The effect of a configuration change, as JSON."""

from __future__ import annotations

from typing import NamedTuple, get_args

from proccli.commands.diff.diff import ChangeKind, DiffResult
from proccli.commands.scan.json import TAG
from proccli.model.outcome import Reason, Status
from proccli.terminal.document import Document, lines
from proccli.terminal.record import Field, Record, array_of, boolean, enum, integer, nullable, text

_STATUS = Field("status", enum(*get_args(Status)))
_RULE = Field(
    "rule",
    nullable(integer(0)),
    "Index of the rule that decided; 0: the implicit accept; null: no rule was tried.",
    value="decided_by",
)
_GPROCESS = Field("gprocess", nullable(text()))

_OUTCOME = Record(
    "outcome",
    _STATUS,
    Field("reason", enum(*get_args(Reason))),
    _RULE,
    _GPROCESS,
    Field("tags", nullable(array_of(TAG))),
)
_MADE_UP_OUTCOME = Record("made-up-outcome", _STATUS, _RULE, _GPROCESS)

CHANGE = Record(
    "change",
    Field("snapshot", text(), "The recording or directory as it was given, or live."),
    Field("pid", integer()),
    Field("change", enum(*get_args(ChangeKind)), value="kind"),
    Field("old", _OUTCOME),
    Field("new", _OUTCOME),
)
"""The row is a `Change`."""

BY_RULE = Record(
    "by-rule",
    Field("old", nullable(integer(0)), "Index of the rule that decided; 0, null: as in a change."),
    Field("new", nullable(integer(0))),
    Field("change", enum(*get_args(ChangeKind)), value="kind"),
    Field("processes", integer(1)),
)
"""The row is a `ByRule`."""


class _Agents(NamedTuple):
    old: str
    new: str


WITNESS = Record(
    "witness",
    Field(
        "match_type",
        enum("process_name", "cmdline", "cmdline_with_args", "parent_process_name", "tag"),
    ),
    Field(
        "text",
        text(),
        "The names of several ancestors are on a line each, nearest first; likewise several tags.",
    ),
    Field("old", _MADE_UP_OUTCOME),
    Field("new", _MADE_UP_OUTCOME),
)
"""The row is a `Witness`."""

DIFF = Document(
    "diff",
    "proccli diff --json: what a configuration change does to each process",
    Field("changes", array_of(CHANGE), "-o jsonl prints one of these a line."),
    Field(
        "witnesses",
        array_of(WITNESS),
        "Texts that the two configurations treat differently, found by construction and tried on"
        " both.",
    ),
    Field(
        "equivalent",
        nullable(boolean()),
        "true: proven; false: a difference was found; null: not decided.",
    ),
    Field("processes", integer(0), "Number of processes in the snapshots.", value="compared"),
    Field(
        "undecided",
        integer(0),
        "Number of processes whose outcome is unknown under one of the configurations.",
    ),
    Field(
        "connections",
        Record("", Field("lost", integer(0)), Field("gained", integer(0))),
        "Number of connections that lose or gain their label.",
    ),
    Field(
        "agents",
        Record("", Field("old", text()), Field("new", text())),
        "The agent versions.",
        value=lambda result: _Agents(result.old.agent, result.new.agent),
    ),
    Field("by_rule", array_of(BY_RULE), "The changes, summed up by rule."),
)


def diff_document(result: DiffResult) -> bytes:
    """The document `proccli/diff/v1`."""
    return DIFF.render(result)


def diff_lines(result: DiffResult) -> bytes:
    """One line per change."""
    return lines(map(CHANGE.line, result.changes))
