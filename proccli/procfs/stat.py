"""The lines of /proc/PID/stat and /proc/stat. Pure: bytes in, values out."""

from __future__ import annotations

from dataclasses import dataclass

from proccli.procfs.files import Unreadable, decode

_LATEST_S = 253_402_300_799  # the end of the year 9999: the last that RFC 3339 can write


@dataclass(frozen=True, slots=True)
class Stat:
    """What we use of a process's stat line."""

    comm: str
    state: str
    ppid: int
    starttime_ticks: int


def parse_stat(line: bytes) -> Stat:
    """The fields we use of one process's stat line.

    Source: /proc/PID/stat, proc_pid_stat(5).
    Units: starttime_ticks counts clock ticks since boot.
    Raises: Unreadable if the line is cut short or not numeric.
    """
    # comm may itself hold spaces, parentheses and newlines: its end is the last ")".
    head, closed, tail = line.rpartition(b")")
    _, opened, comm = head.partition(b"(")
    fields = tail.split(None, 20)
    if not closed or not opened or len(fields) < 20:
        raise Unreadable("malformed", "cut short")
    ppid, ticks = fields[1], fields[19]
    # int() alone would take "1_0", "+1" and a minus.
    if not (ppid.isdigit() and ticks.isdigit() and len(ppid) <= 10 and len(ticks) <= 20):
        raise Unreadable("malformed", "not numeric")
    return Stat(decode(comm), decode(fields[0]), int(ppid), int(ticks))


def parse_btime(text: bytes) -> int | None:
    """Boot time in seconds since the epoch, None where no line has it.

    Source: the line `btime` of /proc/stat, proc_stat(5).
    """
    for line in text.splitlines():
        name, _, value = line.partition(b" ")
        value = value.strip()
        if name == b"btime" and value.isdigit() and len(value) <= 12:
            seconds = int(value)
            return seconds if seconds <= _LATEST_S else None
    return None
