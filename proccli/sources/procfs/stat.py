"""The lines of /proc/PID/stat and /proc/stat. Pure: bytes in, values out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from proccli.sources.procfs.files import Unreadable, decode

_UPTIME = re.compile(rb"\s*([0-9]{1,10})(?:\.([0-9]{1,9}))?\s")
# Eleven digits reach the year 5138, and an uptime of ten digits beyond it the year 5455: RFC 3339
# can write both.
_BTIME = re.compile(rb"^btime[ \t]+([0-9]{1,11})[ \t]*$", re.MULTILINE)


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
    found = _BTIME.search(text)
    return int(found[1]) if found else None


def parse_uptime_ns(text: bytes) -> int | None:
    """How long the machine had been up, in nanoseconds; None where the text doesn't say.

    Source: the first number of /proc/uptime, seconds with two decimals, proc_uptime(5).
    """
    found = _UPTIME.match(text + b"\n")
    if found is None:
        return None
    seconds, decimals = found.groups(default=b"")
    return int(seconds) * 1_000_000_000 + int(decimals.ljust(9, b"0"))
