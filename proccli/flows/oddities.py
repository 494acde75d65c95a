"""Lines that are no records, counted: they go out as they came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from proccli.flows.times import Times
from proccli.model.config import Notice

Oddity: TypeAlias = Literal["not-json", "cells", "open-quote", "no-fields"]

_SAID: Final = {
    "not-json": ("is no JSON object", "are no JSON objects"),
    "cells": ("has more or fewer cells than there are columns",) * 2,
    "open-quote": ("opens a quote that is never closed",) * 2,
    "no-fields": ("stands before any #fields", "stand before any #fields"),
}
_SHOWN: Final = 3


class Oddities:
    """Counts them, and remembers where the first ones were."""

    def __init__(self) -> None:
        self._places: dict[Oddity, list[int]] = {}
        self._counts: dict[Oddity, int] = {}

    def add(self, oddity: Oddity, line: int) -> None:
        """One more, in this line."""
        self._counts[oddity] = self._counts.get(oddity, 0) + 1
        places = self._places.setdefault(oddity, [])
        if len(places) < _SHOWN:
            places.append(line)

    def notices(self, name: str, times: Times) -> Sequence[Notice]:
        """What to tell of the file of this name, and of the times in it."""
        notices = []
        for oddity, count in self._counts.items():
            one, many = _SAID[oddity]
            places = self._places[oddity]
            rest = ", …" if count > len(places) else ""
            lines = "line" if count == 1 else f"{count} lines"
            at = f"{name}:{', '.join(map(str, places))}{rest}"
            told = f"{lines} that {one if count == 1 else many}: passed on without labels ({at})"
            notices.append(Notice(code=f"flows-{oddity}", message=told))
        return (*notices, *_of_times(name, times))


def _of_times(name: str, times: Times) -> Sequence[Notice]:
    notices = []
    if times.without_zone:
        told = (
            f"{name}: {times.without_zone} times say no time zone, and are not used: "
            "zone=UTC or zone=+08:00 in --fields says which it is"
        )
        notices.append(Notice(code="flows-zone", message=told))
    if times.unreadable:
        told = f"{name}: {times.unreadable} times can't be read, and are not used"
        notices.append(Notice(code="flows-time", message=told))
    return notices
