"""What the agent computes from a process's files: start times and the container id."""

from __future__ import annotations

import re
import struct
from typing import Final

from proccli.model.process import NS_PER_S, Host, Process
from proccli.versions import ContainerIds

_CONTROLLERS: Final = frozenset({"pids", "cpuset", "devices", "memory", "cpu"})
_HIERARCHY: Final = re.compile(r"\+?[0-9]{1,10}")
_ID_BYTES: Final = 64


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
    """The time of the snapshot in whole seconds since the epoch, as the agent takes it.

    Source: agent v6.5 linux_process.rs:83-90.
    """
    return host.taken_at_ns // NS_PER_S


def _f32(value: float) -> float:
    """The nearest 32-bit float."""
    result: float = struct.unpack("f", struct.pack("f", value))[0]
    return result


def container_id(cgroup: str, ids: ContainerIds) -> str | None:
    """The container id in the text of /proc/PID/cgroup, or None.

    The first line with one of the controllers decides. Its path's last component is the id if it
    is 64 bytes long, else what follows its last `-` must be 64 bytes and `.scope`.

    Source: agent v6.5 linux_process.rs:612-660 (branch head); cgroups(7).
    """
    path = _path(cgroup, v2=ids == "scope-v2") if ids != "none" else None
    if path is None or "/" not in path:
        return None
    last = path.rpartition("/")[2].encode()
    if len(last) == _ID_BYTES:
        return last.decode()
    _, dash, scoped = last.rpartition(b"-")
    if not dash or len(scoped) != _ID_BYTES + len(".scope"):
        return None
    return scoped[:_ID_BYTES].decode(errors="replace")


def _path(cgroup: str, *, v2: bool) -> str | None:
    written = cgroup.removesuffix("\n").split("\n")
    lines = [line.split(":", 2) for line in written if not line.startswith("#")]
    if not all(len(fields) == 3 and _HIERARCHY.fullmatch(fields[0]) for fields in lines):
        return None  # the agent's reader rejects the whole file
    for _, controllers, path in lines:
        names = controllers.split(",")
        if _CONTROLLERS.intersection(names) or (v2 and "" in names):
            return path
    return None
