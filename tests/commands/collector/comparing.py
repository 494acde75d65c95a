"""Recordings by the collector's scripts beside those by proccli, of processes that stay."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from proccli.commands.collector.collector import Language, collector_script
from proccli.sources.procfs.live import LiveSource
from proccli.sources.recording.format import decode_cmdline
from proccli.sources.recording.reader import parse_recording
from proccli.sources.recording.writer import write_recording
from proccli.terminal.warning_text import message
from tests.network import connected, enter_new_namespace, fresh, udp_pair
from tests.sources.procfs.processes import (
    become_nobody,
    exec_raw,
    fork,
    forked,
    in_pid_namespace,
    set_comm,
)
from tests.waiting import LONG_S, eventually

Value = TypeVar("Value")
Lines: TypeAlias = Sequence[Mapping[str, Any]]
RUNS_DIFFER: Final = ("taken_at", "watched_since", "proccli")
"""Keys of a header that no two runs have in common."""


def pythons() -> list[str]:
    """The interpreters that are here: those of the system, and those that pyenv has installed."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    system = [Path("/usr/bin", name) for name in ("python2.7", "python3")]
    with contextlib.suppress(OSError):
        system += pyenv.glob("*/bin/python")
    return sorted(str(path) for path in system if os.access(path, os.X_OK))


def busybox_only(folder: Path) -> Path:
    """A directory with busybox under the names of all its programs."""
    busybox = shutil.which("busybox") or ""
    for name in subprocess.run(
        [busybox, "--list"], capture_output=True, text=True, check=True
    ).stdout.split():
        (folder / name).symlink_to(busybox)
    return folder


def collected(command: Sequence[str], path: str = os.environ["PATH"], wait: str = "0") -> bytes:
    """What a script writes that an interpreter reads from standard input."""
    language: Language = "python" if command[-1] == "-" else "sh"
    done = subprocess.run(
        [*command, wait],
        input=collector_script(language).encode("ascii"),
        capture_output=True,
        check=False,
        timeout=LONG_S,
        env={**os.environ, "PATH": path},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def lines_of(recording: bytes) -> Lines:
    """The lines of a recording that a reader accepts."""
    parse_recording(io.BytesIO(recording), "collected")
    return [json.loads(line) for line in recording.splitlines()]


def recorded() -> Lines:
    """What proccli records of this machine, unmasked and by one look."""
    out = io.BytesIO()
    write_recording(out, LiveSource(), message=message)
    return lines_of(out.getvalue())


def header_of(lines: Lines) -> Mapping[str, Any]:
    """The header without what no two runs have in common."""
    return {key: value for key, value in lines[0].items() if key not in RUNS_DIFFER}


def processes_of(lines: Lines) -> Mapping[int, Mapping[str, Any]]:
    """By pid. The numbers of namespaces are arbitrary, and so is how a long command line is cut."""
    return {
        line["pid"]: {
            **line,
            "net": line["net"] is not None,
            "cmdline": None if line["cmdline"] is None else decode_cmdline(line["cmdline"]),
        }
        for line in lines
        if line["type"] == "process"
    }


def users_of(lines: Lines) -> Mapping[int, Mapping[str, str]]:
    """Tables of users by the inode number of the root."""
    return {line["root_inode"]: line["names"] for line in lines if line["type"] == "users"}


def nets_of(lines: Lines) -> Mapping[tuple[int | None, str], object]:
    """Socket tables and addresses by the inode number of the namespace."""
    netns = {line["net"]: line["netns"] for line in lines if line["type"] == "net"}
    found: dict[tuple[int | None, str], Any] = {}
    for line in lines:
        if line["type"] == "net":
            key = (line["netns"], line["table"])
            before = found.get(key, ([], None))
            found[key] = ([*before[0], *line["rows"]], line["error"])
        elif line["type"] == "addresses":
            found[netns[line["net"]], "addresses"] = line["ipv4"]
    return found


def differences(reference: Lines, collected: Lines, ours: Sequence[int]) -> list[str]:
    """What the collector has otherwise than proccli of the processes `ours`, their users, and the
    network namespaces that they do not share with the rest of the machine, which never rests."""
    busy = Path("/proc/self/ns/net").stat().st_ino
    wrong = [] if header_of(reference) == header_of(collected) else ["header"]
    roots = {processes_of(reference)[pid]["root_inode"] for pid in ours}
    netns = {processes_of(reference)[pid]["netns"] for pid in ours} - {None}
    for part, wanted in (
        (processes_of, lambda key: key in ours),
        (users_of, lambda key: key in roots),
        (nets_of, lambda key: key[0] in netns and (key[0] != busy or key[1] == "addresses")),
    ):
        one, other = (
            {key: value for key, value in part(lines).items() if wanted(key)}
            for lines in (reference, collected)
        )
        for key in sorted(one.keys() | other.keys(), key=str):
            wrong += _differing(f"{part.__name__} {key}", one.get(key), other.get(key))
    assert set(ours) <= processes_of(reference).keys()
    return wrong


def _differing(name: str, expected: Any, got: Any) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in sorted(expected.keys() | got.keys()):
            yield from _differing(f"{name} {key}", expected.get(key), got.get(key))
    elif expected != got:
        yield f"{name}: {got} instead of {expected}"


def alone(work: Callable[[], Value]) -> Value:
    """What `work` returns where it sees no other processes, if we are root: those of a busy machine
    may hold a hundred thousand sockets."""
    return in_pid_namespace(work) if os.geteuid() == 0 else work()


# ---- processes of every odd kind -------------------------------------------------------------


@contextlib.contextmanager
def odd_processes(folder: Path) -> Iterator[list[int]]:
    """The pids of processes that stay as they are until the block ends."""
    odd_program = os.fsencode(folder) + b"/sl\xffe\xed\xa0\x80ep"
    shutil.copy(b"/bin/sleep", odd_program)
    root = folder / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "passwd").write_text('+root:x:0\nfirst:x:7:7:::\nsecond:x:+7:\nodd\\"é:x:8\n')
    bodies: list[Callable[[], object]] = [
        lambda: _wait_as(b"sh\xff", b"", b"\xed\xa0\x80", b"\xc3\xa9", b""),
        lambda: exec_raw(odd_program, [b"", b"600"]),
        lambda: _wait_as(b"many", *[b"0"] * 100_001),
        lambda: _wait_as(b"sh", '"\\\x1b[1m\u2028\U0001f600\n\r\x7f'.encode()),
        lambda: set_comm(b") R (\n\xff\x80"),
        lambda: set_comm(b"a:b \xc2\xa0"),
        become_nobody,
        lambda: os.chroot(root),
        lambda: _hold_sockets(folder),
    ]
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(forked(body)) for body in bodies[4:]]
        found.append(stack.enter_context(forked(stays=False)))
        found += [stack.enter_context(_executed(body)) for body in bodies[:4]]
        yield found


@contextlib.contextmanager
def _executed(body: Callable[[], object]) -> Iterator[int]:
    """The pid of a child that has become another program."""
    pid = fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            body()
        os._exit(1)
    try:
        before = Path("/proc/self/exe").readlink()
        eventually(lambda: Path(f"/proc/{pid}/exe").readlink() != before, what="the exec")
        yield pid
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def _wait_as(*argv: bytes) -> None:
    """Become a shell with these arguments, which waits for a line that never comes."""
    reader, writer = os.pipe()
    os.dup2(reader, 0)
    os.set_inheritable(writer, True)
    exec_raw(b"/bin/sh", [argv[0], b"-c", b"read line", *argv[1:]])


_held: list[Any] = []


def _hold_sockets(folder: Path) -> None:
    """Sockets of each kind, in a network namespace of their own where that is allowed."""
    with contextlib.suppress(BaseException):
        enter_new_namespace()
    stack = contextlib.ExitStack()
    _held.append(stack)
    stack.enter_context(connected())
    stack.enter_context(udp_pair())
    for ip, dual in (("::1", False), ("127.0.0.1", True)):
        with contextlib.suppress(BaseException):
            stack.enter_context(connected(ip, dualstack_ipv6=dual))
    with contextlib.suppress(OSError):
        for address in ("::", "::ffff:127.0.0.1", "::1"):
            one = stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
            one.bind((address, 0))
    _held.append(socket.socketpair())
    # A file that is a socket, with a name that looks like what the shell script reads.
    for name in ("x\n@process 99\n@done alive", "fd/3 -> socket:[1]"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        one = socket.socket(socket.AF_UNIX)
        one.bind(str(path))
        _held.append((one, os.open(path, os.O_PATH)))
    _held.append(fresh(socket.create_server(("127.0.0.1", 0))))
