"""A scan as JSON. `explain` prints the same object for a process, with more fields."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from proccli.commands.scan.scan import ScanResult, ScanTotals
from proccli.model.outcome import Outcome, Reason, Status
from proccli.model.process import Process
from proccli.terminal.document import (
    CONFIG,
    TIME,
    Document,
    OfHost,
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

if TYPE_CHECKING:
    from proccli.commands.scan.gprocesses import Identified
    from proccli.commands.scan.groups_table import NameGroup, NameGroups


def arguments(process: Process) -> tuple[list[str] | None, list[str] | None]:
    """The arguments as text, and their exact bytes in base64 where they are not UTF-8.

    Empty ones at the end are left out: programs that rewrite their title pad it with NULs.
    """
    if process.cmdline is None or (process.arguments_joined and process.cmdline):
        return None, None
    content = process.cmdline.rstrip(b"\0")
    if not content:
        return [], None
    try:
        return content.decode().split("\0"), None
    except UnicodeDecodeError:
        pieces = content.split(b"\0")
    return (
        [piece.decode(errors="backslashreplace") for piece in pieces],
        [b64encode(piece).decode() for piece in pieces],
    )


RULE = Record(
    "rule",
    Field("index", integer(1), "Counts from 1, in the file's order."),
    Field(
        "line",
        nullable(integer(1)),
        "null: one of the agent's own matchers.",
        value=lambda rule: rule.at.line or None,
    ),
    Field("match_type", text()),
    Field("match_regex", text()),
    Field("action", text()),
    Field("rewrite_name", text()),
    about="A rule with the values in effect.",
)

TAG = Record(
    "tag",
    Field("name", text(r"^os\.app\.")),
    Field("key", text()),
    Field("value", text()),
    Field("from_pid", integer(), "The process itself, or the ancestor it inherits the tag from."),
)

SOCKET_COUNTS = Record(
    "sockets",
    Field("synced", integer(0)),
    Field("skipped", integer(0)),
    Field("undecided", integer(0)),
)

PROCESS = Record(
    "process",
    Field("pid", integer(0), value="process.pid", title="PID"),
    Field("ppid", nullable(integer()), value="process.ppid"),
    Field("comm", nullable(text()), value="process.comm"),
    Field("exe", nullable(text()), value="process.exe"),
    Field("process_name", nullable(text()), "The name that the agent gives the process."),
    Field(
        "cmdline",
        nullable(text()),
        "The command line as the agent reads it: its parts, joined by one space.",
        title="COMMAND",
    ),
    Field(
        "argv",
        nullable(array_of(text())),
        r"The arguments, without empty ones at the end; bytes that are not UTF-8 as \xXX."
        " null: not known, as in the output of ps.",
        value=lambda outcome: arguments(outcome.process)[0],
    ),
    Field(
        "argv_base64",
        nullable(array_of(text("^[A-Za-z0-9+/]*={0,2}$"))),
        "The exact bytes of each argument, if any of them is not UTF-8.",
        value=lambda outcome: arguments(outcome.process)[1],
    ),
    Field("user", nullable(text()), title="USER"),
    Field("uid", nullable(integer()), value="process.uid"),
    Field("start_time", nullable(TIME), value="start_s"),
    Field("uptime_s", nullable(integer()), "Negative if it starts in the future.", title="UPTIME"),
    Field("agent_uptime_s", nullable(integer()), "As the agent computes it."),
    Field("netns", nullable(integer()), value="process.netns"),
    Field("container_id", nullable(text())),
    Field("status", enum(*get_args(Status)), title="OUTCOME"),
    Field("reason", enum(*get_args(Reason))),
    Field(
        "rule",
        nullable(RULE),
        "The rule that decided; null for the implicit accept, and if no rule was tried.",
    ),
    Field(
        "hits",
        array_of(integer(1)),
        "The indices of the rules that matched; with inputs.proc, those that took the process.",
    ),
    Field(
        "taken",
        nullable(boolean()),
        "inputs.proc: whether the pid is in the list that the feature publishes; null: not known.",
    ),
    Field(
        "reported_pid",
        nullable(integer(0)),
        "inputs.proc: the ancestor that is reported in its place.",
    ),
    Field(
        "stands_for",
        nullable(array_of(integer(0))),
        "inputs.proc: the processes in whose place it is reported.",
    ),
    Field(
        "gprocess",
        nullable(text()),
        "The name under which it is sent; null unless accepted.",
        title="NAME",
    ),
    Field("tags", nullable(array_of(TAG)), "null: not known.", title="TAGS"),
    Field("sockets", nullable(SOCKET_COUNTS), "null: the file descriptors cannot be read."),
)
"""A process with its outcome; the row is an `Outcome`."""


SUMMARY = Record(
    "summary",
    Field("total", integer(0)),
    Field("accepted", integer(0)),
    Field("dropped", integer(0)),
    Field("skipped", integer(0)),
    Field("unknown", integer(0)),
    Field(
        "reported",
        nullable(integer(0)),
        "Number of processes that would be sent: the accepted ones, or 0 with sync disabled; null:"
        " not known, because the proc mount hides processes.",
    ),
    about="Counts over the whole scan, whether the processes are shown or not.",
)


class ScanRow(NamedTuple):
    """The row of a document of a scan."""

    totals: ScanTotals
    shown: Iterable[Any]
    identified: Identified | None = None
    grouping: NameGroups | None = None

    @property
    def groups(self) -> Sequence[NameGroup] | None:
        """Are complete when all rows have been read."""
        return None if self.grouping is None else self.grouping.all


NAME_GROUP = Record(
    "name-group",
    Field("name", text(), "The gprocess, or of processes that are not accepted, their own name."),
    Field("status", enum(*get_args(Status))),
    Field("reason", enum(*get_args(Reason))),
    Field(
        "rule",
        nullable(integer(0)),
        "Index of the rule that decided; 0: the implicit accept; null: no rule was tried.",
    ),
    Field("processes", integer(1)),
    Field("hosts", array_of(text()), "In the order of the sources."),
    about="Processes with the same name, outcome and rule.",
)
"""The row is a `NameGroup`."""

_PROCESS_OF_HOST = of_host(PROCESS)
_SNAPSHOT, _SNAPSHOTS = snapshot_fields("totals.hosts")


def scan_document_of(process: Record, *more: Field, about: str) -> Document:
    """A document of a scan, with these records of processes and these fields at its end."""
    return Document(
        "scan",
        "proccli scan --json: the outcome of every process",
        _SNAPSHOT,
        Field("config", CONFIG, value="totals.config"),
        Field(
            "processes",
            array_of(process),
            "The selected processes, host by host; -o jsonl prints one of these a line.",
            value="shown",
        ),
        Field("summary", SUMMARY, value="totals.summary"),
        _SNAPSHOTS,
        Field(
            "groups",
            nullable(array_of(NAME_GROUP)),
            "The selected processes, summed up by name; -o jsonl prints one of these a line. null:"
            " without --group.",
        ),
        *more,
        notes="totals.notes",
        about=about,
    )


SCAN = scan_document_of(_PROCESS_OF_HOST, about="Without --identity.")
"""With --identity: `gprocesses_json.SCAN_WITH_IDENTITY`."""


def scan_document(result: ScanResult, shown: Sequence[Outcome]) -> Iterator[bytes]:
    """The document `proccli/scan/v1`, in pieces; the summary counts all processes."""
    host = result.host.name
    rows = (OfHost(host, outcome) for outcome in shown)
    return SCAN.pieces(ScanRow(result.totals, rows))


def scan_lines(result: ScanResult, shown: Sequence[Outcome]) -> Iterator[bytes]:
    """A line for each of the selected processes, in pieces."""
    host = result.host.name
    return process_lines(OfHost(host, outcome) for outcome in shown)


def scan_pieces(
    totals: ScanTotals, rows: Iterable[OfHost], grouping: NameGroups | None = None
) -> Iterator[bytes]:
    """The document of several sources; `totals` are complete when the last row has been read."""
    return SCAN.pieces(ScanRow(totals, iter(rows), None, grouping))


def group_lines(groups: Iterable[NameGroup]) -> Iterator[bytes]:
    """A line for each group."""
    return line_pieces(map(NAME_GROUP.line, groups))


def process_lines(rows: Iterable[OfHost]) -> Iterator[bytes]:
    """A line for each process, in pieces."""
    return line_pieces(map(_PROCESS_OF_HOST.line, rows))
