"""The field names under which a record has the parts of a flow: known names, and `--fields`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta, timezone, tzinfo
from itertools import chain
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
    """The field names given with `--fields`. Parts not named here use the known names."""

    names: Mapping[FlowPart, str]
    """The name of a column or key, by part; `a.b` is also key b of the object at key a."""
    zone: tzinfo | None = None
    """The time zone of times that have none; None: such times are ignored."""


NO_FIELDS: Final = FieldMap(names={})


def parse_fields(text: str) -> FieldMap:
    """The value of `--fields`: `PART=NAME,…`.

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
            raise UsageError(f"--fields: duplicate key {key!a}")
        seen.add(key)
        if key == _ZONE:
            zone = parse_zone(name)
        elif key in _PARTS:
            names[_PARTS[key]] = name
        else:
            known = ", ".join((*_PARTS, _ZONE))
            raise UsageError(f"--fields: unknown key {key!a}", hint=f"known keys: {known}")
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
    # ValueError and OSError: the name is a directory, or not a valid name.
    except (KeyError, ValueError, OSError) as error:
        hint = "use UTC, an offset like +08:00, or a name like Asia/Shanghai that this machine has"
        raise UsageError(f"--fields: {text!a} is not a time zone", hint=hint) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldNames:
    """The field names of one kind of record; of several names for one part, the newest is first."""

    ips: tuple[str, str]
    ports: tuple[Sequence[str], Sequence[str]]
    protocol: Sequence[str]
    start: str
    ends: Sequence[str] = ()
    durations: Sequence[str] = ()
    """Seconds after the start; used only if the record has no end."""
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
server/ingester/flow_log/log_data/l4_flow_log.go (the columns). port_0 and port_1 are those of
`sync` output."""

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
"""DeepFlow's fields of one side; `{n}` stands for the number of the side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideFields:
    """The field names of one side; None: the record has no such field."""

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
        """Whether the side has a field for an address."""
        return self.ip is not None or self.ip4 is not None or self.ip6 is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFields:
    """The field names of all parts; None: the record has no such field."""

    side_0: SideFields
    side_1: SideFields
    is_ipv4: str | None = None
    protocol: str | None = None
    start: str | None = None
    end: str | None = None
    duration: str | None = None
    """Seconds after the start; set only if the record has no end."""
    host: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """All field names."""
        return frozenset({*_texts(self.side_0), *_texts(self.side_1), *_texts(self)})

    @property
    def has_addresses(self) -> bool:
        """Whether both sides have a field for an address."""
        return self.side_0.has_address and self.side_1.has_address

    @property
    def has_any_address(self) -> bool:
        """Whether at least one side has a field for an address."""
        return self.side_0.has_address or self.side_1.has_address


def _texts(part: RecordFields | SideFields) -> Iterator[str]:
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, str):
            yield value


def find_fields(names: Collection[str], given: FieldMap) -> RecordFields:
    """The field names of the parts of a flow, for a record that has the fields `names`. Of a JSON
    object, these include the paths of nested values.

    A part named in `given` is looked up by that name only. The names of the other parts are Zeek's
    if the record has Zeek's client address, else DeepFlow's.
    """
    finder = _Finder(names, given)
    return finder.find(ZEEK if finder.first([ZEEK.ips[0]]) else DEEPFLOW)


def paths(given: FieldMap) -> Sequence[str]:
    """The names that may also be paths of keys in a JSON object: `a.b` is key b of the object at
    key a."""
    known = (*ZEEK.ips, *chain.from_iterable(ZEEK.ports), *given.names.values())
    return tuple(name for name in dict.fromkeys(known) if "." in name)


class _Finder:
    def __init__(self, names: Collection[str], given: FieldMap) -> None:
        self._names = frozenset(names)
        self._given = given.names

    def first(self, candidates: Sequence[str]) -> str | None:
        """The first candidate that the record has; None: none."""
        return next((name for name in candidates if name in self._names), None)

    def _part(self, part: FlowPart, known: Sequence[str]) -> str | None:
        given = self._given.get(part)
        return self.first(known if given is None else [given])

    def find(self, known_names: FieldNames) -> RecordFields:
        # If `--fields` names a start or an end, no known name is used for the other.
        own = "start" in self._given or "end" in self._given
        start = self._part("start", [] if own else [known_names.start])
        end = self._part("end", [] if own else known_names.ends)
        durations = known_names.durations if start == known_names.start and end is None else ()
        return RecordFields(
            side_0=self._side(known_names, 0, "ip_0", "port_0"),
            side_1=self._side(known_names, 1, "ip_1", "port_1"),
            is_ipv4=self.first(IS_IPV4),
            protocol=self._part("protocol", known_names.protocol),
            start=start,
            end=end,
            duration=self.first(durations),
            host=self._part("host", known_names.hosts),
        )

    def _side(self, known_names: FieldNames, n: int, ip: FlowPart, port: FlowPart) -> SideFields:
        known = {
            part: self.first([name.format(n=n) for name in names])
            for part, names in SIDE_FIELDS.items()
        }
        if ip in self._given:
            known |= {"ip4": None, "ip6": None}
        return SideFields(
            ip=self._part(ip, [known_names.ips[n]]),
            port=self._part(port, known_names.ports[n]),
            **known,
        )
