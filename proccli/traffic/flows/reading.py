"""From a record's values to the flow that they tell of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from proccli.model.flows import Flow, Instance
from proccli.model.sockets import Endpoint
from proccli.traffic.flows.fields import Places, SidePlaces
from proccli.traffic.flows.times import Times
from proccli.traffic.flows.values import (
    is_ipv6,
    read_address,
    read_instance,
    read_number,
    read_port,
    read_protocol,
)

_NOTHING: Final = (None, "")
_LONGEST_S: Final = 1e9


class FlowReader:
    """Reads the flows of records that have the same names."""

    def __init__(self, places: Places, times: Times) -> None:
        self._places = places
        self._times = times
        self._with_instance = tuple(
            any((side.kind, side.name, side.number, side.pod, side.pod_id))
            for side in (places.side_0, places.side_1)
        )

    def read(self, values: Mapping[str, Any]) -> Flow:
        """The flow. `values` has every name of the places."""
        places = self._places
        ip6 = None
        if places.is_ipv4 is not None and (flag := values[places.is_ipv4]) not in _NOTHING:
            ip6 = is_ipv6(flag)
        side_0, problem_0 = _endpoint(values, places.side_0, ip6, "0")
        side_1, problem_1 = _endpoint(values, places.side_1, ip6, "1")
        start_s = None if places.start is None else self._times.read(values[places.start])
        protocol = None if places.protocol is None else read_protocol(values[places.protocol])
        return Flow(
            protocol=protocol,
            side_0=side_0,
            side_1=side_1,
            start_s=start_s,
            end_s=self._end(values, start_s),
            host=None if places.host is None else _name(values[places.host]),
            instance_0=_instance(values, places.side_0) if self._with_instance[0] else "none",
            instance_1=_instance(values, places.side_1) if self._with_instance[1] else "none",
            problem=problem_0 or problem_1,
        )

    def _end(self, values: Mapping[str, Any], start_s: float | None) -> float | None:
        places = self._places
        if places.end is not None:
            return self._times.read(values[places.end])
        if places.duration is None or start_s is None:
            return None
        duration = read_number(values[places.duration])
        return start_s + duration if duration is not None and 0 <= duration < _LONGEST_S else None


def _endpoint(
    values: Mapping[str, Any], side: SidePlaces, ip6: bool | None, n: str
) -> tuple[Endpoint | None, str | None]:
    written = _written_address(values, side, ip6)
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
    return Endpoint(ip, port), None


def _written_address(values: Mapping[str, Any], side: SidePlaces, ip6: bool | None) -> object:
    if side.ip is not None and (written := values[side.ip]) not in _NOTHING:
        return written
    four = None if side.ip4 is None else values[side.ip4]
    six = None if side.ip6 is None else values[side.ip6]
    if ip6 is not None:
        return six if ip6 else four
    # ClickHouse's columns are never empty: the one that is not used is all zeros.
    return six if four in ("0.0.0.0", *_NOTHING) and six not in _NOTHING else four  # noqa: S104


def _instance(values: Mapping[str, Any], side: SidePlaces) -> Instance:
    return read_instance(
        *(
            None if name is None else values[name]
            for name in (side.kind, side.name, side.number, side.pod, side.pod_id)
        )
    )


def _name(value: object) -> str | None:
    text = str(value).strip() if type(value) in (str, int) else ""
    return text or None
