"""Explanations as JSON, and as a line per process for grep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_args

from proccli.commands.explain.explain import ExplainResult, ExplainTotals
from proccli.commands.scan.json import PROCESS, RULE
from proccli.model.explanation import Effect, Requirement, RuleOutcome
from proccli.model.outcome import Outcome
from proccli.terminal.document import (
    CONFIG,
    GROUP,
    SPAN,
    Document,
    OfHost,
    Selected,
    line_pieces,
    of_host,
    snapshot_fields,
)
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
from proccli.text import visible

_ANCESTOR = Record("ancestor", Field("pid", integer()), Field("process_name", nullable(text())))

_REWRITE = Record(
    "rewrite",
    Field("template", text()),
    Field("expanded", nullable(text()), "With %NAME% replaced; null: a variable is not known."),
    Field("unset_env", array_of(text())),
    Field("missing_groups", array_of(text())),
    Field("result", nullable(text())),
)

_NEAR_MISS = Record(
    "near_miss",
    Field("matched_prefix", text(), "The longest leading part of the pattern that matches."),
    Field("span", SPAN),
    Field("expected", text(), "The rest of the pattern, which does not match there."),
)

_TRACE = Record(
    "trace",
    *RULE.fields_of("rule"),
    Field("outcome", enum(*get_args(RuleOutcome))),
    Field("would_match", nullable(boolean())),
    Field("subject", nullable(text()), "The text that the pattern was tried on."),
    Field("subject_pid", nullable(integer())),
    Field("span", nullable(SPAN), "The part of the subject that matched."),
    Field("groups", array_of(GROUP)),
    Field("rewrite", nullable(_REWRITE)),
    Field("near_miss", nullable(_NEAR_MISS)),
    Field("error", nullable(text()), "Why the agent ignores the rule."),
    Field(
        "requirement",
        nullable(enum(*get_args(Requirement))),
        "What the process lacks, if the outcome is held-back.",
    ),
    Field(
        "effect",
        nullable(enum(*get_args(Effect))),
        "inputs.proc: what the matcher does to the outcome.",
    ),
    Field(
        "by",
        nullable(integer(1)),
        "The matcher that replaces the name (overridden), or that removed the process"
        " (ignored-before).",
    ),
)

EXPLANATION = Record(
    "process",
    *PROCESS.fields_of("outcome"),
    Field("ancestors", array_of(_ANCESTOR), "Nearest first, as far as the source has them."),
    Field("trace", array_of(_TRACE), "One element per rule, in order."),
    Field(
        "features",
        array_of(
            Record(
                "feature",
                Field("feature", text()),
                Field("taken", nullable(boolean()), "null: not known."),
                Field("gprocess", nullable(text()), value="name"),
            )
        ),
        "inputs.proc: what the other features that a matcher lists do with the process.",
    ),
)
"""A process as `scan` prints it, with its ancestors and each rule's part in the outcome; the row
is an `Explanation`."""

_EXPLANATION_OF_HOST = of_host(EXPLANATION)
_SNAPSHOT, _SNAPSHOTS = snapshot_fields("result.hosts")

EXPLAIN = Document(
    "explain",
    "proccli explain --json: how processes get their rule and their name",
    _SNAPSHOT,
    Field("config", CONFIG, value="result.config"),
    Field(
        "processes",
        array_of(_EXPLANATION_OF_HOST),
        "Host by host, in the order in which they were requested; -o jsonl prints one of these a"
        " line. A made-up process has pid 0.",
        value="shown",
    ),
    _SNAPSHOTS,
    notes="result.notes",
)


def explain_document(result: ExplainResult) -> bytes:
    """The document `proccli/explain/v1`."""
    totals = ExplainTotals(result.config)
    totals.hosts.append(result.host)
    totals.add(result)
    return b"".join(explain_pieces(totals, _rows(result)))


def explain_pieces(totals: ExplainTotals, rows: Iterable[OfHost]) -> Iterator[bytes]:
    """The document of several sources; `totals` are complete when the last row has been read."""
    return EXPLAIN.pieces(Selected(totals, iter(rows)))


def explain_lines(result: ExplainResult) -> Iterator[bytes]:
    """A line for each process."""
    return explanation_lines(_rows(result))


def explanation_lines(rows: Iterable[OfHost]) -> Iterator[bytes]:
    """A line for each process."""
    return line_pieces(map(_EXPLANATION_OF_HOST.line, rows))


def _rows(result: ExplainResult) -> Iterator[OfHost]:
    return (OfHost(result.host.name, explanation) for explanation in result.explanations)


def explain_plain(result: ExplainResult) -> str:
    """A line for each process: `agent.yaml:22:drop<TAB>4312<TAB>java`.

    It contains the location of the deciding rule with its action, the pid, and the name. If no
    rule decided, the location is `-`, and the `reason` of the JSON replaces the action.
    """
    return "".join(plain_line(explanation.outcome) for explanation in result.explanations)


def plain_line(outcome: Outcome) -> str:
    """The line of one process."""
    rule = outcome.rule
    place = "-" if rule is None else f"{rule.at.source}:{rule.at.line}"
    action: str = outcome.reason
    if rule is not None and outcome.reason == "rule":
        action = "drop" if outcome.status == "dropped" else "accept"
    name = outcome.process_name if outcome.gprocess is None else outcome.gprocess
    if name is None:
        name = outcome.process.comm or "?"
    return f"{visible(place)}:{action}\t{outcome.process.pid}\t{visible(name)}\n"
