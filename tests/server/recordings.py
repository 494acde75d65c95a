"""Recordings of small hosts, written where a test wants them."""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from proccli.model.sockets import SocketRow
from proccli.sources.recording.writer import write_recording
from tests.agent.sockets.looking import fd, tcp, udp
from tests.build import NOW_S, ListSource, host, net_tables, process

NS_PER_S = 1_000_000_000
NETNS = 4026531840
CONFIG = """\
static_config:
  os-proc-sync-enabled: true
  os-proc-regex:
  - match-regex: secret
    action: drop
  - match-regex: .*
"""
"""Accepts every process but `secret`, under its own name."""


def source(
    name: str,
    connections: Mapping[str, Sequence[str]],
    addresses: Sequence[str] = (),
    **fields: Any,
) -> ListSource:
    """A host with a process for each name, and its connections, like `10.0.0.1:4000 10.0.0.2:80`;
    `10.0.0.1:80` is a listener, and `udp 10.0.0.1:53 10.0.0.2:53` is over UDP. They were first
    seen `age_s` before the look."""
    age_s = fields.pop("age_s", 60)
    rows: list[SocketRow] = []
    sockets = {}
    processes = []
    for pid, (command, its) in enumerate(connections.items(), start=10):
        processes.append(process(pid, command, netns=NETNS))
        first = len(rows) + 1
        rows += [_row(100 + number, text) for number, text in enumerate(its, first)]
        sockets[pid] = [fd(3 + row.inode, row.inode, age_s) for row in rows[first - 1 :]]
    tables = net_tables(
        tcp=[row for row in rows if row.protocol == "tcp"],
        udp=[row for row in rows if row.protocol == "udp"],
    )
    return ListSource(
        processes,
        at=host(name=name, **fields),
        sockets=sockets,
        nets={NETNS: tables},
        addresses={NETNS: addresses},
    )


def _row(inode: int, text: str) -> SocketRow:
    words = text.split()
    return udp(inode, *words[1:]) if words[0] == "udp" else tcp(inode, *words)


def recording(of: ListSource) -> bytes:
    """What `proccli record` writes of it."""
    out = io.BytesIO()
    write_recording(out, of)
    return out.getvalue()


def recorded(
    folder: Path,
    name: str,
    connections: Mapping[str, Sequence[str]],
    *addresses: str,
    file: str | None = None,
    **fields: Any,
) -> str:
    """The path of a recording of such a host."""
    path = folder / (file or f"{name}.jsonl")
    text = recording(source(name, connections, addresses, **fields))
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return str(path)


def later(seconds: int) -> dict[str, Any]:
    """So many seconds after NOW_S."""
    return {"taken_at_ns": (NOW_S + seconds) * NS_PER_S}


def config(folder: Path) -> str:
    """The path of a configuration."""
    path = folder / "agent.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return str(path)


def pairs(folder: Path, count: int) -> list[str]:
    """Recordings of so many hosts, each of which is a client of the next."""
    paths = []
    for number in range(count):
        here, there = (f"10.0.{host // 250}.{host % 250 + 1}" for host in (number, number + 1))
        before = f"10.0.{(number - 1) // 250}.{(number - 1) % 250 + 1}"
        connections = {"client": [f"{here}:4000 {there}:80"], "server": [f"{here}:80"]}
        if number:
            connections["server"].append(f"{here}:80 {before}:4000")
        paths.append(recorded(folder, f"host-{number:03}", connections, here))
    return paths
