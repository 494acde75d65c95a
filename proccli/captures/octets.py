"""The bytes of a capture: their number so far, and what ended them."""

from __future__ import annotations

import gzip
import zlib
from typing import BinaryIO, Final

_CHUNK_BYTES: Final = 1 << 18


class Octets:
    """A stream that doesn't fail: where it can't go on, it ends, and `problem` says why.

    Everything before a damage of gzip data comes out.
    """

    def __init__(self, file: BinaryIO) -> None:
        # A pipe gives what there is, not what is asked for: that is how a running tcpdump is
        # followed. Not every stream can (io.BytesIO can).
        self._more = getattr(file, "read1", file.read)
        self._chunk = b""
        self._at = 0
        self._before = 0
        self.problem: str | None = None

    @property
    def offset(self) -> int:
        """How many bytes were read, after unpacking."""
        return self._before + self._at

    def peek(self, size: int) -> bytes:
        """The next bytes, fewer at the end, without reading them."""
        self._fill(size)
        return self._chunk[self._at : self._at + size]

    def read(self, size: int) -> bytes:
        """The next bytes, fewer at the end."""
        at = self._at
        end = at + size
        if end > len(self._chunk):
            self._fill(size)
            at, end = self._at, self._at + size
        data = self._chunk[at:end]
        self._at = at + len(data)
        return data

    def _fill(self, size: int) -> None:
        pieces = [self._chunk[self._at :]]
        wanted = size - len(pieces[0])
        while wanted > 0:
            piece = self._next()
            if not piece:
                break
            pieces.append(piece)
            wanted -= len(piece)
        self._before += self._at
        self._at = 0
        self._chunk = b"".join(pieces)

    def _next(self) -> bytes:
        if self.problem is not None:
            return b""
        try:
            piece: bytes = self._more(_CHUNK_BYTES)
        except EOFError:
            self.problem = "the gzip data end too early"
        except (gzip.BadGzipFile, zlib.error) as error:
            self.problem = f"damaged gzip data: {error}"
        else:
            return piece
        return b""
