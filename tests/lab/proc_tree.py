"""A directory laid out like /proc, from the descriptions of the measured cases."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

_INITIAL_NETNS: Final = 4026531840
_STATES: Final = (
    "",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
)
_TABLES: Final = ("tcp", "tcp6", "udp", "udp6")
_HEADER: Final = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt inode\n"
)

Description = Mapping[str, Any]


def make_tree(description: Description, folder: Path) -> Path:
    """Write a tree as the READMEs of the measured cases describe it; `folder` must not exist."""
    folder.mkdir()
    uptime = description.get("uptime", 100_000)
    if "now" in description:
        uptime = description["now"] + 0.5 - description["btime"]
    (folder / "stat").write_text(f"cpu  1 0 1 1\nbtime {description.get('btime', 1_700_000_000)}\n")
    (folder / "uptime").write_text(f"{uptime:.2f} {uptime / 2:.2f}\n")
    tables = {int(key): value for key, value in description.get("namespaces", {}).items()}
    users = description.get("passwd", {"root": 0})
    for process in description["processes"]:
        _make_process(process, folder / str(process["pid"]), users, tables)
    return folder


def _make_process(
    process: Description, folder: Path, users: Any, tables: Mapping[int, Description]
) -> None:
    missing = set(process.get("missing", ()))
    folder.mkdir()
    ticks = process.get("start_ticks", round(process.get("start", 1) * 100))
    comm = process.get("comm") or _default_comm(process)
    files = {
        "cmdline": cmdline(process),
        "stat": _stat(process, comm, ticks),
        "status": _status(process, comm),
        "comm": comm.encode() + b"\n",
        "cgroup": (process.get("cgroup", "0::/").rstrip("\n") + "\n").encode(),
    }
    for name in files.keys() - missing:
        (folder / name).write_bytes(files[name])
    if process.get("exe") and "exe" not in missing:
        (folder / "exe").symlink_to(process["exe"])
    netns = process.get("netns", _INITIAL_NETNS)
    if netns is None or "ns" in missing:
        netns = None
    else:
        (folder / "ns").mkdir()
        (folder / "ns" / "net").symlink_to(f"net:[{netns}]")
    own_users = process.get("passwd", users)
    if "root" not in missing and process.get("passwd") is not False:
        etc = folder / "root" / "etc"
        etc.mkdir(parents=True)
        if own_users is not False:
            (etc / "passwd").write_bytes(_passwd(own_users))
    if "fd" not in missing:
        _make_fds(process, folder / "fd")
    if "net" not in missing and process.get("net") is not False:
        (folder / "net").mkdir()
        shared = {} if netns is None else tables.get(netns, {})
        rows = process.get("net", {name: shared.get(name, ()) for name in _TABLES})
        for name, lines in rows.items():
            if lines is not False:
                (folder / "net" / name).write_text(table(lines, name))
    owner = process.get("dir_uid", process.get("uid", 0))
    if owner and os.geteuid() == 0:
        os.chown(folder, owner, owner)


def _make_fds(process: Description, folder: Path) -> None:
    folder.mkdir()
    fds = {int(number): target for number, target in process.get("fds", {}).items()}
    for inode in process.get("sockets", ()):
        fds[max([2, *fds]) + 1] = f"socket:[{inode}]"
    for number, target in fds.items():
        (folder / str(number)).symlink_to(target)


def cmdline(process: Description) -> bytes:
    """The content of /proc/PID/cmdline."""
    if process.get("kthread"):
        return b""
    if "hex" in process:
        return bytes.fromhex(process["hex"])
    if "raw" in process:
        return bytes(process["raw"], "utf-8")
    if "title" in process:
        times: int = process.get("times", 1)
        return bytes(process["title"], "utf-8") * times
    if "repeat" in process:
        first, piece, times, last = process["repeat"]
        return _zero_ended(text for text in (first, *[piece] * times, last) if text)
    return _zero_ended(str(argument) for argument in process.get("argv", ()))


def _zero_ended(texts: Iterable[str]) -> bytes:
    return "".join(f"{text}\0" for text in texts).encode()


def _default_comm(process: Description) -> str:
    first = cmdline(process).split(b"\0")[0].decode("utf-8", "replace")
    return first.rpartition("/")[2][:15] or "unknown"


def _stat(process: Description, comm: str, ticks: int) -> bytes:
    flags = 0x208040 if process.get("kthread") else 0x400000
    fields = [process.get("ppid", 0), process["pid"], process["pid"], 0, -1, flags, *[0] * 8]
    fields += [20, 0, 1, 0, ticks, 10_485_760, 512, *[0] * 30]
    return f"{process['pid']} ({comm}) {process.get('state', 'S')} {_joined(fields)}\n".encode()


def _joined(values: Sequence[object]) -> str:
    return " ".join(str(value) for value in values)


def _status(process: Description, comm: str) -> bytes:
    uids = "\t".join([str(process.get("uid", 0))] * 4)
    name = comm.replace("\\", "\\\\").replace("\n", "\\n")
    return (
        f"Name:\t{name}\nUmask:\t0022\nState:\t{process.get('state', 'S')} (sleeping)\n"
        f"Tgid:\t{process['pid']}\nNgid:\t0\nPid:\t{process['pid']}\n"
        f"PPid:\t{process.get('ppid', 0)}\nTracerPid:\t0\nUid:\t{uids}\nGid:\t{uids}\n"
        f"FDSize:\t64\nGroups:\t \nThreads:\t1\n"
    ).encode()


def _passwd(users: Any) -> bytes:
    if isinstance(users, str):
        return users.encode()
    return "".join(f"{name}:x:{uid}:{uid}::/:/bin/sh\n" for name, uid in users.items()).encode()


def table(rows: Iterable[str], name: str) -> str:
    """The text of a socket table: each row is `LOCAL REMOTE STATE INODE [UID]`."""
    lines = [_HEADER]
    for number, row in enumerate(rows):
        local, remote, state, inode, *rest = row.split()
        owner = rest[0] if rest else "0"
        lines.append(
            f"{number:4}: {_endpoint(local)} {_endpoint(remote)} {_STATES.index(state):02X}"
            f" 00000000:00000000 00:00000000 00000000 {owner:>5}        0 {inode}"
            + (" 1 0000000000000000 100 0 0 10 0\n" if "tcp" in name else " 2 0000000000000000 0\n")
        )
    return "".join(lines)


def _endpoint(text: str) -> str:
    """`10.0.0.1:80` or `[::1]:80` as the kernel of a little-endian machine writes it."""
    host, _, port = text.rpartition(":")
    packed = ip_address(host.strip("[]")).packed
    words = [packed[at : at + 4][::-1].hex().upper() for at in range(0, len(packed), 4)]
    return f"{''.join(words)}:{int(port):04X}"
