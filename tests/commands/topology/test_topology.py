"""Sources to a fleet: which count, what they are called, and what there is to say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from proccli.commands.inputs import InputOptions
from proccli.commands.samples import NO_WAIT
from proccli.commands.topology.topology import Part, topology
from proccli.errors import UsageError
from proccli.model.topology import Topology
from proccli.server.graph import ConnectionSelection
from proccli.sources.opening import NamedSource
from proccli.terminal.warning_text import message as words_of
from tests.agent.sockets.looking import REFUSED
from tests.build import BOOT_S, NOW_S
from tests.cli.runner import call
from tests.server.recordings import config, later, recorded, recording, source

WEB = {"nginx": ["10.0.0.1:80", "10.0.0.1:80 10.0.0.9:5000", "10.0.0.1:4000 10.0.0.2:8000"]}
APP = {
    "app": ["10.0.0.2:8000", "10.0.0.2:8000 10.0.0.1:4000", "10.0.0.2:4001 10.0.0.3:5432"],
    "secret": ["10.0.0.2:4002 10.0.0.3:5432"],
}
DB = {"postgres": ["10.0.0.3:5432", "10.0.0.3:5432 10.0.0.2:4001", "10.0.0.3:5432 10.0.0.2:4002"]}


def shop(folder: Path) -> list[str]:
    """Three hosts, one beside the other in time."""
    return [
        recorded(folder, name, connections, ip, boot_time_s=BOOT_S + number, **later(number))
        for number, (name, connections, ip) in enumerate(
            (("web-1", WEB, "10.0.0.1"), ("app-1", APP, "10.0.0.2"), ("db-1", DB, "10.0.0.3"))
        )
    ]


def drawn(folder: Path, *sources: str | tuple[str, str], **how: Any) -> Topology:
    """The topology of these recordings, each with its network where it has one."""
    named = [
        NamedSource(path=given)
        if isinstance(given, str)
        else NamedSource(path=given[1], network=given[0])
        for given in sources
    ]
    return topology(
        InputOptions(config=config(folder)),
        named,
        ConnectionSelection(**{name: how.pop(name) for name in tuple(how) if name in SELECTING}),
        Part(group_by=how.pop("group_by", "gprocess")),
        wait_policy=NO_WAIT,
        progress=how.pop("progress", lambda _done, _of: None),
    )


SELECTING = frozenset({"names", "hosts", "tags", "protocols", "ports", "certainties"})


def told(found: Topology) -> list[str]:
    return [note.code for note in found.notes]


def edges(found: Topology) -> list[tuple[object, ...]]:
    labels = {node.id: f"{node.label}@{node.host}" for node in found.nodes}
    return [
        (
            labels.get(edge.client or ""),
            labels.get(edge.server or ""),
            edge.server_port,
            edge.remote,
            edge.remote_process,
        )
        for edge in found.edges
    ]


EDGES = [
    ("app@app-1", "postgres@db-1", 5432, None, None),
    ("nginx@web-1", "app@app-1", 8000, None, None),
    (None, "postgres@db-1", 5432, "not-sent", "secret"),
    (None, "nginx@web-1", 80, "elsewhere", None),
]


def test_connections_of_three_hosts_are_joined(tmp_path: Path) -> None:
    found = drawn(tmp_path, *shop(tmp_path))

    assert edges(found) == EDGES
    assert [(host.name, host.addresses) for host in found.hosts] == [
        ("web-1", ("10.0.0.1",)),
        ("app-1", ("10.0.0.2",)),
        ("db-1", ("10.0.0.3",)),
    ]
    assert (found.connections, found.left_out, told(found)) == (
        4,
        {"process-not-accepted": 1},
        [],
    )


def test_the_order_of_sources_changes_nothing_but_the_order_of_hosts(tmp_path: Path) -> None:
    for paths in permutations(shop(tmp_path)):
        found = drawn(tmp_path, *paths)
        assert edges(found) == EDGES
        assert [host.source for host in found.hosts] == list(paths)


def test_progress_is_told(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []

    drawn(tmp_path, *shop(tmp_path), progress=lambda done, of: heard.append((done, of)))

    assert heard == [(1, 3), (2, 3), (3, 3)]


def again(folder: Path, file: str, seconds: int, *, ip: str = "10.0.0.3", **fields: Any) -> str:
    """Another recording of db-1, so much later."""
    known = {"boot_time_s": BOOT_S + 2} | later(seconds) | fields
    return recorded(folder, "db-1", {"redis": [f"{ip}:6379"]}, ip, file=file, **known)


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_of_two_recordings_of_a_host_the_newer_counts(seconds: int, tmp_path: Path) -> None:
    """Whichever comes first, and it keeps the plain name."""
    one, other = again(tmp_path, "one.jsonl", 0), again(tmp_path, "other.jsonl", seconds)
    newer = other if seconds > 0 else one

    for paths in permutations((one, other)):
        found = drawn(tmp_path, *paths)
        assert [(host.name, host.source) for host in found.hosts] == [("db-1", newer)]
        assert told(found) == ["host-again"]
        assert newer in words_of(found.notes[0])


def test_of_many_recordings_of_a_host_the_newest_counts(tmp_path: Path) -> None:
    times = (5, 1, 9, 3)
    paths = [again(tmp_path, f"{seconds}.jsonl", seconds) for seconds in times]

    found = drawn(tmp_path, *paths)

    assert [(host.name, host.source) for host in found.hosts] == [("db-1", paths[2])]
    assert told(found) == ["host-again"] * 3


def test_a_host_that_was_forgotten_leaves_nothing_behind(tmp_path: Path) -> None:
    """Its connections, addresses and processes are those of the newer recording."""
    found = drawn(tmp_path, *shop(tmp_path), again(tmp_path, "newer.jsonl", 3600))

    assert ("app@app-1", None, 5432, "absent", None) in edges(found)
    assert {node.host for node in found.nodes} == {"web-1", "app-1"}


@pytest.mark.parametrize(
    "moved",
    [
        {"boot_time_s": BOOT_S - 30},
        {"boot_time_s": NOW_S + 3},
        {"boot_time_s": BOOT_S + 3, "ip": "10.0.0.4"},
    ],
    ids=["its clock was set", "it was started again", "it has another address"],
)
def test_a_host_that_changes_stays_one(moved: dict[str, Any], tmp_path: Path) -> None:
    one, other = again(tmp_path, "one.jsonl", 0), again(tmp_path, "other.jsonl", 9, **moved)

    found = drawn(tmp_path, one, other)

    assert [(host.name, host.source) for host in found.hosts] == [("db-1", other)]
    assert told(found) == ["host-again"]


def test_outputs_of_sync_without_an_address_in_common_are_of_two_hosts(tmp_path: Path) -> None:
    """They don't tell when their hosts were started."""
    outputs = []
    for ip in ("10.0.0.1", "10.0.0.4"):
        path = recorded(tmp_path, "localhost", {"nginx": [f"{ip}:80", f"{ip}:80 10.9.9.9:1"]}, ip)
        printed = call("sync", "--once", "--no-state", "--json", "-c", config(tmp_path), "-s", path)
        outputs.append(tmp_path / f"{ip}.json")
        outputs[-1].write_text(printed.out, encoding="utf-8")

    found = drawn(tmp_path, *map(str, outputs))

    assert len(found.hosts) == 2
    assert told(found) == ["config-unused"]


@pytest.mark.parametrize(
    "differing",
    [{"boot_time_s": BOOT_S - 3600}, {"boot_time_s": BOOT_S + 5, "ip": "10.0.0.4"}],
    ids=["up at the same time", "started together, elsewhere"],
)
def test_hosts_of_one_name_may_be_two(differing: dict[str, Any], tmp_path: Path) -> None:
    one = again(tmp_path, "one.jsonl", 0)
    other = again(tmp_path, "other.jsonl", 0, **differing)

    found = drawn(tmp_path, one, other)

    assert [host.name for host in found.hosts] == [f"db-1 [{one}]", f"db-1 [{other}]"]
    assert told(found) == []


def seen_by_a_user(folder: Path) -> str:
    """db-1 recorded without root's rights: the sockets of redis are hidden, those of mine not."""
    connections = {
        "mine": ["10.0.0.3:9000"],
        "redis": ["10.0.0.3:6379", "10.0.0.3:6379 10.0.0.2:4000", "10.0.0.3:4001 10.0.0.9:80"],
    }
    machine = source("db-1", connections, ["10.0.0.3"], privileged=False)
    machine.sockets = {**machine.sockets, 11: REFUSED}
    path = folder / "db-1.jsonl"
    path.write_bytes(recording(machine))
    return str(path)


def test_an_end_that_only_root_can_see_may_be_sent(tmp_path: Path) -> None:
    """It stands in the tables of the namespace, and whose it is can't be told."""
    app = recorded(
        tmp_path, "app-1", {"app": ["10.0.0.2:4000 10.0.0.3:6379"]}, "10.0.0.2", boot_time_s=1
    )

    found = drawn(tmp_path, app, seen_by_a_user(tmp_path))

    (edge,) = found.edges
    assert (edge.certainty, edge.remote, edge.remote_host) == ("client-end", "undecided", "db-1")
    assert (edge.remote_process, edge.remote_reason) == (None, "unreadable")
    assert found.left_out["undecided"] == 2
    assert found.incomplete


def test_a_flow_of_what_only_root_can_see_is_undecided(tmp_path: Path) -> None:
    flow = {"ip_0": "10.0.0.2", "client_port": 4000, "ip_1": "10.0.0.3", "server_port": 6379}
    line = json.dumps(flow | {"protocol": 6}).encode()

    path, agent = seen_by_a_user(tmp_path), config(tmp_path)
    ran = call("label", "-c", agent, "-s", path, stdin=line)

    assert json.loads(ran.out)["label_1"] == "undecided"
    assert call("label", "--strict", "-c", agent, "-s", path, stdin=line).code == 4


def test_hosts_of_one_name_in_two_networks_are_two(tmp_path: Path) -> None:
    one, other = again(tmp_path, "one.jsonl", 0), again(tmp_path, "other.jsonl", 0)

    for sources, names in (
        ((("blue", one), ("red", other)), ["db-1 (blue)", "db-1 (red)"]),
        ((one, ("red", other)), ["db-1", "db-1 (red)"]),
        ((("blue", one), ("red", one)), ["db-1 (blue)", "db-1 (red)"]),
    ):
        found = drawn(tmp_path, *sources)
        assert [host.name for host in found.hosts] == names


def test_an_output_of_sync_and_a_recording_of_its_host_are_of_one_host(tmp_path: Path) -> None:
    (path,) = (path for path in shop(tmp_path) if "db-1" in path)
    how = ("-c", config(tmp_path), "-s", path)
    printed = call("sync", "--once", "--no-state", "--json", *how)
    output = tmp_path / "sync.json"
    output.write_text(printed.out, encoding="utf-8")
    newer = again(tmp_path, "newer.jsonl", 3600)

    for sources in permutations((str(output), newer)):
        found = drawn(tmp_path, *sources)
        assert [(host.source, host.kind) for host in found.hosts] == [(newer, "recording")]
        assert told(found) == ["host-again"]


def test_where_all_are_outputs_of_sync_no_configuration_of_ours_counts(tmp_path: Path) -> None:
    how = ("-c", config(tmp_path), "-s", shop(tmp_path)[0])
    output = tmp_path / "sync.json"
    output.write_text(call("sync", "--once", "--no-state", "--json", *how).out, encoding="utf-8")

    assert drawn(tmp_path, str(output)).config is None
    assert drawn(tmp_path, str(output), shop(tmp_path)[1]).config is not None


def test_an_unknown_grouping_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--group-by: 'x' is none of"):
        drawn(tmp_path, *shop(tmp_path), group_by="x")


@pytest.mark.parametrize(
    ("selection", "ports"),
    [
        ({"names": ["nginx"]}, [8000, 80]),
        ({"names": ["n*", "app"]}, [5432, 8000, 80]),
        ({"names": ["nginx"], "ports": [8000]}, [8000]),
        ({"hosts": ["web-?"]}, [8000, 80]),
        ({"hosts": ["WEB-1"]}, []),
        ({"ports": [5432]}, [5432, 5432]),
        ({"protocols": ["udp"]}, []),
        ({"certainties": ["server-end"]}, [5432, 80]),
        ({"certainties": ["server-end", "both-ends"], "names": ["postgres"]}, [5432, 5432]),
        ({"tags": [("owner", "*")]}, []),
        ({"names": ["secret"]}, []),
    ],
)
def test_connections_are_chosen_by_any_end(
    selection: dict[str, Sequence[Any]], ports: list[int], tmp_path: Path
) -> None:
    found = drawn(tmp_path, *shop(tmp_path), **selection)

    assert [edge.server_port for edge in found.edges] == ports
    assert found.connections == 4


def test_an_end_that_is_missing_is_told_with_how_far_apart_the_sources_are(tmp_path: Path) -> None:
    web, app, _ = shop(tmp_path)
    late = recorded(tmp_path, "db-1", {"postgres": ["10.0.0.3:5432"]}, "10.0.0.3", **later(7200))

    found = drawn(tmp_path, web, app, late)

    assert told(found) == ["one-end"]
    message = words_of(found.notes[0])
    assert message.startswith("1 connection is seen at one end only")
    assert f"2:00:00 apart ({web} first, {late} last)" in message
    (edge,) = (edge for edge in found.edges if edge.remote == "absent")
    assert (edge.remote_host, edge.remote_process) == ("db-1", "postgres")


def test_equal_ends_are_told(tmp_path: Path) -> None:
    paths = shop(tmp_path)
    twin = recorded(tmp_path, "db-2", DB, "10.0.0.3")

    found = drawn(tmp_path, *paths, twin)

    assert told(found) == ["ambiguous"]
    assert {edge[3] for edge in edges(found)} == {None, "ambiguous", "elsewhere"}
    assert set(edges(drawn(tmp_path, *paths, ("red", twin)))) > set(EDGES)


def test_equal_addresses_are_told(tmp_path: Path) -> None:
    web, app, _ = shop(tmp_path)
    twins = [recorded(tmp_path, f"db-{n}", {"idle": ()}, "10.0.0.3") for n in (1, 2)]

    found = drawn(tmp_path, web, app, *twins)

    assert set(told(found)) == {"one-end", "shared-addresses"}


def test_networks_that_collide_are_told(tmp_path: Path) -> None:
    paths = shop(tmp_path)

    found = drawn(tmp_path, *paths, *(("red", path) for path in paths))

    assert told(found) == ["networks-collide"]
    assert found.connections == 8


def test_what_one_source_of_several_says_is_said_of_it(tmp_path: Path) -> None:
    web, *others = shop(tmp_path)
    lines = [json.loads(line) for line in Path(web).read_text(encoding="utf-8").splitlines()]
    lines[0]["notices"] = [{"code": "odd", "message": "something is odd"}]
    Path(web).write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")

    assert [(n.code, words_of(n)) for n in drawn(tmp_path, web).notes] == [
        ("odd", "something is odd")
    ]
    assert words_of(drawn(tmp_path, web, *others).notes[0]) == f"{web}: something is odd"


def test_what_an_older_recording_lacks_is_not_said(tmp_path: Path) -> None:
    """It doesn't count, whichever comes first."""
    connections = {"redis": ["10.0.0.3:6379", "10.0.0.3:4000 10.0.0.9:1"]}
    when = {"boot_time_s": BOOT_S + 2}
    older = recorded(tmp_path, "db-1", connections, file="older", age_s=0, **when)
    newer = again(tmp_path, "newer", 3600)

    assert drawn(tmp_path, older).incomplete
    assert told(drawn(tmp_path, older)) == ["age-unknown"]
    for paths in permutations((older, newer)):
        found = drawn(tmp_path, *paths)
        assert (found.incomplete, told(found)) == (False, ["host-again"])
