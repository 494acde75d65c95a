"""What an error says about a process whose files are being read."""

from __future__ import annotations

import errno
from typing import Protocol

from proccli.model.process import Problem


class Living(Protocol):
    """Something that belongs to a process."""

    def alive(self) -> bool:
        """Whether the directory is still that of the process it was opened for."""


def problem_of(error: OSError, files: Living) -> Problem:
    """What an error means, once it is known whether the process is still there.

    The links of a process that has exited are refused with EACCES, its files are missing
    (ENOENT), and reading one that was open fails with ESRCH.
    """
    if error.errno not in (
        errno.EACCES,
        errno.EPERM,
        errno.ENOENT,
        errno.ESRCH,
        errno.ENOTDIR,
    ):
        return "failed"
    if not files.alive():
        return "gone"
    return "denied" if error.errno in (errno.EACCES, errno.EPERM) else "missing"
