"""The lines of a recording, gzip or not, bounded in size."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from proccli.errors import Location, RecordingError, SourceError
from proccli.recording.format import MAX_LINE_BYTES, MAX_RECORDING_BYTES

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_GZIP_MAGIC = b"\x1f\x8b"


def parse_lines(file: BinaryIO, name: str) -> Iterator[tuple[Location, dict[str, object]]]:
    """The place and the JSON object of each line.

    Raises: RecordingError for what is not JSON Lines, or is more than a recording can be;
    OSError.
    """
    for at, line in _numbered(file, name):
        yield at, _parse(line, at)


def _numbered(file: BinaryIO, name: str) -> Iterator[tuple[Location, bytes]]:
    text = unpacked(file)
    total = number = 0
    while True:
        number += 1
        at = Location(name, number, 1)
        try:
            line = text.readline(MAX_LINE_BYTES + 1)
        except EOFError as error:
            raise RecordingError("cut short: the gzip data end too early", at) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise RecordingError(f"damaged gzip data: {error}", at) from error
        if not line:
            return
        total += len(line)
        if len(line) > MAX_LINE_BYTES:
            raise RecordingError(f"a line longer than {MAX_LINE_BYTES >> 20} MiB", at)
        if total > MAX_RECORDING_BYTES:
            raise RecordingError(f"more than {MAX_RECORDING_BYTES >> 20} MiB of text", at)
        yield at, line


def require_there(path: str) -> None:
    """What `opened` would find missing, told before anybody waits. Raises: SourceError.

    Nothing is opened: who writes into a pipe would be ended by its being closed.
    """
    if path != "-":
        try:
            Path(path).stat()
        except (OSError, ValueError) as error:
            problem = error.strerror if isinstance(error, OSError) else error
            raise SourceError(f"can't read {path}: {problem}") from error


@contextmanager
def opened(path: str) -> Iterator[tuple[BinaryIO, str]]:
    """A file (`-`: stdin), and what to call it. Raises: SourceError, for reading from it, too."""
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
    """The same bytes, or, of gzip data, what is packed in them.

    Reading it raises EOFError, gzip.BadGzipFile or zlib.error where those are damaged. Closing it
    leaves the file open.
    """
    head = file.read(len(_GZIP_MAGIC))
    whole = rejoined(head, file)
    packed = gzip.GzipFile(fileobj=whole) if head == _GZIP_MAGIC else whole
    return cast("BinaryIO", packed)


def rejoined(head: bytes, rest: BinaryIO) -> io.BufferedReader:
    """A file whose first bytes were read already, from its beginning."""
    return io.BufferedReader(_Rejoined(head, rest))


class _Rejoined(io.RawIOBase):
    """A file whose first bytes were read already. Closing it leaves the file open."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        # A pipe gives what there is, not what is asked for: somebody may be waiting for it.
        self._more = getattr(rest, "read1", rest.read)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        data: bytes = self._head[: len(view)] or self._more(len(view))
        self._head = self._head[len(view) :]
        view[: len(data)] = data
        return len(data)


def _parse(line: bytes, at: Location) -> dict[str, object]:
    try:
        value = json.loads(line.decode(), object_pairs_hook=_no_duplicates)
    except UnicodeDecodeError as error:
        raise RecordingError("not UTF-8 text", at) from error
    except json.JSONDecodeError as error:
        what = "cut short in the middle of a line" if not line.endswith(b"\n") else "not JSON"
        place = Location(at.source, at.line, error.colno)
        raise RecordingError(f"{what}: {error.msg}", place) from error
    except ValueError as error:
        # A key twice, or a number of more digits than Python converts.
        raise RecordingError(f"not JSON of a recording: {error}", at) from error
    except RecursionError as error:
        raise RecordingError("nested too deeply", at) from error
    if not isinstance(value, dict):
        raise RecordingError("not a JSON object", at)
    return value


def _no_duplicates(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return made
