"""The container id that the agent reads from a process's cgroups."""

from __future__ import annotations

_CONTROLLERS = frozenset({"pids", "cpuset", "devices", "memory", "cpu", ""})
"""The empty one is cgroup v2's single line, which 6.5 knows since its fix of July 2025."""
_ID_BYTES = 64


def container_id(cgroup: str) -> str | None:
    """The container id in the text of /proc/PID/cgroup, or None.

    The first line with one of the controllers decides. Its path's last component is the id if it
    is 64 bytes long, else what follows its last `-` must be 64 bytes and `.scope`.

    Source: agent v6.5 linux_process.rs:612-660 (branch head); cgroups(7).
    """
    path = _path(cgroup)
    if path is None or "/" not in path:
        return None
    last = path.rpartition("/")[2].encode()
    if len(last) == _ID_BYTES:
        return last.decode()
    _, dash, scoped = last.rpartition(b"-")
    if not dash or len(scoped) != _ID_BYTES + len(".scope"):
        return None
    return scoped[:_ID_BYTES].decode(errors="replace")


def _path(cgroup: str) -> str | None:
    for line in cgroup.split("\n"):
        fields = line.split(":", 2)
        if len(fields) != 3 or not fields[0].isdigit():
            return None  # the agent's reader gives the whole file up
        if _CONTROLLERS.intersection(fields[1].split(",")):
            return fields[2]
    return None
