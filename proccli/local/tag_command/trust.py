"""Whether a configuration file may start a command: only if just root and we can write to it."""

from __future__ import annotations

import errno
import os
import stat

from proccli.sources.procfs.files import errno_name
from proccli.text import visible

MAX_LINKS = 40
"""As many symbolic links as the kernel follows, path_resolution(7)."""

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class _Untrusted(Exception):  # noqa: N818 - a finding, not an error
    """Another user could have written the file."""


def why_untrusted(path: str, content: bytes) -> str | None:
    """Why another user could have written what we read from a file; None if no other could.

    The file, every directory on the way to it, and every symbolic link on that way belong to root
    or to us, and no other user can write to them. Of a sticky directory like /tmp, where users
    can't replace what others own, only the entry on the path counts. An access list counts as the
    group's rights.

    The path is followed here, and the file at its end is compared with `content`, so it does not
    matter how and when `content` was read.
    """
    try:
        # Not normalized: ".." after a symbolic link is not the parent in the text.
        start = path if path.startswith("/") else f"{os.getcwd()}/{path}"  # noqa: PTH109
        fd = _open_checked(start)
        try:
            return None if _holds(fd, content) else "it has changed since it was read"
        finally:
            os.close(fd)
    except _Untrusted as finding:
        return str(finding)
    except OSError as error:
        return f"its path can't be followed ({errno_name(error)})"


def _open_checked(path: str) -> int:
    """The file at the end of an absolute path; it, and all on the way, has been checked.

    Raises: _Untrusted, OSError.
    """
    names = _names(path)
    links = 0
    walked = ""
    here = os.open("/", _DIRECTORY)
    try:
        _check(os.fstat(here), "/")
        while names:
            name = names.pop()
            entry = os.stat(name, dir_fd=here, follow_symlinks=False)
            if stat.S_ISLNK(entry.st_mode):
                links += 1
                if links > MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                _check_owner(entry, f"{walked}/{name}")
                target = os.readlink(name, dir_fd=here)
                names.extend(_names(target))
                if not target.startswith("/"):
                    continue
                name, walked = "/", ""
            else:
                walked = f"{walked}/{name}"
            if names or stat.S_ISDIR(entry.st_mode) or name == "/":
                entered = os.open(name, _DIRECTORY, dir_fd=here)
                os.close(here)
                here = entered
                _check(os.fstat(here), walked or "/")
            else:
                return _opened_file(name, here, walked)
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    finally:
        os.close(here)


def _opened_file(name: str, directory: int, walked: str) -> int:
    fd = os.open(name, _FILE, dir_fd=directory)
    try:
        _check(os.fstat(fd), walked)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _names(path: str) -> list[str]:
    """The components of a path, the first one last."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _check(found: os.stat_result, name: str) -> None:
    """Raises: _Untrusted if others own it or can write to it."""
    _check_owner(found, name)
    if not found.st_mode & _WRITABLE_BY_OTHERS:
        return
    # In a sticky directory others can add entries, but neither remove nor rename ours.
    if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX:
        return
    mode = stat.S_IMODE(found.st_mode)
    raise _Untrusted(f"others can write to {visible(name)} (mode {mode:04o})")


def _check_owner(found: os.stat_result, name: str) -> None:
    if found.st_uid not in (0, os.geteuid()):
        whose = f"user id {found.st_uid}, who is neither root nor you"
        raise _Untrusted(f"{visible(name)} belongs to {whose}")


def _holds(fd: int, content: bytes) -> bool:
    """Whether a file is a regular one and holds exactly this."""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise _Untrusted("it is not a regular file")
    rest = memoryview(content)
    while data := os.read(fd, max(len(rest), 1)):
        if data != rest[: len(data)]:
            return False
        rest = rest[len(data) :]
    return not rest
