"""Tags as a table and as JSON: one line or object per tag, and whether it reaches the server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from proccli.commands.tags.tags import TagRow, TagsResult, TagsTotals
from proccli.server.tags import MAX_CHARACTERS, Cause, TagOutcome
from proccli.terminal.document import (
    CONFIG,
    KEY_AND_VALUE,
    Document,
    OfHost,
    Selected,
    line_pieces,
    of_host,
    snapshot_fields,
)
from proccli.terminal.lines import Line, cells, head, joined, plain, shorten, untrusted, wrapped
from proccli.terminal.paint import paint
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
from proccli.terminal.table import Column, grid, host_grid
from proccli.terminal.view import View
from proccli.terminal.words import SHORT_REASONS
from proccli.text import counted, listed

TAG = Record(
    "tag",
    Field("pid", integer(0), title="PID"),
    Field(
        "exists",
        boolean(),
        "Whether the source has a process with this pid.",
        value=lambda row: row.outcome is not None,
    ),
    Field(
        "process_name",
        nullable(text()),
        "null: there is no such process, or the agent has no name for it.",
        value=lambda row: None if row.outcome is None else row.outcome.process_name,
        title="PROCESS",
    ),
    Field("key", text(), value="tag.key", title="KEY"),
    Field("value", text(), value="tag.value", title="VALUE"),
    Field(
        "from_pid",
        integer(0),
        "The process itself, or the ancestor it inherits the tag from.",
        value="tag.from_pid",
        title="FROM",
    ),
    Field(
        "server",
        enum(*get_args(TagOutcome)),
        "How the server stores the tag, if it is sent.",
        value="arrival.outcome",
        title="RESULT",
    ),
    Field("sent", nullable(boolean()), "Whether the agent sends it; null: not known."),
    Field(
        "arrives_as",
        nullable(text()),
        "The value that a query shows, if the tag is sent; null: it is lost.",
        value="arrival.value",
    ),
    Field(
        "causes",
        array_of(enum(*get_args(Cause)), unique=True),
        "Why the server truncates or loses it.",
        value="arrival.causes",
    ),
    Field(
        "strays",
        array_of(KEY_AND_VALUE),
        "Tags that nothing set: the server creates them from the rest of this one.",
        value="arrival.strays",
    ),
)
"""The row is a `TagRow`."""

_TAG_OF_HOST = of_host(TAG)
_SNAPSHOT, _SNAPSHOTS = snapshot_fields("result.hosts")

TAGS = Document(
    "tags",
    "proccli tags --json: each tag, and whether it reaches the server",
    _SNAPSHOT,
    Field("config", CONFIG, value="result.config"),
    Field(
        "origin",
        nullable(text()),
        "Source of the tags: the tag command, a file, a recording. null: not the same for all"
        " sources.",
        value="result.origin",
    ),
    Field(
        "known",
        boolean(),
        "false: the tag command was not run, or was stopped at one of proccli's limits, for at"
        " least one source.",
        value="result.known",
    ),
    Field("server", text(), "The server version to emulate.", value="result.server.number"),
    Field(
        "tags",
        array_of(_TAG_OF_HOST),
        "The selected tags, host by host, by pid; -o jsonl prints one of these a line.",
        value="shown",
    ),
    Field(
        "summary",
        Record(
            "summary",
            Field("tags", integer(0)),
            Field("processes", integer(0)),
            Field("kept", integer(0)),
            Field("cut", integer(0)),
            Field("lost", integer(0)),
            Field("not_sent", integer(0), "Of processes that do not exist or are not accepted."),
            Field("unknown", integer(0), "Of processes whose outcome is unknown."),
        ),
        value="result.summary",
    ),
    _SNAPSHOTS,
    notes="result.notes",
)

_CAUSES: dict[Cause, str] = {
    "blanks": "leading or trailing space",
    "comma": 'contains ", "',
    "colon-in-key": "colon in the key",
    "colon-in-value": "colon in the value",
    "key-again": "duplicate key",
    "key-case": "keys differ only in case",
    "too-long": f"over {MAX_CHARACTERS} characters",
    "four-byte": "4-byte character",
}
_ROOM_FOR_VALUE = 40
"""Width in cells of a truncated value."""


_ORIGINS = 3
"""Maximum number of origins of tags that are named."""


def tags_document(result: TagsResult, shown: Sequence[TagRow]) -> bytes:
    """The document `proccli/tags/v1` with the selected tags; the summary counts all."""
    totals, host = result.totals, result.host.name
    return TAGS.render(Selected(totals, (OfHost(host, row) for row in shown)))


def hosts_document(totals: TagsTotals, rows: Iterable[OfHost]) -> Iterator[bytes]:
    """The document of several sources. All are read first: what is known of the origin of the tags
    is written before them."""
    shown = list(rows)
    return TAGS.pieces(Selected(totals, iter(shown)))


def tags_lines(rows: Iterable[OfHost]) -> Iterator[bytes]:
    """A line of JSON for each tag."""
    return line_pieces(map(_TAG_OF_HOST.line, rows))


def tags_table(result: TagsResult, shown: Sequence[TagRow], view: View) -> str:
    """The selected tags, and a summary of all."""
    return _table(result.totals, grid(shown, _columns(shown, view), view), len(shown), view)


def hosts_table(totals: TagsTotals, rows: Sequence[OfHost], view: View) -> str:
    """The selected tags of several hosts, and a summary of all."""
    columns = _columns([row.row for row in rows], view)
    return _table(totals, host_grid(rows, columns, view), len(rows), view)


def _table(totals: TagsTotals, body: list[Line], shown: int, view: View) -> str:
    if body:
        body.append(())
    body.extend(_total_lines(totals, shown, view))
    return paint(body, view)


def _columns(shown: Sequence[TagRow], view: View) -> list[Column[TagRow]]:
    mark = view.glyphs.ellipsis
    columns: list[Column[TagRow]] = [
        Column(title=TAG.title("pid"), cell=lambda row, _: plain(str(row.pid)), right=True),
        Column(
            title=TAG.title("process_name"),
            cell=lambda row, room: _process_cell(row, room, mark),
            least=10,
            spare=2,
        ),
        Column(
            title=TAG.title("key"),
            cell=lambda row, room: _text_cell(row.tag.key, room, mark),
            least=6,
        ),
        Column(
            title=TAG.title("value"),
            cell=lambda row, room: _text_cell(row.tag.value, room, mark),
            least=8,
        ),
    ]
    if any(row.inherited for row in shown):
        columns.append(
            Column(
                title=TAG.title("from_pid"),
                cell=lambda row, _: _from_cell(row),
                right=True,
                spare=1,
            )
        )
    columns.append(
        Column(
            title=TAG.title("server"),
            cell=lambda row, room: _arrival_cell(row, room, mark),
            least=min((view.width or 80) // 3, 26),
        )
    )
    return columns


def _process_cell(row: TagRow, room: int | None, mark: str) -> Line:
    if row.outcome is None:
        return ((shorten("no such process", room, mark), "unknown"),)
    return ((shorten(row.outcome.process_name or "-", room, mark), ""),)


def _text_cell(text: str, room: int | None, mark: str) -> Line:
    return ((shorten(text, room, mark) or '""', "tag"),)


def _from_cell(row: TagRow) -> Line:
    return ((str(row.tag.from_pid), "dim"),) if row.inherited else ()


def _arrival_cell(row: TagRow, room: int | None, mark: str) -> Line:
    """Whether the agent sends it, and the value that the server shows."""
    if row.sent is False:
        return ((_cut(f"not sent{_why_unsent(row)}", room, mark), "skipped"),)
    arrival = row.arrival
    style = {"kept": "accepted", "cut": "unknown", "lost": "dropped"}[arrival.outcome]
    text = "kept" if row.sent else "kept if sent"
    if arrival.outcome != "kept":
        left = shorten(arrival.value or "", _ROOM_FOR_VALUE, mark)
        text = "lost" if arrival.value is None else f'truncated to "{left}"'
        text += f": {', '.join(_CAUSES[cause] for cause in arrival.causes)}"
    if arrival.strays:
        strays = (shorten(f"{key}={value}", _ROOM_FOR_VALUE, mark) for key, value in arrival.strays)
        text += f"; creates {', '.join(strays)}"
    return ((_cut(text, room, mark), style),)


def _why_unsent(row: TagRow) -> str:
    outcome = row.outcome
    if outcome is None:
        return ""
    if outcome.status == "dropped" and outcome.rule is not None:
        return f": dropped by #{outcome.rule.index}"
    return f": {SHORT_REASONS.get(outcome.reason, outcome.reason)}"


def _cut(text: str, room: int | None, mark: str) -> str:
    """Safe text truncated at its end to `room` cells."""
    if room is None or cells(plain(text)) <= room:
        return text
    return head(text, room - cells(plain(mark))) + mark


def _total_lines(result: TagsTotals, shown: int, view: View) -> list[Line]:
    summary, hosts = result.summary, len(result.hosts)
    if not result.known and not summary.tags:
        return [(("Tags are unknown.", "unknown"),)]
    counts: list[tuple[int, str, str]] = [
        (summary.kept, "kept", "accepted"),
        (summary.cut, "truncated", "unknown"),
        (summary.lost, "lost", "dropped"),
        (summary.not_sent, "not sent", "skipped"),
        (summary.unknown, "unknown whether sent", "unknown"),
    ]
    parts = [((f"{number:,} {word}", style),) for number, word, style in counts if number]
    if not result.known:
        parts.append((("those of some hosts unknown", "unknown"),))
    total = f"{counted(summary.tags, 'tag')} of {counted(summary.processes, 'process')}"
    if shown != summary.tags:
        total = f"{shown:,} shown of {total}"
    line: list[tuple[str, str]] = [*plain(total)]
    if parts:
        line += [*plain(": "), *joined(parts, ", ")]
    about: Line = (
        *plain(f"server {result.server.number} {view.glyphs.dot} "),
        *untrusted(f"tags from {listed(result.origins[:_ORIGINS])}", "dim"),
        *plain("" if hosts == 1 else f" {view.glyphs.dot} {hosts:,} hosts"),
    )
    return [*wrapped(line, view.width), *wrapped(about, view.width)]
