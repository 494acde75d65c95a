"""Output in chunks, for an input that may be long or endless."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import BinaryIO

from proccli.cli.output import write
from proccli.errors import ProccliError

_CHUNK_BYTES = 1 << 16


def is_stream(file: BinaryIO) -> bool:
    """Whether a file is a pipe, terminal or other stream, that is, not a regular file."""
    with suppress(OSError):
        return not stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    return True


def write_pieces(pieces: Iterable[bytes], *, at_once: bool) -> None:
    """Print pieces in large chunks, or each one immediately. Raises: PipeClosed, OutputError."""
    for chunk in _chunks(pieces, 0 if at_once else _CHUNK_BYTES):
        write(chunk)


def _chunks(pieces: Iterable[bytes], chunk_bytes: int) -> Iterator[bytes]:
    """The pieces, joined; if the input is damaged, those before the damage come first."""
    waiting = bytearray()
    try:
        for piece in pieces:
            waiting += piece
            if len(waiting) >= chunk_bytes:
                yield bytes(waiting)
                waiting.clear()
    except (ProccliError, OSError):
        yield bytes(waiting)
        raise
    yield bytes(waiting)
