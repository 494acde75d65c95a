"""A cycle of `sync` as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import get_args

from proccli import __version__
from proccli.commands.sync.sync import SyncResult
from proccli.model.sockets import Protocol, SocketRole
from proccli.terminal.document import (
    CONFIG,
    KEY_AND_VALUE,
    SNAPSHOT,
    TIME,
    Document,
)
from proccli.terminal.record import (
    Field,
    Record,
    Type,
    array_of,
    boolean,
    enum,
    integer,
    itself,
    mapping_of,
    nullable,
    text,
)

_U32 = integer(0, 2**32 - 1)
_PORT = integer(0, 65_535)
_PIDS = array_of(Type(integer().schema, attrgetter("pid")))

_SENT = Record(
    "",
    Field("name", text(), "The gprocess: the name from the rule that decided, or its own name."),
    Field("pid", integer()),
    Field("process_name", text()),
    Field("cmdline", text()),
    Field("user", text(), "Empty: not available."),
    Field(
        "start_time",
        _U32,
        "Seconds since the epoch, from the agent's 32-bit floats; 0 if the value does not fit.",
    ),
    Field(
        "os_app_tags",
        nullable(array_of(KEY_AND_VALUE)),
        "Its own, then inherited ones. null: not known.",
    ),
    Field(
        "netns_id",
        nullable(_U32),
        "Inode number of its network namespace; 0: not available. null: this agent sends none.",
    ),
    Field("container_id", nullable(text()), "Empty: none. null: this agent sends none."),
)
"""The row is a `SyncedProcess`."""

PROCESS = Record(
    "process",
    *_SENT.fields_of("process"),
    Field(
        "rule",
        nullable(integer(0)),
        "Index of the rule that decided; 0: the implicit accept. null: an ancestor that is sent in"
        " place of processes that a matcher took.",
    ),
)
"""The row is a `ReportedProcess`."""

_REPORTED_SNAPSHOT = Record(
    "snapshot",
    *SNAPSHOT.fields_of("host"),
    Field(
        "host_id",
        nullable(text("^[0-9a-f]{32}$")),
        "An id derived from the host's machine-id(5). null: not live, or it has none.",
        value="provenance.host_id",
    ),
    Field("boot_time", nullable(TIME), "null: not known.", value="host.boot_time_s"),
    Field(
        "addresses",
        nullable(array_of(text())),
        "IPv4 addresses of all readable network namespaces, without loopback. null: none of the"
        " namespaces can be read.",
        value="provenance.addresses",
    ),
)
"""The row is a `SyncResult`."""

_REPORTED_CONFIG = Record(
    "config",
    *CONFIG.fields_of("config"),
    Field(
        "sha256",
        nullable(text("^[0-9a-f]{64}$")),
        "Of the configuration file as it is. null: the agent's built-in defaults.",
        value="provenance.config_sha256",
    ),
)
"""The row is a `SyncResult`."""

SOCKET = Record(
    "socket",
    Field("protocol", enum(*get_args(Protocol))),
    Field("role", enum(*get_args(SocketRole)), "The role of the process on this machine."),
    Field("pid_0", nullable(integer()), "The client; null: the process here is the server."),
    Field("ip_0", text()),
    Field("port_0", _PORT),
    Field("pid_1", nullable(integer()), "The server; null: the process here is the client."),
    Field("ip_1", text()),
    Field("port_1", _PORT),
    Field(
        "netns_idx",
        nullable(integer(1)),
        "The agent's number for the network namespace: it counts them in the order in which it"
        " finds them in this cycle. null: this agent sends none.",
    ),
)
"""The row is a `SyncedSocket`."""

CHANGES = Record(
    "changes",
    Field(
        "processes",
        Record(
            "",
            Field("added", _PIDS),
            Field(
                "removed",
                _PIDS,
                "A pid that now belongs to another process is both removed and added.",
            ),
            Field("changed", _PIDS, "The same process with another name, tag or any other value."),
        ),
        "Pids.",
        value=itself,
    ),
    Field(
        "names",
        Record(
            "",
            Field("added", array_of(text()), "No process had it before.", value="names_added"),
            Field(
                "removed", array_of(text()), "No process has it any more.", value="names_removed"
            ),
        ),
        value=itself,
    ),
    Field(
        "sockets",
        Record(
            "",
            Field("added", integer(0), value="sockets_added"),
            Field("removed", integer(0), value="sockets_removed"),
        ),
        value=itself,
    ),
)
"""The row is a `Changes`."""

SYNC = Document(
    "sync",
    "proccli sync --json: what the agent would send, and what changed since the last run",
    Field("proccli", text(), "The version of proccli.", value=lambda _: __version__),
    Field("snapshot", _REPORTED_SNAPSHOT, value=itself),
    Field("config", _REPORTED_CONFIG, value=itself),
    Field(
        "enabled",
        boolean(),
        "os-proc-sync-enabled, or --assume-enabled; false: both lists are empty.",
    ),
    Field(
        "digest",
        nullable(text("^[0-9a-f]{40}$")),
        "SHA-1 over the processes by pid: the pid as 8 bytes, big-endian, then each tag's key and"
        " value. null: tags are not known.",
    ),
    Field(
        "changed",
        nullable(boolean()),
        "Whether anything differs from the last run; true for the first one. null: no state is"
        " kept.",
    ),
    Field(
        "agent_sends",
        nullable(boolean()),
        "Whether the agent would send its processes now: it does when it starts (first run, another"
        " boot, another configuration) and when the set of pids changes. null: no state is kept.",
    ),
    Field("processes", array_of(PROCESS), "By pid.", value="reported"),
    Field(
        "sockets",
        array_of(SOCKET),
        "In the order of the pids and file descriptors that hold them.",
    ),
    Field(
        "left_out",
        mapping_of(integer(1)),
        "Connections that are not sent, by reason, as in topology; undecided: not known. Empty if"
        " sync is disabled.",
    ),
    Field(
        "processes_left_out",
        mapping_of(integer(1)),
        "Processes that are not sent, by reason, as in scan; rule: dropped by a rule. Empty if sync"
        " is disabled.",
    ),
    Field(
        "changes",
        nullable(CHANGES),
        "Since the last run; in the first one, everything is added. null: no state is kept.",
    ),
    about="-o jsonl prints such a document a line, one per cycle.",
)


def sync_document(result: SyncResult) -> Iterator[bytes]:
    """The document `proccli/sync/v1`, in pieces."""
    return SYNC.pieces(result)


def sync_line(result: SyncResult) -> Iterator[bytes]:
    """The same document on one line."""
    return SYNC.line(result)
