"""The run and its streams: what stdout and stderr can display, and errors when writing to them."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import BinaryIO, Literal, TextIO, TypeAlias

from proccli.errors import OutputError, ProccliError
from proccli.terminal.view import ASCII, UNICODE, View

Colour: TypeAlias = Literal["auto", "always", "never"]

_CHUNK_BYTES = 1 << 16


class Invocation:
    """Settings that error messages need; filled in while options are parsed."""

    __slots__ = ("arguments", "colour", "debug")

    def __init__(
        self, arguments: Sequence[str], *, debug: bool = False, colour: Colour = "auto"
    ) -> None:
        self.arguments = arguments
        self.debug = debug
        self.colour: Colour = colour


class PipeClosed(Exception):  # noqa: N818 - not an error: the reader stopped reading
    """The reader has closed standard output."""


def view_of(
    stream: TextIO | None, colour: Colour, environment: Mapping[str, str] = os.environ
) -> View:
    """The width, colours and characters to use for a stream.

    `--color` (or PROCCLI_COLOR) overrides NO_COLOR, see no-color.org. A terminal with no TERM, or
    a dumb one, gets escape sequences only if they are requested.
    """
    if stream is None:
        return View()
    terminal = is_terminal(stream)
    if colour == "auto":
        dumb = (environment.get("TERM") or "dumb") == "dumb"
        coloured = terminal and not dumb and not environment.get("NO_COLOR")
    else:
        coloured = colour == "always"
    return View(
        width=terminal_width() if terminal else None,
        colour=coloured,
        glyphs=UNICODE if _speaks(stream, "…←→·") else ASCII,
    )


def terminal_width() -> int:
    """The width that `shutil.get_terminal_size` reports, without loading it."""
    with suppress(ValueError):
        if (columns := int(os.environ.get("COLUMNS", ""))) > 0:
            return columns
    with suppress(ValueError, OSError):
        if sys.__stdout__ and (columns := os.get_terminal_size(sys.__stdout__.fileno()).columns):
            return columns
    return 80


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is open and a terminal."""
    if stream is None:
        return False
    with suppress(ValueError, OSError):
        return stream.isatty()
    return False


def _speaks(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def require_stdout() -> TextIO:
    """Standard output. Raises: OutputError if it is closed (`>&-`)."""
    if sys.stdout is None:
        raise OutputError("standard output is closed")
    return sys.stdout


def write(content: str | bytes) -> None:
    """Write to stdout completely and flush it; bytes are written unchanged.

    Raises: PipeClosed if the reader has closed it, OutputError if writing fails.
    """
    stream = require_stdout()
    if isinstance(content, str):
        content = content.encode(stream.encoding or "utf-8", errors="backslashreplace")
    try:
        stream.flush()
        stream.buffer.write(content)
        stream.buffer.flush()
    except OSError as error:
        _abandon(stream)
        if error.errno in (errno.EPIPE, errno.ESHUTDOWN):
            raise PipeClosed from error
        raise OutputError(f"cannot write to standard output: {error.strerror}") from error


def is_stream(file: BinaryIO) -> bool:
    """Whether a file is a pipe, terminal or other stream, that is, not a regular file."""
    with suppress(OSError):
        return not stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    return True


def has_input(file: BinaryIO, within_s: float) -> bool:
    """Whether a stream has data, or has ended, after this time at the latest."""
    import select

    with suppress(OSError, ValueError):
        return bool(select.select([file.fileno()], [], [], within_s)[0])
    return True


def write_pieces(pieces: Iterable[bytes], *, at_once: bool | Callable[[], bool]) -> None:
    """Print pieces in large chunks, or immediately: always, or if that returns true.

    Raises: PipeClosed, OutputError.
    """
    for chunk in _chunks(pieces, at_once):
        write(chunk)


def _chunks(pieces: Iterable[bytes], at_once: bool | Callable[[], bool]) -> Iterator[bytes]:
    """The pieces, joined; if the input is damaged, those before the damage come first."""
    waiting = bytearray()
    try:
        for piece in pieces:
            waiting += piece
            is_due = at_once if isinstance(at_once, bool) else at_once()
            if is_due or len(waiting) >= _CHUNK_BYTES:
                yield bytes(waiting)
                waiting.clear()
    except (ProccliError, OSError):
        yield bytes(waiting)
        raise
    yield bytes(waiting)


def write_stderr(message: str) -> None:
    """Write to stderr, if it is open."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(message)
        sys.stderr.flush()
    except OSError:
        _abandon(sys.stderr)


def flush_streams() -> None:
    """Flush both streams and ignore errors: the exit code is already decided."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except OSError:
                _abandon(stream)


def _abandon(stream: TextIO) -> None:
    """Discard buffered output: Python would try, and fail, to write it again at exit."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
