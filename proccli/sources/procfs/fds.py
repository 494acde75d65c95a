"""The file descriptors of a process that are sockets."""

from __future__ import annotations

import errno
import os
import re
from typing import Literal

from proccli.model.sockets import SocketFd

_FD = re.compile(r"0|[1-9][0-9]{0,9}")
_SOCKET = re.compile(r"socket:\[([0-9]{1,20})\]")

# The process closed it, or exited, since it was listed; or, in a made-up tree, it is no link.
_PASSED_OVER = (errno.ENOENT, errno.ESRCH, errno.EINVAL)


def read_socket_fds(
    directory: int, age_source: Literal["fd-ctime", "unknown"]
) -> tuple[SocketFd, ...]:
    """The sockets among the links of an open directory /proc/PID/fd, ascending by number.

    With `fd-ctime` their age is that of the link, which the kernel makes when somebody first
    looks at it; `unknown` is for copies, whose links tell only when they were copied.

    Source: proc_pid_fd(5).
    Raises: OSError if the directory or its links are refused.
    """
    dated = age_source == "fd-ctime"
    found: list[SocketFd] = []
    for name in os.listdir(directory):
        try:
            target = os.readlink(name, dir_fd=directory)
            if not target.startswith("socket:["):
                continue
            since_ns = os.lstat(name, dir_fd=directory).st_ctime_ns if dated else None
        except OSError as error:
            if error.errno in _PASSED_OVER:
                continue
            raise
        inode = _SOCKET.fullmatch(target)
        if inode is not None and _FD.fullmatch(name):
            found.append(SocketFd(int(name), int(inode[1]), since_ns, age_source))
    found.sort(key=lambda socket: socket.fd)
    return tuple(found)
