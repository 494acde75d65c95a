"""The processes in the output of ps. What ps does not tell is not recorded, and never guessed.

ps joins arguments by one blank. It prints line breaks as blanks, and what it can't print as `?`.

Source: ps(1) of procps; measured with procps-ng 4.0.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from proccli.errors import Location, NoSuchProcess, RecordingError
from proccli.model.note import Note
from proccli.model.process import (
    ALL_FIELDS,
    MAX_PID,
    MAX_U32,
    Field,
    FieldError,
    Host,
    Process,
    TextSpan,
)
from proccli.model.sockets import NetTables, SocketFd

MAX_PS_BYTES: Final = 64 << 20
_BEST: Final = "ps -ww -eo pid,ppid,user,comm,args"


class PsOutput(NamedTuple):
    """The processes that ps listed; a `Source`."""

    host: Host
    processes: Mapping[int, Process]
    """Ascending by pid."""
    notes: tuple[Note, ...]

    def pids(self) -> Sequence[int]:
        """All process ids, ascending."""
        return tuple(self.processes)

    def read(self, pid: int, fields: frozenset[Field] = ALL_FIELDS) -> Process:  # noqa: ARG002 - all are here
        """One process. Raises: NoSuchProcess."""
        try:
            return self.processes[pid]
        except KeyError:
            raise NoSuchProcess(f"no process {pid} in the output of ps") from None

    def read_many(
        self, pids: Iterable[int], fields: frozenset[Field] = ALL_FIELDS
    ) -> Iterator[Process]:
        """The processes of these pids, in order, without those that are not listed."""
        del fields
        return (self.processes[pid] for pid in pids if pid in self.processes)

    def users(self, process: Process) -> Mapping[int, str] | None:  # noqa: ARG002 - as in all sources
        """None: ps reads the passwd file of the host, the agent that of the process's root."""
        return None

    def socket_fds(self, pid: int) -> Sequence[SocketFd] | FieldError:  # noqa: ARG002 - none has any
        """ps shows no sockets."""
        return _missing("fds")

    def addresses(self, pid: int) -> Sequence[str] | None:  # noqa: ARG002 - as above
        """None: ps shows no addresses."""
        return None

    def net_tables(self, pid: int) -> NetTables:  # noqa: ARG002 - as above
        """No tables at all."""
        return ()


def _missing(field: str) -> FieldError:
    return FieldError(field=field, problem="not-recorded", detail="not in the output of ps")


class _Layout(NamedTuple):
    """The columns before the command line, and where they begin."""

    titles: tuple[str, ...]
    starts: tuple[int, ...]
    """Of all columns, that of the command line included; empty without a header."""

    @property
    def comm(self) -> int | None:
        """The place of the column with the short name; None: there is none."""
        found = (place for place, title in enumerate(self.titles) if title in _COMMANDS)
        return next(found, None)

    @property
    def has_parents(self) -> bool:
        """Whether there is a column with the parent's id."""
        return "PPID" in self.titles

    def width(self, place: int) -> int:
        """The width of a column that is aligned on the left, with the blank after it."""
        return self.starts[place + 1] - self.starts[place]


class _Row(NamedTuple):
    at: Location
    width: int
    pid: int
    ppid: int | None
    uid: int | None
    kernel: bool
    """Whether it is a kernel thread: kthreadd or a child of it, or it has no memory of its own."""
    comm: str | None
    """None also where ps may have replaced characters of it."""
    command: str | None
    """The command line as ps prints it; None where it is not known where it begins."""


_COMMANDS: Final = frozenset({"COMMAND", "CMD", "ARGS"})
_MAY_CONTAIN_BLANKS: Final = _COMMANDS | {"CGROUP", "EXE"}
_COMM_BYTES: Final = 15
_WEEKDAYS: Final = frozenset({"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"})
_NUMBER: Final = re.compile(r"[0-9]{1,10}\Z")
_WORD: Final = re.compile(r"[^ ]+")
_HEADLESS: Final = re.compile(r" *[0-9]{1,10} +[^ ]")
_TREE: Final = re.compile(r"[| ]*\\_ ")
_BRACKETS: Final = re.compile(r"\[(.+)\]( <defunct>)?\Z")
_BLANKS: Final = re.compile(r"(?<= ) +|^ +| +\Z")
_KERNEL_THREADS: Final = 2
"""The pid of kthreadd, the parent of all kernel threads."""
_TERMINAL_WIDTHS: Final = frozenset({80, 132})
"""Of a terminal that tells none."""


def looks_like_ps(content: bytes) -> bool:
    """Whether a text begins with a header of ps, or with a pid and a command line."""
    first = _decoded(content[:4096].partition(b"\n")[0])
    words = first.split()
    if "PID" in words and len(words) > 1 and not first.startswith(("{", "[")):
        return True
    return _HEADLESS.match(first) is not None


def parse_ps(content: bytes, name: str, taken_at_ns: int) -> PsOutput:
    """The processes in a text for which `looks_like_ps` holds.

    Raises: RecordingError with the line that is not as ps prints it, or where the last column is
    not the command line.
    """
    if len(content) > MAX_PS_BYTES:
        problem = f"more than {MAX_PS_BYTES >> 20} MiB of output of ps"
        raise RecordingError(problem, Location(name, 1, 1))
    lines = [_decoded(line) for line in content.split(b"\n")]
    start = Location(name, 1, 1)
    layout = _layout(lines[0], start)
    if layout is None:
        layout = _headless(lines)
        rows = [_row(line, layout, Location(name, n, 1)) for n, line in _filled(lines, 1)]
    else:
        rows = [_row(line, layout, Location(name, n, 1)) for n, line in _filled(lines[1:], 2)]
    if not rows:
        raise RecordingError("no processes in the output of ps", start)
    _require_command_lines(rows, layout, start)
    tree = any(row.command is not None and _TREE.match(row.command) for row in rows)
    cut = _cut_width(rows)
    processes: dict[int, Process] = {}
    for row in rows:
        process = _process(row, tree=tree, cut=row.width == cut)
        if processes.setdefault(row.pid, process) != process:
            raise RecordingError(f"pid {row.pid} is listed again with other values", row.at)
    return PsOutput(
        host=Host(
            kind="ps",
            name=None,
            taken_at_ns=taken_at_ns,
            boot_time_s=None,
            ticks_per_s=100,
            proc_root="",
            sees_all=False,
        ),
        processes=dict(sorted(processes.items())),
        notes=_notes(rows, layout, cut),
    )


def _decoded(line: bytes) -> str:
    return line.removesuffix(b"\r").decode(errors="surrogateescape")


def _filled(lines: Iterable[str], first: int) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(lines, first) if line.strip(" "))


def _layout(header: str, at: Location) -> _Layout | None:
    """The columns that a header names; None: the line is none.

    Raises: RecordingError where the last one is not the command line.
    """
    found = list(_WORD.finditer(header))
    titles = tuple(word.group() for word in found)
    if "PID" not in titles:
        return None
    if titles[-1] not in _COMMANDS or "PID" not in titles[:-1]:
        problem = f"the last column of ps is {titles[-1]!a}, not the command line"
        raise RecordingError(problem, at, hint=_BEST)
    layout = _Layout(titles[:-1], tuple(word.start() for word in found))
    comm = layout.comm
    if comm is not None and layout.width(comm) <= _COMM_BYTES:
        problem = "the first of two command columns of ps is too narrow to be comm"
        raise RecordingError(problem, at, hint=f"keep the columns aligned: {_BEST}")
    return layout


def _headless(lines: Sequence[str]) -> _Layout:
    """`pid=,args=`, or `pid=,ppid=,args=` where the second word is a number in all lines."""
    words = [line.split(maxsplit=2) for line in lines if line.strip(" ")]
    numbered = all(len(found) == 3 and _NUMBER.match(found[1]) for found in words)
    return _Layout(("PID", "PPID") if numbered else ("PID",), ())


def _row(line: str, layout: _Layout, at: Location) -> _Row:
    """Raises: RecordingError."""
    values: dict[str, str] = {}
    end: int | None = 0
    for place, title in enumerate(layout.titles):
        if end is None:
            break  # it is not known where the next column begins
        start = end
        if title in _MAY_CONTAIN_BLANKS:
            end = _end_of_column(line, start, layout, place)
        else:
            end = _end_of_words(line, start, title, at)
        values.setdefault(title, line[start:end].strip(" ") if end is not None else "")
    if "PID" not in values:
        raise RecordingError("not a line of ps: its columns overlap before PID", at)
    ppid, uid = values.get("PPID"), values.get("UID", "")
    comm = next((text for title, text in values.items() if title in _COMMANDS), "")
    comm = comm.removesuffix(" <defunct>")
    pid = _id(values["PID"], 1, MAX_PID, "PID", at)
    parent = None if ppid is None else _id(ppid, 0, MAX_PID, "PPID", at)
    return _Row(
        at=at,
        width=len(line),
        pid=pid,
        ppid=parent,
        kernel=values.get("VSZ") == "0" or _KERNEL_THREADS in (pid, parent),
        uid=int(uid) if _NUMBER.match(uid) and int(uid) <= MAX_U32 else None,
        comm=comm if comm and _is_exact(comm) else None,
        command=None if end is None else line[_begin(line, end, layout) :],
    )


def _end_of_words(line: str, start: int, title: str, at: Location) -> int:
    """The end of a column that is one word, or a time that is five. Raises: RecordingError."""
    word = _WORD.search(line, start)
    if word is not None and title == "STARTED" and word.group() in _WEEKDAYS:
        for _ in range(4):  # lstart: Mon Nov 30 03:13:19 2026
            word = _WORD.search(line, word.end()) if word is not None else None
    if word is None:
        raise RecordingError(f"not a line of ps: it has no {title}", at)
    return word.end()


def _end_of_column(line: str, end: int, layout: _Layout, place: int) -> int | None:
    """The end of a column whose values may contain blanks, the blank after it left out.

    A column moves to the right where one before it is too wide; its own width stays. None: this
    value is too wide, too, or the columns are not aligned.
    """
    start = _begin(line, end, layout, place)
    if start < layout.starts[place]:
        return None
    after = start + layout.width(place)
    aligned = line[:after].isascii() and line[after - 1 : after] == " " and line[start] != " "
    return after - 1 if aligned else None


def _begin(line: str, end: int, layout: _Layout, place: int = -1) -> int:
    """Where the column at a place begins, after the end of the one before it."""
    begin = end + 1 if end else 0
    if layout.starts and not line[end : layout.starts[place]].strip(" "):
        begin = max(begin, layout.starts[place])
    return begin


def _id(text: str, low: int, high: int, title: str, at: Location) -> int:
    if _NUMBER.match(text) and low <= int(text) <= high:
        return int(text)
    raise RecordingError(f"not a line of ps: its {title} is not a process id", at)


def _is_exact(text: str) -> bool:
    """Whether ps replaced no character: it prints `?` for what it can't print."""
    return "?" not in text and "\ufffd" not in text and text.isprintable()


def _require_command_lines(rows: Sequence[_Row], layout: _Layout, at: Location) -> None:
    """Check that the last column is the command line: `ps -e` and `-o comm` show the short name
    under the same title, and without a header another column may come before it.

    Raises: RecordingError.
    """
    commands = [row.command.lstrip(" |") for row in rows if row.command is not None]
    if any(command.startswith(("/", "[", "\\_")) for command in commands):
        return
    longer = any(
        len(command.removesuffix(" <defunct>")) > _COMM_BYTES and not command.startswith("kworker/")
        for command in commands
    )
    if not (longer and layout.starts):
        problem = "the last column of ps may not be the command line: no line shows that it is"
        raise RecordingError(problem, at, hint=_BEST)


def _cut_width(rows: Sequence[_Row]) -> int | None:
    """The width at which lines are cut off; None: nothing suggests that."""
    widest = max(row.width for row in rows)
    commands = {row.command for row in rows if row.width == widest}
    return widest if len(commands) > 1 or widest in _TERMINAL_WIDTHS else None


def _process(row: _Row, *, tree: bool, cut: bool) -> Process:
    errors = [_missing("netns"), _missing("cgroup"), _missing("root_inode")]
    if row.uid is None:
        errors.append(_missing("uid"))
    if row.ppid is None:
        errors.append(_missing("stat"))
    cmdline: bytes | None = None
    masked_spans: tuple[TextSpan, ...] = ()
    command, comm = row.command, row.comm
    if command is not None and tree and (found := _TREE.match(command)):
        command = command[found.end() :]
    brackets = None if command is None else _BRACKETS.match(command.strip(" "))
    if brackets is not None and _is_short_name(brackets, row):
        cmdline = b""
        name = brackets.group(1)
        if comm is not None and len(comm) == _COMM_BYTES and _is_exact(name):
            comm = name  # of a kernel thread: the column is too narrow for it
        if brackets.group(2):
            errors.append(FieldError(field="exe", problem="missing", detail="ENOENT"))
        elif not row.kernel:
            errors.append(_missing("exe"))
    else:
        errors.append(_missing("exe"))
        perhaps_none = brackets is not None and comm is None
        if command is not None and _is_command_line(command) and not perhaps_none:
            cmdline, masked_spans = _cmdline(command, cut=cut)
        else:
            errors.append(_missing("cmdline"))
    if comm is None:
        errors.append(_missing("status"))
    return Process(
        pid=row.pid,
        cmdline=cmdline,
        masked_spans=masked_spans,
        comm=comm,
        status_name=None if comm is None else comm.partition(":")[0].strip(),
        ppid=row.ppid,
        starttime_ticks=0,  # with no time of the boot: the start is unknown
        uid=row.uid,
        errors=tuple(errors),
        arguments_joined=True,
    )


def _is_short_name(brackets: re.Match[str], row: _Row) -> bool:
    """Whether ps shows the short name in brackets, as it does without a command line.

    A title may be in brackets, too, so the name must be the one that the process has.
    """
    if brackets.group(2) or row.kernel:
        return True
    return row.comm is not None and brackets.group(1)[:_COMM_BYTES] == row.comm[:_COMM_BYTES]


def _is_command_line(command: str) -> bool:
    """Whether it is all of it; busybox writes the short name before it: `{name} program …`."""
    return bool(command.strip(" ")) and _is_exact(command) and not command.startswith("{")


def _cmdline(command: str, *, cut: bool) -> tuple[bytes, tuple[TextSpan, ...]]:
    """The arguments joined by blanks, with what may have been another text as masked spans.

    Of several blanks, all but the first may stand for empty arguments, which the agent leaves out;
    so may those at the ends. The last character of a line that is cut off stands for the rest.
    """
    spans = [(found.start(), found.end()) for found in _BLANKS.finditer(command)]
    length = len(command)
    if cut and not (spans and spans[-1][1] == length):
        spans.append((length - 1, length))
    at_byte = _byte_offsets(command, spans)
    return command.encode(), tuple((at_byte[left], at_byte[right]) for left, right in spans)


def _byte_offsets(text: str, spans: Iterable[TextSpan]) -> Mapping[int, int]:
    """Offsets in characters, ascending, as offsets in the bytes of UTF-8."""
    found: dict[int, int] = {}
    at = size = 0
    for offset in (offset for span in spans for offset in span):
        size += len(text[at:offset].encode())
        at = offset
        found[offset] = size
    return found


def _notes(rows: Sequence[_Row], layout: _Layout, cut: int | None) -> tuple[Note, ...]:
    lacking = [
        *(["comm"] if layout.comm is None else []),
        *(["ppid"] if not layout.has_parents else []),
    ]
    notes = [Note.of("ps-source", None, lacking=tuple(lacking))]
    if cut is not None:
        count = sum(row.width == cut for row in rows)
        notes.append(Note.of("ps-truncated", None, lines=count, width=cut))
    return tuple(notes)
