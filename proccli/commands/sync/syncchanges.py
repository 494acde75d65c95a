"""What differs between two cycles."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from proccli.commands.sync.state.memory import Memory
from proccli.model.sockets import SyncedProcess, SyncedSocket


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Processes by pid, sockets by number."""

    added: tuple[SyncedProcess, ...]
    removed: tuple[SyncedProcess, ...]
    """As they were. A pid that now belongs to another process is both removed and added."""
    changed: tuple[SyncedProcess, ...]
    """As they are: the same process, with another name, tag or anything else."""
    sockets_added: int
    sockets_removed: int

    @property
    def any(self) -> bool:
        """Whether there is any change at all."""
        processes = self.added or self.removed or self.changed
        return bool(processes or self.sockets_added or self.sockets_removed)


def changes_since(before: Memory | None, now: Memory, *, same_boot: bool) -> Changes:
    """Everything that differs; without `before`, all is added.

    Pids start over with another boot: then no process is one of those before.
    """
    old = {process.pid: process for process in before.processes} if before is not None else {}
    new = {process.pid: process for process in now.processes}
    stayed = {pid for pid in old.keys() & new.keys() if same_boot and _is_same(old[pid], new[pid])}
    sockets_old = Counter(before.sockets if before is not None else ())
    sockets_new = Counter(now.sockets)
    kept = sockets_old & sockets_new if same_boot else Counter[SyncedSocket]()
    return Changes(
        added=tuple(process for pid, process in sorted(new.items()) if pid not in stayed),
        removed=tuple(process for pid, process in sorted(old.items()) if pid not in stayed),
        changed=tuple(new[pid] for pid in sorted(stayed) if new[pid] != old[pid]),
        sockets_added=(sockets_new - kept).total(),
        sockets_removed=(sockets_old - kept).total(),
    )


def _is_same(old: SyncedProcess, new: SyncedProcess) -> bool:
    """Whether it is one process, and not two that had the pid one after the other."""
    ticks = old.starttime_ticks, new.starttime_ticks
    return None in ticks or ticks[0] == ticks[1]
