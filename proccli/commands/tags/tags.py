"""Every tag, with its process and what the server stores of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.commands.warnings import Totals, incomplete, outcome_notes
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.outcome import Outcome, Tag
from proccli.model.process import NO_TAGS, Host, TagTable
from proccli.server.tags import TagArrival, tag_arrivals
from proccli.versions import ServerVersion, server_version


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRow:
    """One tag of one process."""

    pid: int
    outcome: Outcome | None
    """None: there is no such process."""
    tag: Tag
    sent: bool | None
    """Whether the agent sends it with this process; None: not known."""
    arrival: TagArrival
    """What the server stores of it, if it is sent."""

    @property
    def inherited(self) -> bool:
        """Whether it came from a process above."""
        return self.tag.from_pid != self.pid

    @property
    def arrives(self) -> bool:
        """Whether a query shows it as it was written; true where that is not known."""
        return self.sent is not False and self.arrival.outcome == "kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagsSummary:
    """Numbers of tags by what happens to them."""

    tags: int
    processes: int
    kept: int
    cut: int
    lost: int
    """By the server."""
    not_sent: int
    unknown: int


class TagsTotals(Totals):
    """What the tags of one or several sources add up to."""

    def __init__(self, result: TagsResult) -> None:
        super().__init__()
        self.config = result.config
        self.server = result.server
        self.origins: list[str] = []
        self.known = True
        """Whether the tags of all sources are known."""
        self.summary = TagsSummary(
            tags=0, processes=0, kept=0, cut=0, lost=0, not_sent=0, unknown=0
        )

    @property
    def origin(self) -> str | None:
        """Where the tags come from; None: not all sources have the same."""
        return self.origins[0] if len(self.origins) == 1 else None

    def add(self, result: TagsResult) -> None:
        """Add the tags of one more source, without its host."""
        one, other = self.summary, result.summary
        self.summary = TagsSummary(
            **{
                field.name: getattr(one, field.name) + getattr(other, field.name)
                for field in fields(TagsSummary)
            }
        )
        if result.table.origin not in self.origins:
            self.origins.append(result.table.origin)
        self.known = self.known and result.table.known
        self.add_notes(result.host, result.notes, incomplete=result.incomplete)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagsResult:
    """All tags, by pid; those of a process in the agent's order."""

    host: Host
    config: Config
    table: TagTable
    server: ServerVersion
    rows: tuple[TagRow, ...]
    notes: tuple[Note, ...]

    @property
    def totals(self) -> TagsTotals:
        """The same result, as that of the only source."""
        totals = TagsTotals(self)
        totals.hosts.append(self.host)
        totals.add(self)
        return totals

    @property
    def summary(self) -> TagsSummary:
        """Counts over all rows."""
        sent = [row.arrival.outcome for row in self.rows if row.sent]
        return TagsSummary(
            tags=len(self.rows),
            processes=len({row.pid for row in self.rows}),
            kept=sent.count("kept"),
            cut=sent.count("cut"),
            lost=sent.count("lost"),
            not_sent=sum(row.sent is False for row in self.rows),
            unknown=sum(row.sent is None for row in self.rows),
        )

    @property
    def incomplete(self) -> bool:
        """Whether something that the agent would know is unknown."""
        return (
            not self.table.known
            or incomplete(self.notes, {"processes", "tags"})
            or any(row.sent is None for row in self.rows)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSelection:
    """Which tags a user asks to see. A question that is not asked is empty."""

    pids: Sequence[int] = ()
    keys: Sequence[str] = ()
    """Globs for the key, with or without its `os.app.`."""
    lost: bool = False
    """Only what does not arrive as it was written."""
    own: bool = False
    """Only what the tag command said, not what is inherited."""

    def of(self, rows: Iterable[TagRow]) -> tuple[TagRow, ...]:
        """The rows to show, in their order."""
        return tuple(row for row in rows if self._asks_for(row))

    def _asks_for(self, row: TagRow) -> bool:
        return (
            (not self.pids or row.pid in self.pids)
            and (not self.keys or any(_like(row.tag.key, glob) for glob in self.keys))
            and (not self.lost or not row.arrives)
            and (not self.own or not row.inherited)
        )


def _like(key: str, glob: str) -> bool:
    return fnmatchcase(key, glob) or fnmatchcase(f"os.app.{key}", glob)


def tags(inputs: Inputs, server: str | None = None) -> TagsResult:
    """What the tag command said, and what is inherited, as the server of a version takes it.

    Raises: SourceError; UsageError for a server that is not known.
    """
    outcomes = Pipeline(inputs).outcomes(inputs.source.pids())
    by_pid = {outcome.process.pid: outcome for outcome in outcomes}
    table = inputs.tags
    chosen = server_version(server or inputs.config.agent)
    pids = {*table.entries, *(pid for pid, outcome in by_pid.items() if outcome.tags)}
    rows = tuple(
        row
        for pid in sorted(pids)
        for row in _rows(pid, by_pid.get(pid), table.entries.get(pid, ()), chosen)
    )
    host = inputs.source.host
    return TagsResult(
        host=host,
        config=inputs.config,
        table=table,
        server=chosen,
        rows=rows,
        notes=(
            *inputs.notes,
            *_table_notes(table, by_pid),
            *outcome_notes(inputs.config, host, outcomes),
        ),
    )


def _rows(
    pid: int, outcome: Outcome | None, own: Sequence[tuple[str, str]], server: ServerVersion
) -> Iterator[TagRow]:
    sent: bool | None
    if outcome is not None and outcome.tags:
        sent, shown = True, outcome.tags
    else:
        # An accepted process sends its own tags, even where what it inherits is not known.
        status = outcome.status if outcome is not None else "skipped"
        sent = None if status == "unknown" else status == "accepted"
        shown = tuple(Tag(key=key, value=value, from_pid=pid) for key, value in own)
    for tag, arrival in zip(
        shown, tag_arrivals([(tag.key, tag.value) for tag in shown], server), strict=True
    ):
        yield TagRow(pid=pid, outcome=outcome, tag=tag, sent=sent, arrival=arrival)


def _table_notes(table: TagTable, by_pid: Mapping[int, Outcome]) -> Iterator[Note]:
    if table is NO_TAGS:
        yield Note.of("no-tag-source")
    missing = [pid for pid in table.entries if pid not in by_pid]
    if missing:
        pids, of_pids = len(missing), len(table.entries)
        yield Note.of("tags-without-process", pids=pids, of_pids=of_pids, first_pid=missing[0])
    empty = [pid for pid, pairs in table.entries.items() if not pairs and pid in by_pid]
    if empty:
        yield Note.of("tags-empty-entry", pids=len(empty), first_pid=empty[0])
    unsure = [pid for pid, outcome in by_pid.items() if outcome.tags is None]
    if table.known and table.entries and unsure:
        yield Note.of("inherited-tags-unknown", processes=len(unsure), first_pid=unsure[0])
