"""`proccli label` of everything that the shop's hosts have open, against `sockets`, `topology`
and a join made here."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest

from proccli.sources.recording.reader import read_recording
from tests.cli.runner import call
from tests.commands.label.flowfiles import FORMS, PACKINGS, syns
from tests.commands.label.labelling import (
    SHOP,
    SHOP_CONFIG,
    SHOP_RECORDINGS,
    SHOP_TAKEN_S,
    At,
    Connection,
    Record,
    Seen,
    connections_of,
    ends_of,
    label,
    labels,
    ndjson,
    objects,
    shop_client_port,
)


class Side(NamedTuple):
    """What one side of a record should get."""

    label: str
    gprocess: str | None = None
    pid: int | None = None
    host: str | None = None


@cache
def shop_ends() -> tuple[Seen, ...]:
    return tuple(ends_of(SHOP_CONFIG, SHOP_RECORDINGS))


@cache
def shop_topology() -> Any:
    return json.loads(call("topology", "--group-by", "pid", "--json", *SHOP).out)


def shop_addresses() -> set[str]:
    return {ip for host in shop_topology()["hosts"] for ip in host["addresses"]}


def connections() -> list[Connection]:
    """Those of the shop, seen from every host that has an end of them."""
    return connections_of(shop_ends())


def both_ways() -> list[Connection]:
    return [turned for one in connections() for turned in (one, one.reversed)]


def side_of(near: At, far: At, connection: Connection, agent: str | None) -> Side:
    """By a join of its own: whoever has this end, and if nobody, whether anybody could.

    An agent that is named is told of the connections of which it has sent an end.
    """
    if ":" in near.ip:
        return Side("ipv6")
    found = [
        end
        for end in shop_ends()
        if (end.near, end.far, end.protocol) == (near, far, connection.protocol)
        and (end.host == connection.host or not near.is_loopback)
    ]
    for end in found:
        if end.status == "synced":
            told = agent is None or any(
                (own.host, own.protocol, own.direction) == (agent, end.protocol, end.direction)
                and own.status == "synced"
                for own in shop_ends()
            )
            return Side(
                "socket" if told else "other-agent",
                end.gprocess if told else None,
                end.pid,
                end.host,
            )
    for end in found:
        if end.reason == "process-not-accepted":
            return Side("dropped", None, end.pid, end.host)
    assert found == []
    return Side("no-connection" if near.ip in shop_addresses() else "no-host")


def sides_of(connection: Connection, agent: str | None = None) -> tuple[Side, Side]:
    one, other = connection.one, connection.other
    return side_of(one, other, connection, agent), side_of(other, one, connection, agent)


def told(record: Record) -> tuple[Side, Side]:
    """What a record of a connection got."""
    keys = [key for key in Side._fields if f"{key}_0" in record]
    found = [Side(**{key: record[f"{key}_{n}"] for key in keys}) for n in (0, 1)]
    return found[0], found[1]


def without_pids(sides: tuple[Side, Side]) -> tuple[Side, Side]:
    one, other = (Side(side.label, side.gprocess) for side in sides)
    return one, other


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("way", ["file", "pipe", "file, with --format", "pipe, with --format"])
@pytest.mark.parametrize("name", FORMS)
def test_every_connection_is_labelled_in_every_format(
    name: str, way: str, packing: str, tmp_path: Path
) -> None:
    form, wanted = FORMS[name], both_ways()
    names_agents = not name.startswith("zeek")
    if not names_agents:
        # Zeek doesn't say which host has seen a connection, and over loopback that decides.
        wanted = [one for one in wanted if not one.one.is_loopback]
    content = PACKINGS[packing](form.write(wanted, SHOP_TAKEN_S))
    path = tmp_path / "flows"
    path.write_bytes(content)
    options = ["--format", form.option] if "format" in way else []

    ran = label(*SHOP, *options, *([str(path)] if "file" in way else ["-"]), stdin=content)

    assert ran.err == ""
    expected = [sides_of(one, one.host if names_agents else None) for one in wanted]
    assert [told(record) for record in form.read(ran.out)] == list(map(without_pids, expected))
    reasons = {side.label for sides in expected for side in sides}
    assert reasons == {"socket", "dropped", "no-host", "ipv6"} | (
        {"other-agent"} if names_agents else set()
    )


def test_a_record_keeps_what_it_had() -> None:
    for form in FORMS.values():
        content = form.write(both_ways(), SHOP_TAKEN_S)
        before, after = (
            form.read(text) for text in (content.decode(), label(*SHOP, stdin=content).out)
        )

        assert [list(old.items()) for old in before] == [
            list(new.items())[: len(old)] for old, new in zip(before, after, strict=True)
        ]


def tcp_connections(*, over_loopback: bool) -> list[Connection]:
    """Each once, from the host that has seen its client or else from the other."""
    found = [
        one
        for one in connections()
        if one.protocol == "tcp" and one.one.is_loopback == over_loopback
    ]
    return list({one[1:]: one for one in found}.values())


@pytest.mark.parametrize("turned", [False, True])
def test_captured_connections_have_the_very_processes(*, turned: bool) -> None:
    """Of these the pids and hosts are told, too."""
    wanted = [one.reversed if turned else one for one in tcp_connections(over_loopback=False)]

    found = objects(label(*SHOP, stdin=syns(wanted, SHOP_TAKEN_S)))

    assert len(wanted) > 10
    assert [told(record) for record in found] == [sides_of(one) for one in wanted]
    assert {record["client_certain"] for record in found} == {True}


def test_a_capture_of_loopback_is_of_the_only_host() -> None:
    wanted = tcp_connections(over_loopback=True)
    assert {one.host for one in wanted} == {"web-1", "db-1"}

    for one in wanted:
        stdin = syns([one], SHOP_TAKEN_S)
        (alone,) = objects(label(*SHOP_CONFIG, f"-s{recording_of(one.host)}", stdin=stdin))
        (among_others,) = objects(label(*SHOP, stdin=stdin))
        assert told(alone) == sides_of(one)
        assert labels(among_others) == ("loopback", "loopback")


def recording_of(host: str) -> str:
    (path,) = (path for path in SHOP_RECORDINGS if f"shop-{host}" in path)
    return path


Ends: TypeAlias = tuple[str, str, str, int, Any, Any]


def edges() -> Counter[Ends]:
    """The connections of `topology`, with host and pid of each end."""
    nodes = {node["id"]: (node["host"], *node["pids"]) for node in shop_topology()["nodes"]}
    found: Counter[Ends] = Counter()
    for edge in shop_topology()["edges"]:
        ends = (nodes.get(edge["client"]), nodes.get(edge["server"]))
        addresses = (edge["protocol"], edge["client_ip"], edge["server_ip"], edge["server_port"])
        connection: Ends = (*addresses, *ends)
        found[connection] += edge["connections"]
    return found


def test_the_join_made_here_is_that_of_the_topology() -> None:
    """Of connections with a label at either side: the same processes, and no others."""
    found: Counter[Ends] = Counter()
    counted: set[tuple[object, ...]] = set()
    for one in connections():
        client, server = (
            (side.host, side.pid) if side.label == "socket" else None for side in sides_of(one)
        )
        if one.protocol == "udp":
            server = None  # on the server both are clients, each of a connection of its own
        key = (one.host if one.one.is_loopback else "", *one[1:])
        if key not in counted and (client or server):
            counted.add(key)
            found[(one.protocol, one.one.ip, one.other.ip, one.other.port, client, server)] += 1

    assert found == edges()
    assert len(counted) == shop_topology()["summary"]["connections"]


REDIS = {
    "ip_0": "10.77.0.2",
    "client_port": shop_client_port("app.py", "10.77.0.3:6379"),
    "ip_1": "10.77.0.3",
    "server_port": 6379,
}
BACKUP = REDIS | {"client_port": shop_client_port("backup.py", "10.77.0.3:6379")}
HEALTH = {
    "ip_0": "127.0.0.1",
    "client_port": shop_client_port("health.py", "127.0.0.1:80"),
    "ip_1": "127.0.0.1",
    "server_port": 80,
}


def at(start_s: int, end_s: int) -> Record:
    """So many seconds after the recordings were made."""
    return {"start_time": SHOP_TAKEN_S + start_s, "end_time": SHOP_TAKEN_S + end_s}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (REDIS, ("socket", "socket")),
        (BACKUP, ("dropped", "socket")),
        (REDIS | {"client_port": 1}, ("no-connection", "no-connection")),
        (REDIS | {"ip_1": "10.77.0.4"}, ("no-connection", "no-host")),
        (REDIS | {"protocol": 17}, ("no-connection", "no-connection")),
        (REDIS | {"protocol": 1}, ("other-protocol", "other-protocol")),
        (REDIS | {"protocol": None}, ("other-protocol", "other-protocol")),
        (REDIS | {"ip_0": "fd77::2"}, ("ipv6", "ipv6")),
        (REDIS | {"ip_0": "::ffff:10.77.0.2"}, ("socket", "socket")),
        (REDIS | {"ip_0": "10.77.0"}, ("no-flow", "no-flow")),
        (REDIS | {"ip_0": None}, ("no-flow", "no-flow")),
        (REDIS | {"server_port": 70_000}, ("no-flow", "no-flow")),
        (REDIS | at(-3600, -70), ("other-time", "other-time")),
        (REDIS | at(70, 90), ("other-time", "other-time")),
        (REDIS | at(-3600, 0), ("socket", "socket")),
        (REDIS | at(-3600, 3600), ("socket", "socket")),
        (HEALTH, ("loopback", "loopback")),
        (HEALTH | {"agent": "web-1"}, ("socket", "socket")),
        (HEALTH | {"agent": "web-1-W12"}, ("socket", "socket")),
        (HEALTH | {"agent": "app-1"}, ("no-connection", "no-connection")),
        (HEALTH | {"agent": "web-2"}, ("loopback", "loopback")),
        (HEALTH | {"ip_1": "127.0.0.2", "agent": "web-1"}, ("no-connection", "no-connection")),
        (HEALTH | {"ip_1": "10.77.0.1", "agent": "web-1"}, ("no-connection", "no-connection")),
    ],
    ids=str,
)
def test_every_reason_is_the_right_one(record: Record, expected: tuple[str, str]) -> None:
    (found,) = objects(label(*SHOP, stdin=ndjson({"protocol": 6} | at(-1, 0) | record)))

    assert labels(found) == expected
    assert [name is None for name in (found["gprocess_0"], found["gprocess_1"])] == [
        each != "socket" for each in expected
    ]


def pid_of(script: str) -> int:
    """The pid of a process of app-1."""
    recording = read_recording(SHOP_RECORDINGS[1])
    cmdlines = {pid: recording.read(pid).cmdline or b"" for pid in recording.pids()}
    return next(pid for pid, text in cmdlines.items() if f"/{script}\0".encode() in text)


SHORT = REDIS | {"protocol": 6, "client_port": 3}
"""A connection that no recording has."""


@pytest.mark.parametrize(
    ("server", "more", "expected"),
    [
        ("main", {}, ("pid", "app")),
        ("7.1.8", {}, ("no-connection", None)),
        ("main", {"agent": "db-1"}, ("no-connection", None)),  # it has no such pid, or another
        ("main", {"process_id_0": 0}, ("no-connection", None)),
        ("main", {"process_id_0": 4_000_000}, ("no-connection", None)),
        ("main", {"process_id_0": "x"}, ("no-connection", None)),
        ("main", {"agent": None}, ("no-connection", None)),
    ],
)
def test_a_record_with_a_pid(
    server: str, more: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    """Of several hosts, the record has to name its agent's."""
    seen = at(-1, 0)
    record = SHORT | seen | {"agent": "app-1", "process_id_0": pid_of("app.py")} | more

    (found,) = objects(label(*SHOP, "--server", server, stdin=ndjson(record)))
    assert (found["label_0"], found["gprocess_0"]) == expected
    assert found["auto_instance_0"] is None
    assert found["gprocess_1"] is None


def test_a_socket_counts_before_a_pid() -> None:
    record = REDIS | at(-1, 0) | {"protocol": 6}
    record |= {"agent": "app-1", "process_id_0": pid_of("worker.py")}

    (found,) = objects(label(*SHOP, "--server", "main", stdin=ndjson(record)))
    assert (found["label_0"], found["gprocess_0"]) == ("socket", "app")


def test_a_pid_before_its_process_started_names_nothing() -> None:
    seen = at(-86_400, -86_000)
    record = SHORT | seen | {"agent": "app-1", "process_id_0": pid_of("app.py")}

    (found,) = objects(label(*SHOP, "--server", "main", stdin=ndjson(record)))
    assert found["gprocess_0"] is None
