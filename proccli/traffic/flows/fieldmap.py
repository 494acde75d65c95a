"""What a user says about the names in flow records that are not DeepFlow's or Zeek's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo
from typing import Final, Literal, TypeAlias, get_args

from proccli.errors import UsageError

Part: TypeAlias = Literal["ip_0", "port_0", "ip_1", "port_1", "protocol", "start", "end", "host"]
_PARTS: Final[Mapping[str, Part]] = {part: part for part in get_args(Part)}
_ZONE: Final = "zone"
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMap:
    """Where the parts of a flow are. What is not named here keeps the names that are known."""

    names: Mapping[Part, str]
    """The name of a column, or of a key; `a.b` is also the key b of the object under a."""
    zone: tzinfo | None = None
    """Of times that are written without one; None: those can't be used."""


NO_FIELDS: Final = FieldMap(names={})


def parse_fields(text: str) -> FieldMap:
    """Fields as a user writes them: `PART=NAME,…`.

    fields = field *("," field)
    field  = part "=" name | "zone=" ("UTC" | offset | "Area/City")
    part   = "ip_0" | "port_0" | "ip_1" | "port_1" | "protocol" | "start" | "end" | "host"

    Raises: UsageError.
    """
    names: dict[Part, str] = {}
    zone = None
    seen = set[str]()
    for field in text.split(","):
        key, equals, name = (piece.strip() for piece in field.partition("="))
        if not equals or not key or not name:
            raise UsageError(f"--fields: {field!a} is not PART=NAME", hint=_EXAMPLE)
        if key in seen:
            raise UsageError(f"--fields: {key!a} is there twice")
        seen.add(key)
        if key == _ZONE:
            zone = parse_zone(name)
        elif key in _PARTS:
            names[_PARTS[key]] = name
        else:
            known = ", ".join((*_PARTS, _ZONE))
            raise UsageError(f"--fields: no part of a flow is called {key!a}", hint=known)
    return FieldMap(names=names, zone=zone)


_EXAMPLE: Final = "ip_0=src,port_0=sport,ip_1=dst,port_1=dport"


def parse_zone(text: str) -> tzinfo:
    """A time zone: `UTC`, `Z`, `+08:00`, `Asia/Shanghai`. Raises: UsageError."""
    if text in ("UTC", "Z"):
        return timezone.utc
    if found := _OFFSET.fullmatch(text):
        sign, hours, minutes = found.groups()
        if int(hours) < 24 and int(minutes or 0) < 60:
            offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
            return timezone(offset if sign == "+" else -offset)
    return _zone_by_name(text)


def _zone_by_name(text: str) -> tzinfo:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(text)
    # A name that is a directory, or not even a name, ends in one of the others.
    except (KeyError, ValueError, OSError) as error:
        hint = "UTC, +08:00, or a name like Asia/Shanghai that this machine knows"
        raise UsageError(f"--fields: {text!a} is no time zone", hint=hint) from error
