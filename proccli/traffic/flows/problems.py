"""Lines that are no records, counted: they go out as they came in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from proccli.model.note import Note
from proccli.traffic.flows.fields import RecordFields
from proccli.traffic.flows.values import TimeReader

Oddity: TypeAlias = Literal["not-json", "cells", "open-quote", "no-fields"]

_CODES: Final[Mapping[Oddity, str]] = {
    "not-json": "flows-not-json",
    "cells": "flows-cells",
    "open-quote": "flows-open-quote",
    "no-fields": "flows-no-fields",
}
_SHOWN: Final = 3
_SHOWN_NAMES: Final = 8
_MOST_NAMES: Final = _SHOWN_NAMES + 1


class ProblemCounts:
    """Counts them, and remembers where the first ones were."""

    def __init__(self) -> None:
        self._places: dict[Oddity, list[int]] = {}
        self._counts: dict[Oddity, int] = {}
        self._without_addresses: Sequence[str] = ()
        self._with_addresses = False
        self._without_protocol: Sequence[str] = ()
        self._with_protocol = False

    def add(self, oddity: Oddity, line: int) -> None:
        """One more, in this line."""
        self._counts[oddity] = self._counts.get(oddity, 0) + 1
        places = self._places.setdefault(oddity, [])
        if len(places) < _SHOWN:
            places.append(line)

    def names(self, names: Sequence[str], places: RecordFields) -> None:
        """Names that a record has, and what is known to be under some of them."""
        some = tuple(names[:_MOST_NAMES])
        if not places.has_addresses:
            self._without_addresses = self._without_addresses or some
            return
        self._with_addresses = True
        if places.protocol is None:
            self._without_protocol = self._without_protocol or some
        else:
            self._with_protocol = True

    def notes(self, name: str, times: TimeReader) -> Sequence[Note]:
        """What to tell of the file of this name, and of the times in it."""
        notes = [self._note(oddity, name) for oddity in self._counts]
        if self._without_addresses and not self._with_addresses:
            columns = tuple(self._without_addresses)
            notes.append(Note.of("flows-no-addresses", file=name, columns=columns))
        if self._without_protocol and not self._with_protocol:
            columns = tuple(self._without_protocol)
            notes.append(Note.of("flows-no-protocol", file=name, columns=columns))
        if times.without_zone:
            notes.append(Note.of("flows-zone", file=name, times=times.without_zone))
        if times.unreadable:
            notes.append(Note.of("flows-time", file=name, times=times.unreadable))
        return notes

    def _note(self, oddity: Oddity, name: str) -> Note:
        count, places = self._counts[oddity], self._places[oddity]
        return Note.of(_CODES[oddity], file=name, lines=tuple(places), records=count)


def no_addresses(names: Sequence[str]) -> str:
    """That none of these names is known as that of an address."""
    return f"no known name of an address among {_listed(names)}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(ascii, names[:_SHOWN_NAMES]))
    return f"{shown}, …" if len(names) > _SHOWN_NAMES else shown


NAME_THEM: Final = "name the fields with --fields ip_0=NAME,port_0=NAME,ip_1=NAME,port_1=NAME"
