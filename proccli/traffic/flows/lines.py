"""The lines of a file of flow records, one at a time, bounded in size."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, cast

from proccli.errors import FlowsError, Location
from proccli.streams import gzip_errors, gzip_problem, unpacked

MAX_LINE_BYTES: Final = 8 << 20
_PIECE_BYTES: Final = 1 << 16
"""How much is read at a time: line by line takes three times as long."""


class Lines:
    """The lines including their line ends. gzip data is unpacked while reading.

    Iterating raises FlowsError with the line for a line that is too long or damaged gzip data;
    OSError.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = cast("io.BufferedReader", unpacked(file))
        self._ahead: deque[bytes] = deque()
        self._rest = b""
        """The beginning of the line after those ahead."""
        self.name = name
        self.number = 0
        """The number of the last line returned, from 1."""

    def __iter__(self) -> Iterator[bytes]:
        ahead = self._ahead
        while True:
            if not ahead:
                self._read_ahead()
            line = ahead.popleft()
            if not line:
                return
            self.number += 1
            yield line

    def blocks(self) -> Iterator[Sequence[bytes]]:
        """The same lines as the iteration, those together that are already here; `number` is that
        of the last one of a block."""
        ahead = self._ahead
        while True:
            if not ahead:
                self._read_ahead()
            block = list(ahead)
            ahead.clear()
            if is_end := not block[-1]:
                block.pop()
            self.number += len(block)
            yield block
            if is_end:
                return

    @property
    def has_next(self) -> bool:
        """Whether the next line is already here, so that nothing has to be waited for."""
        return bool(self._ahead)

    def peek(self, index: int) -> bytes:
        """The line `index` lines ahead (0: the next one); empty after the last line."""
        while len(self._ahead) <= index:
            self._read_ahead()
        return self._ahead[index]

    def replace_next(self, line: bytes) -> None:
        """Replace the next line."""
        self.peek(0)
        self._ahead[0] = line

    def push_back(self, lines: Sequence[bytes]) -> None:
        """Return these lines again; they must be the last ones returned."""
        self._ahead.extendleft(reversed(lines))
        self.number -= len(lines)

    def at(self, number: int | None = None) -> Location:
        """The location of a line; default: the last one returned."""
        return Location(self.name, number or self.number or 1, 1)

    def _read_ahead(self) -> None:
        """Add the lines that are here, or an empty one at the end of the file."""
        number = self.number + len(self._ahead) + 1
        try:
            lines = self._read_some()
        except gzip_errors() as error:
            raise FlowsError(gzip_problem(error), self.at(number)) from error
        # Only the first line can be longer than what is read at a time.
        if len(lines[0]) > MAX_LINE_BYTES:
            raise FlowsError(f"line exceeds {MAX_LINE_BYTES >> 20} MiB", self.at(number))
        self._ahead.extend(lines)

    def _read_some(self) -> Sequence[bytes]:
        """The lines that are here, as far as they are complete; an empty one at the end."""
        pieces = [self._rest]
        size = len(self._rest)
        while piece := self._file.read1(_PIECE_BYTES):
            end = piece.rfind(b"\n") + 1
            if end:
                self._rest = piece[end:]
                return io.BytesIO(b"".join([*pieces, piece[:end]])).readlines()
            pieces.append(piece)
            size += len(piece)
            if size > MAX_LINE_BYTES:
                break
        self._rest = b""
        return [b"".join(pieces)]
