"""stdout and stderr: what they can show, and what happens when they can't be written."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

from proccli.cli.invocation import Colour
from proccli.errors import OutputError
from proccli.render.view import ASCII, UNICODE, View


class PipeClosed(Exception):  # noqa: N818 - not an error: the reader has seen enough
    """Nobody reads our results any more."""


def view_of(
    stream: TextIO | None, colour: Colour, environment: Mapping[str, str] = os.environ
) -> View:
    """How to write for this stream.

    `--color` (or PROCCLI_COLOR, which stands for it) comes before NO_COLOR, no-color.org; a
    terminal without a TERM, or a dumb one, gets no escape sequences unless asked for.
    """
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
    """Write to stdout, all of it and now; bytes as they are.

    Raises: PipeClosed if the reader is gone, OutputError if it can't be written.
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
        raise OutputError(f"standard output can't be written: {error.strerror}") from error


def say(message: str) -> None:
    """Write lines to stderr, if there is one."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(message)
        sys.stderr.flush()
    except OSError:
        _abandon(sys.stderr)


def settle() -> None:
    """Write what is still buffered, or give it up without a word: the exit code is decided."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except OSError:
                _abandon(stream)


def _abandon(stream: TextIO) -> None:
    """Let what is still buffered go nowhere: at exit Python would try, and fail, again."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
