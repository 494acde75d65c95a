"""Documents of `proccli sync`, made up: as hosts would print them."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

from proccli.store.loadable import Document
from proccli.store.staging import staged

NOW_S = 1_767_323_045
"""2026-01-02T03:04:05Z"""


def time_text(seconds: int) -> str:
    """As in documents."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Link(NamedTuple):
    """An end of a connection."""

    protocol: str
    role: str
    pid: int
    client: tuple[str, int]
    server: tuple[str, int]
    netns: int = 1


def process(pid: int, name: str, **more: Any) -> dict[str, Any]:
    """A process of a document."""
    return {
        "name": name,
        "pid": pid,
        "process_name": name,
        "cmdline": f"/usr/bin/{name} --serve",
        "user": "root",
        "start_time": NOW_S - 3600,
        "os_app_tags": [],
        "netns_id": 4026531840,
        "container_id": "",
    } | more


def document(
    host: str,
    processes: Sequence[Mapping[str, Any]],
    links: Sequence[Link] = (),
    *,
    at_s: int = NOW_S,
    **more: Any,
) -> dict[str, Any]:
    """A document; `more` replaces or adds keys, `snapshot` and `config` key by key."""
    snapshot = {
        "kind": "live",
        "host": host,
        "taken_at": time_text(at_s),
        "proc_root": "/proc",
        "redacted": False,
    }
    config = {
        "file": "agent.yaml",
        "dialect": "static_config",
        "feature": None,
        "agent": "6.5",
        "via": "server",
        "rules": 4,
        "sync_enabled": True,
    }
    return {
        "schema": "proccli/sync/v1",
        "snapshot": snapshot | more.pop("snapshot", {}),
        "config": config | more.pop("config", {}),
        "enabled": True,
        "digest": None,
        "changed": None,
        "agent_sends": None,
        "processes": list(processes),
        "sockets": [_socket(link) for link in links],
        "changes": None,
        "warnings": [],
    } | more


def _socket(link: Link) -> dict[str, Any]:
    is_client = link.role == "client"
    return {
        "protocol": link.protocol,
        "role": link.role,
        "pid_0": link.pid if is_client else None,
        "ip_0": link.client[0],
        "port_0": link.client[1],
        "pid_1": None if is_client else link.pid,
        "ip_1": link.server[0],
        "port_1": link.server[1],
        "netns_idx": link.netns,
    }


def loadable(one: Mapping[str, Any], network: str = "", source: str = "x") -> Document:
    """A document, ready to be loaded."""
    return staged(json.dumps(one), network, source)


def lines(*documents: Mapping[str, Any]) -> bytes:
    """A line each."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in documents)


RANDOM_IPS = ("10.0.0.1", "10.0.0.2", "10.0.0.3", "203.0.113.9", "127.0.0.1", "127.0.0.2")
RANDOM_PORTS = (80, 4000, 4001)


def random_fleet(seed: int) -> list[dict[str, Any]]:
    """Hosts with few addresses and ports, so that many ends meet, and are ambiguous."""
    chance = random.Random(seed)
    documents: list[dict[str, Any]] = []
    for host in ("a", "b", "c", "d")[: chance.randint(1, 4)]:
        # A process is in one namespace; pids 2 and 3 share one.
        spaces = {1: (1, 4026531840), 2: (2, 4026532999), 3: (2, 4026532999)}
        processes = [
            process(pid, chance.choice(("app", "db", "é\n'\\x", "")), netns_id=inode)
            for pid, (_, inode) in spaces.items()
        ]
        links = []
        for _ in range(chance.randint(0, 8)):
            pid = chance.choice((1, 2, 3))
            client, server = (
                (chance.choice(RANDOM_IPS[:4]), chance.choice(RANDOM_PORTS)) for _ in range(2)
            )
            if chance.random() < 0.3:
                client = (chance.choice(RANDOM_IPS[4:]), client[1])
                server = (client[0], server[1])
            protocol = chance.choice(("tcp", "tcp", "udp"))
            role = (
                "client"
                if protocol == "udp" and chance.random() < 0.8
                else chance.choice(("client", "server"))
            )
            links.append(Link(protocol, role, pid, client, server, spaces[pid][0]))
            if chance.random() < 0.5:  # the other end, on this host or, as another document, not
                other = chance.choice((1, 2, 3))
                turned = "server" if role == "client" else "client"
                links.append(Link(protocol, turned, other, client, server, spaces[other][0]))
        documents.append(document(host, processes, links, at_s=NOW_S + len(documents)))
    return documents
