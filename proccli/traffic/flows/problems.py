"""Lines that are no records, counted: they go out as they came in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from proccli.model.config import Notice
from proccli.traffic.flows.fields import RecordFields
from proccli.traffic.flows.values import TimeReader

Oddity: TypeAlias = Literal["not-json", "cells", "open-quote", "no-fields"]

_SAID: Final[Mapping[Oddity, tuple[str, str]]] = {
    "not-json": ("line is no JSON object, and goes out", "lines are no JSON objects, and go out"),
    "cells": (
        "row has more or fewer cells than there are columns, and goes out",
        "rows have more or fewer cells than there are columns, and go out",
    ),
    "open-quote": (
        "row opens a quote that is never closed, and goes out",
        "rows open quotes that are never closed, and go out",
    ),
    "no-fields": (
        "row stands before any #fields, and goes out",
        "rows stand before any #fields, and go out",
    ),
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

    def notices(self, name: str, times: TimeReader) -> Sequence[Notice]:
        """What to tell of the file of this name, and of the times in it."""
        notices = [self._notice(oddity, name) for oddity in self._counts]
        if self._without_addresses and not self._with_addresses:
            told = f"{name}: {no_addresses(self._without_addresses)}: {NAME_THEM}"
            notices.append(Notice(code="flows-no-addresses", message=told))
        if self._without_protocol and not self._with_protocol:
            told = f"{name}: {_no_protocol(self._without_protocol)}: {_NAME_IT}"
            notices.append(Notice(code="flows-no-protocol", message=told))
        if times.without_zone:
            said = _number(
                times.without_zone, "time without a time zone is", "times without a time zone are"
            )
            told = f"{name}: {said} not used: zone=UTC or zone=+08:00 in --fields says which it is"
            notices.append(Notice(code="flows-zone", message=told))
        if times.unreadable:
            said = _number(
                times.unreadable, "time that can't be read is", "times that can't be read are"
            )
            notices.append(Notice(code="flows-time", message=f"{name}: {said} not used"))
        return notices

    def _notice(self, oddity: Oddity, name: str) -> Notice:
        count, places = self._counts[oddity], self._places[oddity]
        at = f"{name}:{','.join(map(str, places))}" + (",…" if count > len(places) else "")
        told = f"{at}: {_number(count, *_SAID[oddity])} without labels"
        return Notice(code=f"flows-{oddity}", message=told)


def _number(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def no_addresses(names: Sequence[str]) -> str:
    """That none of these names is known to be that of an address."""
    return f"no names that are known to be those of addresses among {_listed(names)}"


def _no_protocol(names: Sequence[str]) -> str:
    return f"no name that is known to be that of the protocol among {_listed(names)}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(ascii, names[:_SHOWN_NAMES]))
    return f"{shown}, …" if len(names) > _SHOWN_NAMES else shown


_NAME_IT: Final = "--fields protocol=NAME says which is"
NAME_THEM: Final = "--fields ip_0=NAME,port_0=NAME,ip_1=NAME,port_1=NAME says which are"
