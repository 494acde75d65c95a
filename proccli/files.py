"""Reading a file whole, and replacing one atomically."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Final

from proccli.errors import ConfigFileError, OutputError
from proccli.text import visible

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 16 << 20
"""Of a configuration or another file that is read whole."""

_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


@contextmanager
def atomic_output(
    path: str,
    *,
    mode: int = 0o600,
    force: bool = False,
    follow_links: bool = True,
    prefix: str = ".proccli-",
) -> Iterator[BinaryIO]:
    """A file to write to, which takes the name `path` when the block ends without an exception.

    It is written beside its destination, flushed to the disk, and renamed; on any failure or
    interruption it is removed, and what was there before is still there. Its permissions are
    `mode`, whatever the umask. A link is followed: the file that it leads to is replaced; without
    `follow_links` it is refused. Until then its name is `prefix`, eight characters and `.tmp`:
    a killed process leaves it.

    Raises: OutputError where the destination can't be written, is not a regular file, or is
    there already without `force`. An OSError inside the block counts as one of writing.
    """
    import tempfile
    from pathlib import Path

    target = Path(os.path.realpath(path) if follow_links else os.path.abspath(path))  # noqa: PTH100
    try:
        _refuse_to_replace(target, path, force=force)
        fd, temporary = tempfile.mkstemp(prefix=prefix, suffix=".tmp", dir=target.parent)
    except OSError as error:
        raise _failed(path, error) from error
    try:
        with open(fd, "wb") as file:  # noqa: PTH123 - a descriptor
            os.fchmod(fd, mode)
            yield file
            file.flush()
            os.fsync(fd)
        _put_in_place(temporary, target, force=force)
        _flush_directory(target.parent)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise _failed(path, error) from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)  # noqa: PTH108 - mkstemp gave a string


def _refuse_to_replace(target: Path, path: str, *, force: bool) -> None:
    try:
        found = target.lstat().st_mode
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


def _put_in_place(temporary: str, target: Path, *, force: bool) -> None:
    if not force:
        # Unlike a rename, a link fails if the file was created in the meantime.
        try:
            os.link(temporary, target)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            if target.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        else:
            return
    os.replace(temporary, target)  # noqa: PTH105 - mkstemp gave a string


def _flush_directory(directory: Path) -> None:
    """Flush the new name to the disk, where the file system can."""
    with suppress(OSError):
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _exists(path: str) -> OutputError:
    return OutputError(f"{path} already exists", hint="--force replaces it")


def _failed(path: str, error: OSError) -> OutputError:
    return OutputError(f"can't write {path}: {error.strerror or error}")


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
