"""The lines of `proccli tot`, and how those that are alike become one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from proccli.model.flows import CapturedOption
from proccli.model.sockets import Endpoint


@dataclass(slots=True, kw_only=True)
class TotRow:
    """An option, or several alike of one sender to one receiver."""

    capture: str
    seen: CapturedOption
    """The first of them."""
    count: int = 1
    last_s: float | None = None
    """When the last was seen; None: not recorded."""


def collected(
    rows: Iterable[TotRow], *, unique: bool, limit: int | None
) -> tuple[tuple[TotRow, ...], int]:
    """At most `limit` rows, with `unique` one for all alike, and how many were left out."""
    kept: list[TotRow] = []
    fold = _Fold()
    more = 0
    for row in rows:
        first = fold.like(row) if unique else None
        if first is not None:
            first.count += 1
            first.last_s = row.last_s
        elif limit is None or len(kept) < limit:
            kept.append(row)
            if unique:
                fold.keep(row)
        else:
            more += 1
    return tuple(kept), more


_Ends: TypeAlias = frozenset[Endpoint]


class _Fold:
    """Finds rows that say the same of the same connection. It grows with the rows that it keeps."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], TotRow] = {}
        # A SYN with another sequence number is another connection between the same ends.
        self._syns: dict[_Ends, set[int]] = {}

    def like(self, row: TotRow) -> TotRow | None:
        """The first of those that are alike; None: it is the first."""
        seen = row.seen
        if _opens(seen) and seen.seq not in self._syns.get(_ends(seen), ()):
            return None
        return self._kept.get(self._alike(row))

    def keep(self, row: TotRow) -> None:
        """Let those that are like it be found."""
        seen = row.seen
        if _opens(seen):
            self._syns.setdefault(_ends(seen), set()).add(seen.seq)
        self._kept[self._alike(row)] = row

    def _alike(self, row: TotRow) -> tuple[object, ...]:
        seen, option = row.seen, row.seen.option
        return (
            row.capture,
            seen.source,
            seen.destination,
            seen.is_syn and seen.is_ack,
            len(self._syns.get(_ends(seen), ())),
            option.version,
            option.pid,
            option.address,
            option.agent_id,
            option.ambiguous,
        )


def _ends(seen: CapturedOption) -> _Ends:
    return frozenset((seen.source, seen.destination))


def _opens(seen: CapturedOption) -> bool:
    return seen.is_syn and not seen.is_ack
