"""Whether a result lacks anything that the agent would know: exit code 4 with --strict."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from proccli.model.codes import Lack, lacking
from proccli.model.notice import Notice
from proccli.model.outcome import Outcome
from proccli.model.sockets import Socket


def incomplete(
    notices: Iterable[Notice],
    matters: Collection[Lack],
    *,
    verdicts: Iterable[Outcome] = (),
    sockets: Iterable[Socket] = (),
) -> bool:
    """Whether a warning says that something which matters is missing, or an outcome is unknown."""
    return (
        any(lacking(notice.code) in matters for notice in notices)
        or any(verdict.status == "unknown" for verdict in verdicts)
        or any(socket.status == "undecided" for socket in sockets)
    )
