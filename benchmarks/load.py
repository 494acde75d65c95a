"""A load of real processes and sockets to measure on.

    python benchmarks/load.py PROCESSES/CONNECTIONS [--namespaces N] [-- COMMAND ...]

Starts so many processes, in trees and with distinct command lines, that hold both ends of so many
TCP connections over loopback, and listeners and UDP sockets besides. One connection in ten is over
IPv6. Half of the trees are in N network namespaces (4 by default; none without root's rights).

With COMMAND, runs it under the load and exits with its exit code. Without, prints what is there as
one line of JSON, and lasts until the standard input ends or a signal arrives.

Nothing is left behind, even if this program is killed: each process of the load is a shell that
reads its commands from a pipe, and ends when the only writer of the pipe, this program, ends.
Connections are reset, so none is left in TIME_WAIT; a namespace ends with its last process.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import gc
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_CHILD_SUBREAPER: Final = 36
_CLONE_NEWNET: Final = 0x4000_0000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1

_TREE: Final = 10
"""Processes of a service: its supervisor, the main process, workers, and a worker's helper."""
_AT_ONCE: Final = 24
"""Services that are started at the same time."""
_PODS_AT_ONCE: Final = 4
_LATEST_S: Final = 60.0
"""How long killed processes may take to end."""

# A shell that is named `java` still reads its commands from standard input; what follows `-s --`
# are arguments of these commands.
_COMMANDS: Final = (
    (
        "/usr/lib/jvm/java-17/bin/java -s -- -Xms512m -Xmx2g -XX:+UseG1GC -Dinstance={n}"
        " -XX:MaxGCPauseMillis=200 -Dspring.profiles.active=prod -Djava.io.tmpdir=/var/tmp/{n}"
        " -jar /opt/shop/orders-{n}.jar --server.port=8080"
    ),
    "/usr/bin/python3 -s -- /opt/shop/app-{n}.py --port 8080 --config /etc/shop/app-{n}.yaml",
    "nginx: worker process {n}",
    "/usr/bin/node -s -- /srv/shop/cart-{n}/server.js --max-old-space-size=4096 --env production",
    "postgres: shop orders_{n} 10.0.0.5(41000) idle",
    "/usr/bin/redis-server -s -- /etc/redis/redis-{n}.conf --cluster-enabled yes",
    "/usr/sbin/php-fpm -s -- --nodaemonize --fpm-config /etc/php/8.2/fpm/pool-{n}.conf",
    (
        "/usr/local/bin/envoy -s -- -c /etc/envoy/envoy.yaml --service-node sidecar~shop-{n}"
        " --service-cluster shop-{n}.default --concurrency 2 --log-level warning"
    ),
)
_SUPERVISOR: Final = "/usr/bin/containerd-shim-runc-v2 -s -- -namespace k8s.io -id {n:064x}"
_PAUSE: Final = "/pause"
_ROOT: Final = "load"

_ENVIRONMENT: Final[Mapping[str, str]] = {"PATH": "/usr/bin:/bin", "LANG": "C"}
_MULTI_CALL: Final = ("busybox", "toybox")
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of a connection that is reset when it is closed, and so not kept in TIME_WAIT."""


class Size(NamedTuple):
    """What a load has."""

    processes: int
    connections: int
    """Established TCP connections; processes of the load hold both ends."""

    @classmethod
    def parse(cls, text: str) -> Size:
        """From "500/2000". Raises: ValueError."""
        processes, connections = (int(number) for number in text.split("/"))
        if processes < 2 or connections < 0:
            raise ValueError(text)
        return cls(processes, connections)

    def __str__(self) -> str:
        return f"{self.processes}/{self.connections}"


class Load(NamedTuple):
    """What was started."""

    root: int
    """The pid of the process that is the ancestor of all, and the leader of their group."""
    processes: int
    connections: int
    udp: int
    """UDP sockets with a peer; the peer is another socket of the load, without a peer."""
    namespaces: int
    """Network namespaces, besides that of the caller."""
    seconds: float
    """How long it took to start."""


class LoadError(Exception):
    """The load could not be started."""


@contextlib.contextmanager
def started(size: Size, namespaces: int) -> Iterator[Load]:
    """The load, started and ended by a process of its own. Raises: LoadError."""
    command = [sys.executable, __file__, str(size), "--namespaces", str(namespaces)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as launcher:
        assert launcher.stdin is not None
        assert launcher.stdout is not None
        try:
            line = launcher.stdout.readline()
            if not line:
                raise LoadError(f"no load of {size} processes/connections; see above")
            yield Load(**json.loads(line))
        finally:
            launcher.terminate()
            launcher.wait()


@contextlib.contextmanager
def load(size: Size, namespaces: int) -> Iterator[Load]:
    """The load, as descendants of this process. Raises: LoadError."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # so that we can wait for all of them
    since = time.monotonic()
    life, alive = os.pipe()
    finished, report = os.pipe()
    folder = tempfile.mkdtemp(prefix="proccli-load-")
    root = os.fork()
    if root == 0:
        os.close(alive)
        _become(report, partial(_root, size, namespaces, folder, life, report))
    os.close(report)
    os.close(life)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpgid(root, root)  # it does so, too: whoever is first
    try:
        counts = _read_all(finished)
        if not counts.startswith("{"):
            raise LoadError(counts or "the processes were killed while they started")
        yield Load(root=root, **json.loads(counts), seconds=time.monotonic() - since)
    finally:
        os.close(alive)
        _end(root)
        shutil.rmtree(folder, ignore_errors=True)


def _end(group: int) -> None:
    """Kill all and wait for all. Raises: LoadError if some do not end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    latest = time.monotonic() + _LATEST_S
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            if time.monotonic() > latest:
                raise LoadError(f"processes of the group {group} do not end")
            time.sleep(0.005)


def _become(report: int, build: Callable[[], NoReturn]) -> NoReturn:
    """The rest of a forked process's work: `build` executes a shell, or fails and is reported."""
    try:
        build()
    except (OSError, LoadError) as error:
        os.write(report, f"{error}\n".encode())
    except BaseException:
        os.write(report, traceback.format_exc().encode())
    finally:
        os._exit(1)


def _together(builds: Sequence[Callable[[], NoReturn]]) -> None:
    """Fork a process for each, and wait until all of them execute a shell. Raises: LoadError."""
    finished, report = os.pipe()
    for build in builds:
        if os.fork() == 0:
            os.close(finished)
            _become(report, build)
    os.close(report)
    if errors := _read_all(finished):
        raise LoadError(errors)


def _read_all(fd: int) -> str:
    """What is written until all writers have closed their end, as they do by executing."""
    with os.fdopen(fd, errors="replace") as stream:
        return stream.read()


def _root(size: Size, namespaces: int, folder: str, life: int, report: int) -> NoReturn:
    """Start everything, remove the folder, then become the ancestor of all."""
    gc.freeze()  # so that the many forks share their memory
    os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_WRONLY)
    for source, standard in ((life, 0), (null, 1), (null, 2)):
        os.dup2(source, standard)
    pods = min(namespaces, (size.processes - 1) // (2 * _TREE + 1)) if _can_unshare() else 0
    services = _services(size.processes - 1 - pods, size.connections)
    inside = services[: len(services) // 2] if pods else []
    shells = _Shells(folder)
    for first in range(0, pods, _PODS_AT_ONCE):
        numbers = range(first, min(first + _PODS_AT_ONCE, pods))
        _together([partial(_pod, shells, inside[number::pods]) for number in numbers])
    _start(shells, services[len(inside) :])
    shutil.rmtree(folder)
    counts = {
        "processes": size.processes,
        "connections": size.connections,
        "udp": sum(service.with_udp for service in services),
        "namespaces": pods,
    }
    os.write(report, json.dumps(counts).encode())
    os.execve(shells.shell, [_ROOT], _ENVIRONMENT)


def _pod(shells: _Shells, services: Sequence[_Service]) -> NoReturn:
    """Start services in a network namespace of their own, then become its first process."""
    if not _unshare():
        raise LoadError(f"no network namespace: {os.strerror(ctypes.get_errno())}")
    loopback_up()
    _start(shells, services)
    shells.execute(_PAUSE, ())


def loopback_up() -> None:
    """Start the loopback interface of a new network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack_from("16xh", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def _can_unshare() -> bool:
    """Whether this user may create network namespaces."""
    pid = os.fork()
    if pid == 0:
        os._exit(0 if _unshare() else 1)
    return os.waitpid(pid, 0)[1] == 0


def _unshare() -> bool:
    return bool(_LIBC.unshare(_CLONE_NEWNET) == 0)


class _Service(NamedTuple):
    """A tree of processes that are connected to each other."""

    number: int
    first: int
    """The number of its first process among all of the load."""
    processes: int
    connections: int

    @property
    def with_udp(self) -> bool:
        """Every second service has UDP and IPv6, so some namespaces have neither."""
        return self.number % 2 == 1

    @property
    def children(self) -> Mapping[int, Sequence[int]]:
        """The main process below the supervisor, workers below it, a helper below one of them."""
        found: dict[int, list[int]] = {}
        for process in range(1, self.processes):
            parent = 0 if process == 1 else 3 if process == 4 else 1
            found.setdefault(parent, []).append(process)
        return found


def _services(processes: int, connections: int) -> Sequence[_Service]:
    """The processes in trees of at most ten, and an equal share of the connections for each."""
    count = -(-processes // _TREE)
    return [
        _Service(
            number=number,
            first=number * _TREE,
            processes=min(_TREE, processes - number * _TREE),
            connections=connections * (number + 1) // count - connections * number // count,
        )
        for number in range(count)
    ]


def _start(shells: _Shells, services: Sequence[_Service]) -> None:
    for first in range(0, len(services), _AT_ONCE):
        batch = services[first : first + _AT_ONCE]
        _together([partial(_supervisor, shells, service) for service in batch])


def _supervisor(shells: _Shells, service: _Service) -> NoReturn:
    """Open the sockets of a service, and start its processes, which hold them."""
    listeners, others = _sockets(service)
    holders = max(service.processes - 1, 1)
    held = [[*listeners, *others[nth::holders]] for nth in range(holders)]
    if service.processes > 1:
        held.insert(0, [])
    _process(shells, service, held, 0)


def _process(
    shells: _Shells, service: _Service, held: Sequence[Sequence[socket.socket]], process: int
) -> NoReturn:
    """Start a process's children, then become this process.

    One with children is a fork of this program until it executes a shell; others are spawned.
    """
    for child in service.children.get(process, ()):
        if child not in service.children:
            shells.spawn(_command(service, child), held[child])
        elif os.fork() == 0:
            _process(shells, service, held, child)
    shells.execute(_command(service, process), held[process])


def _command(service: _Service, process: int) -> str:
    number = service.first + process
    if process == 0 and service.processes > 1:
        return _SUPERVISOR.format(n=number)
    return _COMMANDS[number % len(_COMMANDS)].format(n=number)


class _Shells:
    """Starts shells that play other programs.

    A link to the shell is executed that is named like the program, because this name is the
    process's comm. All descriptors but the standard ones are closed on exec, unless the process
    is to have them.
    """

    def __init__(self, folder: str) -> None:
        self.shell = _shell()
        self._folder = folder
        for command in (*_COMMANDS, _SUPERVISOR, _PAUSE):
            with contextlib.suppress(FileExistsError):
                Path(self._link(_arguments(command)[0])).symlink_to(self.shell)

    def spawn(self, command: str, sockets: Sequence[socket.socket]) -> None:
        """A child that holds these sockets."""
        arguments = _arguments(command)
        for one in sockets:
            one.set_inheritable(True)
        os.posix_spawn(self._link(arguments[0]), arguments, _ENVIRONMENT)
        for one in sockets:
            one.set_inheritable(False)

    def execute(self, command: str, sockets: Sequence[socket.socket]) -> NoReturn:
        """Become such a process."""
        arguments = _arguments(command)
        for one in sockets:
            one.set_inheritable(True)
        os.execve(self._link(arguments[0]), arguments, _ENVIRONMENT)

    def _link(self, argument: str) -> str:
        program = argument.rsplit("/", 1)[-1]
        return f"{self._folder}/{program.partition(':')[0]}"


def _arguments(command: str) -> list[str]:
    """A process title is one argument, like `nginx: worker process`."""
    return [command] if ": " in command else command.split()


def _shell() -> str:
    """A small shell. Raises: LoadError if there is none that may be called anything."""
    for name in ("dash", "bash", "ksh", "sh"):
        found = shutil.which(name)
        if found and Path(found).resolve().name not in _MULTI_CALL:
            return found
    raise LoadError("the load needs dash or bash: a multi-call sh must be called sh")


def _sockets(service: _Service) -> tuple[list[socket.socket], list[socket.socket]]:
    """The listeners of a service, and both ends of each connection, one after the other."""
    number = service.number
    anywhere = number % 3 == 0
    address = f"127.{number >> 8 & 255}.{number & 255}.1"
    listeners = [socket.create_server(("" if anywhere else address, 0))]
    targets = [(address, listeners[0].getsockname()[1])]
    ends: list[socket.socket] = []
    if service.with_udp:
        ends += _udp(address)
        with contextlib.suppress(OSError):  # a machine without IPv6
            listeners.append(socket.create_server(("::1", 0), family=socket.AF_INET6))
            targets = targets * 4 + [("::1", listeners[1].getsockname()[1])]
    for turn in range(service.connections):
        target = targets[turn % len(targets)]
        listener = listeners[":" in target[0]]
        client = socket.socket(listener.family)
        client.connect(target)
        accepted, _ = listener.accept()
        for end in (client, accepted):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        ends += (client, accepted)
    return listeners, ends


def _udp(address: str) -> tuple[socket.socket, socket.socket]:
    """A socket without a peer, and one that is connected to it."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 0))
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(server.getsockname())
    return server, client


def _stop(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(
        description="Real processes and sockets to measure on.",
        usage="%(prog)s PROCESSES/CONNECTIONS [--namespaces N] [-- COMMAND ...]",
        epilog="Without COMMAND, the load lasts until standard input ends or a signal arrives.",
    )
    parser.add_argument("size", type=Size.parse, metavar="PROCESSES/CONNECTIONS")
    parser.add_argument("--namespaces", type=int, default=4, metavar="N")
    ours, command = sys.argv[1:], []
    if "--" in ours:
        ours, command = ours[: ours.index("--")], ours[ours.index("--") + 1 :]
    given = parser.parse_args(ours)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        with load(given.size, given.namespaces) as there:
            if command:
                sys.exit(subprocess.run(command, check=False).returncode)
            print(json.dumps(there._asdict()), flush=True)
            sys.stdin.buffer.read()
    except LoadError as error:
        lines = dict.fromkeys(filter(None, str(error).splitlines()))  # several may say the same
        sys.exit("load.py: " + "\n".join(lines))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
