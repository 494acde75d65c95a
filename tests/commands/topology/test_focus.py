"""Parts of large topologies, and what becomes of many hosts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runner import call

HOSTS = 32
PORT = 8080


def process(pid: int, name: str) -> dict[str, Any]:
    nothing: dict[str, Any] = {"user": "", "start_time": 1, "os_app_tags": [], "container_id": ""}
    return {
        "name": name,
        "pid": pid,
        "process_name": name,
        "cmdline": name,
        "netns_id": 1,
    } | nothing


def socket(role: str, pid: int, client: str, server: str) -> dict[str, Any]:
    (ip_0, port_0), (ip_1, port_1) = (end.rsplit(":", 1) for end in (client, server))
    pids = (pid, None) if role == "client" else (None, pid)
    return {
        "protocol": "tcp",
        "role": role,
        "pid_0": pids[0],
        "ip_0": ip_0,
        "port_0": int(port_0),
        "pid_1": pids[1],
        "ip_1": ip_1,
        "port_1": int(port_1),
        "netns_idx": 1,
    }


def sockets(number: int) -> Iterator[dict[str, Any]]:
    """Each host's web calls the next host's app; app calls a database and is called, both from
    outside."""
    ours, behind, before = (f"10.0.0.{(number + by) % HOSTS + 1}" for by in (0, 1, -1))
    yield socket("client", 1, f"{ours}:40000", f"{behind}:{PORT}")
    yield socket("server", 2, f"{before}:40000", f"{ours}:{PORT}")
    yield socket("client", 2, f"{ours}:50000", f"198.51.100.{number + 1}:5432")
    yield socket("server", 1, f"203.0.113.{number + 1}:60000", f"{ours}:443")
    if number == 0:
        yield socket("client", 3, f"{ours}:41000", f"{behind}:{PORT}")
    if number == 1:
        yield socket("server", 2, f"{before}:41000", f"{ours}:{PORT}")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("fleet")
    write_fleet(folder)
    return str(folder)


def write_fleet(folder: Path) -> None:
    """A document of each host."""
    for number in range(HOSTS):
        document = {
            "schema": "proccli/sync/v1",
            "snapshot": {
                "host": f"host-{number:02}",
                "taken_at": "2026-01-02T03:04:05Z",
                "redacted": False,
            },
            "enabled": True,
            "processes": [process(1, "web"), process(2, "app"), process(3, "batch")],
            "sockets": list(sockets(number)),
        }
        (folder / f"host-{number:02}.jsonl").write_text(json.dumps(document) + "\n")


def drawn(fleet: str, *arguments: str) -> Any:
    ran = call("topology", fleet, *arguments, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def pairs(given: Any) -> Counter[tuple[str | None, str | None]]:
    names = {node["id"]: node["gprocess"] for node in given["nodes"]} | {None: None}
    found: Counter[tuple[str | None, str | None]] = Counter()
    for edge in given["edges"]:
        found[names[edge["client"]], names[edge["server"]]] += edge["connections"]
    return found


def test_people_see_one_node_for_each_service_of_many_hosts(fleet: str) -> None:
    ran = call("topology", fleet)
    rows = [line.split() for line in ran.out.splitlines() if "→" in line]
    assert len(rows) == 4
    assert "32 hosts: processes of the same name are shown as one" in ran.err
    assert ":5432 (32 addresses)" in ran.out
    assert "203.0.113.0/24 (32 addresses)" in ran.out
    assert len(drawn(fleet)["nodes"]) > HOSTS  # JSON is for programs
    by_host = call("topology", fleet, "--group-by", "gprocess")
    assert "shown as one" not in by_host.err
    assert by_host.out.count("@host-") >= HOSTS


def test_few_hosts_are_not_collapsed(fleet: str) -> None:
    some = [f"{fleet}/host-{number:02}.jsonl" for number in range(30)]
    ran = call("topology", *some)
    assert "shown as one" not in ran.err
    assert "web @host-00" in ran.out


def test_a_service_knows_its_hosts(fleet: str) -> None:
    nodes = {node["gprocess"]: node for node in drawn(fleet, "--group-by", "name")["nodes"]}
    assert nodes["batch"]["hosts"] == ["host-00"]
    assert nodes["app"]["hosts"] == [f"host-{number:02}" for number in range(HOSTS)]
    assert nodes["app"]["host"] is None


def test_the_busiest_pairs_are_kept(fleet: str) -> None:
    everything = pairs(drawn(fleet, "--group-by", "name"))
    top = drawn(fleet, "--group-by", "name", "--top", "2")
    assert sorted(pairs(top).values()) == sorted(everything.values())[-2:]
    assert top["summary"]["connections"] == sum(everything.values())
    used = {end for edge in top["edges"] for end in (edge["client"], edge["server"])}
    assert {node["id"] for node in top["nodes"]} == used - {None}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--gprocess", "batch"), {("batch", "app")}),
        (
            ("--gprocess", "ba*", "--neighbours"),
            {("batch", "app"), ("web", "app"), ("app", None)},
        ),
    ],
)
def test_neighbours_show_their_other_connections(
    arguments: Sequence[str], expected: set[tuple[str | None, str | None]], fleet: str
) -> None:
    assert set(pairs(drawn(fleet, "--group-by", "name", *arguments))) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--neighbours",), "--neighbours requires --gprocess"),
        (("--neighbours", "--gprocess", "x", "--group-by", "host"), "--group-by gprocess"),
        (("--top", "0"), "--top"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: Sequence[str], message: str, fleet: str) -> None:
    ran = call("topology", fleet, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_more_than_mermaid_draws_is_a_warning(tmp_path: Path, fleet: str) -> None:
    quiet = call("topology", fleet, "-o", "mermaid")
    assert "Mermaid draws at most" not in quiet.err
    document = json.loads(Path(fleet, "host-00.jsonl").read_text())
    document["processes"] = [process(pid, f"p{pid}") for pid in range(1, 600)]
    document["sockets"] = [
        socket("client", pid, f"10.0.0.1:{40000 + pid}", "198.51.100.1:80") for pid in range(1, 600)
    ]
    path = tmp_path / "large.jsonl"
    path.write_text(json.dumps(document))
    ran = call("topology", str(path), "-o", "mermaid")
    assert "599 lines in " in ran.err
    assert "use --top N, or raise maxEdges and maxTextSize" in ran.err
    assert "Mermaid draws" not in call("topology", str(path), "-o", "mermaid", "--top", "9").err
