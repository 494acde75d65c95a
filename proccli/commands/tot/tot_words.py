"""Names of segments and times of their options, for tables and JSON."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta
from typing import Final

from proccli.model.flows import CapturedOption

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, and the Z is ours
_FLAGS: Final = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")


def moment(seconds: float | None) -> str | None:
    """`2026-01-02T03:04:05.000006Z`; None if unknown or outside the years 1 to 9999."""
    if seconds is None:
        return None
    second, microsecond = divmod(round(seconds * 1e6), 1_000_000)
    written = _to_the_second(second)
    return None if written is None else f"{written}.{microsecond:06}Z"


@functools.lru_cache(maxsize=1_000)
def _to_the_second(seconds: int) -> str | None:
    try:
        return (_EPOCH + timedelta(seconds=seconds)).isoformat()
    except OverflowError:
        return None


def flag_names(flags: int) -> list[str]:
    """Names of the flags that are set, such as `SYN` and `ACK`, in the order of their bits."""
    return [name for bit, name in enumerate(_FLAGS) if flags >> bit & 1]


def kind_of_segment(seen: CapturedOption) -> str:
    """The kind of segment: `SYN`, `SYN-ACK`, `PSH`, or all of its flags."""
    names = flag_names(seen.flags)
    if seen.is_syn:
        return "SYN-ACK" if seen.is_ack else "SYN"
    return "PSH" if "PSH" in names else " ".join(names) or "-"
