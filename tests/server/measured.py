"""The measured fleets of tests/data/server: as hosts, and what was seen of each record."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from proccli.model.flows import Flow
from proccli.model.hosts import HostView
from proccli.model.sockets import Endpoint, Protocol
from proccli.server.host_view import synced_view
from proccli.sources.recording.sync_document import parse_sync_output
from tests.paths import DATA

Known = frozenset[str | None]
"""The gprocesses that a side was seen to be; None: no process."""


class Fleet(NamedTuple):
    """One measured fleet."""

    seed: int
    views: tuple[HostView, ...]
    joins: Sequence[Mapping[str, Any]]
    labels: Sequence[tuple[Flow, tuple[Known, Known]]]


@cache
def measured_fleets() -> tuple[Fleet, ...]:
    """All fleets."""
    return tuple(_fleet(line) for line in read_lines("join.jsonl.gz"))


def read_lines(name: str) -> Iterator[Any]:
    """The lines of a file of tests/data/server."""
    with gzip.open(DATA / "server" / name, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _fleet(line: Mapping[str, Any]) -> Fleet:
    return Fleet(
        seed=line["seed"],
        views=tuple(map(_view, line["hosts"])),
        joins=line["join"],
        labels=[(_flow(one["record"]), _known(one["known"])) for one in line["labels"]],
    )


def sync_document(host: Mapping[str, Any]) -> bytes:
    """A measured host as the output of `sync`."""
    processes = [
        {
            "name": f"{host['name']}p{pid}",
            "pid": pid,
            "process_name": "app",
            "cmdline": "app",
            "user": "",
            "start_time": 1_767_225_600,
            "os_app_tags": [],
            "netns_id": 1,
            "container_id": "",
        }
        for pid in host["pids"]
    ]
    return json.dumps(
        {
            "schema": "proccli/sync/v1",
            "snapshot": {
                "host": host["name"],
                "taken_at": "2026-01-02T03:04:05Z",
                "redacted": False,
            },
            "enabled": True,
            "processes": processes,
            "sockets": host["sockets"],
        }
    ).encode()


def _view(host: Mapping[str, Any]) -> HostView:
    name = host["name"]
    return synced_view(parse_sync_output(sync_document(host), name), name, "")


def _flow(record: Mapping[str, Any]) -> Flow:
    protocols: Mapping[int, Protocol] = {6: "tcp", 17: "udp"}
    return Flow(
        protocol=protocols[record["protocol"]],
        side_0=Endpoint(record["ip_0"], record["client_port"]),
        side_1=Endpoint(record["ip_1"], record["server_port"]),
        host=record.get("agent"),
    )


def _known(known: Sequence[Sequence[str | None]]) -> tuple[Known, Known]:
    side_0, side_1 = map(frozenset, known)
    return side_0, side_1
