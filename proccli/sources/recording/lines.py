"""The lines of a recording, gzip or not, bounded in size."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Final

from proccli.errors import Location, RecordingError, RecordingTruncated
from proccli.sources.recording.format import MAX_LINE_BYTES, MAX_LINE_ELEMENTS, MAX_RECORDING_BYTES
from proccli.sources.recording.sockets import written_rows, written_sockets
from proccli.streams import BadLine, TruncatedData, read_line, unpacked


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
            line = read_line(text, MAX_LINE_BYTES)
        except TruncatedData as error:
            raise RecordingTruncated(str(error), at) from error
        except BadLine as error:
            raise RecordingError(str(error), at) from error
        if not line:
            return
        total += len(line)
        if total > MAX_RECORDING_BYTES:
            raise RecordingError(f"more than {MAX_RECORDING_BYTES >> 20} MiB of text", at)
        yield at, line


_STRUCTURE = re.compile(rb'"[^"]*"|[,{\[]')


def has_more_elements(text: bytes, most: int) -> bool:
    """Whether a JSON text holds more values than that, without making them.

    Each value is counted by what comes before it: a comma, or the bracket that opens a list or an
    object (which counts where it is empty, too).
    """
    if sum(map(text.count, _OPENING)) < most:
        return False
    # Commas and brackets inside strings don't count: a command line may be full of them.
    plain = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    count = 0
    for found in _STRUCTURE.finditer(plain):
        count += plain[found.start()] != _QUOTE
        if count > most:
            return True
    return False


_OPENING = (b",", b"{", b"[")
_QUOTE = ord('"')


def _parse(line: bytes, at: Location) -> dict[str, object]:
    if has_more_elements(line, MAX_LINE_ELEMENTS):
        raise RecordingError(f"more than {MAX_LINE_ELEMENTS:,} values in a line", at)
    return _as_written(line) or _parse_any(line, at)


def _as_written(line: bytes) -> dict[str, object] | None:
    """A line that ends in an array of sockets or rows exactly as they are written, with this array
    as `written_sockets` or `written_rows`; None for any other, valid or not.

    These arrays are most of a recording, and read in this way they take an eighth of the time.
    """
    for name, decoded in _WRITTEN:
        head, found, rest = line.rpartition(b',"%b":[' % name)
        if not found:
            continue
        items, _, tail = rest.rpartition(b"]")
        # What follows the array opens nothing and closes one object: that of the line.
        if b"{" in tail or b"[" in tail or tail.count(b"}") != 1:
            return None
        array = decoded(items)
        if array is None:
            return None
        try:
            value = _decode((head + found + b"]" + tail).decode())
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict):
            return None
        value[name.decode()] = array
        return value
    return None


_WRITTEN: Final[Sequence[tuple[bytes, Callable[[bytes], object]]]] = (
    (b"sockets", written_sockets),
    (b"rows", written_rows),
)


def _parse_any(line: bytes, at: Location) -> dict[str, object]:
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
        raise ValueError("duplicate key in an object")
    return made


_decode = json.JSONDecoder(object_pairs_hook=_no_duplicates).decode
