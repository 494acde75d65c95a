"""`topology --store` and `label --store` answer as with the documents themselves."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runner import PROGRAM, call, environment
from tests.commands.label.test_command import Running
from tests.store.documents import NOW_S, Link, document, lines, process

CONNECTION = (("10.0.0.1", 4000), ("10.0.0.2", 5432))
TIMES = {"start_time": "2026-01-02T03:30:00Z", "end_time": "2026-01-02T03:31:00Z"}
TAGS = [{"key": "owner", "value": "alice"}]


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents of one minute: both ends, one end, loopback, UDP, two networks."""
    folder = tmp_path_factory.mktemp("now")
    links = [
        Link("tcp", "client", 7, *CONNECTION),
        Link("tcp", "client", 7, ("10.0.0.1", 4001), ("203.0.113.9", 443)),
        Link("tcp", "client", 7, ("127.0.0.1", 5000), ("127.0.0.1", 6379)),
        Link("tcp", "server", 8, ("127.0.0.1", 5000), ("127.0.0.1", 6379)),
        Link("udp", "client", 7, ("10.0.0.1", 700), ("10.0.0.2", 53)),
    ]
    web = [process(7, "app", os_app_tags=TAGS), process(8, "redis")]
    db = [process(70, "postgres"), process(71, "dns", os_app_tags=None)]
    back = [
        Link("tcp", "server", 70, *CONNECTION),
        Link("udp", "client", 71, ("10.0.0.2", 53), ("10.0.0.1", 700)),
    ]
    (folder / "web.jsonl").write_bytes(lines(document("web-1", web, links)))
    (folder / "db.jsonl").write_bytes(lines(document("db-1", db, back, at_s=NOW_S + 5)))
    (folder / "other.jsonl").write_bytes(
        lines(document("web-1", web, links, left_out={"ipv6": 2}, snapshot={"redacted": True}))
    )
    return folder


@pytest.fixture(scope="module")
def loaded(now: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    address = f"chdb://{tmp_path_factory.mktemp('stored')}/store"
    files = [str(now / "web.jsonl"), str(now / "db.jsonl"), f"blue={now / 'other.jsonl'}"]
    assert call("fleet", "load", "--store", address, *files).code == 0
    return address


def sources(now: Path) -> list[str]:
    return [
        f"blue={now / 'other.jsonl'}",
        *(str(now / name) for name in ("db.jsonl", "web.jsonl")),
    ]


def without_origin(text: str, keys: tuple[str, ...] = ("source", "addresses")) -> Any:
    found = json.loads(text)
    found["hosts"] = sorted(
        ({key: value for key, value in host.items() if key not in keys} for host in found["hosts"]),
        key=lambda host: (host["network"], host["name"]),
    )
    return found


@pytest.mark.parametrize("by", ["gprocess", "name", "os.app.owner"])
def test_a_topology_equals_that_of_the_documents(by: str, now: Path, loaded: str) -> None:
    stored = call("topology", "--store", loaded, "--group-by", by, "--json")
    direct = call("topology", *sources(now), "--group-by", by, "--json")

    assert (stored.code, direct.code) == (0, 0)
    mine, theirs = without_origin(stored.out), without_origin(direct.out)
    codes = [[one["code"] for one in document.pop("warnings")] for document in (mine, theirs)]
    assert mine == theirs
    assert mine["left_out"] == {"ipv6": 2}
    assert codes[0] == codes[1]
    assert {"networks-collide"} <= set(codes[0])


def test_filters_of_a_topology(loaded: str) -> None:
    done = call(
        "topology", "--store", loaded, "--port", "5432", "--certainty", "both-ends", "--json"
    )

    edges = json.loads(done.out)["edges"]
    assert [(edge["client_ip"], edge["server_port"]) for edge in edges] == [("10.0.0.1", 5432)]
    assert call("topology", "--store", loaded, "--strict").code == 4  # tags of dns


def test_labels_equal_those_of_the_documents(now: Path, loaded: str, tmp_path: Path) -> None:
    flows = [
        {"ip_0": "10.0.0.1", "port_0": 4000, "ip_1": "10.0.0.2", "port_1": 5432, "protocol": 6},
        {"ip_0": "10.0.0.1", "port_0": 4001, "ip_1": "203.0.113.9", "port_1": 443, "protocol": 6},
        {"ip_0": "10.0.0.1", "port_0": 4999, "ip_1": "10.0.0.2", "port_1": 5432, "protocol": 6},
        {"ip_0": "127.0.0.1", "port_0": 5000, "ip_1": "127.0.0.1", "port_1": 6379, "protocol": 6},
        {
            "ip_0": "127.0.0.1",
            "port_0": 5000,
            "ip_1": "127.0.0.1",
            "port_1": 6379,
            "protocol": 6,
            "host": "web-1",
        },
    ]
    path = tmp_path / "flows.ndjson"
    path.write_text("".join(f"{json.dumps(flow)}\n" for flow in flows))
    given = [item for source in sources(now) for item in ("-s", source)]

    stored = call("label", "--store", loaded, "--in-network", "", str(path))
    direct = call("label", *given, "--in-network", "", str(path))

    assert stored.code == 0, stored.err
    assert stored.out == direct.out
    first = json.loads(stored.out.splitlines()[0])
    assert first["gprocess_1"] == "postgres"
    assert json.loads(stored.out.splitlines()[2])["gprocess_1"] is None


FLOW = {"ip_0": "10.0.0.1", "port_0": 4000, "ip_1": "10.0.0.2", "port_1": 5432, "protocol": 6}


@pytest.fixture(scope="module")
def free(now: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store that no engine of this process uses."""
    address = f"chdb://{tmp_path_factory.mktemp('free')}/store"
    files = [str(now / name) for name in ("web.jsonl", "db.jsonl")]
    command = [*PROGRAM, "fleet", "load", "--store", address, *files]
    subprocess.run(command, check=True, capture_output=True, env=environment())
    return address


def test_a_record_of_a_pipe_comes_out_before_the_next_is_written(free: str) -> None:
    """Although a store is asked about many at a time."""
    running = Running("--store", free)
    line = json.dumps(FLOW).encode() + b"\n"

    shown = []
    for lines_ in (line, line * 3):
        running.write(lines_)
        shown += [running.read_line() for _ in lines_.splitlines()]
    code, rest, err = running.end()

    assert (code, rest, b"error" in err) == (0, b"", False), err
    assert [json.loads(line)["gprocess_1"] for line in shown] == ["postgres"] * 4


def test_an_interrupt_while_the_store_is_open_is_quiet(free: str) -> None:
    running = Running("--store", free)
    running.write(json.dumps(FLOW).encode() + b"\n")
    running.read_line()

    running.interrupt()

    code, out, err = running.end()
    assert (code, out, err.strip()) == (130, b"", b"")


def test_records_before_a_damage_come_out(loaded: str, tmp_path: Path) -> None:
    path = tmp_path / "flows.gz"
    lines_ = "".join(f"{json.dumps(FLOW | {'n': n})}\n" for n in range(40_000))
    path.write_bytes(gzip.compress(lines_.encode())[:-200])

    done = call("label", "--store", loaded, "--in-network", "", str(path))

    numbers = [json.loads(line)["n"] for line in done.out.splitlines()]
    assert done.code == 3
    assert "unexpected end of gzip data" in done.err
    assert numbers == list(range(len(numbers)))
    assert 30_000 < len(numbers) < 40_000


@pytest.mark.parametrize("loads", [1, 2])
def test_a_flow_between_two_sightings_is_labelled(loads: int, tmp_path: Path) -> None:
    """The documents alone show the connection at one time each."""
    made = [
        document("web-1", [process(7, "app")], [Link("tcp", "client", 7, *CONNECTION)], at_s=at_s)
        for at_s in (NOW_S, NOW_S + 3600)
    ]
    (tmp_path / "web.jsonl").write_bytes(lines(*made))
    (tmp_path / "first.jsonl").write_bytes(lines(made[0]))
    (tmp_path / "flows").write_text(json.dumps(FLOW | TIMES) + "\n")
    address = f"chdb://{tmp_path}/store"
    for name in ("first", "web")[-loads:]:
        assert call("fleet", "load", "--store", address, str(tmp_path / f"{name}.jsonl")).code == 0

    stored = call("label", "--store", address, str(tmp_path / "flows"))
    direct = call("label", "-s", str(tmp_path / "web.jsonl"), str(tmp_path / "flows"))

    assert json.loads(stored.out)["label_0"] == "socket"
    assert json.loads(direct.out)["label_0"] == "other-time"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["topology", "--store", "chdb:///x", "file"], "--store replaces all sources"),
        (["label", "--store", "chdb:///x", "--live"], "--store replaces all sources"),
        (["topology", "--store", "chdb:///x", "-c", "agent.yaml"], "leave -c out"),
        (["topology", "--at", "2026-01-01"], "--at requires --store"),
        (["label", "--password-file", "x"], "--password-file requires --store"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str) -> None:
    done = call(*arguments)

    assert done.code == 2
    assert words in done.err
