"""The field names under which a record has the parts of a flow: known names, and `--fields`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta, timezone, tzinfo
from typing import Final, Literal, TypeAlias, get_args

from proccli.errors import UsageError

FlowPart: TypeAlias = Literal[
    "ip_0", "port_0", "pid_0", "ip_1", "port_1", "pid_1", "protocol", "start", "end", "host"
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
    part   = "ip_0" | "port_0" | "pid_0" | "ip_1" | "port_1" | "pid_1" | "protocol" | "start"
           | "end" | "host"

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
    """The field names of one kind of record; of several names for one part, the newest is first.

    Pairs are those of side 0 and of side 1.
    """

    ips: tuple[Sequence[str], Sequence[str]]
    """Addresses of either family."""
    ports: tuple[Sequence[str], Sequence[str]]
    protocol: Sequence[str]
    starts: Sequence[str]
    ip4s: tuple[Sequence[str], Sequence[str]] = ((), ())
    """Addresses of one family each; without a value for the other family."""
    ip6s: tuple[Sequence[str], Sequence[str]] = ((), ())
    ends: Sequence[str] = ()
    durations: Sequence[str] = ()
    """Seconds after the start; used only if the record has no end."""
    hosts: Sequence[str] = ()
    pids: tuple[Sequence[str], Sequence[str]] = ((), ())

    @property
    def clients(self) -> Sequence[str]:
        """The names of the client's address, by which records of this kind are recognized."""
        return (*self.ips[0], *self.ip4s[0], *self.ip6s[0])


DEEPFLOW: Final = FieldNames(
    ips=(("ip_0",), ("ip_1",)),
    ip4s=(("ip4_0",), ("ip4_1",)),
    ip6s=(("ip6_0",), ("ip6_1",)),
    ports=(("client_port", "port_0"), ("server_port", "port_1")),
    protocol=("protocol", "Enum(protocol)"),
    starts=("start_time",),
    ends=("end_time", "time"),
    hosts=("agent", "vtap"),
    pids=(("process_id_0",), ("process_id_1",)),
)
"""Source: server/querier/db_descriptions/clickhouse/tag/flow_log/l4_flow_log and l7_flow_log,
server/ingester/flow_log/log_data/l4_flow_log.go (the columns). port_0 and port_1 are those of
`sync` output."""

ZEEK: Final = FieldNames(
    ips=(("id.orig_h",), ("id.resp_h",)),
    ports=(("id.orig_p",), ("id.resp_p",)),
    protocol=("proto",),
    starts=("ts",),
    durations=("duration",),
)
"""Source: Zeek, scripts/base/protocols/conn/main.zeek."""

SURICATA: Final = FieldNames(
    ips=(("src_ip",), ("dest_ip",)),
    ports=(("src_port",), ("dest_port",)),
    protocol=("proto",),
    starts=("flow.start", "timestamp"),
    ends=("flow.end",),
)
"""Source: Suricata's user guide, EVE JSON format. `flow.start` and `flow.end` are those of the
events `flow` and `alert`; others have the time of the event alone."""

NFDUMP: Final = FieldNames(
    ips=(("sa", "srcAddr"), ("da", "dstAddr")),
    ip4s=(("src4_addr",), ("dst4_addr",)),
    ip6s=(("src6_addr",), ("dst6_addr",)),
    ports=(("sp", "srcPort", "src_port"), ("dp", "dstPort", "dst_port")),
    protocol=("pr", "proto"),
    starts=("ts", "firstSeen", "first", "t_first"),
    ends=("te", "last", "t_last"),
    durations=("duration",),
)
"""Source: nfdump 1.7, -o csv and -o json; nfdump(1) for the shorter CSV of later releases."""

VPC: Final = FieldNames(
    ips=(("srcaddr",), ("dstaddr",)),
    ports=(("srcport",), ("dstport",)),
    protocol=("protocol",),
    starts=("start",),
    ends=("end",),
)
"""Flow logs of AWS and Alibaba Cloud. Source: the AWS user guide, Flow log records."""

GOOGLE_VPC: Final = FieldNames(
    ips=(
        ("jsonPayload.connection.src_ip", "connection.src_ip"),
        ("jsonPayload.connection.dest_ip", "connection.dest_ip"),
    ),
    ports=(
        ("jsonPayload.connection.src_port", "connection.src_port"),
        ("jsonPayload.connection.dest_port", "connection.dest_port"),
    ),
    protocol=("jsonPayload.connection.protocol", "connection.protocol"),
    starts=("jsonPayload.start_time", "start_time"),
    ends=("jsonPayload.end_time", "end_time"),
)
"""Source: Google Cloud's documentation, About VPC Flow Logs records."""

KINDS: Final = (ZEEK, DEEPFLOW, SURICATA, NFDUMP, VPC, GOOGLE_VPC)
"""A record is of the first kind whose address of the client it has."""

IS_IPV4: Final = ("is_ipv4", "Enum(is_ipv4)")
SIDE_FIELDS: Final = {
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
    pid: str | None = None
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

    A part named in `given` is looked up by that name only. The names of the other parts are those
    of the first of `KINDS` whose client address the record has, else DeepFlow's.
    """
    finder = _Finder(names, given)
    kind = next((kind for kind in KINDS if finder.first(kind.clients)), DEEPFLOW)
    return finder.find(kind)


def paths(given: FieldMap) -> Sequence[str]:
    """The names that may also be paths of keys in a JSON object: `a.b` is key b of the object at
    key a."""
    return tuple(
        dict.fromkeys((*_KNOWN_PATHS, *(name for name in given.names.values() if "." in name)))
    )


_KNOWN_PATHS: Final = tuple(
    name
    for kind in KINDS
    for names in (*kind.ips, *kind.ports, kind.protocol, kind.starts, kind.ends)
    for name in names
    if "." in name
)


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
        start = self._part("start", [] if own else known_names.starts)
        end = self._part("end", [] if own else known_names.ends)
        lasts = start in known_names.starts and end is None
        durations = known_names.durations if lasts else ()
        return RecordFields(
            side_0=self._side(known_names, 0, "ip_0", "port_0", "pid_0"),
            side_1=self._side(known_names, 1, "ip_1", "port_1", "pid_1"),
            is_ipv4=self.first(IS_IPV4),
            protocol=self._part("protocol", known_names.protocol),
            start=start,
            end=end,
            duration=self.first(durations),
            host=self._part("host", known_names.hosts),
        )

    def _side(
        self, known_names: FieldNames, n: int, ip: FlowPart, port: FlowPart, pid: FlowPart
    ) -> SideFields:
        known = {
            part: self.first([name.format(n=n) for name in names])
            for part, names in SIDE_FIELDS.items()
        }
        by_name = ip in self._given
        return SideFields(
            ip=self._part(ip, known_names.ips[n]),
            ip4=None if by_name else self.first(known_names.ip4s[n]),
            ip6=None if by_name else self.first(known_names.ip6s[n]),
            port=self._part(port, known_names.ports[n]),
            pid=self._part(pid, known_names.pids[n]),
            **known,
        )
