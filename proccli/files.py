"""Reading a file whole, and replacing one atomically."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from proccli.errors import ConfigFileError, OutputError
from proccli.text import visible

if TYPE_CHECKING:
    pass

MAX_BYTES: Final = 16 << 20
"""Of a configuration or another file that is read whole."""

_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_PATH_ONLY: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_LINKS: Final = 40  # as the kernel: path_resolution(7)
_PREFIX: Final = ".proccli-"
_SUFFIX: Final = ".tmp"
_LEFT_BEHIND_S: Final = 60
"""Older than this, and not locked: whoever wrote it was killed."""


@contextmanager
def atomic_output(
    path: str,
    *,
    mode: int = 0o600,
    force: bool = False,
    follow_links: bool = True,
    prefix: str = _PREFIX,
) -> Iterator[BinaryIO]:
    """A file to write to, which takes the name `path` when the block ends without an exception.

    It is written beside its destination, flushed to the disk, and renamed; on any failure or
    interruption it is removed, and what was there before is still there. Its permissions are
    `mode`, whatever the umask. Until then its name is `prefix`, eight characters and `.tmp`: a
    killed process leaves it, and the next one that writes there removes it.

    Links are followed only if they are root's or ours: in a directory like /tmp, another user could
    lead us to any file. `follow_links` is about the last one: the file that it leads to is
    replaced; without it, it is refused. The path is walked once, from directory to directory, so
    what is moved or replaced in the middle of it meanwhile changes nothing.

    Raises: OutputError where the destination can't be written, is not a regular file, or is
    there already without `force`. An OSError inside the block counts as one of writing.
    """
    opened: list[int] = []
    try:
        try:
            place = _walk(path, opened, follow_last=follow_links)
            _refuse_to_replace(place, path, force=force)
            _remove_left_behind(place)
            fd, temporary = _create(place, prefix)
        except OSError as error:
            raise _failed(path, error) from error
        try:
            with open(fd, "wb") as file:  # noqa: PTH123 - a descriptor
                os.fchmod(fd, mode)
                yield file
                file.flush()
                os.fsync(fd)
                written = os.fstat(fd)
            _put_in_place(temporary, place, force=force)
            _require_same(written, place, path)
            _flush_directory(place)
        except FileExistsError:
            raise _exists(path) from None
        except OSError as error:
            raise _failed(path, error) from error
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=place.directory)
    finally:
        for number in opened:
            os.close(number)


class _Place(NamedTuple):
    """Where a file is to be: a descriptor of the directory, and the name in it."""

    directory: int
    name: str


def _walk(path: str, opened: list[int], *, follow_last: bool) -> _Place:
    """The place that a path leads to; descriptors to close are added to `opened`.

    Source: path_resolution(7), openat(2); the rule for links is that of
    /proc/sys/fs/protected_symlinks, proc_sys_fs(5), in all directories.
    Raises: OSError, OutputError.
    """

    def directory(name: str, above: int | None) -> int:
        opened.append(os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=above))
        return opened[-1]

    here = directory("/" if path.startswith("/") else ".", None)
    pending = _components(path)
    links = 0
    while True:
        name = pending.pop() if pending else "."
        try:
            fd = os.open(name, _PATH_ONLY, dir_fd=here)
        except FileNotFoundError:
            if pending:
                raise
            return _Place(here, name)
        opened.append(fd)
        found = os.fstat(fd)
        if stat.S_ISLNK(found.st_mode) and (pending or follow_last):
            links += 1
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            _refuse_link_of_others(found.st_uid, name, path)
            target = os.readlink("", dir_fd=fd)
            if target.startswith("/"):
                here = directory("/", None)
            pending += _components(target)
        elif not pending:
            return _Place(here, name)
        elif stat.S_ISDIR(found.st_mode):
            here = fd
        else:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))


def _refuse_link_of_others(owner: int, name: str, path: str) -> None:
    if owner not in (0, os.geteuid()):
        raise OutputError(
            f"can't write {path}: the link {visible(name)} belongs to another user (id {owner})",
            hint="give the path that it leads to",
        )


def _components(path: str) -> list[str]:
    """The last one first."""
    return [name for name in path.split("/") if name not in ("", ".")][::-1]


def _refuse_to_replace(place: _Place, path: str, *, force: bool) -> None:
    try:
        found = os.lstat(place.name, dir_fd=place.directory).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(found):
        raise OutputError(f"can't write {path}: it is a directory")
    if not stat.S_ISREG(found):
        raise OutputError(
            f"can't write {path}: it is not a regular file", hint="use - for standard output"
        )
    if not force:
        raise _exists(path)


def _create(place: _Place, prefix: str) -> tuple[int, str]:
    """A new file beside the destination, locked so that no other run removes it."""
    import fcntl
    import secrets

    while True:
        name = f"{prefix}{secrets.token_hex(4)}{_SUFFIX}"
        try:
            fd = os.open(name, _NEW, 0o600, dir_fd=place.directory)
        except FileExistsError:
            continue
        with suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fd, name


def _remove_left_behind(place: _Place) -> None:
    """Delete our own files that runs left behind which were killed while writing."""
    import fcntl

    with suppress(OSError):
        readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place.directory)
        try:
            names = os.listdir(readable)  # noqa: PTH208 - a descriptor
        finally:
            os.close(readable)
        for name in names:
            if not (name.startswith(_PREFIX) and name.endswith(_SUFFIX)):
                continue
            with suppress(OSError):
                fd = os.open(
                    name,
                    os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
                    dir_fd=place.directory,
                )
                try:
                    found = os.fstat(fd)
                    old = found.st_mtime < time.time() - _LEFT_BEHIND_S
                    ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
                    if old and ours:
                        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        os.unlink(name, dir_fd=place.directory)
                finally:
                    os.close(fd)


def _put_in_place(temporary: str, place: _Place, *, force: bool) -> None:
    directory, name = place
    if not force:
        # Unlike a rename, a link fails if the file was created in the meantime.
        try:
            os.link(
                temporary, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False
            )
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            with suppress(FileNotFoundError):
                os.lstat(name, dir_fd=directory)
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        else:
            return
    os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)


def _require_same(written: os.stat_result, place: _Place, path: str) -> None:
    """Raises: OutputError where another user who may change the directory has replaced the file."""
    found = os.lstat(place.name, dir_fd=place.directory)
    if (found.st_dev, found.st_ino) != (written.st_dev, written.st_ino):
        raise OutputError(f"can't write {path}: it was replaced while it was written")


def _flush_directory(place: _Place) -> None:
    """Flush the new name to the disk, where the file system can."""
    with suppress(OSError):
        fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place.directory)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _exists(path: str) -> OutputError:
    return OutputError(f"{path} already exists", hint="--force replaces it")


def _failed(path: str, error: OSError) -> OutputError:
    # Links like /dev/stdout lead to names such as pipe:[123], which are in no directory.
    stream = path.startswith(("/dev/", "/proc/"))
    hint = "use - for standard output" if stream else None
    return OutputError(f"can't write {path}: {error.strerror or error}", hint=hint)


def read_file(path: str) -> bytes:
    """All bytes of a file, a pipe (`<(command)`) or, for `-`, of stdin.

    Raises: ConfigFileError where there is nothing to read, or more than 16 MiB.
    """
    name = "<stdin>" if path == "-" else visible(path)
    try:
        if path == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with open(path, "rb") as file:  # noqa: PTH123 - pathlib takes long to load
                data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigFileError(name, _reason(error)) from None
    if len(data) > MAX_BYTES:
        raise ConfigFileError(name, f"more than {MAX_BYTES} bytes: not a configuration")
    return data


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "is a directory: name a file in it"
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "not a path"
