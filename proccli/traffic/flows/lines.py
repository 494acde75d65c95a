"""The lines of a file of flow records, one at a time, bounded in size."""

from __future__ import annotations

import gzip
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from proccli.errors import FlowsError, Location
from proccli.recording.lines import unpacked

MAX_LINE_BYTES: Final = 64 << 20


class Lines:
    """The lines, each with its end. What is gzip data is unpacked as it is read.

    Iterating raises FlowsError with the line for a line that is too long or damaged gzip data;
    OSError.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = unpacked(file)
        self._ahead: deque[bytes] = deque()
        self.name = name
        self.number = 0
        """Of the line that was given last; the first is 1."""

    def __iter__(self) -> Iterator[bytes]:
        while line := self._ahead.popleft() if self._ahead else self._read():
            self.number += 1
            yield line

    def peek(self, index: int) -> bytes:
        """The line that stands this many lines ahead, empty behind the last one."""
        while len(self._ahead) <= index:
            self._ahead.append(self._read())
        return self._ahead[index]

    def replace_next(self, line: bytes) -> None:
        """Put this in the place of the line that comes next."""
        self.peek(0)
        self._ahead[0] = line

    def push_back(self, lines: Sequence[bytes]) -> None:
        """Have these, which were given last, come again."""
        self._ahead.extendleft(reversed(lines))
        self.number -= len(lines)

    def at(self, number: int | None = None) -> Location:
        """The place of a line; of the one that was given last."""
        return Location(self.name, number or self.number or 1, 1)

    def _read(self) -> bytes:
        try:
            line = self._file.readline(MAX_LINE_BYTES + 1)
        except EOFError as error:
            raise self._wrong("cut short: the gzip data end too early") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise self._wrong(f"damaged gzip data: {error}") from error
        if len(line) > MAX_LINE_BYTES:
            raise self._wrong(f"a line longer than {MAX_LINE_BYTES >> 20} MiB")
        return line

    def _wrong(self, problem: str) -> FlowsError:
        return FlowsError(problem, self.at(self.number + len(self._ahead) + 1))
