"""The lines of a file of flow records, one at a time, bounded in size."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from proccli.errors import FlowsError, Location
from proccli.streams import BadLine, read_line, unpacked

MAX_LINE_BYTES: Final = 8 << 20


class Lines:
    """The lines including their line ends. gzip data is unpacked while reading.

    Iterating raises FlowsError with the line for a line that is too long or damaged gzip data;
    OSError.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = unpacked(file)
        self._ahead: deque[bytes] = deque()
        self.name = name
        self.number = 0
        """The number of the last line returned, from 1."""

    def __iter__(self) -> Iterator[bytes]:
        while line := self._ahead.popleft() if self._ahead else self._read():
            self.number += 1
            yield line

    def peek(self, index: int) -> bytes:
        """The line `index` lines ahead (0: the next one); empty after the last line."""
        while len(self._ahead) <= index:
            self._ahead.append(self._read())
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

    def _read(self) -> bytes:
        try:
            return read_line(self._file, MAX_LINE_BYTES)
        except BadLine as error:
            at = self.at(self.number + len(self._ahead) + 1)
            raise FlowsError(str(error), at) from error
