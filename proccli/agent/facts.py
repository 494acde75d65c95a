"""What the agent computes from a process's files: start times and the container id."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

from proccli.model.process import NS_PER_S, Host, Process
from proccli.versions import ContainerIds

_CONTROLLERS: Final = frozenset({"pids", "cpuset", "devices", "memory", "cpu"})
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
    return host.boot_time_s + _agent_seconds(process.starttime_ticks, host.ticks_per_s)


@lru_cache(maxsize=256)  # a process's decision and its outcome ask for it
def _agent_seconds(ticks: int, ticks_per_s: int) -> int:
    return int(_f32(_f32(_f32(ticks) / _f32(ticks_per_s)) * 1000.0)) // 1000


def now_s(host: Host) -> int:
    """The time of the snapshot in whole seconds since the epoch, as the agent takes it.

    Source: agent v6.5 linux_process.rs:83-90.
    """
    return host.taken_at_ns // NS_PER_S


def _f32(value: float) -> float:
    """The nearest 32-bit float."""
    result: float = _unpack_f32(_pack_f32(value))[0]
    return result


_pack_f32, _unpack_f32 = struct.Struct("f").pack, struct.Struct("f").unpack


@lru_cache(maxsize=256)  # the processes of a unit or a container share the text
def container_id(cgroup: str, ids: ContainerIds) -> str | None:
    """The container id in the text of /proc/PID/cgroup; None without one, or where the agent ends
    instead (`container_id_ends_agent`).

    The first line with one of the controllers decides; the line of cgroup v2, which has none,
    counts in `scope-v2` alone. Its path's last component is the id if it is 64 bytes long. Else, of
    what follows its last `-`, the first 64 bytes are: in `cri` of a name that starts with
    cri-containerd, later of one that ends in 64 bytes and six more (`.scope`, or anything).

    Source: FACTS A8; agent v6.5 linux_process.rs:612-660 (branch head); cgroups(7).
    """
    found = _container_id(cgroup, ids)
    return None if found is None or _is_no_text(found) else found.decode()


def container_id_ends_agent(cgroup: str, ids: ContainerIds) -> bool:
    """Whether the agent cuts the id out of a text that is too short, or within a character: Rust
    ends the program then.

    Source: FACTS A8 and A0, run.
    """
    found = _container_id(cgroup, ids)
    return found is not None and _is_no_text(found)


def _is_no_text(found: bytes) -> bool:
    if len(found) < _ID_BYTES:
        return True
    try:
        found.decode()
    except UnicodeDecodeError:
        return True
    return False


def _container_id(cgroup: str, ids: ContainerIds) -> bytes | None:
    path = _path(cgroup, v2=ids == "scope-v2") if ids != "none" else None
    if path is None or "/" not in path:
        return None
    last = path.rpartition("/")[2].encode()
    if len(last) == _ID_BYTES:
        return last
    _, dash, tail = last.rpartition(b"-")
    if ids == "cri":
        found = last.startswith(b"cri-containerd")
    else:
        found = bool(dash) and len(tail) == _ID_BYTES + len(".scope")
    return tail[:_ID_BYTES] if found else None


def _path(cgroup: str, *, v2: bool) -> str | None:
    """The path of the first line with one of the controllers, in v2 also of one with none. None:
    there is no such line, or the agent's reader rejects the text, as it does for one malformed
    line.

    Source: procfs 0.14 ProcessCGroup: lines end at LF or CRLF, those that begin with # are
    skipped, the others are a u32, controllers and a path.
    """
    lines = cgroup.split("\n")
    if not lines[-1]:
        lines.pop()
        ended = len(lines)
    else:
        ended = len(lines) - 1
    path: str | None = None
    for number, line in enumerate(lines):
        if line.startswith("#"):
            continue
        fields = (line.removesuffix("\r") if number < ended else line).split(":", 2)
        if len(fields) != 3 or not _is_u32(fields[0]):
            return None
        controllers = fields[1].split(",")
        if path is None and (_CONTROLLERS.intersection(controllers) or (v2 and "" in controllers)):
            path = fields[2]
    return path


def _is_u32(text: str) -> bool:
    """Whether Rust's `u32::from_str` accepts the text."""
    digits = text.removeprefix("+").lstrip("0") or text[-1:]
    return digits.isascii() and digits.isdigit() and len(digits) <= 10 and int(digits) < 1 << 32
