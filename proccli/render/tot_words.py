"""What segments and their options are called, for tables and documents alike."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final

from proccli.model import CapturedOption

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FLAGS: Final = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")


def moment(seconds: float | None) -> str | None:
    """`2026-01-02T03:04:05.000006Z`; None if it is not known, or beyond the year 9999."""
    if seconds is None:
        return None
    try:
        made = _EPOCH + timedelta(microseconds=round(seconds * 1e6))
    except OverflowError:
        return None
    return f"{made:%Y-%m-%dT%H:%M:%S}.{made.microsecond:06}Z"


def flag_names(flags: int) -> list[str]:
    """`SYN`, `ACK` and so on, in the order of their bits."""
    return [name for bit, name in enumerate(_FLAGS) if flags >> bit & 1]


def kind_of_segment(seen: CapturedOption) -> str:
    """What sort of segment it was: `SYN`, `SYN-ACK`, `PSH`, or all its flags."""
    names = flag_names(seen.flags)
    if seen.is_syn:
        return "SYN-ACK" if seen.is_ack else "SYN"
    return "PSH" if "PSH" in names else " ".join(names) or "-"
