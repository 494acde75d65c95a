"""The table of versions as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple, get_args

from proccli.commands.versions.versions import Change, Group, Versions, group_wording
from proccli.model.note import Note
from proccli.terminal.document import Document, lines
from proccli.terminal.lines import Line, wrapped
from proccli.terminal.paint import paint
from proccli.terminal.record import (
    Field,
    Record,
    Type,
    array_of,
    boolean,
    enum,
    mapping_of,
    nullable,
    text,
)
from proccli.terminal.view import View
from proccli.versions import Dialect

_ANY: Final = Type({})
_VERSIONS: Final = array_of(text())


class _Row(NamedTuple):
    dialect: Dialect
    change: Change


class _Document(NamedTuple):
    table: Versions
    notes: tuple[Note, ...] = ()


def _rows(table: Versions) -> Iterator[_Row]:
    for dialect, changes in table.changes.items():
        for change in changes:
            yield _Row(dialect, change)


CHANGE = Record(
    "change",
    Field("dialect", enum(*get_args(Dialect))),
    Field("since", text(), "A release, a branch, or a generation.", value="change.since"),
    Field("agents", _VERSIONS, "The versions on this step.", value="change.versions"),
    Field("field", text(), value="change.field"),
    Field("before", _ANY, "null: the first step.", value="change.before"),
    Field("now", _ANY, value="change.now"),
    Field("change", text(), value="change.text"),
    Field("source", text(), value="change.source"),
)
_GROUP = (
    Field("values", mapping_of(_ANY)),
    Field("source", text()),
)
AGENT = Record(
    "agent",
    Field("version", text(), value="number"),
    Field(
        "static_config",
        boolean(),
        "Whether it reads this dialect.",
        value=lambda agent: agent.static_config is not None,
    ),
    Field(
        "inputs_proc",
        boolean(),
        "Whether it reads this dialect.",
        value=lambda agent: agent.inputs_proc is not None,
    ),
    Field(
        "generation",
        nullable(text()),
        "Of the agents of inputs.proc.",
        value=lambda agent: agent.inputs_proc and agent.inputs_proc.generation,
    ),
    Field(
        "new_rpc",
        nullable(boolean()),
        "For agents of both dialects: whether they read inputs.proc of a file with both.",
    ),
    Field("regex_crate", text()),
    Field("yaml_crate", text()),
)
VERSIONS = Document(
    "versions",
    "proccli versions --json: what changes between agent and server versions",
    Field("agents", array_of(AGENT), value="table.agents"),
    Field("changes", array_of(CHANGE), value=lambda row: list(_rows(row.table))),
    Field(
        "defaults",
        array_of(Record("defaults", Field("agents", _VERSIONS, value="versions"), *_GROUP)),
        "What agents of inputs.proc do where a key is missing.",
        value="table.defaults",
    ),
    Field(
        "servers",
        array_of(Record("server", Field("servers", _VERSIONS, value="versions"), *_GROUP)),
        "How servers identify processes.",
        value="table.servers",
    ),
    Field(
        "config_servers",
        array_of(Record("config_server", Field("servers", _VERSIONS, value="versions"), *_GROUP)),
        "How servers pass configurations of inputs.proc on.",
        value="table.config_servers",
    ),
)


def versions_document(table: Versions) -> bytes:
    """The document `proccli/versions/v1`."""
    return VERSIONS.render(_Document(table))


def versions_lines(table: Versions) -> bytes:
    """A line of JSON for each change."""
    return lines(map(CHANGE.line, _rows(table)))


_INDENT: Final = "  "


def versions_text(table: Versions, view: View) -> str:
    """What changes where: the agents of each dialect, their defaults, the servers."""
    body: list[Line] = []
    for dialect, changes in table.changes.items():
        body.extend(_heading(f"Agents of {dialect}", first=not body))
        body.extend(_steps(changes, view))
    body.extend(_heading("Defaults of inputs.proc"))
    body.extend(_groups(table.defaults, view))
    body.extend(_heading("Servers: how processes are identified"))
    body.extend(_groups(table.servers, view))
    body.extend(_heading("Servers: how configurations of inputs.proc are passed on"))
    body.extend(_groups(table.config_servers, view))
    return paint(body, view)


def _heading(title: str, *, first: bool = False) -> Iterator[Line]:
    if not first:
        yield ()
    yield ((title, "head"),)


def _steps(changes: Sequence[Change], view: View) -> Iterator[Line]:
    for since, of_step in groupby(changes, key=lambda change: change.since):
        step = list(of_step)
        others = [number for number in step[0].versions if number != since]
        alike = f", {', '.join(others)}" if others else ""
        yield from wrapped(((since, "name"), (alike, "")), view.width)
        for change in step:
            yield from _indented(change.text, view)
        yield from _indented(f"source: {step[0].source}", view, "dim")


def _groups(groups: Iterable[Group], view: View) -> Iterator[Line]:
    """The first group whole, of the others what differs from the one before."""
    before: Group | None = None
    for group in groups:
        yield from wrapped(((", ".join(group.versions), "name"),), view.width)
        for line in group_wording(group, before):
            yield from _indented(line, view)
        if before is None or group.source != before.source:
            yield from _indented(f"source: {group.source}", view, "dim")
        before = group


def _indented(content: str, view: View, style: str = "") -> Iterator[Line]:
    room = None if view.width is None else max(view.width - len(_INDENT), 20)
    for line in wrapped(((content, style),), room):
        yield ((_INDENT, ""), *line)
