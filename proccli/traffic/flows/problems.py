"""Problems in a file of flow records, counted while it is read: the warnings about the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from proccli.model.note import Note
from proccli.traffic.flows.fields import RecordFields
from proccli.traffic.flows.values import TimeReader

LineProblem: TypeAlias = Literal["not-json", "cells", "open-quote", "no-fields"]
"""Why a line is no record and is passed through without labels."""

_CODES: Final[Mapping[LineProblem, str]] = {
    "not-json": "flows-not-json",
    "cells": "flows-cells",
    "open-quote": "flows-open-quote",
    "no-fields": "flows-no-fields",
}
_MAX_LINES: Final = 3
_MAX_NAMES: Final = 8

NAME_THEM: Final = "name the fields with --fields ip_0=NAME,port_0=NAME,ip_1=NAME,port_1=NAME"


class ProblemCounts:
    """How many lines have which problem, and the numbers of the first of them."""

    def __init__(self) -> None:
        self._lines: dict[LineProblem, list[int]] = {}
        self._counts: dict[LineProblem, int] = {}
        self._without_addresses: Sequence[str] = ()
        self._with_addresses = False
        self._without_protocol: Sequence[str] = ()
        self._with_protocol = False

    def add(self, problem: LineProblem, line: int) -> None:
        """Count a problem of the line with this number."""
        self._counts[problem] = self._counts.get(problem, 0) + 1
        lines = self._lines.setdefault(problem, [])
        if len(lines) < _MAX_LINES:
            lines.append(line)

    def names(self, names: Sequence[str], fields: RecordFields) -> None:
        """Take in the names of a record and the fields that were found under them."""
        # One more than is shown, so that the message knows that there are more.
        first_names = tuple(names[: _MAX_NAMES + 1])
        if not fields.has_addresses:
            self._without_addresses = self._without_addresses or first_names
            return
        self._with_addresses = True
        if fields.protocol is None:
            self._without_protocol = self._without_protocol or first_names
        else:
            self._with_protocol = True

    def notes(self, name: str, times: TimeReader) -> Sequence[Note]:
        """The warnings about the file with this name, and about the times in it."""
        notes = [self._note(problem, name) for problem in self._counts]
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

    def _note(self, problem: LineProblem, name: str) -> Note:
        lines = tuple(self._lines[problem])
        return Note.of(_CODES[problem], file=name, lines=lines, records=self._counts[problem])


def no_addresses(names: Sequence[str]) -> str:
    """The message for a header in which no address column is found."""
    shown = ", ".join(map(ascii, names[:_MAX_NAMES]))
    more = ", …" if len(names) > _MAX_NAMES else ""
    return f"no address column among {shown}{more}"
