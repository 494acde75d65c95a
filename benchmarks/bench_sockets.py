"""Seconds for all sockets of a machine: ours, a psutil loop, and `ss -tunap`, in one run.

    python benchmarks/bench_sockets.py [PROCESSES] [CONNECTIONS] [ROUNDS]

Ours includes the outcome on every process, roles, ages, peers, and the JSON document; the psutil
loop has addresses, states and pids, and the processes' own facts; ss has no process data but
names. The three take turns, and the medians of all rounds are compared, so that a busy machine
slows all of them.

The last line compares the function that is compiled from the declaration of the JSON of a socket
with a hand-written dict; it should take at most 1.3 times as long.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from proccli.agent.inputs import Inputs
from proccli.commands.samples import NO_WAIT
from proccli.commands.scan.scan import scan
from proccli.commands.sockets.output import SOCKET, sockets_document
from proccli.commands.sockets.sockets import SocketSelection, sockets
from proccli.config import loading
from proccli.model.process import NO_TAGS, Environment
from proccli.model.sockets import Socket
from proccli.sources.procfs.live import LiveSource
from proccli.terminal.document import encode


def inputs() -> Inputs:
    """The living machine under the agent's defaults."""
    return Inputs(
        config=loading.defaults("6.5", "server"),
        source=LiveSource(),
        environment=Environment(values={}, complete=True, origin="a benchmark"),
        tags=NO_TAGS,
        notes=(),
    )


def ours() -> int:
    """What `proccli sockets --no-wait --json` does."""
    result = sockets(inputs(), SocketSelection(), NO_WAIT)
    sockets_document(result, result.sockets)
    return len(result.sockets)


def our_scan() -> int:
    """What `proccli scan` does, which counts them."""
    return sum(
        outcome.sockets.skipped + outcome.sockets.undecided + outcome.sockets.synced
        for outcome in scan(inputs()).outcomes
        if outcome.sockets is not None
    )


def by_hand(socket: Socket) -> dict[str, Any]:
    """What `SOCKET.json` returns."""
    row, peer = socket.row, socket.peer
    return {
        "pid": socket.pid,
        "gprocess": socket.gprocess,
        "protocol": row.protocol,
        "family": row.family,
        "state": row.state,
        "local": {"ip": row.local.ip, "port": row.local.port},
        "remote": {"ip": row.remote.ip, "port": row.remote.port},
        "role": socket.role,
        "netns": socket.netns,
        "inode": row.inode,
        "fd": socket.fd,
        "age_s": socket.age_s,
        "age_source": socket.age_source,
        "status": socket.status,
        "reason": socket.reason,
        "peer": None if peer is None else {"pid": peer.pid, "gprocess": peer.gprocess},
    }


def declared_by_hand(rounds: int) -> float:
    """How many times as long the declared JSON takes as the hand-written."""
    found = sockets(inputs(), SocketSelection(), NO_WAIT).sockets
    if [json.loads(SOCKET.line(one)) for one in found] != list(map(by_hand, found)):
        raise AssertionError("by_hand is not what SOCKET declares")
    ratios = [
        seconds(lambda: list(map(SOCKET.line, found)))
        / seconds(lambda: [encode(by_hand(one)) for one in found])
        for _ in range(rounds)
    ]
    return statistics.median(ratios)


def psutil_loop() -> int:
    """The same facts, as far as psutil has them."""
    psutil.process_iter.cache_clear()
    facts = ["cmdline", "name", "ppid", "create_time", "exe", "uids"]
    known = {one.pid: one.info for one in psutil.process_iter(facts)}
    found = [
        (known.get(one.pid), one.fd, one.laddr, one.raddr, one.status)
        for one in psutil.net_connections("inet")
        if one.pid is not None
    ]
    return len(found)


def ss() -> int:
    """The kernel's list by netlink, with ss looking through all file descriptors."""
    done = subprocess.run(["ss", "-tunapH"], capture_output=True, check=True)
    return done.stdout.count(b"pid=")


@contextmanager
def crowd(processes: int, connections: int) -> Iterator[None]:
    """So many processes that hold one end of so many connections, whose other ends we hold."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    children: list[int] = []
    kept: list[socket.socket] = [listener]
    try:
        for number in range(processes):
            share = connections // processes + (number < connections % processes)
            pid = os.fork()
            if pid == 0:
                for one in kept[1:]:
                    one.close()
                mine = [socket.create_connection(listener.getsockname()) for _ in range(share)]
                listener.close()
                while mine:
                    signal.pause()
                os._exit(0)
            children.append(pid)
            kept.extend(listener.accept()[0] for _ in range(share))
        yield
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        for one in kept:
            one.close()


def seconds(work: Callable[[], object]) -> float:
    """How long it took."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Take turns and print medians."""
    given = [int(text) for text in sys.argv[1:4]]
    processes, connections, rounds = given + [500, 2000, 7][len(given) :]
    contestants: dict[str, Callable[[], int]] = {
        "proccli sockets": ours,
        "proccli scan": our_scan,
        "psutil loop": psutil_loop,
    }
    if shutil.which("ss"):
        contestants["ss -tunap"] = ss
    times: dict[str, list[float]] = {name: [] for name in contestants}
    with crowd(processes, connections):
        counts = {name: work() for name, work in contestants.items()}
        for _ in range(rounds):
            for name, work in contestants.items():
                times[name].append(seconds(work))
        declared = declared_by_hand(rounds)
    print(f"{processes} processes, {connections} connections, medians of {rounds} rounds")
    for name, measured in times.items():
        ratio = statistics.median(
            mine / other for mine, other in zip(times["proccli sockets"], measured, strict=True)
        )
        print(
            f"  {name:18} {statistics.median(measured):7.3f} s  {counts[name]:6} sockets"
            f"   sockets / it: {ratio:.2f}"
        )
    print(f"  JSON of a socket: declared / by hand: {declared:.2f}")


if __name__ == "__main__":
    main()
