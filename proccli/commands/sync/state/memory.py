"""The state that one run of `sync` keeps for the next."""

# Annotations are not strings here: a NamedTuple compiles each string, at every start of proccli.

from collections.abc import Mapping
from typing import Final, NamedTuple

from proccli.model.process import Host
from proccli.model.sockets import SocketKey, SyncedProcess, SyncedSocket
from proccli.sources.procfs.files import Unreadable, read_at

_BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"
_DRIFT_S: Final = 60
"""How far two readings of the same boot time may differ: it moves when the clock is set."""


class Memory(NamedTuple):
    """What was reported, from which machine, and when its sockets were first seen."""

    host: str | None
    boot_id: str | None
    """None: not a live machine."""
    boot_time_s: int | None
    config: str
    """Digest of the effective settings."""
    enabled: bool
    digest: str | None
    processes: tuple[SyncedProcess, ...]
    sockets: tuple[SyncedSocket, ...]
    warned: frozenset[str]
    """The notes of this run, as identified by `subject`."""
    written_to: str | None
    """The file to which the document was last written; None: standard output."""
    sampled_at_ns: int | None
    """When all sockets were read, in nanoseconds since the epoch; None: they were not."""
    reader: str
    """Proc mount and privileges of the reader."""
    first_seen_ns: Mapping[SocketKey, int]

    def same_boot(self, host: Host, boot_id: str | None) -> bool:
        """Whether this is from the same boot of the same machine, as far as known."""
        if self.boot_id is not None and boot_id is not None:
            return self.boot_id == boot_id
        if self.host != host.name:
            return False
        if self.boot_time_s is None or host.boot_time_s is None:
            return True
        return abs(self.boot_time_s - host.boot_time_s) <= _DRIFT_S


def boot_id() -> str | None:
    """The kernel's id of this boot, within which pids and start ticks are unique; None: unknown.

    Source: random(4).
    """
    try:
        return read_at(_BOOT_ID, None).decode("ascii").strip() or None
    except (OSError, ValueError, Unreadable):
        return None
