"""What a source reads: processes and hosts; and the environment and tags of an agent."""

# Annotations are not strings here: a NamedTuple compiles each string, at every start of proccli.

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

NS_PER_S: Final = 1_000_000_000

SourceKind: TypeAlias = Literal["live", "directory", "recording", "ps", "made-up"]
"""`ps`: the output of ps."""
Problem: TypeAlias = Literal["gone", "denied", "missing", "malformed", "failed", "not-recorded"]
"""Why a field could not be read: the process exited; the kernel refused; the file is missing
although the process exists; the content is not as documented; anything else; the recording's
format, or the output of ps, had no such field."""

MAX_PID: Final = 2**31 - 1
"""Also of file descriptors: the kernel's `int`."""
UNKNOWN_PID: Final = MAX_PID + 1
"""In place of a parent that a process has and the source does not tell. No process has it."""
MAX_U32: Final = 2**32 - 1
MAX_U64: Final = 2**64 - 1
"""Of inode numbers and of a start time in ticks. What is greater is no value of the kernel: whoever
reads /proc rejects it, so a recording never has it either."""

TextSpan: TypeAlias = tuple[int, int]
"""Offsets [start, end): characters in a text, bytes in a `Process.cmdline`."""


Field: TypeAlias = Literal[
    "uid", "stat", "status", "cmdline", "exe", "netns", "cgroup", "root_inode", "fds"
]
"""What a source can be asked to read of a process; `stat` stands for comm, ppid and
starttime_ticks together, `status` for status_name, `fds` for the file descriptors that are
sockets."""

PROCESS_FIELDS: Final[tuple[Field, ...]] = (
    "uid",
    "stat",
    "status",
    "cmdline",
    "exe",
    "netns",
    "cgroup",
    "root_inode",
)
"""The fields that a `Process` holds, in the order in which they are read."""
ALL_FIELDS: Final[frozenset[Field]] = frozenset(PROCESS_FIELDS)
SHOWN_FIELDS: Final = ALL_FIELDS - {"status"}
"""Those that results show; the name in `status` is read where matchers need it."""

SHOWN_WITH_SOCKETS: Final = SHOWN_FIELDS | frozenset[Field]({"fds"})
"""The same, and the sockets."""


class FieldError(NamedTuple):
    """One field of a process that could not be read."""

    field: str
    problem: Problem
    detail: str
    """The errno's name (`EACCES`) or what was wrong with the content."""


class Process(NamedTuple):
    """One process as its source read it. A field is None where `errors` names it, where the
    kernel has no value for it (`exe` of a kernel thread), or where it was not asked for."""

    pid: int
    cmdline: bytes | None = None
    """The whole of /proc/PID/cmdline."""
    masked_spans: tuple[TextSpan, ...] = ()
    """Byte ranges of `cmdline` whose content was masked when it was recorded."""
    mask_safe: frozenset[str] = frozenset()
    """Digests of the patterns and rewrites whose result the mask does not change: both texts were
    tried when the mask was made."""
    comm: str | None = None
    status_name: str | None = None
    """The comm in /proc/PID/status as an agent of `inputs.proc` reads it; None where any line of
    the file is not what the agent expects: for it, there is no such process."""
    ppid: int | None = None
    starttime_ticks: int | None = None
    """Clock ticks from boot to the start of the process."""
    exe: str | None = None
    exe_bytes: bytes | None = None
    """The target of the link where it is not UTF-8; else None, and `exe` is the target."""
    uid: int | None = None
    """Owner of the directory /proc/PID."""
    netns: int | None = None
    """Inode number of /proc/PID/ns/net."""
    cgroup: str | None = None
    """The text of /proc/PID/cgroup."""
    root_inode: int | None = None
    """Inode number of the target of /proc/PID/root: the agent's key for user tables."""
    errors: tuple[FieldError, ...] = ()
    arguments_joined: bool = False
    """Whether `cmdline` is one text in which ps joined the arguments by blanks."""

    @property
    def parent_pid(self) -> int:
        """The parent's id for a walk upwards; 0: none, or the agent knows none either."""
        if self.ppid is None and self.errors:
            error = self.error("stat")
            if error is not None and error.problem == "not-recorded":
                return UNKNOWN_PID
        return self.ppid or 0

    @property
    def failures(self) -> tuple[FieldError, ...]:
        """The errors but those of fields that the source's format lacks."""
        return tuple(error for error in self.errors if error.problem != "not-recorded")

    def error(self, name: str) -> FieldError | None:
        """Why the field `name` is None, or None where it could be read."""
        for error in self.errors:
            if error.field == name:
                return error
        return None


class Host(NamedTuple):
    """Where and when the processes were read."""

    kind: SourceKind
    name: str | None
    """The host name; None where the source has none."""
    taken_at_ns: int
    """Nanoseconds since the epoch: the wall clock (live), when it was recorded, or a directory's
    own `btime` plus `uptime`."""
    boot_time_s: int | None
    """`btime` of /proc/stat, seconds since the epoch; None where the source has none."""
    ticks_per_s: int
    proc_root: str
    redacted: bool = False
    privileged: bool = True
    """Whether the reader had root's rights: what it was refused, the agent is refused too."""
    sees_all: bool = True
    """False where processes may be hidden from the reader, who is not root (hidepid)."""
    observed_since_ns: int | None = None
    """Nanoseconds since the epoch: when the earlier sample was taken that the sockets are compared
    with. Sockets that it doesn't have are newer; None: there was none."""


OWN_ENVIRONMENT: Final = "proccli's own environment"
"""The origin of an environment that stands in for the agent's; recordings carry it, too."""


class Environment(NamedTuple):
    """The agent's environment, as far as it is known."""

    values: Mapping[str, str]
    complete: bool
    """Whether a name that is missing from `values` is known to be unset."""
    origin: str
    """The process that it belongs to, for people: `deepflow-agent (pid 71)`."""
    unset: frozenset[str] = frozenset()
    """Names known to be unset where not all are known: a recording carries a few."""

    def knows(self, name: str) -> bool:
        """Whether the value of a name, or that it has none, is known."""
        return self.complete or name in self.values or name in self.unset


class TagTable(NamedTuple):
    """The output of the tag command, by pid, in its own order. An entry may contain no tags at all:
    for the agent such a process counts as tagged."""

    entries: Mapping[int, tuple[tuple[str, str], ...]]
    known: bool
    """False: there is a tag command, but its output is not available."""
    origin: str
    failed: bool = False
    """Whether the agent has no tags because the command fails, or its output is rejected."""


NO_TAGS = TagTable(entries={}, known=True, origin="none configured")
