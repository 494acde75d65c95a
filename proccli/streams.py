"""Opening files and standard input, and unpacking gzip data as they are read."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from proccli.errors import SourceError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GZIP_MAGIC: Final = b"\x1f\x8b"
_PIECE_BYTES: Final = 1 << 17


class BadLine(Exception):  # noqa: N818 - a finding, which the caller gives a place
    """The next line can't be read; the message says why."""


class TruncatedData(BadLine):
    """Gzip data end in the middle."""


def require_there(path: str) -> None:
    """Check early, before anything is waited for, that `opened` will find the file.

    Nothing is opened: closing a pipe would end the program that writes into it.

    Raises: SourceError.
    """
    if path != "-":
        try:
            os.stat(path)  # noqa: PTH116 - pathlib takes long to load
        except (OSError, ValueError) as error:
            problem = error.strerror if isinstance(error, OSError) else error
            raise SourceError(f"can't read {path}: {problem}") from error


@contextmanager
def opened(path: str) -> Iterator[tuple[BinaryIO, str]]:
    """A file (`-`: stdin) and its name for messages. Raises: SourceError, also while reading."""
    name = "<stdin>" if path == "-" else path
    try:
        if path != "-":
            with open(path, "rb") as file:  # noqa: PTH123 - a name is shown as it was given
                yield file, name
        elif sys.stdin is None:
            raise SourceError("stdin is closed")
        else:
            yield sys.stdin.buffer, name
    except OSError as error:
        raise SourceError(f"can't read {name}: {error.strerror or error}") from error


def unpacked(file: BinaryIO) -> BinaryIO:
    """The same bytes or, for gzip data, their content.

    Reading raises one of `gzip_errors` where the data are damaged. Closing it leaves the file
    open.
    """
    head = file.read(len(GZIP_MAGIC))
    whole = rejoined(head, file)
    if head != GZIP_MAGIC:
        return cast("BinaryIO", whole)
    import gzip

    # In large pieces: each takes a detour through Python. It halves the time of a line of 80 KB.
    pieces = _Rejoined(b"", cast("BinaryIO", gzip.GzipFile(fileobj=whole)))
    return cast("BinaryIO", io.BufferedReader(pieces, _PIECE_BYTES))


def gzip_errors() -> tuple[type[Exception], ...]:
    """What reading damaged gzip data raises; a function, so that gzip is loaded only then."""
    import gzip
    import zlib

    return EOFError, gzip.BadGzipFile, zlib.error


def gzip_problem(error: Exception) -> str:
    """One of `gzip_errors` in words."""
    if isinstance(error, EOFError):
        return "unexpected end of gzip data"
    return f"damaged gzip data: {error}"


def read_line(text: BinaryIO, max_bytes: int) -> bytes:
    """The next line of an `unpacked` file, with its line break; empty at the end of the file.

    Raises: BadLine for a longer line and for damaged gzip data, TruncatedData where they end too
    early; OSError.
    """
    try:
        line = text.readline(max_bytes + 1)
    except gzip_errors() as error:
        kind = TruncatedData if isinstance(error, EOFError) else BadLine
        raise kind(gzip_problem(error)) from error
    if len(line) > max_bytes:
        raise BadLine(f"line exceeds {max_bytes >> 20} MiB")
    return line


def rejoined(head: bytes, rest: BinaryIO) -> io.BufferedReader:
    """A file whose first bytes were already read, from its beginning."""
    return io.BufferedReader(_Rejoined(head, rest))


class _Rejoined(io.RawIOBase):
    """A file whose first bytes were already read. Closing it leaves the file open."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        # read1 returns what a pipe has now; read would wait until there is all that was asked for.
        self._more = getattr(rest, "read1", rest.read)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        data: bytes = self._head[: len(view)] or self._more(len(view))
        self._head = self._head[len(view) :]
        view[: len(data)] = data
        return len(data)
