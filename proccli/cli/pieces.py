"""Output that comes piece by piece, of an input that may be long or never end."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import BinaryIO

from proccli.cli.streams import write
from proccli.errors import ProccliError

_CHUNK_BYTES = 1 << 16


def somebody_waits_for(file: BinaryIO) -> bool:
    """Whether what comes from it comes when it happens: it is no regular file."""
    with suppress(OSError):
        return not stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    return True


def write_pieces(pieces: Iterable[bytes], *, at_once: bool) -> None:
    """Print many pieces at a time, or each at once. Raises: PipeClosed, OutputError."""
    for chunk in _chunks(pieces, 0 if at_once else _CHUNK_BYTES):
        write(chunk)


def _chunks(pieces: Iterable[bytes], chunk_bytes: int) -> Iterator[bytes]:
    """The pieces, put together; where the input is damaged, first those that come before that."""
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
