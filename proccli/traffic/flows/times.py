"""When a flow was, in the many ways that records write a time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
    r" ?(?:([Zz]|UTC|GMT)|([+-])(\d\d):?(\d\d)?)?",
    re.ASCII,
)
_LONGEST: Final = 64

# A number's unit is told by its magnitude: each of these bounds is the year 5138 in one unit,
# and 1973 in the next.
_UNITS: Final = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))


class Times:
    """Reads times, and counts those that can't be used."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self.without_zone = 0
        self.unreadable = 0

    def read(self, value: object) -> float | None:
        """Seconds since the epoch; None: not said, or not in a way that can be used.

        A number is in seconds, milliseconds, microseconds or nanoseconds, by its magnitude. Text
        is such a number, or a date and time as in RFC 3339 or ClickHouse. 0 and everything before
        the epoch is not said: databases write that for it.
        """
        if type(value) is str:
            text = value.strip()
            if not text:
                return None
            if len(text) <= _LONGEST:
                if found := _MOMENT.fullmatch(text):
                    return self._moment(found)
                if _NUMBER.fullmatch(text):
                    return self._number(float(text))
        elif type(value) is int or type(value) is float:
            return self._number(value)
        elif value is None:
            return None
        self.unreadable += 1
        return None

    def _number(self, value: float) -> float | None:
        if value <= 0:
            return None
        for bound, per_second in _UNITS:
            if value < bound:
                return value / per_second
        self.unreadable += 1
        return None

    def _moment(self, found: re.Match[str]) -> float | None:
        *date, second, decimals, utc, sign, hours, minutes = found.groups()
        try:
            if sign:
                offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
                zone: tzinfo | None = timezone(offset if sign == "+" else -offset)
            else:
                zone = timezone.utc if utc else self._zone
            year, month, day, hour, minute = map(int, date)
            moment = datetime(year, month, day, hour, minute, int(second or 0), tzinfo=zone)
            if zone is None:
                # Python would take it for the time of this machine.
                self.without_zone += 1
                return None
            since = moment.timestamp()
        except (ValueError, OverflowError):
            self.unreadable += 1
            return None
        return since + float(f"0.{decimals or 0}") if since > 0 else None
