"""Under which names a record holds the parts of a flow."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields
from typing import Final

from proccli.flows.fieldmap import FieldMap, Part

ZEEK_CLIENT: Final = "id.orig_h"
ZEEK_START: Final = "ts"


@dataclass(frozen=True, slots=True, kw_only=True)
class SidePlaces:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The names of all parts; None: the record has no such name."""

    side_0: SidePlaces
    side_1: SidePlaces
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
        return all(
            side.ip is not None or side.ip4 is not None or side.ip6 is not None
            for side in (self.side_0, self.side_1)
        )


def _texts(part: Places | SidePlaces) -> Iterator[str]:
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, str):
            yield value


def find_places(names: Collection[str], given: FieldMap) -> Places:
    """Where a record with these names has what.

    What `given` names is nowhere else. The other names are those of Zeek where there is an
    `id.orig_h`, and DeepFlow's otherwise; of several names for the same, the newest.

    Source: server/querier/db_descriptions/clickhouse/tag/flow_log/l4_flow_log and l7_flow_log;
    server/ingester/flow_log/log_data/l4_flow_log.go (the columns); Zeek's Conn::Info.
    """
    finder = _Finder(names, given)
    return finder.zeek() if finder.first(ZEEK_CLIENT) else finder.deepflow()


class _Finder:
    def __init__(self, names: Collection[str], given: FieldMap) -> None:
        self._names = frozenset(names)
        self._given = given.names

    def first(self, *candidates: str) -> str | None:
        """The first of these that the record has, as a key or as a path of keys."""
        for name in candidates:
            if name in self._names or self._may_be_nested(name):
                return name
        return None

    def _may_be_nested(self, name: str) -> bool:
        return any(char == "." and name[:index] in self._names for index, char in enumerate(name))

    def part(self, part: Part, *known: str) -> str | None:
        given = self._given.get(part)
        return self.first(*known) if given is None else self.first(given)

    def times(self, start: str, *ends: str) -> tuple[str | None, str | None]:
        # Whoever names one of the two doesn't want the other from somewhere else.
        if "start" in self._given or "end" in self._given:
            return self.part("start"), self.part("end")
        return self.first(start), self.first(*ends)

    def zeek(self) -> Places:
        start, end = self.times(ZEEK_START)
        return Places(
            side_0=self._side(0, "id.orig_h", "id.orig_p"),
            side_1=self._side(1, "id.resp_h", "id.resp_p"),
            protocol=self.part("protocol", "proto"),
            start=start,
            end=end,
            duration=self.first("duration") if start == ZEEK_START and end is None else None,
            host=self.part("host"),
        )

    def deepflow(self) -> Places:
        start, end = self.times("start_time", "end_time", "time")
        return Places(
            side_0=self._side(0, "ip_0", "client_port", "port_0"),
            side_1=self._side(1, "ip_1", "server_port", "port_1"),
            is_ipv4=self.first("is_ipv4", "Enum(is_ipv4)"),
            protocol=self.part("protocol", "protocol", "Enum(protocol)"),
            start=start,
            end=end,
            host=self.part("host", "agent", "vtap"),
        )

    def _side(self, n: int, ip: str, *ports: str) -> SidePlaces:
        ip_part: Part = "ip_0" if n == 0 else "ip_1"
        port_part: Part = "port_0" if n == 0 else "port_1"
        own = ip_part in self._given
        return SidePlaces(
            ip=self.part(ip_part, ip),
            ip4=None if own else self.first(f"ip4_{n}"),
            ip6=None if own else self.first(f"ip6_{n}"),
            port=self.part(port_part, *ports),
            kind=self.first(
                f"auto_instance_type_{n}",
                f"Enum(auto_instance_type_{n})",
                f"resource_gl0_type_{n}",
                f"Enum(resource_gl0_type_{n})",
            ),
            name=self.first(f"auto_instance_{n}", f"resource_gl0_{n}"),
            number=self.first(f"auto_instance_id_{n}", f"resource_gl0_id_{n}"),
            pod=self.first(f"pod_{n}"),
            pod_id=self.first(f"pod_id_{n}"),
        )
