"""Reading a recording: it is valid as a whole, or it is rejected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple

from proccli.errors import Location, NoSuchProcess, RecordingError, RecordingTruncated
from proccli.model.note import Note
from proccli.model.process import (
    ALL_FIELDS,
    MAX_PID,
    MAX_U32,
    MAX_U64,
    PROCESS_FIELDS,
    Environment,
    Field,
    FieldError,
    Host,
    Process,
    TagTable,
    TextSpan,
)
from proccli.model.sockets import NetTables, SocketFd, ended_tables
from proccli.sources.recording.format import (
    FORMAT,
    VERSION,
    Checked,
    decode_bytes,
    decode_cmdline,
    decode_time,
)
from proccli.sources.recording.lines import (
    Written,
    WrittenProcess,
    WrittenSockets,
    numbered_lines,
    parse_line,
    parse_written,
)
from proccli.sources.recording.sockets import NetReader, decode_sockets, socket_fd
from proccli.streams import opened

_NOT_IN_VERSION_1 = (
    FieldError(field="status", problem="not-recorded", detail="version 1 of the format"),
)


class Recording(NamedTuple):
    """The processes of a machine as they were; a `Source`."""

    host: Host
    notes: Sequence[Note]
    tags: TagTable | None
    """The tags at the time of the recording; None if they were not recorded."""
    environment: Environment | None
    """The variables that its configuration mentions; None if they were not recorded."""
    masked_values: int
    masked_processes: int
    processes: Mapping[int, Process]
    """Ascending by pid."""
    tables: Mapping[int, Mapping[int, str]]
    """User names by uid, by the inode number of the root they were found in."""
    without_users: frozenset[int]
    """Processes whose own root had no readable table, although another's of that number had."""
    sockets: Mapping[int, Sequence[SocketFd] | FieldError]
    nets: Mapping[int, int]
    """The numbers of the processes' network namespaces in this recording."""
    net_tables_by_number: Mapping[int, NetTables]
    addresses_by_number: Mapping[int, Sequence[str]]

    def pids(self) -> Sequence[int]:
        """All process ids, ascending."""
        return tuple(self.processes)

    def read(self, pid: int, fields: frozenset[Field] = ALL_FIELDS) -> Process:  # noqa: ARG002 - all are here
        """One process. Raises: NoSuchProcess."""
        try:
            return self.processes[pid]
        except KeyError:
            raise NoSuchProcess(f"no process {pid} in the recording") from None

    def read_many(
        self, pids: Iterable[int], fields: frozenset[Field] = ALL_FIELDS
    ) -> Iterator[Process]:
        """The processes of these pids, in order, without those that are not recorded."""
        del fields
        return (self.processes[pid] for pid in pids if pid in self.processes)

    def users(self, process: Process) -> Mapping[int, str] | None:
        """Names by uid, as the process's own root had them."""
        if process.root_inode is None or process.pid in self.without_users:
            return None
        return self.tables.get(process.root_inode)

    def socket_fds(self, pid: int) -> Sequence[SocketFd] | FieldError:
        """The sockets that a process held, or why they could not be read."""
        gone = FieldError(field="fds", problem="gone", detail="not in the recording")
        return self.sockets.get(pid, gone)

    def addresses(self, pid: int) -> Sequence[str] | None:
        """The IPv4 addresses of the network namespace that a process was in."""
        return self.addresses_by_number.get(self.nets.get(pid, 0))

    def net_tables(self, pid: int) -> NetTables:
        """The socket tables of the network namespace that a process was in."""
        tables = self.net_tables_by_number.get(self.nets.get(pid, 0))
        return ended_tables("not in the recording") if tables is None else tables

    def without_sockets(self) -> Recording:
        """The same for whoever keeps many: sockets take nine tenths of the memory."""
        return self._replace(sockets={}, nets={}, net_tables_by_number={}, addresses_by_number={})


def read_recording(path: str) -> Recording:
    """A recording from a file, gzip or not, or from stdin (`-`).

    Raises: RecordingError with the line for what is cut short, damaged or no recording;
    SourceError for what can't be read.
    """
    with opened(path) as (file, name):
        return parse_recording(file, name)


def parse_recording(
    file: BinaryIO, name: str, *, instead: str = "write one with proccli record FILE"
) -> Recording:
    """The recording that a file holds; `instead` is the hint for a file that is no recording.

    Raises: RecordingError; OSError.
    """
    lines = numbered_lines(file, name)
    header = _first(lines, name, instead)
    head = _Header(header)
    body = _Body(head.version)
    at = header.at
    for at, line in lines:
        written = parse_written(line)
        if written is None or not body.add_written(written):
            body.add(Checked(parse_line(line, at), at, "the line"))
    if not body.ended:
        raise RecordingTruncated(
            "cut short: the last line is missing", Location(name, at.line + 1, 1)
        )
    return Recording(
        host=head.host,
        notes=head.notes,
        tags=head.tags,
        environment=head.environment,
        masked_values=body.masked_values,
        masked_processes=body.masked_processes,
        processes=dict(sorted(body.processes.items())),
        tables=body.tables,
        without_users=frozenset(body.without_users),
        sockets={
            pid: found if isinstance(found, FieldError) else tuple(found)
            for pid, found in body.sockets.items()
        },
        nets=body.nets,
        net_tables_by_number=body.net_reader.tables(),
        addresses_by_number=body.addresses,
    )


def _first(lines: Iterator[tuple[Location, bytes]], name: str, instead: str) -> Checked:
    if name.endswith((".yaml", ".yml")):
        instead = f"if {name} is a configuration, give it with -c"
    try:
        at, line = next(lines)
        value = parse_line(line, at)
    except StopIteration:
        at = Location(name, 1, 1)
        raise RecordingError("empty: not a recording", at, hint=instead) from None
    except RecordingTruncated:
        raise
    except RecordingError as error:
        problem = f"not a proccli recording: {error.problem}"
        raise RecordingError(problem, error.at, hint=instead) from error
    if value.get("format") != FORMAT:
        problem = "not a proccli recording: its first line is not a header"
        if str(value.get("schema")).startswith("proccli/sync/"):
            problem = "the output of proccli sync, not a recording"
            instead = "topology, label, audit and fleet read it"
        raise RecordingError(problem, at, hint=instead)
    version = value.get("version")
    if type(version) is int and version > VERSION:
        raise RecordingError(
            f"written in version {version} of the format, and this proccli reads {VERSION}",
            at,
            hint="a newer proccli reads it",
        )
    return Checked(value, at, "header")


# ---- the lines ------------------------------------------------------------------------------


class _Header:
    """The first line: what holds for the whole recording."""

    def __init__(self, line: Checked) -> None:
        if line.text("type") != "header":
            raise line.wrong("type is not header")
        line.text("format")
        self.version = line.integer("version", low=1, high=VERSION)
        line.text("proccli")
        line.text("kind")
        watched_since = line.text("watched_since", or_null=True)
        self.host = Host(
            kind="recording",
            name=line.text("host", or_null=True),
            taken_at_ns=_time(line, "taken_at", line.text("taken_at")),
            boot_time_s=line.integer("boot_time_s", high=MAX_U64, or_null=True),
            ticks_per_s=line.integer("ticks_per_s", low=1, high=1_000_000),
            proc_root=line.text("proc_root"),
            redacted=line.flag("redacted"),
            privileged=line.flag("privileged"),
            sees_all=line.flag("sees_all"),
            observed_since_ns=(
                None if watched_since is None else _time(line, "watched_since", watched_since)
            ),
        )
        self.notes = tuple(_note(part) for part in line.parts("notices"))
        self.environment = _environment(line.part("environment"))
        self.tags = _tags(line.part("tags"))
        line.done()


def _time(line: Checked, name: str, text: str) -> int:
    try:
        return decode_time(text)
    except ValueError as error:
        raise line.wrong(f"{name} is {error}") from error


def _note(part: Checked) -> Note:
    note = Note(code=part.text("code"), text=part.text("message"))
    part.done()
    return note


def _environment(part: Checked | None) -> Environment | None:
    if part is None:
        return None
    origin = part.text("origin")
    written = {
        part.as_text(name, "a name"): None if value is None else part.as_text(value, "a value")
        for name, value in part.mapping("values").items()
    }
    part.done()
    return Environment(
        values={name: value for name, value in written.items() if value is not None},
        complete=False,
        origin=origin,
        unset=frozenset(name for name, value in written.items() if value is None),
    )


def _tags(part: Checked | None) -> TagTable | None:
    if part is None:
        return None
    entries: dict[int, tuple[tuple[str, str], ...]] = {}
    for entry in part.parts("entries"):
        pid = entry.integer("pid", high=MAX_U64)
        if pid in entries:
            raise entry.wrong(f"a second entry for pid {pid}")
        pairs = []
        for tag in entry.parts("tags"):
            pairs.append((tag.text("key"), tag.text("value")))
            tag.done()
        entry.done()
        entries[pid] = tuple(pairs)
    table = TagTable(entries=entries, known=part.flag("known"), origin=part.text("origin"))
    part.done()
    return table


class _Body:
    """The lines after the first, in any order, except that `end` is the last."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.processes: dict[int, Process] = {}
        self.tables: dict[int, Mapping[int, str]] = {}
        self.without_users: set[int] = set()
        self.sockets: dict[int, list[SocketFd] | FieldError] = {}
        self.nets: dict[int, int] = {}
        self.net_reader = NetReader()
        self.addresses: dict[int, Sequence[str]] = {}
        self.masked_values = 0
        self.masked_processes = 0
        self.ended = False

    def add_written(self, line: Written) -> bool:
        """Add such a line, unless something is wrong with it; whether it was added."""
        if self.ended:
            return False
        match line:
            case WrittenProcess():
                if self.version == 1 or line.process.pid in self.processes:
                    return False
                self._keep(*line)
                return True
            case WrittenSockets():
                known = self.sockets.get(line.pid)
                if not isinstance(known, list):
                    return False
                known.extend(line.sockets)
                return True
            case _:
                return self.net_reader.add_written(line)

    def _keep(
        self,
        process: Process,
        users: bool,
        sockets: list[SocketFd] | FieldError,
        net: int | None,
    ) -> None:
        pid = process.pid
        self.processes[pid] = process
        if not users:
            self.without_users.add(pid)
        self.sockets[pid] = sockets
        if net is not None:
            self.nets[pid] = net
        self.masked_values += len(process.masked_spans)
        self.masked_processes += bool(process.masked_spans)

    def add(self, line: Checked) -> None:
        """Add one line. Raises: RecordingError."""
        if self.ended:
            raise line.wrong("follows the end line")
        match line.text("type"):
            case "process":
                self._add_process(line)
            case "sockets":
                self._add_sockets(line)
            case "users":
                self._add_users(line)
            case "net":
                self.net_reader.add(line)
            case "addresses":
                self._add_addresses(line)
            case "end":
                self._end(line)
            case other:
                raise line.wrong(f"unknown type {other!a}")
        line.done()

    def _add_process(self, line: Checked) -> None:
        pid = line.integer("pid", low=1, high=MAX_PID)
        line.what = f"process {pid}"
        if pid in self.processes:
            raise line.wrong("listed twice")
        cmdline = _cmdline(line)
        masked_spans = _masked_spans(line, len(cmdline or b""))
        process = Process(
            pid=pid,
            cmdline=cmdline,
            masked_spans=masked_spans,
            mask_safe=_mask_safe(line),
            comm=line.text("comm", or_null=True),
            status_name=None if self.version == 1 else line.text("status_name", or_null=True),
            ppid=line.integer("ppid", high=MAX_PID, or_null=True),
            starttime_ticks=line.integer("starttime_ticks", high=MAX_U64, or_null=True),
            exe=line.text("exe", or_null=True),
            exe_bytes=None if self.version == 1 else _exe_bytes(line),
            uid=line.integer("uid", high=MAX_U32, or_null=True),
            netns=line.integer("netns", high=MAX_U64, or_null=True),
            cgroup=line.text("cgroup", or_null=True),
            root_inode=line.integer("root_inode", high=MAX_U64, or_null=True),
            errors=(
                *(part.field_error(PROCESS_FIELDS) for part in line.parts("errors")),
                *(_NOT_IN_VERSION_1 if self.version == 1 else ()),
            ),
        )
        users = line.flag("users")
        sockets = decode_sockets(line)
        self._keep(process, users, sockets, line.integer("net", low=1, high=MAX_PID, or_null=True))

    def _add_sockets(self, line: Checked) -> None:
        pid = line.integer("pid", low=1, high=MAX_PID)
        known = self.sockets.get(pid)
        if not isinstance(known, list):
            raise line.wrong(f"process {pid} has no line with sockets before this one")
        known.extend(map(socket_fd, line.parts("sockets")))

    def _add_users(self, line: Checked) -> None:
        inode = line.integer("root_inode", high=MAX_U64)
        if inode in self.tables:
            raise line.wrong(f"a second table of users for root {inode}")
        names: dict[int, str] = {}
        for uid, name in line.mapping("names").items():
            if not (uid.isascii() and uid.isdigit() and len(uid) <= 10 and int(uid) <= MAX_U32):
                raise line.wrong(f"{uid[:20]!a} is not a user id")
            names[int(uid)] = line.as_text(name, "a user's name")
        self.tables[inode] = names

    def _add_addresses(self, line: Checked) -> None:
        number = line.integer("net", low=1, high=MAX_PID)
        if number in self.addresses:
            raise line.wrong(f"a second list of the addresses of net {number}")
        self.addresses[number] = tuple(
            line.as_ipv4(address, "an address") for address in line.items("ipv4")
        )

    def _end(self, line: Checked) -> None:
        counts = {
            "processes": len(self.processes),
            "users": len(self.tables),
            "sockets": sum(
                0 if isinstance(found, FieldError) else len(found)
                for found in self.sockets.values()
            ),
            "rows": self.net_reader.rows,
            "masked_values": self.masked_values,
            "masked_processes": self.masked_processes,
        }
        for name, found in counts.items():
            stated = line.integer(name, high=MAX_U64)
            if stated != found:
                raise line.wrong(
                    f"states {stated} {name.replace('_', ' ')}, but the recording has {found}"
                )
        self._look_up_references(line)
        self.ended = True

    def _look_up_references(self, line: Checked) -> None:
        """Raises: RecordingError where a process refers to a table that is not here."""
        nets = self.net_reader.numbers()
        for pid, process in self.processes.items():
            if pid not in self.without_users and process.root_inode not in self.tables:
                raise line.wrong(f"the table of users of process {pid} is missing")
            if pid in self.nets and self.nets[pid] not in nets:
                raise line.wrong(f"process {pid} is in net {self.nets[pid]}, which is missing")
        for number in self.addresses:
            if number not in nets:
                raise line.wrong(f"addresses are of net {number}, which is missing")


def _cmdline(line: Checked) -> bytes | None:
    pieces = line.items("cmdline", or_null=True)
    if pieces is None:
        return None
    try:
        return decode_cmdline(pieces)
    except ValueError as error:
        raise line.wrong(f"cmdline: {error}") from error


def _exe_bytes(line: Checked) -> bytes | None:
    text = line.text("exe_base64", or_null=True)
    try:
        return None if text is None else decode_bytes(text)
    except ValueError as error:
        raise line.wrong(f"exe_base64: {error}") from error


def _masked_spans(line: Checked, length: int) -> tuple[TextSpan, ...]:
    spans: list[TextSpan] = []
    reached = 0
    for span in line.items("holes"):
        match span:
            case [int(start), int(end)] if reached <= start < end <= length and not isinstance(
                start, bool
            ):
                spans.append((start, end))
                reached = end
            case _:
                raise line.wrong("holes are not ascending ranges of bytes in cmdline")
    return tuple(spans)


def _mask_safe(line: Checked) -> frozenset[str]:
    return frozenset(line.as_text(proof, "a proof") for proof in line.items("proofs"))
