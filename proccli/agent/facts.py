"""When a process started, exactly and as the agent computes it."""

from __future__ import annotations

import struct

from proccli.model.process import NS_PER_S, Host, Process


def start_s(process: Process, host: Host) -> int | None:
    """Seconds since the epoch, from whole numbers; None without start ticks or boot time."""
    if process.starttime_ticks is None or host.boot_time_s is None:
        return None
    return host.boot_time_s + process.starttime_ticks // host.ticks_per_s


def agent_start_s(process: Process, host: Host) -> int | None:
    """Seconds since the epoch from 32-bit floats: after long uptimes some seconds off.

    Ticks by ticks per second, then times 1000, each rounded to 32 bits; cut to whole
    milliseconds; plus the boot time; cut to whole seconds.

    Source: the agent's fork of procfs, process/stat.rs:407-412, lib.rs:654-688; agent v6.5
    linux_process.rs:149-156.
    """
    if process.starttime_ticks is None or host.boot_time_s is None:
        return None
    seconds = _f32(_f32(process.starttime_ticks) / _f32(host.ticks_per_s))
    return host.boot_time_s + int(_f32(seconds * 1000.0)) // 1000


def now_s(host: Host) -> int:
    """The moment of the scan in whole seconds, as the agent takes it (linux_process.rs:83-90)."""
    return host.taken_at_ns // NS_PER_S


def _f32(value: float) -> float:
    """The nearest 32-bit float."""
    result: float = struct.unpack("f", struct.pack("f", value))[0]
    return result
