"""Under which names a record holds the parts of a flow."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta, timezone, tzinfo
from typing import Final, Literal, TypeAlias, get_args

from proccli.errors import UsageError

FlowPart: TypeAlias = Literal[
    "ip_0", "port_0", "ip_1", "port_1", "protocol", "start", "end", "host"
]
_PARTS: Final[Mapping[str, FlowPart]] = {part: part for part in get_args(FlowPart)}
_ZONE: Final = "zone"
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMap:
    """Where the parts of a flow are. What is not named here keeps the names that are known."""

    names: Mapping[FlowPart, str]
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
    names: dict[FlowPart, str] = {}
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldNames:
    """The names that one kind of record has; of several for the same, the newest comes first."""

    ips: tuple[str, str]
    ports: tuple[Sequence[str], Sequence[str]]
    protocol: Sequence[str]
    start: str
    ends: Sequence[str] = ()
    durations: Sequence[str] = ()
    """Seconds after the start; only used where there is no end."""
    hosts: Sequence[str] = ()


DEEPFLOW: Final = FieldNames(
    ips=("ip_0", "ip_1"),
    ports=(("client_port", "port_0"), ("server_port", "port_1")),
    protocol=("protocol", "Enum(protocol)"),
    start="start_time",
    ends=("end_time", "time"),
    hosts=("agent", "vtap"),
)
"""Source: server/querier/db_descriptions/clickhouse/tag/flow_log/l4_flow_log and l7_flow_log,
server/ingester/flow_log/log_data/l4_flow_log.go (the columns). port_0 and port_1 are `sync`'s."""

ZEEK: Final = FieldNames(
    ips=("id.orig_h", "id.resp_h"),
    ports=(("id.orig_p",), ("id.resp_p",)),
    protocol=("proto",),
    start="ts",
    durations=("duration",),
)
"""Source: Zeek, scripts/base/protocols/conn/main.zeek."""

IS_IPV4: Final = ("is_ipv4", "Enum(is_ipv4)")
SIDE_FIELDS: Final = {
    "ip4": ("ip4_{n}",),
    "ip6": ("ip6_{n}",),
    "kind": (
        "auto_instance_type_{n}",
        "Enum(auto_instance_type_{n})",
        "resource_gl0_type_{n}",
        "Enum(resource_gl0_type_{n})",
    ),
    "name": ("auto_instance_{n}", "resource_gl0_{n}"),
    "number": ("auto_instance_id_{n}", "resource_gl0_id_{n}"),
    "pod": ("pod_{n}",),
    "pod_id": ("pod_id_{n}",),
}
"""What DeepFlow has of each side; with the side's number for `{n}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideFields:
    """The names of what one side has; None: the record has no such name."""

    ip: str | None = None
    ip4: str | None = None
    ip6: str | None = None
    port: str | None = None
    kind: str | None = None
    name: str | None = None
    number: str | None = None
    pod: str | None = None
    pod_id: str | None = None

    @property
    def has_address(self) -> bool:
        """Whether there is a name for an address."""
        return self.ip is not None or self.ip4 is not None or self.ip6 is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFields:
    """The names of all parts; None: the record has no such name."""

    side_0: SideFields
    side_1: SideFields
    is_ipv4: str | None = None
    protocol: str | None = None
    start: str | None = None
    end: str | None = None
    duration: str | None = None
    """Seconds after the start; only where there is no end."""
    host: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """All of them."""
        return frozenset({*_texts(self.side_0), *_texts(self.side_1), *_texts(self)})

    @property
    def has_addresses(self) -> bool:
        """Whether both sides have an address somewhere."""
        return self.side_0.has_address and self.side_1.has_address

    @property
    def has_any_address(self) -> bool:
        """Whether one of them has."""
        return self.side_0.has_address or self.side_1.has_address


def _texts(part: RecordFields | SideFields) -> Iterator[str]:
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, str):
            yield value


def find_fields(names: Collection[str], given: FieldMap) -> RecordFields:
    """Where a record with these names has what.

    What `given` names is nowhere else. The other names are those of Zeek where there is its
    client's address, and DeepFlow's otherwise.
    """
    finder = _Finder(names, given)
    return finder.places(ZEEK if finder.first([ZEEK.ips[0]]) else DEEPFLOW)


class _Finder:
    def __init__(self, names: Collection[str], given: FieldMap) -> None:
        self._names = frozenset(names)
        self._given = given.names

    def first(self, candidates: Sequence[str]) -> str | None:
        """The first of these that the record has, as a key or as a path of keys."""
        for name in candidates:
            if name in self._names or self._may_be_nested(name):
                return name
        return None

    def _may_be_nested(self, name: str) -> bool:
        return any(char == "." and name[:index] in self._names for index, char in enumerate(name))

    def _part(self, part: FlowPart, known: Sequence[str]) -> str | None:
        given = self._given.get(part)
        return self.first(known if given is None else [given])

    def places(self, family: FieldNames) -> RecordFields:
        # Whoever names a start or an end doesn't want the other from somewhere else.
        own = "start" in self._given or "end" in self._given
        start = self._part("start", [] if own else [family.start])
        end = self._part("end", [] if own else family.ends)
        durations = family.durations if start == family.start and end is None else ()
        return RecordFields(
            side_0=self._side(family, 0, "ip_0", "port_0"),
            side_1=self._side(family, 1, "ip_1", "port_1"),
            is_ipv4=self.first(IS_IPV4),
            protocol=self._part("protocol", family.protocol),
            start=start,
            end=end,
            duration=self.first(durations),
            host=self._part("host", family.hosts),
        )

    def _side(self, family: FieldNames, n: int, ip: FlowPart, port: FlowPart) -> SideFields:
        known = {
            part: self.first([name.format(n=n) for name in names])
            for part, names in SIDE_FIELDS.items()
        }
        if ip in self._given:
            known |= {"ip4": None, "ip6": None}
        return SideFields(
            ip=self._part(ip, [family.ips[n]]), port=self._part(port, family.ports[n]), **known
        )
