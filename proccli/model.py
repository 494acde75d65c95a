"""The vocabulary: what a source reads, what a configuration says, what the agent makes of it.

Nothing here does anything. `None` means "not known", and the field says when.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from proccli.errors import Location

SourceKind: TypeAlias = Literal["live", "directory", "recording", "made-up"]
Status: TypeAlias = Literal["accepted", "dropped", "skipped", "unknown"]
Reason: TypeAlias = Literal[
    "rule",
    "implicit-accept",
    "no-cmdline",
    "cmdline-not-utf8",
    "no-name",
    "min-lifetime",
    "future-start",
    "untagged",
    "unreadable",
    "tags-unknown",
    "masked",
    "env-unknown",
]
Problem: TypeAlias = Literal["gone", "denied", "missing", "malformed", "failed"]
"""Why a field could not be read: the process exited; the kernel refused; the file is not there
although the process is; the content is not as documented; anything else."""

TextSpan: TypeAlias = tuple[int, int]
"""Offsets [start, end): characters in a text, bytes in a `Process.cmdline`."""


# ---- what a source reads ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One field of a process that could not be read."""

    field: str
    problem: Problem
    detail: str
    """The errno's name (`EACCES`) or what was wrong with the content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process as its source read it. A field is None where `errors` names it, or where the
    kernel has nothing to say (`exe` of a kernel thread)."""

    pid: int
    cmdline: bytes | None = None
    """The whole of /proc/PID/cmdline."""
    holes: tuple[TextSpan, ...] = ()
    """Byte ranges of `cmdline` whose content was masked when it was recorded."""
    proofs: frozenset[str] = frozenset()
    """The questions (digests of them) to which the masked `cmdline` gives the real one's answer:
    both were asked when the mask was made."""
    comm: str | None = None
    ppid: int | None = None
    starttime_ticks: int | None = None
    """Clock ticks from boot to the start of the process."""
    exe: str | None = None
    uid: int | None = None
    """Owner of the directory /proc/PID."""
    netns: int | None = None
    """Inode number of /proc/PID/ns/net."""
    cgroup: str | None = None
    """The text of /proc/PID/cgroup."""
    root_inode: int | None = None
    """Inode number behind /proc/PID/root: the agent's key for user tables."""
    errors: tuple[FieldError, ...] = ()

    def error(self, name: str) -> FieldError | None:
        """Why the field `name` is None, or None where it could be read."""
        return next((error for error in self.errors if error.field == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Where and when the processes were seen."""

    kind: SourceKind
    name: str | None
    """The host name; None where the source doesn't tell."""
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
    watched_since_ns: int | None = None
    """Nanoseconds since the epoch: the earlier look that the sockets are compared with. What it
    didn't see is new since then; None: there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The agent's environment, as far as it is known."""

    values: Mapping[str, str]
    complete: bool
    """Whether a name that is missing from `values` is known to be unset."""
    origin: str
    """Whose environment it is, for people: `deepflow-agent (pid 71)`."""
    unset: frozenset[str] = frozenset()
    """Names known to be unset where not all are known: a recording carries a few."""

    def knows(self, name: str) -> bool:
        """Whether the value of a name, or that it has none, is known."""
        return self.complete or name in self.values or name in self.unset


@dataclass(frozen=True, slots=True, kw_only=True)
class TagTable:
    """What the tag command says, by pid, in its own order. An entry may hold no tags at all:
    for the agent such a process counts as tagged."""

    entries: Mapping[int, tuple[tuple[str, str], ...]]
    known: bool
    """False: there is a tag command, but its output is not to be had."""
    origin: str


NO_TAGS = TagTable(entries={}, known=True, origin="none configured")


# ---- what a configuration says ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A warning for people and for the `warnings` of a JSON document."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleProblem:
    """Why the agent throws a rule away. It says so nowhere."""

    code: str
    """`regex-syntax`, `regex-size`, `match-type`, `action`."""
    message: str
    at: Location
    position: int | None = None
    """For a pattern: character offset of the mistake in `match_regex`."""
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One element of os-proc-regex, with the values in effect (a missing key has its default)."""

    index: int
    """Counts from 1, in the file's order."""
    at: Location
    """The rule's first key, or the rule itself where it has none."""
    match_type: str
    match_regex: str
    action: str
    rewrite_name: str
    problem: RuleProblem | None = None
    places: Mapping[str, Location] = field(default_factory=dict, compare=False)
    """Where each value is written, by the key's name as written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The agent's settings for processes, with the values in effect."""

    file: str | None
    """None: no file, the agent's built-in defaults."""
    dialect: Literal["static_config"]
    agent: str
    via: Literal["server", "file"]
    sync_enabled: bool = False
    tagged_only: bool = False
    proc_root: str = "/proc"
    socket_sync_interval_s: int = 10
    min_lifetime_s: int = 3
    tag_exec: tuple[str, ...] = ()
    tag_exec_user: str = "deepflow"
    rules: tuple[Rule, ...] = ()
    """Empty where os-proc-regex is missing or empty: then only the agent's own `.*` is left."""
    notices: tuple[Notice, ...] = ()
    """What the user should know: rules thrown away, values that the server changes, …"""


Severity: TypeAlias = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """Something to know about a place in a configuration."""

    severity: Severity
    code: str
    """`proccli check --explain CODE` tells more."""
    message: str
    at: Location
    end: Location
    """Behind the last character; may be in a later line."""
    rule: int | None = None
    """The rule's index, where it is about one."""
    effect: str | None = None
    """What the agent makes of it."""
    hint: str | None = None
    """What to write instead."""


# ---- what the agent makes of it --------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """One business tag of a process; `from_pid` is the ancestor it was inherited from."""

    key: str
    value: str
    from_pid: int

    @property
    def name(self) -> str:
        """The label that it becomes in a query."""
        return f"os.app.{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketCounts:
    """A process's sockets: sent, not sent, and of an age that can't be told yet."""

    synced: int
    skipped: int
    undecided: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the agent makes of one process, and why."""

    process: Process
    status: Status
    reason: Reason
    process_name: str | None
    """Its name for the agent; None where it has none, or where it can't be known."""
    cmdline: str | None
    """The pieces that the agent sees, joined by one space."""
    rule: Rule | None
    """The rule that decided; None for the implicit accept and for processes no rule looked at."""
    hits: tuple[int, ...]
    gprocess: str | None
    tags: tuple[Tag, ...] | None
    """None: not known."""
    start_s: int | None
    """Seconds since the epoch, from whole-number arithmetic."""
    uptime_s: int | None
    agent_uptime_s: int | None
    """The same from the agent's 32-bit floats."""
    agent_start_s: int | None
    user: str | None = None
    container_id: str | None = None
    sockets: SocketCounts | None = None

    @property
    def decided_by(self) -> int | None:
        """The index of the rule that decided, 0 for the implicit accept; None for a process that
        never got that far."""
        if self.rule is not None:
            return self.rule.index
        return 0 if self.reason in ("implicit-accept", "untagged") else None


# ---- why: one rule's part in a verdict -------------------------------------------------------

Outcome: TypeAlias = Literal["hit", "no-match", "not-reached", "ignored", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMatch:
    """A capture group after a match; `text` and `span` are None where it took no part."""

    index: int
    name: str | None
    text: str | None
    span: TextSpan | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """One match that a rewrite replaced, and what came in its place."""

    span: TextSpan
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteTrace:
    """How rewrite-name became a name."""

    template: str
    expanded: str | None
    """With %NAME% replaced, before the groups are; None: a variable is not known."""
    unset_env: tuple[str, ...]
    unknown_env: tuple[str, ...]
    """Names that may or may not be set: the environment is not known whole."""
    missing_groups: tuple[str, ...]
    """References to groups that the pattern doesn't have: they expand to nothing."""
    replacements: tuple[Replacement, ...]
    result: str | None
    """None: not known (a masked text, or an environment that a recording doesn't carry)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """How far a pattern got that did not match."""

    matched_prefix: str
    """The leading part of the pattern that does match, as written."""
    span: TextSpan
    """Where it matched in the subject."""
    expected: str
    """The rest of the pattern, which would have had to follow."""
    subject: str
    subject_pid: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTrace:
    """One rule's part in a verdict."""

    rule: Rule
    outcome: Outcome
    would_match: bool | None
    subject: str | None
    """The text that was tested; None where there is none (no ancestor or tag that matched)."""
    subject_pid: int | None
    span: TextSpan | None = None
    groups: tuple[GroupMatch, ...] = ()
    rewrite: RewriteTrace | None = None
    near_miss: NearMiss | None = None
    also_matches: tuple[str, ...] = ()
    """Other match types under which the same pattern would have matched."""
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestor:
    """A process above another; `process_name` is None where it can't be read or has none."""

    pid: int
    process_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A verdict with everything that led to it."""

    verdict: Verdict
    ancestors: tuple[Ancestor, ...]
    """Nearest first."""
    trace: tuple[RuleTrace, ...]


# ---- sockets ---------------------------------------------------------------------------------

Protocol: TypeAlias = Literal["tcp", "udp"]
Family: TypeAlias = Literal["ipv4", "ipv6"]
TableName: TypeAlias = Literal["tcp", "udp", "tcp6", "udp6"]
SocketRole: TypeAlias = Literal["client", "server"]
AgeSource: TypeAlias = Literal["fd-ctime", "observed", "state", "unknown"]
"""How a socket's age is known: the ctime of its link in /proc/PID/fd, which is when somebody
first looked at it; an earlier look of this run; an earlier run; not at all."""
SocketStatus: TypeAlias = Literal["synced", "skipped", "undecided"]
SocketReason: TypeAlias = Literal[
    "process-not-accepted",
    "unreadable",
    "no-owner",
    "listening",
    "not-established",
    "min-lifetime",
    "udp-unconnected",
    "ipv6",
]


class Endpoint(NamedTuple):
    """One end of a socket; an IPv4 address mapped into IPv6 is shown as IPv4."""

    ip: str
    port: int


# Tens of thousands of the next three are made in a run: no frozen ones, which cost six times
# as much to build.


@dataclass(slots=True)
class SocketFd:
    """A file descriptor that is a socket."""

    fd: int
    inode: int
    since_ns: int | None
    """When somebody first saw it, nanoseconds since the epoch; None: not known."""
    age_source: AgeSource


@dataclass(slots=True)
class SocketRow:
    """One row of a socket table."""

    protocol: Protocol
    family: Family
    """`ipv6` for an IPv4 address that is mapped into IPv6."""
    state: str
    """The kernel's name (`ESTABLISHED`); `UNCONNECTED` for a UDP socket without a peer."""
    local: Endpoint
    remote: Endpoint
    inode: int
    """0 for a socket without a file: only listeners of the kernel are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetTable:
    """One socket table of a network namespace."""

    name: TableName
    rows: tuple[SocketRow, ...] = ()
    error: FieldError | None = None
    """Why it could not be read; then there are no rows."""


NetTables: TypeAlias = tuple[NetTable, ...]
"""tcp, udp, tcp6 and udp6, in this order."""

SocketKey: TypeAlias = tuple[int, int | None, int, int]
"""A socket from one look to the next: pid, start of the process in ticks, fd, inode."""


class Peer(NamedTuple):
    """The process at the other end of a connection; `gprocess` is None if it isn't accepted."""

    pid: int
    gprocess: str | None


@dataclass(slots=True, kw_only=True)
class Socket:
    """One process's hold on a socket, and what the agent makes of it."""

    pid: int
    fd: int
    gprocess: str | None
    """None unless the process is accepted."""
    process_name: str | None
    """For people, where there is no gprocess: the agent's name for it, or its comm."""
    row: SocketRow
    netns: int | None
    """Inode number of the namespace whose table has the row; None where it has no number."""
    netns_idx: int | None
    """The agent's number for it, from 1 in the order in which it comes upon them; None for a
    namespace that it doesn't open."""
    role: SocketRole | None
    """None for what is not connected."""
    age_s: int | None
    age_source: AgeSource
    status: SocketStatus
    reason: SocketReason | None
    """Why it is not sent, or, undecided, what it hangs on; None for a synced one."""
    peer: Peer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncedProcess:
    """A process as the agent sends it, with its own words for what it doesn't know: "" and 0.

    Source: ProcessInfo, agent v6.5 message/trident.proto:712-722.
    """

    name: str
    pid: int
    process_name: str
    cmdline: str
    user: str
    start_time: int
    """Seconds since the epoch, from its 32-bit floats; 0 for what an u32 can't hold."""
    os_app_tags: tuple[tuple[str, str], ...] | None
    """None: not known here."""
    netns_id: int
    container_id: str
    starttime_ticks: int | None
    """Tells it from another process of the same pid; the agent doesn't send it."""


class SyncedSocket(NamedTuple):
    """A connection as the agent sends it: side 0 is the client, and only the own side has a pid.

    Source: GPIDSyncEntry, agent v6.5 linux_socket.rs:96-127.
    """

    protocol: Protocol
    role: SocketRole
    pid_0: int | None
    ip_0: str
    port_0: int
    pid_1: int | None
    ip_1: str
    port_1: int
    netns_idx: int
