"""The lines of a recording, gzip or not, bounded in size, and what they say.

Most lines are exactly as they are written: `parse_written` reads them with one or two searches,
which takes a third of the time. `parse_line` reads the others, valid or not, for `format.Checked`,
which knows what is wrong with them. What both can read, they read alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import BinaryIO, Final, NamedTuple, TypeAlias

from proccli.errors import Location, RecordingError, RecordingTruncated
from proccli.model.process import Process
from proccli.model.sockets import KINDS, STATE_NAMES, TABLES, SocketFd, TableName, new_fd
from proccli.sources.recording.format import (
    MAX_LINE_BYTES,
    MAX_LINE_ELEMENTS,
    MAX_RECORDING_BYTES,
    decode_cmdline,
    decode_time,
)
from proccli.streams import BadLine, TruncatedData, read_line, unpacked


def numbered_lines(file: BinaryIO, name: str) -> Iterator[tuple[Location, bytes]]:
    """The place and the text of each line.

    Raises: RecordingError for more than a recording can be; OSError.
    """
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
        if has_more_elements(line, MAX_LINE_ELEMENTS):
            raise RecordingError(f"more than {MAX_LINE_ELEMENTS:,} values in a line", at)
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


def parse_line(line: bytes, at: Location) -> dict[str, object]:
    """The JSON object of a line. Raises: RecordingError."""
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


# ---- lines as they are written ---------------------------------------------------------------


class WrittenProcess(NamedTuple):
    """The line of a process with nothing unusual: no mask, and nothing that could not be read."""

    process: Process
    users: bool
    sockets: list[SocketFd]
    net: int | None


class WrittenSockets(NamedTuple):
    """A line of further sockets."""

    pid: int
    sockets: list[SocketFd]


class WrittenRows(NamedTuple):
    """A line of a socket table, without an error."""

    net: int
    netns: int | None
    table: TableName
    rows: Sequence[tuple[str, ...]]
    """Of each: all of its text, its state, its local and its remote end, and its inode."""


Written: TypeAlias = WrittenProcess | WrittenSockets | WrittenRows


def parse_written(line: bytes) -> Written | None:
    """What a line says if it is as it is written; else None."""
    # The expressions remember every escape: of four million they take seconds and a gigabyte.
    if line.count(b"\\") > _MANY_ESCAPES:
        return None
    for begin, parse in _BY_BEGIN:
        if line.startswith(begin):
            try:
                return parse(line.decode("ascii"))
            except (ValueError, LookupError, RecursionError):
                return None
    return None


_MANY_ESCAPES: Final = 10_000
# Numbers of so few digits are in range: of pids, users and file descriptors, and of all others.
_SHORT: Final = "0|[1-9][0-9]{0,8}"
_LONG: Final = "0|[1-9][0-9]{0,18}"
_STRING: Final = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_PROCESS: Final = re.compile(
    rf'\{{"type":"process","pid":([1-9][0-9]{{0,8}}),"ppid":({_SHORT}|null),'
    rf'"comm":({_STRING}|null),"status_name":({_STRING}|null),'
    rf'"cmdline":(\[(?:{_STRING}(?:,{_STRING})*)?\]|null),"holes":\[\],"proofs":\[\],'
    rf'"exe":({_STRING}|null),"exe_base64":null,"uid":({_SHORT}|null),'
    rf'"starttime_ticks":({_LONG}|null),"netns":({_LONG}|null),"cgroup":({_STRING}|null),'
    rf'"root_inode":({_LONG}|null),"users":(true|false),"errors":\[\],'
    rf'"sockets":\[((?s:.*))\],"sockets_error":null,"net":([1-9][0-9]{{0,8}}|null)\}}\n'
)
_SOCKETS: Final = re.compile(
    r'\{"type":"sockets","pid":([1-9][0-9]{0,8}),"sockets":\[((?s:.*))\]\}\n'
)
_NET: Final = re.compile(
    rf'\{{"type":"net","net":([1-9][0-9]{{0,8}}),"netns":({_LONG}|null),'
    rf'"table":"({"|".join(TABLES)})","rows":\[((?s:.*))\],"error":null\}}\n'
)
_SOCKET: Final = re.compile(
    rf'(\{{"fd":({_SHORT}),"inode":({_LONG}),'
    r'"since":(?:"([0-9TZ:.-]{30})","age_source":"(fd-ctime|observed|state)"'
    r'|null,"age_source":"unknown")\},)'
)
_END: Final = r'("[0-9a-f.:]+",(?:0|[1-9][0-9]{0,4}))'
_ROW: Final = re.compile(rf'(\["([A-Z_0-9]+)",{_END},{_END},({_LONG})\],)')
_TABLES: Final[Mapping[str, TableName]] = {name: name for name in TABLES}
_STATES: Final = {
    name: frozenset(STATE_NAMES[protocol].values()) for name, (protocol, _) in KINDS.items()
}


def _process(line: str) -> WrittenProcess | None:
    """Raises: ValueError for what only looks like a process."""
    found = _PROCESS.fullmatch(line)
    if found is None:
        return None
    (
        pid,
        ppid,
        comm,
        status_name,
        cmdline,
        exe,
        uid,
        starttime_ticks,
        netns,
        cgroup,
        root_inode,
        users,
        sockets,
        net,
    ) = found.groups()
    held = _sockets_of(sockets) if sockets else []
    if held is None:
        return None
    process = Process(
        pid=int(pid),
        cmdline=_cmdline(cmdline),
        comm=_text(comm),
        status_name=_text(status_name),
        ppid=_number(ppid),
        starttime_ticks=_number(starttime_ticks),
        exe=_text(exe),
        uid=_number(uid),
        netns=_number(netns),
        cgroup=_text(cgroup),
        root_inode=_number(root_inode),
    )
    return WrittenProcess(process, users == "true", held, _number(net))


def _number(text: str) -> int | None:
    return None if text == "null" else int(text)


@lru_cache(1 << 12)
def _text(text: str) -> str | None:
    """A JSON string or null. Many processes share a program or control group: then they share it
    here, too. Raises: ValueError."""
    value: str | None = json.loads(text)
    if value is not None:
        value.encode()  # fails for a lone surrogate
    return value


_PLAIN: Final = re.compile(r"[ -\[\]-~]*")
"""Printable ASCII without a backslash: in JSON, it stands for itself."""


def _cmdline(text: str) -> bytes | None:
    """The bytes of a command line from its JSON. Raises: ValueError."""
    if text == "null":
        return None
    if text != "[]" and _PLAIN.fullmatch(text):
        return text[2:-2].replace('","', "\0").encode()
    return decode_cmdline(json.loads(text))


def _sockets(line: str) -> WrittenSockets | None:
    found = _SOCKETS.fullmatch(line)
    if found is None:
        return None
    held = _sockets_of(found[2])
    return None if held is None else WrittenSockets(int(found[1]), held)


def _sockets_of(items: str) -> list[SocketFd] | None:
    """The sockets of an array without its brackets. Raises: ValueError for a time that is none."""
    found = _all(_SOCKET, items)
    if found is None:
        return None
    return [
        new_fd(
            (int(fd), int(inode), decode_time(since), age_source)
            if since
            else (int(fd), int(inode), None, "unknown")
        )
        for _, fd, inode, since, age_source in found
    ]


def _rows(line: str) -> WrittenRows | None:
    found = _NET.fullmatch(line)
    if found is None:
        return None
    table = _TABLES[found[3]]
    rows = _all(_ROW, found[4])
    if rows is None or not _STATES[table].issuperset(map(itemgetter(1), rows)):
        return None
    return WrittenRows(int(found[1]), _number(found[2]), table, rows)


def _all(pattern: re.Pattern[str], items: str) -> list[tuple[str, ...]] | None:
    """The groups of all matches, if they make up the whole text; the first group is the match."""
    text = f"{items},"
    found = pattern.findall(text)
    return found if sum(map(len, map(itemgetter(0), found))) == len(text) else None


_BY_BEGIN: Final[Sequence[tuple[bytes, Callable[[str], Written | None]]]] = (
    (b'{"type":"process"', _process),
    (b'{"type":"net"', _rows),
    (b'{"type":"sockets"', _sockets),
)
