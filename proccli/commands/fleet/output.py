"""Answers about many hosts as tables and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any, Final, get_args

from proccli.commands.fleet.fleet import Answer, Changed, Pruned
from proccli.commands.stores import OpenStore
from proccli.model.codes import lacking
from proccli.store.changes import Change, Kind
from proccli.store.questions import HostRow, NameRow
from proccli.terminal.document import TIME, Document, lines
from proccli.terminal.lines import Line, plain, shorten, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.record import (
    Field,
    Record,
    array_of,
    boolean,
    enum,
    integer,
    itself,
    mapping_of,
    nullable,
    text,
)
from proccli.terminal.table import Column, grid
from proccli.terminal.view import View
from proccli.terminal.words import duration, rfc3339
from proccli.text import counted, visible

_LEAST: Final = 8
_STORE: Final = Field("store", nullable(text()), "null: the files that were given.")
_AT: Final = Field(
    "at",
    nullable(TIME),
    "Documents up to this time count.",
    value=lambda answer: answer.moment.at_s,
)
_FROM: Final = Field(
    "from",
    nullable(TIME),
    "Hosts without a document since this time are silent; null: documents of any age count.",
    value=lambda answer: answer.moment.from_s or None,
)

REFUSED = Record(
    "refused",
    Field("source", text(), "The file, and the line in it if it is known."),
    Field("problem", text()),
)
"""What of a file is not loaded; the row is a `Refused`."""

LOAD = Document(
    "fleet-load",
    "proccli fleet load --json: what was loaded into the store",
    Field("store", nullable(text()), value="name"),
    Field("documents", integer(0), "Loaded now.", value="loaded.documents"),
    Field("known", integer(0), "In the store already.", value="loaded.known"),
    Field("hosts", integer(0), value=lambda opened: len(opened.loaded.hosts)),
    Field("processes", integer(0), value="loaded.processes"),
    Field("sockets", integer(0), value="loaded.sockets"),
    Field("refused", array_of(REFUSED), "Not loaded.", value="loaded.refused"),
    notes=lambda opened: opened.refusals(),
)

NAME = Record(
    "name",
    Field("gprocess", text()),
    Field("rule", nullable(integer(0)), "0: the implicit accept; null: not known."),
    Field(
        "config_file",
        nullable(text()),
        "null: the agent's defaults.",
        value=lambda row: row.config_file or None,
    ),
    Field(
        "config_sha256",
        nullable(text()),
        "null: not known.",
        value=lambda row: row.config_sha256 or None,
    ),
    Field("hosts", integer(1)),
    Field("processes", integer(1)),
    Field("examples", array_of(text()), "Names of some of the hosts."),
)
"""The row is a `NameRow`."""

NAMES = Document(
    "fleet-names",
    "proccli fleet names --json: which rule gives which name on how many hosts",
    _STORE,
    _AT,
    _FROM,
    Field("names", array_of(NAME), "By number of hosts, largest first.", value="rows"),
)

HOST = Record(
    "host",
    Field("network", text()),
    Field("host", text()),
    Field("taken_at", nullable(TIME), "Of its newest document.", value="taken_at_s"),
    Field("silent", boolean()),
    Field("source", text(), "The file and line of the document, as loaded."),
    Field("proccli", nullable(text()), "The version; null: not known."),
    Field("host_id", nullable(text()), "null: not known."),
    Field("boot_time", nullable(TIME), "null: not known.", value="boot_time_s"),
    Field("addresses", array_of(text())),
    Field("agent", text()),
    Field("via", text()),
    Field("config_file", nullable(text()), "null: the agent's defaults."),
    Field("config_sha256", nullable(text()), "null: not known."),
    Field("rules", integer(0)),
    Field("enabled", boolean(), "false: the agent sends nothing."),
    Field("processes", integer(0)),
    Field("sockets", integer(0)),
    Field(
        "left_out",
        nullable(mapping_of(integer(0))),
        "Ends of connections that are not sent, by reason; null: not known.",
    ),
    Field("warnings", array_of(text()), "Codes of the warnings of the document."),
)
"""The row is a `HostRow`."""

HOSTS = Document(
    "fleet-hosts",
    "proccli fleet hosts --json: the hosts, and what each would send",
    _STORE,
    _AT,
    _FROM,
    Field("hosts", array_of(HOST), "By network and name.", value="rows"),
    Field(
        "summary",
        Record(
            "summary",
            Field("hosts", integer(0), value=lambda answer: len(answer.rows)),
            Field("silent", integer(0), value=lambda answer: sum(r.silent for r in answer.rows)),
            Field(
                "disabled",
                integer(0),
                "Hosts whose agent sends nothing.",
                value=lambda answer: sum(not row.enabled for row in answer.rows),
            ),
        ),
        value=itself,
    ),
)


def load_document(opened: OpenStore) -> bytes:
    """The document `proccli/fleet-load/v1`."""
    return LOAD.render(opened)


def load_lines(opened: OpenStore) -> bytes:
    """A line for each part of a file that is not loaded."""
    assert opened.loaded is not None  # noqa: S101 - after a load
    return lines(map(REFUSED.line, opened.loaded.refused))


def load_text(opened: OpenStore, view: View) -> str:
    """What was loaded, in a sentence or two."""
    loaded = opened.loaded
    assert loaded is not None  # noqa: S101 - after a load
    what = counted(loaded.documents, "document")
    if loaded.documents:
        what += (
            f" of {counted(len(loaded.hosts), 'host')}, with"
            f" {counted(loaded.processes, 'process')} and {counted(loaded.sockets, 'socket')}"
        )
    found: list[Line] = [((f"Loaded {what}.", "head"),)]
    if loaded.known:
        found.append(plain(f"{counted(loaded.known, 'document')} in the store already."))
    if loaded.refused:
        problem = f"{counted(len(loaded.refused), 'file or document', 'files or documents')}"
        found.append(((f"{problem} refused (--json lists all).", "error"),))
    return paint([part for line in found for part in wrapped(line, view.width)], view)


def names_document(answer: Answer[NameRow]) -> bytes:
    """The document `proccli/fleet-names/v1`."""
    return NAMES.render(answer)


def names_lines(answer: Answer[NameRow]) -> bytes:
    """A line for each name."""
    return lines(map(NAME.line, answer.rows))


def names_text(answer: Answer[NameRow], view: View) -> str:
    """A line for each name and rule."""
    several = len({(row.config_file, row.config_sha256) for row in answer.rows}) > 1
    mark = view.glyphs.ellipsis
    columns: list[Column[NameRow]] = [
        Column(
            title="GPROCESS",
            cell=lambda row, room: ((shorten(row.gprocess or '""', room, mark), "name"),),
            least=_LEAST,
        ),
        Column(title="RULE", cell=lambda row, _: plain(_rule(row)), right=True),
        Column(title="HOSTS", cell=lambda row, _: plain(f"{row.hosts:,}"), right=True),
        Column(title="PROCESSES", cell=lambda row, _: plain(f"{row.processes:,}"), right=True),
        Column(
            title="ON",
            cell=lambda row, room: ((shorten(_examples(row), room, mark), "dim"),),
            least=_LEAST,
            spare=1,
        ),
    ]
    if several:
        columns.append(
            Column(
                title="CONFIGURATION",
                cell=lambda row, room: ((shorten(_config(row), room, mark), "dim"),),
                least=_LEAST,
                spare=2,
            )
        )
    return _table(grid(answer.rows, columns, view), _names_total(answer), view)


def _rule(row: NameRow) -> str:
    return "?" if row.rule is None else "-" if row.rule == 0 else str(row.rule)


def _examples(row: NameRow | Change) -> str:
    more = row.hosts - len(row.examples)
    return ", ".join(row.examples) + (f" and {more:,} more" if more > 0 else "")


def _config(row: NameRow | HostRow) -> str:
    file = row.config_file or "the agent's defaults"
    return f"{file} {row.config_sha256[:8]}" if row.config_sha256 else file


def _names_total(answer: Answer[NameRow]) -> str:
    names = len({row.gprocess for row in answer.rows})
    if not names:
        return f"No matches {_until(answer)}."
    return f"{counted(names, 'name')} {_until(answer)}; rule -: no rule matched, ?: not known."


def hosts_document(answer: Answer[HostRow]) -> bytes:
    """The document `proccli/fleet-hosts/v1`."""
    return HOSTS.render(answer)


def hosts_lines(answer: Answer[HostRow]) -> bytes:
    """A line for each host."""
    return lines(map(HOST.line, answer.rows))


def hosts_text(answer: Answer[HostRow], view: View) -> str:
    """A line for each host."""
    mark, at_s = view.glyphs.ellipsis, answer.moment.at_s
    columns: list[Column[HostRow]] = [
        Column(
            title="HOST",
            cell=lambda row, room: ((shorten(row.host, room, mark), "name"),),
            least=_LEAST,
        )
    ]
    if any(row.network for row in answer.rows):
        columns.append(
            Column(
                title="NETWORK",
                cell=lambda row, room: ((shorten(row.network, room, mark), ""),),
                least=_LEAST,
            )
        )
    columns += [
        Column(title="LAST DOCUMENT", cell=lambda row, _: _last(row, at_s)),
        Column(title="PROCESSES", cell=lambda row, _: plain(f"{row.processes:,}"), right=True),
        Column(title="SOCKETS", cell=lambda row, _: plain(f"{row.sockets:,}"), right=True),
        Column(title="STATE", cell=lambda row, _: _state(row)),
        Column(title="AGENT", cell=lambda row, _: plain(visible(row.agent)), spare=1),
        Column(
            title="CONFIGURATION",
            cell=lambda row, room: ((shorten(_config(row), room, mark), "dim"),),
            least=_LEAST,
            spare=2,
        ),
    ]
    return _table(grid(answer.rows, columns, view), _hosts_total(answer), view)


def _last(row: HostRow, at_s: int) -> Line:
    at = rfc3339(row.taken_at_s) or ""
    behind = at_s - row.taken_at_s
    ago = f" ({duration(behind)} behind)" if row.silent else ""
    return ((f"{at}{ago}", "error" if row.silent else ""),)


def _state(row: HostRow) -> Line:
    if row.silent:
        return (("silent", "error"),)
    if not row.enabled:
        return (("disabled", "warning"),)
    if any(map(lacking, row.warnings)):
        return (("incomplete", "warning"),)
    return plain(counted(len(row.warnings), "warning") if row.warnings else "ok")


def _hosts_total(answer: Answer[HostRow]) -> str:
    if not answer.rows:
        return f"No matches {_until(answer)}."
    silent = sum(row.silent for row in answer.rows)
    return f"{counted(len(answer.rows), 'host')} {_until(answer)}, {silent:,} silent."


def _until(answer: Answer[Any]) -> str:
    return f"up to {rfc3339(answer.moment.at_s)}"


def _table(shown: list[Line], total: str, view: View) -> str:
    if shown:
        shown.append(())
    shown.extend(wrapped(((total, "head"),), view.width))
    return paint(shown, view)


CHANGE = Record(
    "change",
    Field("kind", enum(*get_args(Kind))),
    Field("change", enum("added", "removed")),
    Field(
        "subject",
        text(),
        "host: its name; config: file, hash and agent version; name: the gprocess; connection: the"
        " gprocess of the client.",
    ),
    Field("server", nullable(text()), "connection: gprocess and port of the server; else null."),
    Field("hosts", integer(1), "On how many hosts."),
    Field("examples", array_of(text()), "Names of some of the hosts."),
)
"""The row is a `Change`."""

CHANGES = Document(
    "fleet-changes",
    "proccli fleet changes --json: what changed between two moments",
    _STORE,
    _AT,
    Field("since", nullable(TIME), "Compared with this time.", value="before.at_s"),
    Field("changes", array_of(CHANGE), "By kind, then by number of hosts.", value="rows"),
)

DAY = Record(
    "day",
    Field("day", text("^[0-9]{8}$"), "As 20260102, in UTC.", value=itemgetter(0)),
    Field("documents", integer(0), value=itemgetter(1)),
)

PRUNE = Document(
    "fleet-prune",
    "proccli fleet prune --json: the days that were dropped from a store",
    Field("store", text()),
    Field("kept_from", nullable(TIME), "The day of this time is kept.", value="kept_from_s"),
    Field("dry_run", boolean(), "true: nothing was dropped."),
    Field("days", array_of(DAY), value=lambda pruned: list(pruned.days.items())),
)


def changes_document(answer: Changed) -> bytes:
    """The document `proccli/fleet-changes/v1`."""
    return CHANGES.render(answer)


def changes_lines(answer: Changed) -> bytes:
    """A line for each change."""
    return lines(map(CHANGE.line, answer.rows))


def changes_text(answer: Changed, view: View) -> str:
    """A line for each change."""
    mark = view.glyphs.ellipsis
    columns: list[Column[Change]] = [
        Column(
            title="CHANGE",
            cell=lambda row, _: ((f"{_SIGNS[row.change]} {row.kind}", _STYLES[row.change]),),
        ),
        Column(
            title="WHAT",
            cell=lambda row, room: ((shorten(_subject(row, view), room, mark), "name"),),
            least=_LEAST,
        ),
        Column(
            title="HOSTS",
            cell=lambda row, _: plain(f"{row.hosts:,}" if row.examples else ""),
            right=True,
        ),
        Column(
            title="ON",
            cell=lambda row, room: ((shorten(_examples(row), room, mark), "dim"),),
            least=_LEAST,
            spare=1,
        ),
    ]
    since = f"from {rfc3339(answer.before.at_s)} to {rfc3339(answer.moment.at_s)}"
    total = f"{counted(len(answer.rows), 'change')} {since}."
    return _table(grid(answer.rows, columns, view), total, view)


_SIGNS: Final = {"added": "+", "removed": "-"}
_STYLES: Final = {"added": "accepted", "removed": "dropped"}


def _subject(row: Change, view: View) -> str:
    subject = row.subject or '""'
    return subject if row.server is None else f"{subject} {view.glyphs.becomes} {row.server}"


def prune_document(result: Pruned) -> bytes:
    """The document `proccli/fleet-prune/v1`."""
    return PRUNE.render(result)


def prune_lines(result: Pruned) -> bytes:
    """A line for each day."""
    return lines(map(DAY.line, result.days.items()))


def prune_text(result: Pruned, view: View) -> str:
    """How many days and documents were dropped."""
    documents = counted(sum(result.days.values()), "document")
    verb = "Would drop" if result.dry_run else "Dropped"
    kept = (rfc3339(result.kept_from_s) or "").partition("T")[0]
    what = f"{verb} {documents} of {counted(len(result.days), 'day')} before {kept}."
    return paint(wrapped(((what, "head"),), view.width), view)


FLEET_DOCUMENTS: Mapping[str, Document] = {
    "fleet-load": LOAD,
    "fleet-names": NAMES,
    "fleet-hosts": HOSTS,
    "fleet-changes": CHANGES,
    "fleet-prune": PRUNE,
}
