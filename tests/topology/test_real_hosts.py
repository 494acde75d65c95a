"""`proccli topology` of real hosts, against what `ss` shows on each of them at that moment.

nginx, a Python application, Redis and PostgreSQL run on three hosts made of namespaces.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.cli.runner import call
from tests.lab.joining import Joined, join, left_out, owners
from tests.lab.namespaces import wait_for
from tests.lab.reading import codes, edges, every_selection, shifted, topology
from tests.lab.recorded import (
    CONFIG,
    POD,
    Recorded,
    lab_or_skip,
    name_of,
    recorded_shop,
    with_lifetime,
)
from tests.lab.recorder import CONFIG as INSIDE
from tests.lab.recorder import Recorder
from tests.lab.shop import APP, DB, OUTSIDE, WEB

pytestmark = pytest.mark.root

HOSTS = ("web-1", "app-1", "db-1")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with lab_or_skip(), recorded_shop(tmp_path_factory.mktemp("lab")) as shop:
        yield shop


@pytest.mark.parametrize("names", every_selection(HOSTS), ids="+".join)
def test_the_edges_are_the_connections_that_ss_shows(
    recorded: Recorded, names: Sequence[str]
) -> None:
    """Of all recordings, and where some are missing: nothing is lost, nothing made up."""
    paths, seen = recorded.of(names)

    document = topology("-c", recorded.config, *paths)

    assert edges(document) == join(seen, name_of)
    assert document["left_out"] == left_out(seen, name_of)


def test_the_edges_are_those_that_the_shop_was_built_with(recorded: Recorded) -> None:
    """Lest the witness err with the accused."""
    found = edges(topology("-c", recorded.config, *recorded.paths.values()))

    def both(client: str, server: str, ips: tuple[str, str], port: int) -> int:
        (host, _, name), (far_host, _, far_name) = client.partition(" "), server.partition(" ")
        ends = (host, name), (far_host, far_name)
        return found[Joined(*ends, "tcp", *ips, port, "both-ends", None)]

    assert both("web-1 nginx", "app-1 app", (WEB, APP), 8000) >= 1
    assert both("db-1 report", "web-1 nginx", (DB, WEB), 80) == 2
    assert both("app-1 app", "db-1 redis", (APP, DB), 6379) == 2
    assert both("app-1 worker", "db-1 redis", (APP, DB), 6379) == 1
    assert both("app-1 selfcheck", "app-1 app", (APP, APP), 8000) == 1
    loopback = ("127.0.0.1", "127.0.0.1")
    assert both("web-1 health", "web-1 nginx", loopback, 80) == 1
    assert both("web-1 cachecheck", "web-1 redis", loopback, 6379) == 1
    assert both("db-1 dbcheck", "db-1 redis", loopback, 6379) == 1
    assert both("db-1 podcheck", "db-1 pod", loopback, 6379) == 1
    assert both("app-1 podclient", "db-1 pod", (APP, POD), 6379) == 1
    if recorded.shop.postgres:
        assert both("app-1 app", "db-1 postgres", (APP, DB), 5432) == 1
    one_end = {edge: times for edge, times in found.items() if edge.remote is not None}
    app, statsd = ("app-1", "app"), ("db-1", "statsd")
    port = next(edge.server_port for edge in one_end if edge.client == statsd)
    assert one_end == {
        Joined(None, ("web-1", "nginx"), "tcp", OUTSIDE, WEB, 80, "server-end", "elsewhere"): 3,
        Joined(app, None, "tcp", APP, OUTSIDE, 8443, "client-end", "elsewhere"): 1,
        Joined(None, ("db-1", "redis"), "tcp", APP, DB, 6379, "server-end", "not-sent"): 1,
        Joined(app, None, "udp", APP, DB, 8125, "client-end", "absent"): 1,
        Joined(statsd, None, "udp", DB, APP, port, "client-end", "absent"): 1,
    }


def test_the_order_of_the_sources_does_not_matter(recorded: Recorded) -> None:
    paths = list(recorded.paths.values())

    there, back = (topology("-c", recorded.config, *some) for some in (paths, paths[::-1]))

    assert edges(there) == edges(back)
    assert there["nodes"] == back["nodes"]


def test_a_process_is_the_one_that_the_agent_gives_a_shared_socket_to(recorded: Recorded) -> None:
    """Of the three workers that hold one connection, that with the highest pid."""
    document = topology("-c", recorded.config, "--group-by", "pid", *recorded.paths.values())

    (workers,) = (node["pids"] for node in document["nodes"] if node["gprocess"] == "worker")
    commands = recorded.seen["app-1"].commands
    assert workers == [max(pid for pid, command in commands.items() if "worker.py" in command)]


@pytest.mark.parametrize("name", HOSTS)
def test_what_an_agent_sends_is_what_ss_shows(recorded: Recorded, name: str) -> None:
    """The witness of one host, before anything is joined."""
    ran = call(*("sync", "--once", "--no-state", "--json"), *of_config(recorded, name))

    sent = Counter(
        (one["protocol"], one["role"], one[f"pid_{'01'[one['role'] == 'server']}"])
        for one in json.loads(ran.out)["sockets"]
    )
    assert sent == owners(recorded.seen[name], name_of)


def of_config(recorded: Recorded, name: str) -> tuple[str, ...]:
    return "-c", str(recorded.config), "-s", str(recorded.paths[name])


def test_outputs_of_sync_join_like_recordings(recorded: Recorded, tmp_path: Path) -> None:
    """But what is not sent is not in them, so of its end they know nothing."""
    outputs = [tmp_path / f"{name}.json" for name in HOSTS]
    for name, output in zip(HOSTS, outputs, strict=True):
        ran = call(*("sync", "--once", "--no-state", "--json"), *of_config(recorded, name))
        output.write_text(ran.out, encoding="utf-8")

    found = edges(topology(*outputs))

    expected: Counter[Joined] = Counter()
    for edge, times in join(recorded.of(HOSTS)[1], name_of).items():
        expected[edge._replace(remote="absent") if edge.remote == "not-sent" else edge] += times
    assert found == expected


def test_a_host_that_is_recorded_twice_counts_once(recorded: Recorded, tmp_path: Path) -> None:
    paths = list(recorded.paths.values())
    again = shutil.copyfile(recorded.paths["db-1"], tmp_path / "again.jsonl")

    document = topology("-c", recorded.config, *paths, again)

    assert edges(document) == join(recorded.of(HOSTS)[1], name_of)
    assert [host["name"] for host in document["hosts"]] == list(HOSTS)
    assert "host-again" in codes(document)


@pytest.mark.parametrize("seconds", [-86_400, -3, 5, 7_200])
def test_a_clock_that_is_wrong_changes_no_edge(
    recorded: Recorded, tmp_path: Path, seconds: int
) -> None:
    paths = dict(recorded.paths)
    paths["app-1"] = shifted(paths["app-1"], tmp_path / "app-1.jsonl", seconds)

    document = topology("-c", recorded.config, *paths.values())

    assert edges(document) == join(recorded.of(HOSTS)[1], name_of)


def test_recordings_around_a_reconnect_show_two_halves(recorded: Recorded, tmp_path: Path) -> None:
    """db-1 is recorded, then a client on it connects anew to nginx, then web-1 is recorded."""
    shop, text = recorded.shop, with_lifetime(CONFIG.read_text(encoding="utf-8"), 0)
    recorder = Recorder(config=text)
    config = tmp_path / "agent.yaml"
    config.write_text(text, encoding="utf-8")
    (report,) = (
        pid for pid, command in recorded.see(shop.db).commands.items() if "report.py" in command
    )
    paths, seen = [], []
    for host in (shop.db, shop.web):
        seen.append(recorded.see(host))
        paths.append(recorder.record([host], tmp_path)[host.name])
        if host is shop.db:
            host.run("kill", "-HUP", str(report))
            wait_for("a new connection", lambda: shop.db.log("report").count("connected") == 2)

    document = topology("-c", config, *paths)

    assert edges(document) == join(seen, name_of)
    halves = [
        edge for edge in document["edges"] if (edge["client_ip"], edge["server_ip"]) == (DB, WEB)
    ]
    assert [(edge["certainty"], edge["connections"]) for edge in halves] == [
        ("client-end", 2),
        ("server-end", 2),
    ]
    assert [edge["remote_process"] for edge in halves] == ["nginx", None]
    assert "one-end" in codes(document)


def test_a_live_look_shows_what_its_recording_shows(recorded: Recorded, tmp_path: Path) -> None:
    """From inside, without a word of the other hosts."""
    host = recorded.shop.app
    recorder = Recorder(config=with_lifetime(CONFIG.read_text(encoding="utf-8"), 0))
    seen = recorded.see(host)

    document = json.loads(recorder.run(host, "topology", "-c", INSIDE, "--json"))

    assert edges(document) == join([seen], name_of)
