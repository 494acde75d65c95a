"""A scan as JSON. `explain` prints the same object for a process, with more fields."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, get_args

from proccli.commands.scan.gprocesses import Identified
from proccli.commands.scan.scan import ScanResult, ScanTotals
from proccli.model.outcome import Outcome, Reason, Status
from proccli.model.process import Process
from proccli.server.gprocess import Continuity, Doubt, Identity, KeyBasis, RowRejection
from proccli.terminal.document import (
    CONFIG,
    TIME,
    Document,
    OfHost,
    line_pieces,
    of_host,
    one_of,
    snapshot_fields,
)
from proccli.terminal.record import (
    Field,
    Json,
    Record,
    array_of,
    boolean,
    enum,
    integer,
    itself,
    nullable,
    text,
)

if TYPE_CHECKING:
    from proccli.commands.scan.groups_table import NameGroup, NameGroups


def arguments(process: Process) -> tuple[list[str] | None, list[str] | None]:
    """The arguments as text, and their exact bytes in base64 where they are not UTF-8.

    Empty ones at the end are left out: programs that rewrite their title pad it with NULs.
    """
    if process.cmdline is None:
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
        r"The arguments, without empty ones at the end; bytes that are not UTF-8 as \xXX.",
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


def _in_key(attribute: str) -> Callable[[Identity], object]:
    """The pid or the name, if it is a part of the key: the pid by itself, the name otherwise."""
    return lambda identity: (
        getattr(identity, attribute) if (identity.basis == "pid") == (attribute == "pid") else None
    )


IDENTITY = Record(
    "identity",
    Field(
        "group",
        integer(1),
        "Processes of one group are certainly one gprocess. Two groups are certainly two, unless"
        " they have the same name and one of them has a doubt. Counts in the order of the pids,"
        " over the whole scan.",
        title="ID",
    ),
    Field(
        "name",
        text(),
        r"The gprocess as the server stores it; the bytes of a truncated character as \xXX.",
    ),
    Field("name_cut", boolean(), "Whether it was longer than 256 bytes."),
    Field(
        "key",
        Record(
            "identity-key",
            Field(
                "by",
                enum(*get_args(KeyBasis)),
                "pid: the pid; cmdline: the name and the command line; pod-or-cmdline: in a pod,"
                " the name and the workload, else the name and the command line. The agent's id,"
                " which is not known here, is part of each key except a pod's.",
                value="basis",
            ),
            Field(
                "pid",
                nullable(integer()),
                "null: not part of the key.",
                value=_in_key("pid"),
            ),
            Field("name", nullable(text()), "null: not part of the key.", value=_in_key("name")),
            Field(
                "cmdline",
                nullable(text()),
                "The part of the command line that the server compares: for java, python, python3"
                " and node, only the jar, the module or the first argument. null: not part of the"
                " key, or masked.",
            ),
        ),
        value=itself,
    ),
    Field(
        "doubts",
        array_of(enum(*get_args(Doubt))),
        "Why the key is not completely known. pod: the process runs in a container, which may"
        " belong to a pod; container-unknown: it could not be read whether it runs in one; masked:"
        " the recording masks the part that is compared.",
    ),
    Field(
        "after_restart",
        enum(*get_args(Continuity)),
        "Whether it is the same gprocess after a restart: with another pid, and the same name and"
        " command line.",
    ),
    Field(
        "after_exec",
        enum(*get_args(Continuity)),
        "Whether it is the same gprocess after an exec or a change of its title: with the same"
        " pid, and a command line whose compared part differs.",
    ),
    Field(
        "refused",
        array_of(enum(*get_args(RowRejection))),
        "Why the server's MySQL, in its default strict mode, rejects the row, and with it the"
        " other rows of the same statement.",
    ),
)
"""Which gprocess a process is; the row is an `Identity`."""

NAME_USE = Record(
    "name-use",
    Field("name", text(), value="use.name"),
    Field("pids", array_of(integer(0))),
    Field("groups", array_of(integer(1)), value="use.groups"),
    Field("at_least", integer(1), value="use.at_least"),
    Field("at_most", integer(1), value="use.at_most"),
    about="A name, the processes that have it, and how many gprocesses they are.",
)

IDENTITIES = Record(
    "identities",
    Field("server", text(), value="server.number"),
    Field(
        "processes",
        integer(0),
        "The accepted ones.",
        value=lambda identified: len(identified.by_pid),
    ),
    Field(
        "undecided",
        integer(0),
        "Processes of status unknown: these may be sent, too.",
    ),
    Field("at_least", integer(0), "Number of gprocesses that are certainly different."),
    Field("at_most", integer(0), "Number of gprocesses if every doubt means a difference."),
    Field(
        "aging_s",
        integer(0),
        "Seconds for which a gprocess stays after its last report.",
        value="server.aging_s",
    ),
    Field(
        "kept_s",
        integer(0),
        "Seconds for which a deleted gprocess stays, as NAME (deleted).",
        value="server.kept_s",
    ),
    Field("names", array_of(NAME_USE), "In the order of their first pids."),
    about="All gprocesses of the whole scan, for a server that gets these processes for the first"
    " time.",
)

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


_PROCESS_OF_HOST = of_host(PROCESS)
IDENTIFIED_PROCESS = Record(
    "identified-process",
    Field("host", nullable(text()), "The host."),
    *PROCESS.fields_of("outcome"),
    Field(
        "identity",
        nullable(IDENTITY),
        "The gprocess that it is for the server; null: it is not accepted.",
    ),
    about="A process and its identity.",
)


class _IdentifiedProcess(NamedTuple):
    """The row of `IDENTIFIED_PROCESS`."""

    host: str | None
    outcome: Outcome
    identity: Identity | None


class _ScanRow(NamedTuple):
    """The row of both documents."""

    totals: ScanTotals
    shown: Iterable[OfHost | _IdentifiedProcess]
    identified: Identified | None
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

_SNAPSHOT, _SNAPSHOTS = snapshot_fields("totals.hosts")


def _document(process: Record, *more: Field, about: str) -> Document:
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


SCAN = _document(_PROCESS_OF_HOST, about="Without --identity.")
SCAN_WITH_IDENTITY = _document(
    IDENTIFIED_PROCESS,
    Field("identities", IDENTITIES, value="identified"),
    about="With --identity.",
)


def scan_schema() -> Json:
    """The JSON Schema of both documents."""
    return one_of({"scan": SCAN, "scan-with-identity": SCAN_WITH_IDENTITY})


def scan_document(
    result: ScanResult, shown: Sequence[Outcome], identified: Identified | None = None
) -> Iterator[bytes]:
    """The document `proccli/scan/v1`, in pieces; the summary counts all processes.

    With `identified`, each process has its identity, and the document has all gprocesses.
    """
    host = result.host.name
    if identified is None:
        rows = (OfHost(host, outcome) for outcome in shown)
        return SCAN.pieces(_ScanRow(result.totals, rows, None))
    known = _identified(host, shown, identified)
    return SCAN_WITH_IDENTITY.pieces(_ScanRow(result.totals, known, identified))


def scan_lines(
    result: ScanResult, shown: Sequence[Outcome], identified: Identified | None = None
) -> Iterator[bytes]:
    """A line for each of the selected processes, in pieces."""
    host = result.host.name
    if identified is None:
        return process_lines(OfHost(host, outcome) for outcome in shown)
    return line_pieces(map(IDENTIFIED_PROCESS.line, _identified(host, shown, identified)))


def scan_pieces(
    totals: ScanTotals, rows: Iterable[OfHost], grouping: NameGroups | None = None
) -> Iterator[bytes]:
    """The document of several sources; `totals` are complete when the last row has been read."""
    return SCAN.pieces(_ScanRow(totals, iter(rows), None, grouping))


def group_lines(groups: Iterable[NameGroup]) -> Iterator[bytes]:
    """A line for each group."""
    return line_pieces(map(NAME_GROUP.line, groups))


def process_lines(rows: Iterable[OfHost]) -> Iterator[bytes]:
    """A line for each process, in pieces."""
    return line_pieces(map(_PROCESS_OF_HOST.line, rows))


def _identified(
    host: str | None, shown: Iterable[Outcome], identified: Identified
) -> Iterator[_IdentifiedProcess]:
    identities = identified.by_pid
    for outcome in shown:
        yield _IdentifiedProcess(host, outcome, identities.get(outcome.process.pid))
