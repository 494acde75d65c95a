"""A scan with --identity as JSON: which gprocess each process is for the server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, get_args

from proccli.commands.scan.gprocesses import Identified
from proccli.commands.scan.json import PROCESS, SCAN, ScanRow, scan_document_of
from proccli.commands.scan.scan import ScanResult
from proccli.model.outcome import Outcome
from proccli.server.gprocess import Continuity, Doubt, Identity, KeyBasis, RowRejection
from proccli.terminal.document import line_pieces, one_of
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


SCAN_WITH_IDENTITY = scan_document_of(
    IDENTIFIED_PROCESS,
    Field("identities", IDENTITIES, value="identified"),
    about="With --identity.",
)


def scan_schema() -> Json:
    """The JSON Schema of both documents of `scan`."""
    return one_of({"scan": SCAN, "scan-with-identity": SCAN_WITH_IDENTITY})


def identity_document(
    result: ScanResult, shown: Sequence[Outcome], identified: Identified
) -> Iterator[bytes]:
    """The document `proccli/scan/v1`, in pieces, with the identity of each selected process and all
    gprocesses."""
    return SCAN_WITH_IDENTITY.pieces(
        ScanRow(result.totals, _rows(result, shown, identified), identified)
    )


def identity_lines(
    result: ScanResult, shown: Sequence[Outcome], identified: Identified
) -> Iterator[bytes]:
    """A line for each of the selected processes, in pieces."""
    return line_pieces(map(IDENTIFIED_PROCESS.line, _rows(result, shown, identified)))


def _rows(
    result: ScanResult, shown: Iterable[Outcome], identified: Identified
) -> Iterator[_IdentifiedProcess]:
    identities = identified.by_pid
    for outcome in shown:
        yield _IdentifiedProcess(result.host.name, outcome, identities.get(outcome.process.pid))
