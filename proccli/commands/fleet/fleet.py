"""The answer to a question about many hosts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from proccli.commands.stores import StoreRequest, host_notes, moment_of, opened_store
from proccli.errors import EXIT_INPUT
from proccli.model.note import Note
from proccli.store.current import Moment
from proccli.store.engine import Engine

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
    """The answer to a question, from a store or from files.

    Raises: UsageError, StoreError, StateLocked.
    """
    with opened_store(request, progress) as opened:
        moment = moment_of(opened, at_s, max_age_s)
        return Answer(
            store=opened.name,
            moment=moment,
            rows=question(opened.engine, moment),
            notes=tuple(host_notes(opened, moment)),
            refused=len(opened.loaded.refused) if opened.loaded else 0,
        )
