"""Hosts whose kernels mark what they send, as far as anybody on the wire can tell: the mark is put
in by the first piece of wire (marking.py).

till-1 ──► router-1, which masquerades ──► store-1 ◄── desk-1
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.namespaces import Host, LabError, NoLabError, require, running_host, wait_for
from tests.lab.shop import PROGRAMS, PYTHON
from tests.lab.wires import Switch, running_switch
from tests.paths import ROOT

TILL, ROUTER, FAR_ROUTER, DESK, STORE = (
    "10.88.0.1",
    "10.88.0.254",
    "10.77.0.254",
    "10.77.0.4",
    "10.77.0.3",
)
PORT = 8080
_OURS = Path(__file__).parent / "programs"
_MARKS = "/opt/marks.json"
_CAPTURE = "/opt/x.pcap"


@dataclass(slots=True)
class Traced:
    """A host at the end of a wire that marks."""

    host: Host
    wire: Host
    marks: dict[str, Any] = field(default_factory=dict)

    def mark(
        self,
        port: int,
        variant: str,
        pid: int,
        *,
        agent: int = 0,
        of: Sequence[str] = ("syn", "data"),
    ) -> None:
        """Have what it sends from this port marked."""
        self.marks[str(port)] = {"variant": variant, "pid": pid, "agent": agent, "of": [*of]}
        self.wire.write(_MARKS, json.dumps(self.marks))


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One of `programs/`, running on a host under a name of its own."""

    host: Host
    called: str
    pid: int

    @property
    def owner(self) -> str:
        """The value of its tag `owner`."""
        return f"{self.called} on {self.host.name}"

    def tell(self, signal: str) -> None:
        """Send a caller a signal, and wait until it has done what that means."""
        times = self.host.log(self.called).count("done") + 1
        self.host.run("kill", f"-{signal}", str(self.pid))
        wait_for(
            f"{self.called} to be done", lambda: self.host.log(self.called).count("done") == times
        )


def start(host: Host, script: str, *arguments: str, called: str) -> Program:
    """Start one of `programs/`, and wait until it is ready."""
    path = f"/opt/shop/{called}.py"
    host.write(path, (_OURS / f"{script}.py").read_text(encoding="utf-8"))
    pid = host.start(PYTHON, path, *arguments, log=called)
    host.wait_for_log(pid, called)
    return Program(host=host, called=called, pid=pid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """All of them."""

    till: Traced
    desk: Traced
    store: Traced
    router: Host

    @property
    def hosts(self) -> tuple[Host, ...]:
        """Those that can be recorded."""
        return self.till.host, self.desk.host, self.store.host, self.router

    @contextlib.contextmanager
    def captured(self, to: Path) -> Iterator[None]:
        """Have tcpdump write what comes by in front of the store, behind the marks of all."""
        wire = self.store.wire
        options = ("-i", "far", "-U", "--immediate-mode", "-Z", "root", "-w", _CAPTURE)
        pid = wire.start("tcpdump", *options, "tcp", log="tcpdump")
        wire.wait_for_log(pid, "tcpdump", "listening on")
        yield
        # What it has not read when it is told to end is lost.
        wait_for("the rest of the packets", _stays(wire.outer_path(_CAPTURE)))
        wire.run("kill", "-INT", str(pid))
        wait_for("the end of tcpdump", lambda: not wire.is_running(pid))
        shutil.copyfile(wire.outer_path(_CAPTURE), to)


def _stays(path: Path) -> Callable[[], bool]:
    """Whether a file has been as it is for half a second, each time it is asked."""
    seen = [(-1, 0.0)]

    def stays() -> bool:
        size, since = seen[0]
        now = time.monotonic()
        if path.stat().st_size != size:
            seen[0] = (path.stat().st_size, now)
        return path.stat().st_size == size and now - since > 0.5

    return stays


@contextlib.contextmanager
def traced_network() -> Iterator[Network]:
    """With nothing running on the hosts. Raises: NoLabError."""
    require("tcpdump")
    with contextlib.ExitStack() as stack:
        near, far = (stack.enter_context(running_switch()) for _ in range(2))
        router = stack.enter_context(running_host("router-1"))
        near.plug(router, f"{ROUTER}/24")
        far.plug(router, f"{FAR_ROUTER}/24", interface="eth1")
        till, desk, store = (
            stack.enter_context(_traced(name, address, switch))
            for name, address, switch in (
                ("till-1", TILL, near),
                ("desk-1", DESK, far),
                ("store-1", STORE, far),
            )
        )
        till.host.configure_network(f"route add default via {ROUTER}")
        _masquerade(router)
        yield Network(till=till, desk=desk, store=store, router=router)


@contextlib.contextmanager
def _traced(name: str, address: str, switch: Switch) -> Iterator[Traced]:
    with running_host(name) as host, running_host(f"wire-{name}") as wire:
        with _available():
            peer = f"peer name eth0 netns {host.outer_pid}"
            wire.configure_network(f"link add near type veth {peer}", "link set near up")
        switch.plug(wire, interface="far")
        host.configure_network(f"addr add {address}/24 dev eth0", "link set eth0 up")
        python = (sys.executable, "-m", "tests.topology.marking")
        pid = wire.start(
            *python, "near", "far", _MARKS, log="marking", env={"PYTHONPATH": str(ROOT)}
        )
        wire.wait_for_log(pid, "marking")
        yield Traced(host, wire)


def _masquerade(router: Host) -> None:
    program = "/opt/translate.py"
    router.write(program, (PROGRAMS / "translate.py").read_text(encoding="utf-8"))
    with _available():
        router.run(PYTHON, program, "--masquerade", TILL)


@contextlib.contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except LabError as error:
        raise NoLabError(str(error)) from error


def end(host: Host, pid: int) -> None:
    """End a process for good."""
    host.run("kill", "-KILL", str(pid))
    wait_for(f"the end of process {pid} of {host.name}", lambda: not host.is_running(pid))


def give_away(host: Host, pid: int) -> None:
    """Have the next process that is started on the host get this pid.

    Raises: NoLabError where that can't be had.
    """
    with _available():
        host.run("bash", "-c", f"echo {pid - 1} >/proc/sys/kernel/ns_last_pid")


Labelled = Mapping[int, Mapping[str, Any]]
"""Connections by the port of their client."""
