"""Reading a recording: the whole of it is valid, or it is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from proccli.errors import Location, NoSuchProcess, RecordingError, RecordingTruncated
from proccli.model.note import Note
from proccli.model.process import (
    ALL_FIELDS,
    Environment,
    Field,
    FieldError,
    Host,
    Process,
    TagTable,
)
from proccli.model.sockets import NetTables, SocketFd
from proccli.sources.procfs.sockets import ended_tables
from proccli.sources.recording.format import Checked
from proccli.sources.recording.lines import parse_lines
from proccli.sources.recording.reader import Body, Header
from proccli.sources.recording.recording_format import FORMAT, VERSION
from proccli.streams import opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The processes of a machine as they were; a `Source`."""

    host: Host
    notes: Sequence[Note]
    tags: TagTable | None
    """The tags seen when it was made; None where nobody looked."""
    environment: Environment | None
    """The variables its configuration mentioned; None where nobody looked."""
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


def read_recording(path: str) -> Recording:
    """A recording from a file, gzip or not, or from stdin (`-`).

    Raises: RecordingError with the line for what is cut short, damaged or no recording;
    SourceError for what can't be read.
    """
    with opened(path) as (file, name):
        return parse_recording(file, name)


def parse_recording(
    file: BinaryIO, name: str, *, instead: str = "proccli record writes one"
) -> Recording:
    """The recording that a file holds; `instead` is what to tell where it holds something else.

    Raises: RecordingError; OSError.
    """
    lines = parse_lines(file, name)
    header = _first(lines, name, instead)
    head = Header(header)
    body = Body()
    at = header.at
    for at, value in lines:
        body.add(Checked(value, at, "the line"))
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
        sockets=body.sockets,
        nets=body.nets,
        net_tables_by_number=body.net_reader.tables(),
        addresses_by_number=body.addresses,
    )


def _first(lines: Iterator[tuple[Location, dict[str, object]]], name: str, instead: str) -> Checked:
    try:
        at, value = next(lines)
    except StopIteration:
        at = Location(name, 1, 1)
        raise RecordingError("empty: not a recording", at, hint=instead) from None
    except RecordingTruncated:
        raise
    except RecordingError as error:
        problem = f"not a proccli recording: {error.problem}"
        raise RecordingError(problem, error.at, hint=instead) from error
    if value.get("format") != FORMAT:
        problem = "not a proccli recording: its first line is no header"
        raise RecordingError(problem, at, hint=instead)
    version = value.get("version")
    if type(version) is int and version > VERSION:
        raise RecordingError(
            f"written in version {version} of the format, and this proccli reads {VERSION}",
            at,
            hint="a newer proccli reads it",
        )
    return Checked(value, at, "header")
