"""The environment of the deepflow-agent that runs on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Final

from proccli.errors import SourceError
from proccli.model.process import Environment, Field
from proccli.sources.procfs.files import Unreadable, read_at
from proccli.sources.procfs.live import LiveSource

AGENT = "deepflow-agent"
OWN = "proccli's own environment"


def find(root: str = "/proc") -> Environment | None:
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


_NAMES: Final[frozenset[Field]] = frozenset({"stat", "cmdline", "exe"})


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


def own() -> Environment:
    """Our own environment, which stands in where no agent runs."""
    block = b"\0".join(name + b"=" + value for name, value in os.environb.items())
    return Environment(values=parse_environ(block), complete=True, origin=OWN)


def parse_environ(block: bytes) -> Mapping[str, str]:
    """The variables of an environment block; of a name that stands there twice, the first, as
    getenv(3) finds it.

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
    except (OSError, IndexError):  # an empty /proc is beyond psutil
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
