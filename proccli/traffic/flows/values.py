"""The values of a flow record, from JSON or text: times, addresses, ports; and the flow they
form."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from math import isfinite
from operator import itemgetter
from typing import Any, Final, TypeAlias

from proccli.model.flows import (
    KIND_BITS,
    PORT_BITS,
    PROTOCOL_NAMES,
    AnyFlow,
    AutoInstanceKind,
    Flow,
    PlainFlow,
    Seen,
    new_flow,
    new_plain_flow,
)
from proccli.model.process import MAX_PID
from proccli.model.sockets import Endpoint, Protocol
from proccli.model.tuples import from_fields
from proccli.traffic.flows.fields import RecordFields, SideFields

_LONGEST: Final = 64
"""The maximum length of a value in characters; longer text is not a value."""
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
    r" ?(?:([Zz]|UTC|GMT)|([+-])(\d\d):?(\d\d)?)?",
    re.ASCII,
)

# The magnitude of a number shows its unit: each of these bounds is in the year 5138 in one unit,
# and in 1973 in the next.
_S: Final = 10**11
_UNITS: Final = ((float(_S), 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))


class TimeReader:
    """Reads times, and counts those that cannot be used."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self.without_zone = 0
        self.unreadable = 0

    def read(self, value: object) -> float | None:
        """A time in seconds since the epoch; None: missing or unusable.

        A number is in seconds, milliseconds, microseconds or nanoseconds, by its magnitude. Text
        is such a number, or a date and time as in RFC 3339 or ClickHouse. 0 and times before the
        epoch count as missing, because databases write them for a missing time.
        """
        if type(value) is int and 0 < value < _S:  # in seconds, like most numbers
            return float(value)
        if type(value) is str:
            text = value.strip()
            if not text:
                return None
            if len(text) <= _LONGEST:
                if text.isascii() and text.isdecimal():
                    return self._number(float(text))
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
                # Python would use the time zone of this machine.
                self.without_zone += 1
                return None
            since = moment.timestamp()
        except (ValueError, OverflowError):
            self.unreadable += 1
            return None
        return since + float(f"0.{decimals or 0}") if since > 0 else None


_PROTOCOLS: Final[Mapping[object, Protocol]] = {
    6: "tcp",
    "6": "tcp",
    "tcp": "tcp",
    "TCP": "tcp",
    17: "udp",
    "17": "udp",
    "udp": "udp",
    "UDP": "udp",
}
_POD: Final = 10
_POD_WORDS: Final = frozenset({"pod", "k8s pod", "容器 pod"})
"""The auto_instance_type of a pod, as a number and by its names.

Source: server/querier/db_descriptions/clickhouse/tag/enum/auto_instance_type.en and .ch."""
_IPV6_FLAGS: Final = frozenset({"0", "0.0", "false", "ipv6"})


def read_protocol(value: object) -> Protocol | None:
    """tcp or udp, from a number or a name; None: anything else."""
    if type(value) is str:
        return _PROTOCOLS.get(value) or _PROTOCOLS.get(value.strip().lower())
    return _PROTOCOLS.get(value) if type(value) is int else None


def read_address(value: object) -> str | None:
    """An address as `ipaddress` formats it; an IPv4-mapped IPv6 address as IPv4.

    None: not an address. The interface of a link-local address (`%eth0`) is dropped.
    """
    return _address(value) if type(value) is str and len(value) <= _LONGEST else None


@lru_cache(maxsize=1 << 15)
def _address(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    if address.version == 6 and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def read_port(value: object) -> int | None:
    """A port, 0 to 65535; None: anything else. Some exporters write `80.0`."""
    if type(value) is int:
        port = value
    elif type(value) is str:
        digits = value.strip().removesuffix(".0")
        port = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 5 else -1
    elif type(value) is float and value.is_integer():
        port = int(value)
    else:
        return None
    return port if 0 <= port <= 0xFFFF else None


def read_number(value: object) -> float | None:
    """A finite number, from a number or text; None: anything else."""
    if type(value) is str:
        if len(value) > _LONGEST or not value.isascii() or "_" in value:
            return None
        try:
            number = float(value)
        except ValueError:
            return None
    elif type(value) is float or (type(value) is int and -_EXACT < value < _EXACT):
        number = float(value)
    else:
        return None
    return number if isfinite(number) else None


_EXACT: Final = 1 << 53


def is_ipv6(value: object) -> bool:
    """Whether a value of `is_ipv4` is false: 0, false or `ipv6`."""
    return _word(value) in _IPV6_FLAGS


def read_instance(
    kind: object, name: object, number: object, pod: object, pod_id: object
) -> AutoInstanceKind:
    """The kind of one side's auto_instance, from its type, name and id, and from those of the pod.

    A pod takes precedence: if there is one, it is the auto_instance.
    """
    if pod not in _NO_NAME or _is_positive(pod_id) or _is_pod(kind):
        return "pod"
    # A type of 0 is a value as well: an address of the Internet.
    has_value = kind not in _NO_VALUE or name not in _NO_NAME or _is_positive(number)
    return "other" if has_value else "none"


_NO_VALUE: Final = (None, "")
_NO_NAME: Final = (None, "", "0", 0)


def _is_positive(value: object) -> bool:
    number = read_number(value)
    return number is not None and number > 0


def _is_pod(kind: object) -> bool:
    return read_number(kind) == _POD or _word(kind) in _POD_WORDS


def _word(value: object) -> str:
    # Arrays and objects may be nested too deeply for str().
    return str(value).strip().lower() if isinstance(value, (str, int, float)) else ""


_KINDS: Final[Mapping[object, int]] = {
    written: PROTOCOL_NAMES.index(name) << KIND_BITS
    for written, name in _PROTOCOLS.items()
    if type(written) is str
}
_NOT_SEEN: Final[Seen] = (None, "none", "none")
_NOTHING: Final = (None, "")
_LONGEST_S: Final = 1e9


class _Numbers(dict[str, "int | None"]):
    """The numbers of IPv4 addresses outside 127/8; None: any other text."""

    def __missing__(self, text: str) -> int | None:
        if len(self) >= _NUMBERS_KEPT:
            self.clear()
        ip = read_address(text)
        plain = ip is not None and ":" not in ip and not ip.startswith("127.")
        number = self[text] = int(ipaddress.IPv4Address(ip)) if plain else None
        return number


_NUMBERS_KEPT: Final = 1 << 16
_numbers: Final = _Numbers()


def _plain_end(ip: object, port: object) -> int | None:
    """The number of an end in a `PlainFlow`; None: it is not that of a plain flow."""
    number = _numbers[ip] if type(ip) is str else None
    if type(port) is not int:
        port = read_port(port)
    if number is None or port is None or not 0 <= port <= 0xFFFF:
        return None
    return number << PORT_BITS | port


TimedFlow: TypeAlias = tuple[AnyFlow, "float | None", "float | None"]
"""A flow without times, and its start and end as in `Flow`."""


class FlowReader:
    """Reads the flows of records that have the same fields."""

    def __init__(self, fields: RecordFields, times: TimeReader) -> None:
        self._fields = fields
        self._times = times
        self._with_instance = tuple(
            any((side.kind, side.name, side.number, side.pod, side.pod_id))
            for side in (fields.side_0, fields.side_1)
        )
        side_0, side_1 = fields.side_0, fields.side_1
        names = (fields.protocol, side_0.ip, side_0.port, side_1.ip, side_1.port)
        self._five = None if None in names else itemgetter(*names)
        self._is_short = not (fields.host or side_0.pid or side_1.pid or any(self._with_instance))

    def read(self, values: Mapping[str, Any]) -> TimedFlow:
        """The flow. `values` must have all names of `fields`."""
        fields, read = self._fields, self._times.read
        start_s = None if fields.start is None else read(values[fields.start])
        end_s = self._end(values, start_s) if fields.end is None else read(values[fields.end])
        plain = self._plain(values)
        return self._read(values) if plain is None else plain, start_s, end_s

    def _plain(self, values: Mapping[str, Any]) -> PlainFlow | None:
        """The flow, if it is plain and no pid is known."""
        if self._five is None:
            return None
        protocol, ip_0, port_0, ip_1, port_1 = self._five(values)
        kind = _KINDS.get(protocol if type(protocol) is str else read_protocol(protocol))
        end_0, end_1 = _plain_end(ip_0, port_0), _plain_end(ip_1, port_1)
        if kind is None or end_0 is None or end_1 is None:
            return None
        seen = _NOT_SEEN if self._is_short else self._seen(values)
        if seen is None:
            return None
        if end_0 < end_1:
            return new_plain_flow((kind | end_0, end_1, False, seen))
        if end_1 < end_0:
            return new_plain_flow((kind | end_1, end_0, True, seen))
        return None  # a socket that is connected to itself

    def _seen(self, values: Mapping[str, Any]) -> Seen | None:
        """The last field of a `PlainFlow`; None: a pid is known."""
        fields = self._fields
        for name in (fields.side_0.pid, fields.side_1.pid):
            if name is not None and _pid(values[name]) is not None:
                return None
        return (
            None if fields.host is None else _name(values[fields.host]),
            _instance(values, fields.side_0) if self._with_instance[0] else "none",
            _instance(values, fields.side_1) if self._with_instance[1] else "none",
        )

    def _read(self, values: Mapping[str, Any]) -> Flow:
        """The flow without times."""
        fields = self._fields
        ip6 = None
        if fields.is_ipv4 is not None and (flag := values[fields.is_ipv4]) not in _NOTHING:
            ip6 = is_ipv6(flag)
        side_0, problem_0 = _endpoint(values, fields.side_0, ip6, "0")
        side_1, problem_1 = _endpoint(values, fields.side_1, ip6, "1")
        protocol = None if fields.protocol is None else read_protocol(values[fields.protocol])
        pid_0, pid_1 = fields.side_0.pid, fields.side_1.pid
        return new_flow(
            (
                protocol,
                side_0,
                side_1,
                None,
                None,
                None if fields.host is None else _name(values[fields.host]),
                None if pid_0 is None else _pid(values[pid_0]),
                None if pid_1 is None else _pid(values[pid_1]),
                _instance(values, fields.side_0) if self._with_instance[0] else "none",
                _instance(values, fields.side_1) if self._with_instance[1] else "none",
                problem_0 or problem_1,
            )
        )

    def _end(self, values: Mapping[str, Any], start_s: float | None) -> float | None:
        """The end of a record that has no field for it."""
        fields = self._fields
        if fields.duration is None or start_s is None:
            return None
        duration = read_number(values[fields.duration])
        return start_s + duration if duration is not None and 0 <= duration < _LONGEST_S else None


_new_endpoint: Final = from_fields(Endpoint)


def _endpoint(
    values: Mapping[str, Any], side: SideFields, ip6: bool | None, n: str
) -> tuple[Endpoint | None, str | None]:
    # Most records have one column of addresses, with texts, and ports that are numbers.
    written = None if side.ip is None else values[side.ip]
    if written in _NOTHING:
        written = _address_by_family(values, side, ip6)
    if written in _NOTHING:
        return None, f"no ip_{n}"
    port_written = None if side.port is None else values[side.port]
    if port_written in _NOTHING:
        return None, f"no port_{n}"
    ip = read_address(written)
    if ip is None:
        return None, f"unreadable ip_{n}"
    port = read_port(port_written)
    if port is None:
        return None, f"unreadable port_{n}"
    return _new_endpoint((ip, port)), None


def _address_by_family(values: Mapping[str, Any], side: SideFields, ip6: bool | None) -> object:
    four = None if side.ip4 is None else values[side.ip4]
    six = None if side.ip6 is None else values[side.ip6]
    if ip6 is not None:
        return six if ip6 else four
    # ClickHouse's columns are never empty: the unused one is all zeros.
    return six if four in ("0.0.0.0", *_NOTHING) and six not in _NOTHING else four  # noqa: S104


def _pid(value: object) -> int | None:
    """A pid; 0, which databases write for a missing one, is none."""
    number = read_number(value)
    return int(number) if number and number == int(number) and 0 < number <= MAX_PID else None


def _instance(values: Mapping[str, Any], side: SideFields) -> AutoInstanceKind:
    return read_instance(
        *(
            None if name is None else values[name]
            for name in (side.kind, side.name, side.number, side.pod, side.pod_id)
        )
    )


def _name(value: object) -> str | None:
    text = str(value).strip() if type(value) in (str, int) else ""
    return text or None
