"""The layout of a document of `proccli sync`, checked by msgspec while it parses.

This takes a fifth of the CPU time of parsing into dicts and checking those. Keys that older
versions of proccli do not write have a default. `sync_document.py` describes what is wrong with a
document that is refused here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct
from msgspec.json import Decoder

from proccli.model.process import MAX_PID, MAX_U32
from proccli.store.schema import RULE_UNKNOWN

_U16: TypeAlias = Annotated[int, Meta(ge=0, le=2**16 - 1)]
_U32: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_U32)]
_Pid: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_PID)]
_Time: TypeAlias = Annotated[datetime, Meta(tz=True)]
_Rule: TypeAlias = Annotated[int, Meta(ge=RULE_UNKNOWN, le=2**31 - 1)]


class Tag(Struct, gc=False):
    """A tag of a process."""

    key: str
    value: str


class Process(Struct, gc=False):
    """A process that is sent."""

    name: str
    pid: _Pid
    process_name: str
    cmdline: str
    user: str
    start_time: _U32
    os_app_tags: list[Tag] | None
    netns_id: _U32 | None
    container_id: str | None
    rule: _Rule | None = None


class Socket(Struct, gc=False):
    """An end of a connection that is sent."""

    protocol: Literal["tcp", "udp"]
    role: Literal["client", "server"]
    pid_0: _Pid | None
    ip_0: str
    port_0: _U16
    pid_1: _Pid | None
    ip_1: str
    port_1: _U16
    netns_idx: _U32 | None


class Snapshot(Struct, gc=False):
    """The host, and when its sample was taken."""

    host: str
    taken_at: _Time
    redacted: bool
    host_id: str | None = None
    boot_time: _Time | _U32 | None = None
    addresses: list[str] | None = None


class Config(Struct, gc=False):
    """The configuration of the agent."""

    file: str | None
    dialect: str
    agent: str
    via: str
    rules: _U32
    sha256: str | None = None


class Warned(Struct, gc=False):
    """A warning."""

    code: str


class SyncDocument(Struct, gc=False):
    """A document."""

    schema: Literal["proccli/sync/v1"]
    snapshot: Snapshot
    config: Config
    enabled: bool
    digest: str | None
    processes: list[Process]
    sockets: list[Socket]
    warnings: list[Warned]
    proccli: str | None = None
    left_out: dict[str, _U32] | None = None


PARSER: Final = Decoder(SyncDocument)
"""Raises msgspec.MsgspecError or RecursionError for all else."""
