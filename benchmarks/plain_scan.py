"""The reads of a scan in plain Python, without proccli: processes, file descriptors, socket tables.

It reads each file and link once, through descriptors of directories, keeps what it reads, and joins
rows with processes by inode. It has no rules, no messages and no output but two counts.
"""

from __future__ import annotations

import gc
import os
from contextlib import suppress

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_FILES = ("stat", "cmdline", "cgroup")
_LINKS = ("exe", "ns/net")


def _content(name: str, directory: int) -> bytes:
    fd = os.open(name, os.O_RDONLY, dir_fd=directory)
    content = b""
    while chunk := os.read(fd, 1 << 16):
        content += chunk
    os.close(fd)
    return content


def _process(pid: str, directory: int) -> tuple[object, ...]:
    files = [_content(name, directory) for name in _FILES]
    links = [os.readlink(name, dir_fd=directory) for name in _LINKS]
    root = os.stat("root", dir_fd=directory).st_ino
    return pid, os.fstat(directory).st_uid, *files, *links, root


def _sockets(directory: int) -> list[tuple[str, str, int]]:
    found = []
    fds = os.open("fd", _DIRECTORY, dir_fd=directory)
    for fd in os.listdir(fds):  # noqa: PTH208 - it is a descriptor
        target = os.readlink(fd, dir_fd=fds)
        if target.startswith("socket:["):
            found.append((fd, target[8:-1], os.lstat(fd, dir_fd=fds).st_ctime_ns))
    os.close(fds)
    return found


def main() -> None:
    """Read all processes that can be read whole, and print how many, and how many sockets."""
    gc.disable()
    proc = os.open("/proc", _DIRECTORY)
    processes, owners = [], {}
    namespaces: dict[object, str] = {}
    for pid in filter(str.isdecimal, os.listdir(proc)):  # noqa: PTH208 - it is a descriptor
        with suppress(OSError):  # it has exited, or has no program, as threads of the kernel
            directory = os.open(pid, _DIRECTORY, dir_fd=proc)
            try:
                process = _process(pid, directory)
                for socket in _sockets(directory):
                    owners[socket[1]] = (process, socket)
            finally:
                os.close(directory)
            processes.append(process)
            namespaces.setdefault(process[6], pid)
    joined = 0
    for pid in namespaces.values():
        for name in ("tcp", "tcp6", "udp", "udp6"):
            with suppress(FileNotFoundError):
                for row in _content(f"{pid}/net/{name}", proc).decode().splitlines()[1:]:
                    fields = row.split(None, 10)
                    joined += fields[9] in owners
    print(len(processes), joined)


if __name__ == "__main__":
    main()
