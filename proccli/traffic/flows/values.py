"""The single values of a flow record, as JSON has them or as text."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from math import isfinite
from typing import Final

from proccli.model.flows import Instance
from proccli.model.sockets import Protocol

_LONGEST: Final = 64
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
"""auto_instance_type of a pod, as a number and by its names.

Source: server/querier/db_descriptions/clickhouse/tag/enum/auto_instance_type.en and .ch."""
_IPV6_FLAGS: Final = frozenset({"0", "0.0", "false", "ipv6"})


def read_protocol(value: object) -> Protocol | None:
    """tcp or udp, from a number or a word; None for anything else."""
    if type(value) is str:
        return _PROTOCOLS.get(value) or _PROTOCOLS.get(value.strip().lower())
    return _PROTOCOLS.get(value) if type(value) is int else None


def read_address(value: object) -> str | None:
    """An address as `ipaddress` writes it, IPv4 where that is mapped into IPv6.

    None where it is none. The interface that may follow a link-local one (`%eth0`) is left out.
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
    """0 to 65535; None for anything else. Some exporters make `80.0` of it."""
    if type(value) is str:
        digits = value.strip().removesuffix(".0")
        port = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 5 else -1
    elif type(value) is int:
        port = value
    elif type(value) is float and value.is_integer():
        port = int(value)
    else:
        return None
    return port if 0 <= port <= 0xFFFF else None


def read_number(value: object) -> float | None:
    """A finite number, or its text; None for anything else."""
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
    """Whether this `is_ipv4` says no: 0, false, or the word for it."""
    return _word(value) in _IPV6_FLAGS


def read_instance(
    kind: object, name: object, number: object, pod: object, pod_id: object
) -> Instance:
    """What one side's auto_instance is, from its type, name and id, and from the pod's.

    A pod comes before everything else, so wherever there is one, it is the auto_instance.
    """
    if pod not in _NO_NAME or _is_positive(pod_id) or _is_pod(kind):
        return "pod"
    # A type of 0 is said, too: an address of the Internet.
    said = kind not in _NO_VALUE or name not in _NO_NAME or _is_positive(number)
    return "other" if said else "none"


_NO_VALUE: Final = (None, "")
_NO_NAME: Final = (None, "", "0", 0)


def _is_positive(value: object) -> bool:
    number = read_number(value)
    return number is not None and number > 0


def _is_pod(kind: object) -> bool:
    return read_number(kind) == _POD or _word(kind) in _POD_WORDS


def _word(value: object) -> str:
    # Arrays and objects may be nested too deeply to be written.
    return str(value).strip().lower() if isinstance(value, (str, int, float)) else ""
