"""Processes from the compact descriptions in tests/data/agents, by the parsers of a real /proc.

A description has `btime` and `now` in seconds, `passwd` (uids by name, or the text of the file) and
`processes`. A process has its `pid`, `ppid`, `argv` (or `raw` text, or `hex` bytes), `comm` (or
`comm_hex`; by default argv[0]'s file name), `exe` (or `exe_hex`; none: no link), `start_ticks`,
`uid`, `netns`, the lines of `cgroup`, supplementary `groups`, other values for lines of `status`
(null: no such line), a `passwd` of its own (false: no root), and the files that are `missing`.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NoReturn

from proccli.errors import NoSuchProcess
from proccli.model.note import Note
from proccli.model.process import ALL_FIELDS, Field, FieldError, Host, Process
from proccli.model.sockets import TABLES, NetTable, NetTables, SocketFd, TableName
from proccli.sources.procfs.files import Unreadable, read_raw
from proccli.sources.procfs.net import parse_table
from proccli.sources.procfs.process import parse_passwd, parse_process
from tests.sources.procfs.status_file import status_of

_KERNEL_THREAD = 2_129_984
_NETNS = 4_026_531_840
_HEADING = "  sl  local_address rem_address   st\n"
_STATES = (
    *("", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT"),
    *("CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING"),
)


class TreeSource:
    """A source of described processes."""

    notes: Sequence[Note] = ()

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self.by_pid = {one["pid"]: one for one in tree["processes"]}
        self._namespaces = tree.get("namespaces", {})
        self._read: dict[int, Process] = {}
        self._passwd = tree.get("passwd", {"root": 0})
        self.host = Host(
            kind="directory",
            name="fixture",
            taken_at_ns=tree["now"] * 1_000_000_000,
            boot_time_s=tree["btime"],
            ticks_per_s=100,
            proc_root="/proc",
        )

    def pids(self) -> Sequence[int]:
        """Ascending."""
        return sorted(self.by_pid)

    def read(self, pid: int, fields: frozenset[Field] = ALL_FIELDS) -> Process:  # noqa: ARG002 - all
        """One of them. Raises: NoSuchProcess."""
        if pid not in self.by_pid:
            raise NoSuchProcess(f"no process {pid}")
        if pid not in self._read:
            files = DescribedFiles(self.by_pid[pid])
            self._read[pid] = parse_process(read_raw(pid, files, ALL_FIELDS))
        return self._read[pid]

    def read_many(
        self, pids: Iterable[int], fields: frozenset[Field] = ALL_FIELDS
    ) -> Iterator[Process]:
        """Those of them that have one of these pids, in order."""
        return (self.read(pid, fields) for pid in pids if pid in self.by_pid)

    def users(self, process: Process) -> Mapping[int, str] | None:
        """The passwd file of the process, or that of the tree."""
        written = self.by_pid[process.pid].get("passwd", self._passwd)
        if written is False or "root" in self.by_pid[process.pid].get("missing", ()):
            return None
        if isinstance(written, str):
            return parse_passwd(written.encode())
        return {uid: name for name, uid in reversed(written.items())}

    def socket_fds(self, pid: int) -> Sequence[SocketFd] | FieldError:
        """Those of the description, of unknown age, from descriptor 3 on."""
        described = self.by_pid[pid]
        if "fd" in described.get("missing", ()):
            return FieldError("fds", "missing", "ENOENT")
        inodes = enumerate(described.get("sockets", ()), 3)
        return tuple(SocketFd(fd, inode, None, "unknown") for fd, inode in inodes)

    def addresses(self, pid: int) -> Sequence[str] | None:  # noqa: ARG002 - none
        """None."""
        return None

    def net_tables(self, pid: int) -> NetTables:
        """The process's own tables, or those of its namespace."""
        described = self.by_pid[pid]
        namespace = str(described.get("netns", _NETNS))
        tables = described.get("net", self._namespaces.get(namespace, {}))
        if tables is False or "net" in described.get("missing", ()):
            tables = dict.fromkeys(TABLES, False)
        absent = False if "net" in described else ()
        return tuple(_table(name, tables.get(name, absent)) for name in TABLES)


class DescribedFiles:
    """The files of one described process, as the kernel would write them."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        self._process = described
        self._missing = frozenset(described.get("missing", ()))

    def owner(self) -> int:
        uid: int = self._process.get("uid", 0)
        return uid

    def read(self, name: str) -> bytes:
        if name in self._missing:
            raise _not_there(name)
        match name:
            case "cmdline":
                return self._cmdline()
            case "stat":
                return self._stat()
            case "status":
                return self._status()
            case "cgroup":
                cgroup: str = self._process.get("cgroup", "0::/")
                return cgroup.rstrip("\n").encode() + b"\n"
        raise _not_there(name)

    def link(self, name: str) -> bytes:
        if name == "exe" and "exe_hex" in self._process:
            return bytes.fromhex(self._process["exe_hex"])
        if name == "exe" and self._process.get("exe"):
            return os.fsencode(self._process["exe"])
        if name == "ns/net" and "ns" not in self._missing:
            return b"net:[%d]" % self._process.get("netns", _NETNS)
        raise _not_there(name)

    def inode(self, name: str) -> int:
        if name in self._missing or self._process.get("passwd") is False:
            raise _not_there(name)
        pid: int = self._process["pid"]
        return pid

    def opened(self, name: str) -> AbstractContextManager[int]:
        return _refuse(name)

    def alive(self) -> bool:
        return True

    def _cmdline(self) -> bytes:
        if "hex" in self._process:
            return bytes.fromhex(self._process["hex"])
        if "raw" in self._process:
            return str(self._process["raw"]).encode()
        return b"".join(f"{argument}\0".encode() for argument in self._process.get("argv", ()))

    def _comm(self) -> bytes:
        if "comm_hex" in self._process:
            return bytes.fromhex(self._process["comm_hex"])
        if "comm" in self._process:
            return str(self._process["comm"]).encode()
        return os.path.basename(self._cmdline().split(b"\0")[0])[:15] or b"x"  # noqa: PTH119 - bytes

    def _stat(self) -> bytes:
        flags = _KERNEL_THREAD if self._process.get("kthread") else 4_194_560
        before = (self._process.get("ppid", 0), 0, 0, 0, -1, flags)
        fields = (*before, *(0,) * 12, self._process["start_ticks"], *(0,) * 30)
        written = " ".join(map(str, fields))
        return b"%d (%s) S %s\n" % (self._process["pid"], self._comm(), written.encode())

    def _status(self) -> bytes:
        groups = {"Groups": self._process.get("groups", "") + " "}
        return status_of(
            self._comm(),
            pid=self._process["pid"],
            ppid=self._process.get("ppid", 0),
            uid=self._process.get("uid", 0),
            kernel_thread=bool(self._process.get("kthread")),
            changed={**groups, **(self._process.get("status") or {})},
        )


def _not_there(name: str) -> OSError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def _refuse(name: str) -> NoReturn:
    raise _not_there(name)


# ---- socket tables --------------------------------------------------------------------------


def _table(name: TableName, described: Sequence[str] | str | bool) -> NetTable:
    """A table from `local remote state inode` rows, or from its text; False: no such file."""
    if isinstance(described, bool):
        return NetTable(name, error=FieldError(f"net/{name}", "missing", "ENOENT"))
    text = described if isinstance(described, str) else "".join(map(_row, described))
    try:
        return NetTable(name, tuple(parse_table([(_HEADING + text).encode()], name)))
    except Unreadable as error:
        return NetTable(name, error=FieldError(f"net/{name}", error.problem, error.detail))


def _row(described: str) -> str:
    local, remote, state, inode = described.split()
    number = _STATES.index(state)
    return f"0: {_address(local)} {_address(remote)} {number:02X} 0:0 0:0 0 0 0 {inode} 1 0\n"


def _address(text: str) -> str:
    """`10.0.0.1:80` or `[::1]:80` as the kernel writes it."""
    host, _, port = text.rpartition(":")
    packed = ipaddress.ip_address(host.strip("[]")).packed
    words = (packed[start : start + 4] for start in range(0, len(packed), 4))
    order = slice(None, None, -1 if sys.byteorder == "little" else 1)
    return "".join(word[order].hex().upper() for word in words) + f":{int(port):04X}"
