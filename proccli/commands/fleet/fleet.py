"""The answer to a question about many hosts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from proccli.commands.stores import StoreRequest, host_notes, moment_of, opened_store
from proccli.errors import EXIT_INPUT, StoreError
from proccli.model.note import Note
from proccli.store.changes import Change, changes, prune
from proccli.store.current import Moment
from proccli.store.engine import Engine
from proccli.terminal.words import rfc3339

Row = TypeVar("Row")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[Row]):
    """The rows of an answer, and what they are based on."""

    store: str | None
    """None: files."""
    moment: Moment
    rows: Sequence[Row]
    notes: tuple[Note, ...]
    refused: int
    """How many files, or rests of files, can't be used."""

    @property
    def exit_code(self) -> int:
        """Of the command."""
        return EXIT_INPUT if self.refused else 0


def asked(
    request: StoreRequest,
    at_s: int | None,
    max_age_s: int | None,
    progress: Progress,
    question: Callable[[Engine, Moment], Sequence[Row]],
) -> Answer[Row]:
    """The answer to a question about hosts or processes, from a store or from files.

    Raises: UsageError, StoreError, StateLocked.
    """
    with opened_store(request, progress, ends=False) as opened:
        moment = moment_of(opened, at_s, max_age_s)
        return Answer(
            store=opened.name,
            moment=moment,
            rows=question(opened.engine, moment),
            notes=tuple(host_notes(opened, moment)),
            refused=len(opened.loaded.refused) if opened.loaded else 0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(Answer[Change]):
    """What changed between two moments; `moment` is the later one."""

    before: Moment


def changed(
    request: StoreRequest,
    at_s: int | None,
    since_s: int,
    max_age_s: int | None,
    progress: Progress,
) -> Changed:
    """What changed since an earlier moment.

    Raises: UsageError, StateLocked; StoreError, also if there is no document up to then.
    """
    with opened_store(request, progress) as opened:
        after = moment_of(opened, at_s, max_age_s)
        before = moment_of(opened, after.at_s - since_s, max_age_s)
        if not opened.engine.rows(f"{before.documents} LIMIT 1"):
            raise StoreError(
                f"there is no document up to {rfc3339(before.at_s)} to compare with",
                hint="a shorter --since, or a longer --max-age",
            )
        return Changed(
            store=opened.name,
            moment=after,
            before=before,
            rows=changes(opened.engine, before, after),
            notes=tuple(host_notes(opened, after)),
            refused=len(opened.loaded.refused) if opened.loaded else 0,
        )


class Pruned(NamedTuple):
    """The days that were dropped, or would be."""

    store: str
    kept_from_s: int
    dry_run: bool
    days: dict[str, int]
    """Number of documents by day, as 20260102."""
    notes: tuple[Note, ...] = ()


def pruned(request: StoreRequest, keep_s: int, *, dry_run: bool) -> Pruned:
    """Drop the days of a store that are older. Raises: UsageError, StoreError, StateLocked."""
    with opened_store(request) as opened:
        kept_from_s = max(moment_of(opened).at_s - keep_s, 0)
        days = prune(opened.engine, opened.database, before_s=kept_from_s, dry_run=dry_run)
        return Pruned(opened.name or "", kept_from_s, dry_run, days)
