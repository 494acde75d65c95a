"""Example topologies: a small shop, a fleet of hundreds, and hostile names."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from proccli.model.note import Note
from proccli.model.topology import Topology, TopologyEdge, TopologyHost, TopologyNode
from tests.build import NOW_S, config

HOSTILE = (
    '</script><script>alert(1)</script>"',
    "<img src=x onerror=alert(1)>",
    "]]><!--",
    "a & b &amp; &lt; &#34;",
    "quo\"te 'single' `tick`",
    "back\\slash\\",
    "line\nbreak\ttab",
    "\x1b[31mred\x07\x00",
    "rtl\u202etxt.exe",
    "zero\u200bwidth",
    "end",
    "1. list",
    "- item",
    "*bold* _it_ ~~no~~ # head",
    "%%{init: {}}%% ${x} $$y$$",
    "{a|b} [c] (d) >e]",
    "fa:fa-bug",
    "--> x; subgraph y",
    "注文サーバー",
    "🚀launch",
    "e\u0301\u0301\u0301 combining",
    "مرحبا",
    "",
    "W" * 300,
    "漢" * 200,
    "\udce9lone",
)
"""Names as processes may choose them."""


def host(name: str, *addresses: str, **fields: Any) -> TopologyHost:
    """A recorded host."""
    known: dict[str, Any] = {
        "source": f"{name}.jsonl.gz",
        "kind": "recording",
        "network": "",
        "taken_at_ns": NOW_S * 1_000_000_000,
    }
    return TopologyHost(name=name, addresses=addresses, **known | fields)


def node(number: int, on: str | None, name: str, *pids: int, **fields: Any) -> TopologyNode:
    """Processes of one name on a host."""
    known: dict[str, Any] = {"label": name or '""', "gprocess": name, "tags": ()}
    return TopologyNode(id=f"n{number}", host=on, pids=pids or (1000 + number,), **known | fields)


def edge(client: int | None, server: int | None, port: int, **fields: Any) -> TopologyEdge:
    """Connections over TCP; both ends seen where both are nodes."""
    certainty = "server-end" if client is None else "client-end" if server is None else "both-ends"
    known: dict[str, Any] = {
        "protocol": "tcp",
        "client_ip": "10.0.0.1",
        "server_ip": "10.0.0.2",
        "connections": 1,
        "certainty": certainty,
        "remote": None if certainty == "both-ends" else "elsewhere",
    }
    return TopologyEdge(
        client=None if client is None else f"n{client}",
        server=None if server is None else f"n{server}",
        server_port=port,
        **known | fields,
    )


def topology(
    hosts: Iterable[TopologyHost],
    nodes: Iterable[TopologyNode],
    edges: Sequence[TopologyEdge],
    **fields: Any,
) -> Topology:
    """A topology that shows all its connections."""
    known: dict[str, Any] = {
        "config": config(),
        "group_by": "gprocess",
        "server": "6.5",
        "connections": sum(one.connections for one in edges),
    }
    ordered = sorted(edges, key=lambda one: -one.connections)
    return Topology(hosts=tuple(hosts), nodes=tuple(nodes), edges=tuple(ordered), **known | fields)


def small() -> Topology:
    """Five connections' worth of edges on two hosts."""
    return topology(
        [host("web-1", "10.0.0.5"), host("db-1", "10.0.0.9", taken_at_ns=(NOW_S + 95) * 10**9)],
        [
            node(1, "db-1", "postgres", 700, tags=(("team", "data"),)),
            node(2, "web-1", "nginx", 812, 813),
            node(3, "web-1", "shop", 900, tags=(("app", "shop"), ("owner", "alice"))),
        ],
        [
            edge(2, 3, 8080, connections=12, client_ip="127.0.0.1", server_ip="127.0.0.1"),
            edge(3, 1, 5432, connections=4, client_ip="10.0.0.5", server_ip="10.0.0.9"),
            edge(None, 2, 443, connections=31, client_ip="203.0.113.7", server_ip="10.0.0.5"),
            edge(3, None, 53, protocol="udp", client_ip="10.0.0.5", server_ip="10.0.0.2"),
            edge(
                3,
                None,
                6379,
                client_ip="10.0.0.5",
                server_ip="10.0.0.9",
                remote="not-sent",
                remote_host="db-1",
                remote_process="redis-server",
                remote_reason="dropped",
            ),
        ],
        left_out={"ipv6": 12, "min-lifetime": 4, "listening": 0},
    )


def every_kind() -> Topology:
    """Every reason why an end is not known, 500 addresses, a cycle, and a process that calls
    itself."""
    base = small()
    away = {"client_ip": "10.0.0.5", "server_ip": "10.0.0.9", "remote_host": "db-1"}
    far: list[TopologyEdge] = [
        edge(3, None, 6380, remote="absent", remote_process="redis", **away),
        edge(3, None, 6381, remote="absent", **away),
        edge(3, None, 6382, remote="absent", client_ip="10.0.0.5", server_ip="10.0.0.9"),
        edge(3, None, 6383, remote="ambiguous", server_ip="172.17.0.2"),
        edge(
            3, None, 6384, remote="undecided", remote_process="mq", remote_reason="masked", **away
        ),
        edge(
            None,
            1,
            5432,
            client_ip="10.0.0.5",
            server_ip="10.0.0.9",
            remote="not-sent",
            remote_host="web-1",
            remote_process="psql",
            remote_reason="min-lifetime",
        ),
        edge(3, None, 5433, remote="not-sent", remote_host="db-1", remote_reason="no-owner"),
    ]
    crowd = [
        edge(None, 2, 80, client_ip=f"198.51.{number // 250}.{number % 250}", connections=2)
        for number in range(500)
    ]
    back = [
        edge(1, 3, 9000, connections=2, client_ip="10.0.0.9", server_ip="10.0.0.5"),
        edge(3, 3, 9001, client_ip="127.0.0.1", server_ip="127.0.0.1"),
        edge(2, 3, 8081, connections=3, client_ip="127.0.0.1", server_ip="127.0.0.1"),
    ]
    return topology(
        base.hosts,
        base.nodes,
        [*base.edges, *far, *crowd, *back],
        left_out=base.left_out,
        notes=(Note(code="sources-apart", text="the sources were taken 95 s apart"),),
    )


def fleet(edges: int, hosts: int = 0) -> Topology:
    """A deterministic fleet with so many edges: gateways, services that call each other,
    databases, some ends unknown."""
    chance = random.Random(edges)
    hosts = hosts or max(10, edges // 20)
    names = [f"node-{number:03}" for number in range(hosts)]
    tiers = (("nginx", 443), ("cart", 8080), ("orders-api", 8081), ("payments", 8082))
    stores = (("postgres", 5432), ("redis-server", 6379), ("kafka", 9092))
    nodes: list[TopologyNode] = []
    by_tier: list[list[tuple[int, int, int]]] = [[] for _ in range(5)]
    for at, name in enumerate(names):
        tier = at % 5
        tiered = stores if tier == 4 else tiers[tier : tier + 1]
        for process, port in tiered:
            number = len(nodes) + 1
            owner = (("team", ("shop", "data", "platform")[at % 3]),)
            nodes.append(node(number, name, process, 4000 + number, tags=owner))
            by_tier[tier].append((number, port, at))
    made: dict[tuple[object, ...], TopologyEdge] = {}
    while len(made) < edges:
        tier = chance.choice((0, 0, 1, 1, 2, 2, 3, 3, 5))
        size = int(chance.paretovariate(0.9))
        if tier == 5 or not by_tier[tier]:
            number, port, at = chance.choice(by_tier[chance.choice((0, 1))] or by_tier[0])
            ip = f"203.0.{chance.randrange(3)}.{chance.randrange(250)}"
            one = edge(None, number, port, client_ip=ip, server_ip=f"10.0.{at}.1", connections=size)
        else:
            client, _, at = chance.choice(by_tier[tier])
            goal = chance.choice([t for t in range(tier, 5) if by_tier[t]])
            server, port, there = chance.choice(by_tier[goal])
            ips = {"client_ip": f"10.0.{at}.1", "server_ip": f"10.0.{there}.1"}
            if chance.random() < 0.06:
                one = edge(client, None, port, connections=size, **ips | {"server_ip": "10.9.9.9"})
            else:
                one = edge(client, server, port, connections=size, **ips)
        key = (one.client, one.server, one.server_port, one.client_ip, one.server_ip)
        made[key] = replace(one, connections=size)
    return topology(
        [
            host(name, f"10.0.{at}.1", taken_at_ns=(NOW_S + at) * 10**9)
            for at, name in enumerate(names)
        ],
        nodes,
        list(made.values()),
        left_out={"ipv6": 120, "min-lifetime": 44},
    )


def hostile() -> Topology:
    """Every hostile name as a host, a process, a tag and an unknown process."""
    nodes = [
        node(number, name, name, tags=((name or "k", name),))
        for number, name in enumerate(HOSTILE, start=1)
    ]
    edges = [
        edge(number, number % len(HOSTILE) + 1, 80 + number)
        for number in range(1, len(HOSTILE) + 1)
    ]
    edges += [
        edge(
            number,
            None,
            7000,
            remote="not-sent",
            remote_host=name,
            remote_process=name,
            remote_reason="dropped",
        )
        for number, name in enumerate(HOSTILE, start=1)
    ]
    return topology([host(name, "10.0.0.1", source=name) for name in HOSTILE], nodes, edges)


def empty() -> Topology:
    """A host on which nothing speaks."""
    return topology([host("web-1")], [], [])
