"""Parsing: what the raw bytes of a process's files mean. Pure: bytes in, values out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple, TypeVar

from proccli.model.process import MAX_PID, MAX_U32, MAX_U64, NS_PER_S, Field, FieldError, Process
from proccli.sources.procfs.files import RawProcess, Unreadable, decode

Raw = TypeVar("Raw")
Value = TypeVar("Value")

_NETNS = re.compile(rb"net:\[([0-9]{1,20})\]")


def parse_process(raw: RawProcess) -> Process:
    """The process; what could not be read or parsed is None, with the reason in `errors`."""
    errors: list[FieldError] = []
    uid = _parsed("uid", raw.uid, _same, errors)
    stat = _parsed("stat", raw.stat, parse_stat, errors)
    if uid is not None and isinstance(raw.stat, FieldError) and raw.stat.problem == "gone":
        # The directory belonged to root by then: its owner is not that of the process.
        uid = None
        errors.append(raw.stat._replace(field="uid"))
    # A zombie has no namespaces and no root any more, a kernel thread no program.
    ended = stat is not None and stat.state in ("Z", "X", "x")
    status_name = _parsed("status", raw.status, _parse_status, errors)
    cmdline = _parsed("cmdline", raw.cmdline, _same, errors)
    exe = _parsed("exe", raw.exe, _parse_exe, errors, may_lack=True)
    netns = _parsed("netns", raw.netns, _parse_netns, errors, may_lack=ended)
    cgroup = _parsed("cgroup", raw.cgroup, _parse_cgroup, errors)
    root_inode = _parsed("root_inode", raw.root_inode, _same, errors, may_lack=ended)
    comm, _, ppid, starttime_ticks = stat or (None, None, None, None)
    exe_text, exe_bytes = exe or (None, None)
    return Process(
        pid=raw.pid,
        uid=uid,
        comm=comm,
        ppid=ppid,
        starttime_ticks=starttime_ticks,
        status_name=status_name,
        cmdline=cmdline,
        exe=exe_text,
        exe_bytes=exe_bytes,
        netns=netns,
        cgroup=cgroup,
        root_inode=root_inode,
        errors=tuple(errors),
    )


def _parsed(
    field: Field,
    found: Raw | FieldError | None,
    parse: Callable[[Raw], Value],
    errors: list[FieldError],
    *,
    may_lack: bool = False,
) -> Value | None:
    """A field's value; None with an addition to `errors`, or for what was not asked for."""
    if found is None:
        return None
    if isinstance(found, FieldError):
        if not (may_lack and found.problem == "missing"):
            errors.append(found)
        return None
    try:
        return parse(found)
    except Unreadable as error:
        errors.append(FieldError(field=field, problem=error.problem, detail=error.detail))
        return None


def _same(value: Value) -> Value:
    return value


def _parse_status(content: bytes) -> str:
    from proccli.sources.procfs.status import parse_status_name  # of agents of `inputs.proc` alone

    return parse_status_name(content)


class _Exe(NamedTuple):
    """The target of the link `exe`."""

    text: str
    raw: bytes | None
    """The target if it is not UTF-8."""


# Many processes share a program, a namespace and a cgroup: they are parsed, and kept, once.
@lru_cache(maxsize=1024)
def _parse_exe(link: bytes) -> _Exe:
    try:
        return _Exe(link.decode(), None)
    except UnicodeDecodeError:
        return _Exe(decode(link), link)


@lru_cache(maxsize=1024)
def _parse_netns(link: bytes) -> int:
    found = _NETNS.fullmatch(link)
    if found is None:
        raise Unreadable("malformed", "not a link to a namespace")
    if (inode := int(found[1])) > MAX_U64:
        raise Unreadable("malformed", "not a link to a namespace")
    return inode


_SMALL_CGROUP_BYTES = 4096


def _parse_cgroup(content: bytes) -> str:
    if len(content) <= _SMALL_CGROUP_BYTES:
        return _parse_small_cgroup(content)
    return _cgroup_text(content)


_MAX_CGROUP_BYTES = 1 << 20
"""A line per hierarchy, at most some fifteen of 4 KiB."""


def _cgroup_text(content: bytes) -> str:
    if len(content) > _MAX_CGROUP_BYTES:
        raise Unreadable("malformed", "longer than 1 MiB")
    # The agent reads lines of text, and has no container id where they aren't.
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Unreadable("malformed", "not UTF-8") from None


_parse_small_cgroup = lru_cache(maxsize=1024)(_cgroup_text)


# ---- stat and uptime ------------------------------------------------------------------------

_UPTIME = re.compile(rb"\s*([0-9]{1,10})(?:\.([0-9]{1,9}))?\s")
# Eleven digits reach the year 5138, and an uptime of ten digits beyond it the year 5455: RFC 3339
# can write both.
_BTIME = re.compile(rb"^btime[ \t]+([0-9]{1,11})[ \t]*$", re.MULTILINE)


_MAX_STAT_BYTES = 4096
"""52 numbers, and a name of 64 bytes at most."""


class Stat(NamedTuple):
    """The fields we use of a process's stat line."""

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
    if len(line) > _MAX_STAT_BYTES:
        raise Unreadable("malformed", "longer than 4 KiB")
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
    stat = Stat(decode(comm), decode(fields[0]), int(ppid), int(ticks))
    if stat.ppid > MAX_PID or stat.starttime_ticks > MAX_U64:
        raise Unreadable("malformed", "a number is out of range")
    return stat


def parse_btime(text: bytes) -> int | None:
    """Boot time in seconds since the epoch, None where no line has it.

    Source: the line `btime` of /proc/stat, proc_stat(5).
    """
    found = _BTIME.search(text)
    return int(found[1]) if found else None


def parse_uptime_ns(text: bytes) -> int | None:
    """How long the machine had been up, in nanoseconds; None where the text doesn't contain it.

    Source: the first number of /proc/uptime, seconds with two decimals, proc_uptime(5).
    """
    found = _UPTIME.match(text + b"\n")
    if found is None:
        return None
    seconds, decimals = found.groups(default=b"")
    return int(seconds) * NS_PER_S + int(decimals.ljust(9, b"0"))


# ---- users ----------------------------------------------------------------------------------

MAX_PASSWD_BYTES = 8 << 20
_MAX_USERS = 400_000
"""Of a passwd file: some 20 bytes each. A container's file is its user's to write."""

# Rust's u32 parser: an optional plus sign, then ASCII digits; no blanks.
_U32 = re.compile(r"\+?[0-9]{1,4096}")


class PasswdEntry(NamedTuple):
    """A line of a passwd file, as far as it is used."""

    name: str
    uid: int
    gid: int | None
    """The primary group; None where the line has no valid one. The agent doesn't look at it."""


def passwd_entries(content: bytes) -> Iterator[PasswdEntry]:
    """The lines with at least three fields and a 32-bit uid, in order.

    A text parse without NSS, as in the agent, which looks at no other field (agent
    crates/public/src/pwd.rs).

    Raises: UnicodeDecodeError.
    """
    for line in content.decode().split("\n"):
        name, *fields = line.removesuffix("\r").split(":", 4)
        if len(fields) >= 2 and (uid := _u32(fields[1])) is not None:
            yield PasswdEntry(name, uid, _u32(fields[2]) if len(fields) > 2 else None)


def parse_passwd(content: bytes) -> Mapping[int, str] | None:
    """Names by uid; None where the agent reads nothing, because the file isn't UTF-8, and for more
    than any machine has.

    The first entry with a uid counts.
    """
    names: dict[int, str] = {}
    try:
        for entry in passwd_entries(content):
            names.setdefault(entry.uid, entry.name)
            if len(names) > _MAX_USERS:
                return None
    except UnicodeDecodeError:
        return None
    return names


def _u32(text: str) -> int | None:
    number = int(text) if _U32.fullmatch(text) else -1
    return number if 0 <= number <= MAX_U32 else None
