"""The deepflow-agent that runs on this machine: its identity, rights and view of /proc.

Everything here is read from /proc and nothing is run: any user can start a process with that name.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proccli.errors import SourceError
from proccli.model.process import OWN_ENVIRONMENT, Environment, Field
from proccli.sources.procfs.files import Unreadable, decode, read_at
from proccli.sources.procfs.live import LiveSource

# linux/capability.h
CAP_DAC_OVERRIDE: Final = 1 << 1
CAP_DAC_READ_SEARCH: Final = 1 << 2
CAP_SETUID: Final = 1 << 7
CAP_SYS_PTRACE: Final = 1 << 19

# linux/proc_ns.h: PROC_PID_INIT_INO, the namespace that the machine was booted with.
MACHINES_PID_NAMESPACE: Final = 0xEFFF_FFFC

AGENT: Final = "deepflow-agent"
_NAMES: Final[frozenset[Field]] = frozenset({"stat", "cmdline", "exe"})

_PATH_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningAgent:
    """A process called deepflow-agent, by its comm, its program or its first argument."""

    pid: int
    exe: str | None
    """None where the link can't be read, as of other users' processes without root's rights."""
    cmdline: str
    """The arguments, joined by one space."""
    started_s: float | None
    """Seconds since the epoch."""
    euid: int | None
    capabilities: int | None
    """The effective ones, as a bit set. Source: `CapEff`, proc_pid_status(5)."""
    shares_our_user_namespace: bool | None
    """Capabilities count for the processes of their own user namespace and those below it."""

    @property
    def reads_all(self) -> bool | None:
        """Whether it may read every process that it sees: capabilities(7)."""
        if self.capabilities is None:
            return None
        if self.shares_our_user_namespace is None and self.euid != 0:
            return None  # every user has all capabilities in a user namespace of their own
        if self.shares_our_user_namespace is False:
            return False
        searches = self.capabilities & (CAP_DAC_OVERRIDE | CAP_DAC_READ_SEARCH)
        return bool(searches and self.capabilities & CAP_SYS_PTRACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcView:
    """What a process finds at a path that should be a proc mount."""

    path: str
    problem: str | None = None
    """Why it can't be opened; None where it can, or where that is not known."""
    filesystem: str | None = None
    """The file system's type (`proc`); None: not known."""
    pid_namespace: int | None = None
    """Inode number of the namespace whose processes it shows; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMachine:
    """The agents of this machine and their view of processes."""

    agents: tuple[RunningAgent, ...]
    """The likeliest first."""
    view: ProcView
    """The os-proc-root as the first agent sees it; without an agent, as proccli sees it."""
    own_pid_namespace: int | None
    """Inode number of proccli's own pid namespace."""


def inspect_machine(proc_root: str, stand_in: str) -> LiveMachine:
    """The agents, and the proc mount at `proc_root` as the first of them sees it; without an agent,
    the mount at `stand_in` as proccli sees it."""
    agents = find_agents()
    view = proc_view(proc_root, agents[0].pid) if agents else proc_view(stand_in)
    return LiveMachine(agents=agents, view=view, own_pid_namespace=own_pid_namespace())


def find_agents() -> tuple[RunningAgent, ...]:
    """Every process of that name, the likeliest agent first: by its program's name and its
    rights, then by pid."""
    found = [agent for pid in agent_pids() if (agent := _agent(pid)) is not None]
    return tuple(sorted(found, key=lambda agent: (not agent.reads_all, not agent.exe, agent.pid)))


def _agent(pid: int) -> RunningAgent | None:
    """One of them, or None if it has exited."""
    import psutil  # costs more to load than all else here

    try:
        process = psutil.Process(pid)
        info = process.as_dict(["exe", "cmdline", "create_time", "uids"], ad_value=None)
    except psutil.NoSuchProcess:
        return None
    return RunningAgent(
        pid=pid,
        exe=info["exe"] or None,
        cmdline=" ".join(info["cmdline"] or ()),
        started_s=info["create_time"],
        euid=info["uids"].effective if info["uids"] else None,
        capabilities=_capabilities(pid),
        shares_our_user_namespace=_same_link(f"/proc/{pid}/ns/user", "/proc/self/ns/user"),
    )


def _capabilities(pid: int) -> int | None:
    try:
        status = decode(read_at(f"/proc/{pid}/status", None))
    except (OSError, Unreadable):
        return None
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return int(found[1], 16) if found else None


def _same_link(one: str, other: str) -> bool | None:
    try:
        return Path(one).readlink() == Path(other).readlink()
    except OSError:
        return None


def own_pid_namespace() -> int | None:
    """Inode number of proccli's own pid namespace."""
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return None


def proc_view(path: str, pid: int | None = None) -> ProcView:
    """What a process, or we ourselves, see at a path: through its root, its directory, its mounts.

    All is unknown where we lack the permission, or a symbolic link would lead through our own root
    instead of that of the process.
    """
    who = "self" if pid is None else str(pid)
    start = f"/proc/{who}/{'root' if path.startswith('/') else 'cwd'}"
    try:
        with _opened(start, path, follow=pid is None) as fd:
            if fd is None:
                return ProcView(path=path)
            return ProcView(
                path=path,
                filesystem=_filesystem(who, os.fstat(fd).st_dev),
                pid_namespace=_pid_namespace(fd),
            )
    except PermissionError:
        return ProcView(path=path)
    except (OSError, ValueError) as error:
        # An agent that has exited has no view any more.
        if pid is not None and not Path(f"/proc/{pid}").exists():
            return ProcView(path=path)
        problem = error.strerror if isinstance(error, OSError) else None
        return ProcView(path=path, problem=problem or "no path")


@contextmanager
def _opened(start: str, path: str, *, follow: bool) -> Iterator[int | None]:
    """The directory that a path leads to; None where a link is on the path.

    Raises: OSError, ValueError.
    """
    if not path:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if follow:
        fd: int | None = os.open(path, _PATH_DIRECTORY & ~os.O_NOFOLLOW)
    else:
        fd = _walked(start, [name for name in path.split("/") if name not in ("", ".")])
    try:
        yield fd
    finally:
        if fd is not None:
            os.close(fd)


def _walked(start: str, names: list[str]) -> int | None:
    fd = os.open(start, _PATH_DIRECTORY & ~os.O_NOFOLLOW)
    try:
        for name in names:
            # Above a process's root, ".." would lead us out of it.
            if name == ".." or stat.S_ISLNK(os.lstat(name, dir_fd=fd).st_mode):
                return None
            below = os.open(name, _PATH_DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = below
        found, fd = fd, -1
        return found
    finally:
        if fd >= 0:
            os.close(fd)


def _filesystem(who: str, device: int) -> str | None:
    """Source: mount points by device, proc_pid_mountinfo(5)."""
    try:
        mounts = decode(read_at(f"/proc/{who}/mountinfo", None))
    except (OSError, Unreadable):
        return None
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.splitlines():
        mount, _, filesystem = line.partition(" - ")
        fields = mount.split(" ")
        if len(fields) > 2 and fields[2] == wanted:
            return filesystem.split(" ")[0]
    return None


def _pid_namespace(fd: int) -> int | None:
    """The namespace of a proc mount's first process, which is that of the mount."""
    with suppress(OSError):
        return os.stat("1/ns/pid", dir_fd=fd).st_ino
    with suppress(OSError):
        # Without root's rights we know at least whether we are one of its processes.
        if os.readlink("self", dir_fd=fd) == str(os.getpid()):
            return own_pid_namespace()
    return None


def find_environment(root: str = "/proc") -> Environment | None:
    """The running agent's environment, or None where no agent runs.

    An agent whose environment we may not read has one without values, and not complete. Of
    several agents the one with the lowest pid answers.

    Source: /proc/PID/environ, proc_pid_environ(5): what the process was started with. The agent
    does not change it.
    """
    for pid in agent_pids(root):
        origin = f"{AGENT} (pid {pid})"
        try:
            block = read_at(f"{root}/{pid}/environ", None)
        except PermissionError:
            return Environment(values={}, complete=False, origin=f"{origin}, not readable for us")
        except (OSError, Unreadable):
            continue
        return Environment(values=parse_environ(block), complete=True, origin=origin)
    return None


def agent_pids(root: str = "/proc") -> Iterator[int]:
    """Processes called deepflow-agent by their comm, their program or their first argument."""
    if os.path.realpath(root) == "/proc":
        yield from _agents_of_this_machine()
        return
    # psutil knows one proc mount per program run.
    try:
        source = LiveSource(root)
        processes = list(source.read_many(source.pids(), _NAMES))
    except SourceError:
        return
    for process in processes:
        argv0 = (process.cmdline or b"").partition(b"\0")[0]
        if argv0 and _is_agent(process.comm, process.exe, os.fsdecode(argv0)):
            yield process.pid


def own_environment() -> Environment:
    """Our own environment, which replaces that of the agent where none runs."""
    block = b"\0".join(name + b"=" + value for name, value in os.environb.items())
    return Environment(values=parse_environ(block), complete=True, origin=OWN_ENVIRONMENT)


def parse_environ(block: bytes) -> Mapping[str, str]:
    """The variables of an environment block; the first of duplicate names counts, as in
    getenv(3).

    What is not UTF-8 is left out: to the agent it is as good as unset (the crate envmnt 0.10.4,
    src/expansion.rs).
    """
    values: dict[bytes, bytes] = {}
    for entry in block.split(b"\0"):
        name, separator, value = entry.partition(b"=")
        if name and separator:
            values.setdefault(name, value)
    return {
        name.decode(): value.decode()
        for name, value in values.items()
        if _is_utf8(name) and _is_utf8(value)
    }


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _agents_of_this_machine() -> Iterator[int]:
    import psutil  # costs more to load than all else here, and few rules mention a variable

    try:
        processes = list(psutil.process_iter(["name", "exe", "cmdline"]))
    except (OSError, IndexError):  # psutil can't read an empty /proc
        return
    for process in processes:
        info = process.info
        argv = info["cmdline"]
        # A zombie has no command line any more, and no environment to ask for.
        if argv and _is_agent(info["name"], info["exe"], argv[0]):
            yield process.pid


def _is_agent(*names: str | None) -> bool:
    return any(
        name.removesuffix(" (deleted)").rpartition("/")[2] == AGENT for name in names if name
    )
