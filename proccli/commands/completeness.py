"""Whether a result lacks anything that the agent would know: exit code 4 with --strict."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from proccli.model.codes import Lack, lacking
from proccli.model.note import Note
from proccli.model.outcome import Outcome
from proccli.model.sockets import Socket


def incomplete(
    notes: Iterable[Note],
    matters: Collection[Lack],
    *,
    outcomes: Iterable[Outcome] = (),
    sockets: Iterable[Socket] = (),
) -> bool:
    """Whether a warning says that something which matters is missing, or an outcome is unknown."""
    return (
        any(lacking(note.code) in matters for note in notes)
        or any(outcome.status == "unknown" for outcome in outcomes)
        or any(socket.status == "undecided" for socket in sockets)
    )
