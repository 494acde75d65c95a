"""A directory tree that nothing leads out of."""

from __future__ import annotations

import errno
import os
import stat
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from proccli.sources.procfs.files import MAX_FILE_BYTES, Unreadable, decode, read_fd

_LEADS_OUT = "leads out of the directory"
_MAX_LINKS = 40  # as the kernel: path_resolution(7)
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class ClosedTree:
    """A directory whose links are followed by hand, and only to places inside it.

    A copy of another machine's /proc is full of links with absolute targets (`PID/root`), which
    mean that machine's files: following them would answer with this machine's. Every component
    is opened without following, so a link that is swapped in while we look doesn't get out
    either.
    """

    def __init__(self, path: str) -> None:
        """Raises: OSError if it isn't a directory that can be read."""
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self.fd)

    @contextmanager
    def opened(self, path: str) -> Iterator[int]:
        """A descriptor (O_PATH) of what a path from the top leads to.

        Raises: OSError; Unreadable where a link leads out.
        """
        ours: list[int] = []
        try:
            yield self._walk(path, ours)
        finally:
            for fd in ours:
                os.close(fd)

    def _walk(self, path: str, ours: list[int]) -> int:
        above: list[int] = []
        here = self.fd
        pending = path.split("/")[::-1]
        links = 0
        while pending:
            name = pending.pop()
            if name in ("", "."):
                continue
            if name == "..":
                if not above:
                    raise Unreadable("failed", _LEADS_OUT)
                here = above.pop()
                continue
            fd = os.open(name, _LOOK, dir_fd=here)
            ours.append(fd)
            mode = os.fstat(fd).st_mode
            if stat.S_ISLNK(mode):
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                target = os.readlink("", dir_fd=fd)
                if target.startswith("/"):
                    raise Unreadable("failed", _LEADS_OUT)
                pending.extend(target.split("/")[::-1])
            elif pending and not stat.S_ISDIR(mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            else:
                above.append(here)
                here = fd
        return here

    def is_directory(self, path: str) -> bool:
        """Whether a path leads to a directory inside the tree."""
        try:
            with self.opened(path) as fd:
                return stat.S_ISDIR(os.fstat(fd).st_mode)
        except (OSError, Unreadable):
            return False

    @contextmanager
    def opened_for_reading(self, path: str) -> Iterator[int]:
        """A descriptor of a regular file or a directory; FIFOs and devices are not opened.

        Raises: OSError; Unreadable.
        """
        with self.opened(path) as found:
            mode = os.fstat(found).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise Unreadable("malformed", "not a regular file")
            # The descriptor only names the file: opening it again is what needs the right to.
            fd = os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield fd
        finally:
            os.close(fd)

    def read(self, path: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """The content of a regular file. Raises: OSError; Unreadable."""
        with self.opened_for_reading(path) as fd:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise Unreadable("malformed", "not a regular file")
            return read_fd(fd, limit)

    def link(self, path: str) -> str:
        """The text of a link, wherever it leads. Raises: OSError; Unreadable."""
        parent, _, name = path.rpartition("/")
        with self.opened(parent) as fd:
            try:
                return decode(os.fsencode(os.readlink(name, dir_fd=fd)))
            except OSError as error:
                if error.errno == errno.EINVAL:
                    raise Unreadable("malformed", "not a link") from error
                raise

    def inode(self, path: str) -> int:
        """The inode number of what a path leads to. Raises: OSError; Unreadable."""
        with self.opened(path) as fd:
            return os.fstat(fd).st_ino
