"""Locking: only one run at a time uses a state."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from proccli.commands.sync.state.place import ELSEWHERE
from proccli.errors import StateError, StateLocked
from proccli.text import visible

_STEP_S = 0.05
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


@contextmanager
def locked(
    state: Path, timeout_s: float, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Hold the lock of a state until the block ends; the kernel releases it if we are killed.

    The lock file beside the state is never removed: otherwise two runs could hold the lock.

    Raises: StateLocked if another run holds it for longer than `timeout_s`; StateError.
    """
    path = state.with_name(f"{state.name}.lock")
    try:
        fd = os.open(path, _OPEN, 0o600)
    except OSError as error:
        what = "a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise StateError(f"can't lock {visible(str(path))}: {what}", hint=ELSEWHERE) from error
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            problem = f"can't lock {visible(str(path))}: it is not a regular file that you own"
            raise StateError(problem, hint=ELSEWHERE)
        _acquire(fd, path, state, timeout_s, sleep)
        with suppress(OSError):  # a full disk: others cannot name this process then
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)


def _acquire(
    fd: int, path: Path, state: Path, timeout_s: float, sleep: Callable[[float], None]
) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            left = deadline - time.monotonic()
            if left <= 0:
                raise _held(fd, state, timeout_s) from None
            sleep(min(left, _STEP_S))
        except OSError as error:
            problem = f"can't lock {visible(str(path))}: {error.strerror}"
            raise StateError(problem, hint=ELSEWHERE) from error
        else:
            return


def _held(fd: int, state: Path, timeout_s: float) -> StateLocked:
    holder = os.pread(fd, 20, 0).strip()
    who = f" (pid {int(holder)})" if holder.isdigit() else ""
    return StateLocked(
        f"another sync{who} is using {visible(str(state))}; waited {timeout_s:g} s",
        hint="wait longer with --lock-timeout, or use another state with --state FILE",
    )
