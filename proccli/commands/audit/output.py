"""The answers of `audit` as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from proccli.commands.audit.audit import Audit, AuditAnswer, Finding, Question, State
from proccli.terminal.document import Document, lines
from proccli.terminal.lines import Line, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.record import (
    Field,
    Record,
    array_of,
    boolean,
    enum,
    integer,
    mapping_of,
    nullable,
    text,
)
from proccli.terminal.view import View
from proccli.text import counted, visible

_QUESTIONS: Final[Mapping[Question, str]] = {
    "dictionaries": "Are the dictionaries loaded?",
    "agents": "Does each host have an agent with processes?",
    "names": "Are the names of each host there?",
    "tags": "Did the tags arrive?",
    "reports": "Did each agent report a process in the last 7 days?",
    "flows": "Do the flows of our connections have the expected process?",
}
_MEANINGS: Final[Mapping[str, tuple[str, str]]] = {
    "no-dictionary": (
        "the dictionary does not exist",
        "Check --store and --organisation: is this DeepFlow's ClickHouse?",
    ),
    "not-loaded": (
        "the dictionary can't be loaded",
        "Check that ClickHouse reaches DeepFlow's MySQL, and its log.",
    ),
    "empty": (
        "the dictionary is empty",
        "Check that the tag recorder of the DeepFlow server runs; see its log.",
    ),
    "no-agent": (
        "the server knows no agent of this host",
        "Check that the agent runs, that it reaches the server, and its group.",
    ),
    "no-process": (
        "the agent is known, but no process of its host",
        "Run proccli doctor there: is sync enabled, and does the agent have this configuration?",
    ),
    "missing": (
        "the name is not on the server",
        (
            "Wait for the next report, then run proccli explain for a process of that name. Servers"
            " that aggregate keep the old name after a rename, until the process is gone."
        ),
    ),
    "deleted": (
        "the name is marked as deleted: its agent stopped reporting it",
        "Check that the agent still runs with this configuration.",
    ),
    "unexpected": (
        "the name is on the server, but should not be sent",
        (
            "It may be of a process that ended, up to 24 hours ago; otherwise compare the agent's"
            " configuration with this one (proccli diff)."
        ),
    ),
    "no-tag": (
        "the tag did not arrive",
        "Check the output of the tag command with proccli tags on that host.",
    ),
    "other-tag": (
        "the tag has another value",
        "Processes that are one gprocess share tags, the last one wins (proccli scan --identity).",
    ),
    "no-report": (
        "no event of a new process",
        (
            "Events are only of processes that are new; if processes were started there, check the"
            " agent's log."
        ),
    ),
    "no-label": (
        "flows have no process on this side",
        (
            "Check that the agent sends sockets (socket sync), and that the connection is older"
            " than the minimum lifetime (proccli sockets)."
        ),
    ),
    "other-label": (
        "flows have another process on this side",
        "Check for equal addresses in several networks (proccli topology), and for reused ports.",
    ),
}
_SHOWN: Final = 10
"""Findings of a kind in the text; the JSON has all."""
_STYLES: Final[Mapping[State, str]] = {"pass": "accepted", "fail": "error", "unknown": "warning"}

FINDING = Record(
    "finding",
    Field("kind", enum(*_MEANINGS)),
    Field("host", nullable(text()), "null: not of a host."),
    Field("subject", text(), "The name, agent or dictionary."),
    Field("detail", text(), "The tag, or the connection; empty: none."),
)
"""The row is a `Finding`."""

ANSWER = Record(
    "question",
    Field("question", enum(*get_args(Question))),
    Field("state", enum(*get_args(State))),
    Field("checked", integer(0), "How many things were compared."),
    Field("reason", nullable(text()), "Why the answer is unknown; null: it is known."),
    Field("kinds", mapping_of(integer(1)), "Number of findings by kind."),
    Field("findings", array_of(FINDING)),
)
"""The row is an `AuditAnswer`."""

AUDIT = Document(
    "audit",
    "proccli audit --json: what the agents should have sent, against DeepFlow's ClickHouse",
    Field("store", text()),
    Field("server", text(), "The server version whose tables are expected."),
    Field("recognised", boolean(), "Whether the version was recognised by the tables."),
    Field("hosts", integer(0)),
    Field("questions", array_of(ANSWER), "In the order in which to read them.", value="answers"),
)


def audit_document(result: Audit) -> bytes:
    """The document `proccli/audit/v1`."""
    return AUDIT.render(result)


def audit_lines(result: Audit) -> bytes:
    """A line for each question."""
    return lines(map(ANSWER.line, result.answers))


def audit_text(result: Audit, view: View) -> str:
    """Each question with its answer, what that means, and what to do next."""
    found: list[Line] = []
    for answer in result.answers:
        found += _answer_lines(answer)
        found.append(())
    how = "recognised by its tables" if result.recognised else "given or assumed"
    hosts = counted(result.hosts, "host")
    if result.unread:
        hosts += f" ({counted(result.unread, 'source')} not read)"
    basis = f"{hosts}, server {result.server} ({how})"
    failed = [answer.question for answer in result.answers if answer.state == "fail"]
    unknown = [answer.question for answer in result.answers if answer.state == "unknown"]
    total = f"Problems with {', '.join(failed)}." if failed else "No problems found."
    if unknown:
        total += f" Unknown: {', '.join(unknown)}."
    found.append(((basis, "dim"),))
    found.append(((total, "error" if failed else "head"),))
    return paint([part for line in found for part in wrapped(line, view.width)], view)


def _answer_lines(answer: AuditAnswer) -> list[Line]:
    title = f"{answer.state:<8}"
    numbers = f" ({answer.checked:,} checked)" if answer.checked else ""
    found: list[Line] = [
        ((title, _STYLES[answer.state]), (_QUESTIONS[answer.question], "head"), (numbers, "dim"))
    ]
    if answer.reason:
        found.append(((f"        Unknown: {visible(answer.reason)}.", ""),))
    by_kind: dict[str, list[Finding]] = {}
    for finding in answer.findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    for kind, findings in by_kind.items():
        meaning, advice = _MEANINGS[kind]
        found.append(((f"        {len(findings):,} {kind}: {meaning}", ""),))
        for finding in findings[:_SHOWN]:
            where = f"{finding.host}: " if finding.host and finding.host != finding.subject else ""
            detail = f" {finding.detail}" if finding.detail else ""
            found.append(((f"          {visible(where + finding.subject + detail)}", "name"),))
        if len(findings) > _SHOWN:
            found.append(((f"          and {len(findings) - _SHOWN:,} more", "dim"),))
        found.append(((f"        Next: {advice}", ""),))
    return found
