"""stdout and stderr: what they can display, and errors when writing to them."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

from proccli.cli.invocation import Colour
from proccli.errors import OutputError
from proccli.terminal.view import ASCII, UNICODE, View


class PipeClosed(Exception):  # noqa: N818 - not an error: the reader stopped reading
    """The reader has closed standard output."""


def view_of(
    stream: TextIO | None, colour: Colour, environment: Mapping[str, str] = os.environ
) -> View:
    """The width, colours and characters to use for a stream.

    `--color` (or PROCCLI_COLOR) overrides NO_COLOR, see no-color.org. A terminal with no TERM, or
    a dumb one, gets escape sequences only if they are requested.
    """
    import shutil

    if stream is None:
        return View()
    terminal = _is_terminal(stream)
    if colour == "auto":
        dumb = (environment.get("TERM") or "dumb") == "dumb"
        coloured = terminal and not dumb and not environment.get("NO_COLOR")
    else:
        coloured = colour == "always"
    return View(
        width=shutil.get_terminal_size().columns if terminal else None,
        colour=coloured,
        glyphs=UNICODE if _speaks(stream, "…←→·") else ASCII,
    )


def _is_terminal(stream: TextIO) -> bool:
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


def say(message: str) -> None:
    """Write to stderr, if it is open."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(message)
        sys.stderr.flush()
    except OSError:
        _abandon(sys.stderr)


def settle() -> None:
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
