"""`proccli label` run on recordings of few hosts, and what it wrote."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from unittest.mock import patch

from proccli.cli.main import run
from proccli.sources.recording.reader import read_recording
from tests.cli.runner import Ran, call, environment
from tests.paths import DOCS
from tests.server.recordings import config, recorded

Record: TypeAlias = dict[str, Any]

EXAMPLE = DOCS / "example"
SHOP_CONFIG = ("-c", str(EXAMPLE / "shop.yaml"))
SHOP_RECORDINGS = [str(EXAMPLE / f"shop-{name}.jsonl") for name in ("web-1", "app-1", "db-1")]
SHOP = (*SHOP_CONFIG, *(f"-s{path}" for path in SHOP_RECORDINGS))
"""The options that name the shop's configuration and its recordings."""
SHOP_TAKEN_S = read_recording(SHOP_RECORDINGS[0]).host.taken_at_ns // 10**9
"""When they were made."""

CLIENT, SERVER = "10.0.0.1:4000", "10.0.0.2:80"
FLOW = {"ip_0": "10.0.0.1", "client_port": 4000, "ip_1": "10.0.0.2", "server_port": 80}
"""The connection between the two hosts of `two_hosts`."""


def shop_client_port(script: str, server: str) -> int:
    """The port from which the process of a script of the shop has connected to a server over
    IPv4."""
    for path in SHOP_RECORDINGS:
        recording = read_recording(path)
        for pid in recording.pids():
            cmdline = recording.read(pid, frozenset({"cmdline"})).cmdline
            if cmdline is None or f"/{script}\0".encode() not in cmdline:
                continue
            held = recording.socket_fds(pid)
            inodes = {socket.inode for socket in held} if isinstance(held, tuple) else set()
            for table in recording.net_tables(pid):
                for row in table.rows:
                    if row.inode in inodes and f"{row.remote.ip}:{row.remote.port}" == server:
                        return row.local.port
    raise AssertionError(script)


def two_hosts(folder: Path, **client: Any) -> tuple[str, ...]:
    """The options that name a client on `a` and a server on `b`, pids 10; each is called as it is
    called here."""
    one = recorded(folder, "a", {"client": [f"{CLIENT} {SERVER}"]}, "10.0.0.1", **client)
    ends = [SERVER, f"{SERVER} {CLIENT}"]
    other = recorded(folder, "b", {"server": ends}, "10.0.0.2")
    return ("-c", config(folder), "-s", one, "-s", other)


def ndjson(*records: Record) -> bytes:
    """A line for each."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def flow(**more: Any) -> Record:
    """A record of that connection over TCP, at no time."""
    return FLOW | {"protocol": 6} | more


def label(*arguments: str, stdin: bytes = b"", code: int = 0) -> Ran:
    """Run it."""
    ran = call("label", *arguments, stdin=stdin)
    assert ran.code == code, ran.err
    return ran


def label_bytes(*arguments: str, stdin: bytes) -> tuple[int, bytes, bytes]:
    """Run it on what may be no text: the exit code, and what went to stdout and stderr."""
    given, out, err = (io.TextIOWrapper(io.BytesIO(content)) for content in (stdin, b"", b""))
    with (
        patch.dict(os.environ, environment(), clear=True),
        patch.object(sys, "stdin", given),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = run(["label", *arguments])
    written = [stream.buffer.getvalue() for stream in (out, err)]
    return code, written[0], written[1]


def objects(ran: Ran) -> list[Record]:
    """The lines of JSON that came out."""
    return [json.loads(line) for line in ran.out.split("\n")[:-1]]


def labels(record: Record) -> tuple[Any, Any]:
    """How both sides are labelled."""
    return record["label_0"], record["label_1"]


def names(found: Sequence[Record]) -> list[tuple[Any, Any]]:
    """The processes at both sides of each."""
    return [(record["gprocess_0"], record["gprocess_1"]) for record in found]


class At(NamedTuple):
    """An address and a port."""

    ip: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether it is an IPv4 address that every host has."""
        return self.ip.startswith("127.")


class Seen(NamedTuple):
    """One end of a connection, as `proccli sockets` shows it on its host."""

    host: str
    protocol: str
    near: At
    far: At
    is_client: bool
    pid: int
    gprocess: str | None
    status: str
    reason: str | None

    @property
    def direction(self) -> tuple[At, At]:
        """Client and server, as its agent takes them."""
        return (self.near, self.far) if self.is_client else (self.far, self.near)


def ends_of(config: Sequence[str], recordings: Sequence[str]) -> Iterator[Seen]:
    """All connected sockets of these hosts."""
    for path in recordings:
        ran = call("sockets", "--json", *config, "-s", path)
        assert ran.code == 0, ran.err
        document = json.loads(ran.out)
        for one in document["sockets"]:
            if one["role"] is not None:
                yield Seen(
                    document["snapshot"]["host"],
                    one["protocol"],
                    At(**one["local"]),
                    At(**one["remote"]),
                    one["role"] == "client",
                    one["pid"],
                    one["gprocess"],
                    one["status"],
                    one["reason"],
                )


class Connection(NamedTuple):
    """A connection for which a flow record is written; `host` saw it."""

    host: str
    protocol: str
    one: At
    other: At

    @property
    def reversed(self) -> Connection:
        """The same with its sides exchanged."""
        return self._replace(one=self.other, other=self.one)


def connections_of(ends: Sequence[Seen]) -> list[Connection]:
    """Each connection once for every host that has an end of it, client first, in any order."""
    return sorted({Connection(end.host, end.protocol, *end.direction) for end in ends})


def two_connections() -> list[Connection]:
    """That of `two_hosts`, and one that nobody has."""
    one, other = At("10.0.0.1", 4000), At("10.0.0.2", 80)
    return [Connection("a", "tcp", one, other), Connection("a", "tcp", one, At("10.0.0.2", 81))]
