"""`proccli label` run on the shop's recordings, and what it wrote."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from tests.cli.runner import Ran, call
from tests.fleet.recordings import config, recorded

Record: TypeAlias = dict[str, Any]

EXAMPLE = Path(__file__).parents[2] / "docs" / "example"
SHOP_CONFIG = ("-c", str(EXAMPLE / "shop.yaml"))
SHOP = (
    *SHOP_CONFIG,
    *(f"-s{EXAMPLE / f'shop-{name}.jsonl'}" for name in ("web-1", "app-1", "db-1")),
)
"""The options that name the shop's configuration and its recordings."""

CLIENT, SERVER = "10.0.0.1:4000", "10.0.0.2:80"
FLOW = {"ip_0": "10.0.0.1", "client_port": 4000, "ip_1": "10.0.0.2", "server_port": 80}
"""The connection between the two hosts of `two_hosts`."""


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


def objects(ran: Ran) -> list[Record]:
    """The lines of JSON that came out."""
    return [json.loads(line) for line in ran.out.splitlines()]


def rows(ran: Ran, delimiter: str = ",") -> list[dict[str, str]]:
    """The rows that came out, by the names in the header."""
    return list(csv.DictReader(io.StringIO(ran.out, newline=""), delimiter=delimiter))


def labels(record: Record) -> tuple[Any, Any]:
    """How both sides are labelled."""
    return record["label_0"], record["label_1"]


def names(found: Sequence[Record]) -> list[tuple[Any, Any]]:
    """The processes at both sides of each."""
    return [(record["gprocess_0"], record["gprocess_1"]) for record in found]
