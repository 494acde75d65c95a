"""`proccli label` by all kinds of sources: recordings, directories, outputs of `sync`, the machine
that it runs on; in one network and in several."""

from __future__ import annotations

import gzip
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import pytest

from tests.build import NOW_S
from tests.cli.runner import call
from tests.commands.label.flowfiles import FORMS, syns
from tests.commands.label.labelling import (
    SHOP,
    SHOP_CONFIG,
    SHOP_RECORDINGS,
    SHOP_TAKEN_S,
    At,
    Connection,
    Record,
    connections_of,
    ends_of,
    flow,
    label,
    labels,
    names,
    ndjson,
    objects,
    two_hosts,
)
from tests.network import connected, udp_pair
from tests.server.recordings import config, later, recorded
from tests.traffic.captures.witness import DATA

CAPTURE = DATA / "v2.pcap"


def shop_flows() -> bytes:
    """Records of all connections of the shop."""
    found = connections_of(list(ends_of(SHOP_CONFIG, SHOP_RECORDINGS)))
    return FORMS["deepflow-ndjson"].write(found, SHOP_TAKEN_S)


def test_packed_recordings_label_alike(tmp_path: Path) -> None:
    options = list(SHOP_CONFIG)
    for path in SHOP_RECORDINGS:
        packed = tmp_path / f"{Path(path).name}.gz"
        packed.write_bytes(gzip.compress(Path(path).read_bytes()))
        options += ["-s", str(packed)]

    assert label(*options, stdin=shop_flows()).out == label(*SHOP, stdin=shop_flows()).out


def test_a_recording_on_stdin_labels_a_file(tmp_path: Path) -> None:
    flows = tmp_path / "flows"
    flows.write_bytes(shop_flows())
    first, *rest = SHOP_RECORDINGS
    others = (f"-s{path}" for path in rest)

    ran = label(*SHOP_CONFIG, "-s", "-", *others, str(flows), stdin=Path(first).read_bytes())

    assert ran.out == label(*SHOP, str(flows)).out


def test_outputs_of_sync_label_what_is_sent(tmp_path: Path) -> None:
    """Of the rest they know nothing."""
    options = []
    for path in SHOP_RECORDINGS:
        printed = call("sync", "--once", "--no-state", "--json", *SHOP_CONFIG, "-s", path)
        output = tmp_path / f"{Path(path).name}.sync"
        output.write_text(printed.out, encoding="utf-8")
        options += ["-s", str(output)]

    by_outputs = objects(label(*options, stdin=shop_flows()))
    by_recordings = objects(label(*SHOP, stdin=shop_flows()))

    assert names(by_outputs) == names(by_recordings)
    for one, other in zip(by_outputs, by_recordings, strict=True):
        for ours, theirs in zip(labels(one), labels(other), strict=True):
            assert ours == ("no-connection" if theirs == "dropped" else theirs)


def test_an_output_of_a_sync_that_is_switched_off_has_nothing_to_label_with(tmp_path: Path) -> None:
    """Which is why there is no connection."""
    hosts = two_hosts(tmp_path)
    enabled = Path(hosts[1])
    enabled.write_text(enabled.read_text().replace("enabled: true", "enabled: false"))
    printed = call("sync", "--once", "--no-state", "--json", *hosts[:4])
    output = tmp_path / "a.sync"
    output.write_text(printed.out, encoding="utf-8")

    ran = label("-s", str(output), stdin=ndjson(flow()))

    assert names(objects(ran)) == [(None, None)]
    assert ran.err == (
        "proccli: warning: the agent of a sends nothing: os-proc-sync-enabled was false\n"
    )


def test_a_host_twice_is_known_by_its_newer_recording(tmp_path: Path) -> None:
    hosts = two_hosts(tmp_path)
    again = {"other": ["10.0.0.1:4000 10.0.0.2:80"]}
    newer = recorded(tmp_path, "a", again, "10.0.0.1", file="again.jsonl", **later(5))

    ran = label(*hosts, "-s", newer, stdin=ndjson(flow()))

    assert names(objects(ran)) == [("other", "server")]
    assert label(*hosts, "-s", newer, "--agent-id", "1=a", str(CAPTURE)).code == 0
    assert "are both of host a: the newer one is used" in ran.err


# ---- networks ---------------------------------------------------------------------------------


SAME_PORT: Mapping[str, int] = {"blue": 4000, "red": 4000}


def twins(folder: Path, ports: Mapping[str, int] = SAME_PORT) -> list[str]:
    """The options that name two networks, each with a client and a server of the same addresses."""
    options = ["-c", config(folder)]
    for network, port in ports.items():
        client = {f"{network}-client": [f"10.0.0.1:{port} 10.0.0.2:80"]}
        server = {f"{network}-server": ["10.0.0.2:80", f"10.0.0.2:80 10.0.0.1:{port}"]}
        for host, its, ip in (("till", client, "10.0.0.1"), ("store", server, "10.0.0.2")):
            (folder / network).mkdir(exist_ok=True)
            path = recorded(folder / network, host, its, ip)
            options += ["-s", f"{network}={path}"]
    return options


def test_equal_addresses_of_two_networks_are_not_guessed_at(tmp_path: Path) -> None:
    (found,) = objects(label(*twins(tmp_path), stdin=ndjson(flow())))

    assert labels(found) == ("ambiguous", "ambiguous")
    assert names([found]) == [(None, None)]


@pytest.mark.parametrize("network", ["blue", "red"])
def test_an_agent_knows_its_own_side_whatever_the_other_network_has(
    network: str, tmp_path: Path
) -> None:
    """The server does not tell networks apart, so the remote side may be of either."""
    (found,) = objects(label(*twins(tmp_path), stdin=ndjson(flow(agent=f"till ({network})"))))

    assert labels(found) == ("socket", "ambiguous")
    assert found["gprocess_0"] == f"{network}-client"


@pytest.mark.parametrize("network", ["blue", "red"])
def test_the_network_of_the_records_decides(network: str, tmp_path: Path) -> None:
    ports = {"blue": 4000, "red": 4001}
    hosts = twins(tmp_path, ports)
    wanted = [(f"{network}-client", f"{network}-server")]
    port = ports[network]
    capture = syns([over(At("10.0.0.1", port), At("10.0.0.2", 80))], NOW_S)

    for stdin in (ndjson(flow(client_port=port)), capture):
        found = objects(label(*hosts, "--in-network", network, stdin=stdin))
        assert names(found) == wanted
        assert names(objects(label(*hosts, stdin=stdin))) == [(None, None)]
    assert found[0]["host_0"] == f"till ({network})"


def test_a_network_that_no_source_is_in_is_named_with_those_that_are(tmp_path: Path) -> None:
    ran = label(*twins(tmp_path), "--in-network", "green", stdin=ndjson(flow()), code=2)

    assert "no source is in the network 'green' of --in-network (blue, red)" in ran.err


def test_an_agent_of_a_host_whose_name_two_have_is_not_guessed_at(tmp_path: Path) -> None:
    ran = label(*twins(tmp_path), "--agent-id", "7=till", stdin=ndjson(flow()), code=2)

    assert "no source is of the host 'till' of --agent-id (till (blue), store (blue), " in ran.err


def over(one: At, other: At, protocol: str = "tcp", host: str = "") -> Connection:
    return Connection(host, protocol, one, other)


# ---- time and servers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("within", "expected"),
    [
        (["--within", "99.5"], "other-time"),
        (["--within", "100"], "socket"),
        (["--within", "inf"], "socket"),
        (["--within", "0"], "other-time"),
        ([], "other-time"),
    ],
)
def test_how_far_a_record_may_lie_is_the_users_choice(
    within: list[str], expected: str, tmp_path: Path
) -> None:
    late = flow(start_time=NOW_S + 100, end_time=NOW_S + 200)

    ran = label(*two_hosts(tmp_path), *within, stdin=ndjson(late))

    assert labels(objects(ran)[0]) == (expected, expected)
    assert ("other-time" in expected) == ("2 sides are of connections that a source has" in ran.err)


def test_the_time_zone_of_the_records_decides(tmp_path: Path) -> None:
    """ClickHouse writes none. Eight hours off, no label holds; without a zone it is not known."""
    record = ndjson(flow(start_time="2026-01-02 03:04:05", end_time="2026-01-02 03:04:05"))

    def found(*options: str) -> tuple[object, object]:
        return labels(objects(label(*two_hosts(tmp_path), *options, stdin=record))[0])

    assert NOW_S == 1_767_323_045  # 2026-01-02T03:04:05Z
    assert found("--fields", "zone=UTC") == ("socket", "socket")
    assert found("--fields", "zone=+00:00") == ("socket", "socket")
    assert found("--fields", "zone=Asia/Shanghai") == ("other-time", "other-time")
    ran = label(*two_hosts(tmp_path), stdin=record)
    assert labels(objects(ran)[0]) == ("socket", "socket")
    assert "2 times without a time zone are not used" in ran.err
    assert "1 labelled record has no time" in ran.err


def test_names_of_the_users_own_are_found(tmp_path: Path) -> None:
    table = f"t,src,sp,dst,dp,proto\n{NOW_S},10.0.0.1,4000,10.0.0.2,80,TCP\n"
    fields = "start=t,ip_0=src,port_0=sp,ip_1=dst,port_1=dp,protocol=proto"

    ran = label(*two_hosts(tmp_path), "--fields", fields, stdin=table.encode())

    assert (ran.out.splitlines()[1], ran.err) == (
        f"{NOW_S},10.0.0.1,4000,10.0.0.2,80,TCP,client,server,client,server,socket,socket",
        "",
    )


TAGS = """\
- pid: 10
  tags:
  - {key: url, value: "http://x"}
  - {key: Owner, value: alice}
  - {key: list, value: "a, b:c"}
"""


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("6.5", {"url": "http://x", "Owner": "alice", "list": "a", "b": "c"}),
        ("7.1", {"Owner": "alice", "list": "a", "b": "c"}),
    ],
)
def test_tags_are_those_that_arrive_at_the_server(
    server: str, expected: dict[str, str], tmp_path: Path
) -> None:
    tags = tmp_path / "tags.yaml"
    tags.write_text(TAGS, encoding="utf-8")
    hosts = two_hosts(tmp_path)[:4]

    ran = label(*hosts, "--tags", str(tags), "--server", server, stdin=ndjson(flow()))

    (found,) = objects(ran)
    assert {
        key: value for key, value in found.items() if key.startswith("os.app.") and key[-1] == "0"
    } == {f"os.app.{key}_0": value for key, value in expected.items()}


# ---- this machine -----------------------------------------------------------------------------

LIVE = """\
static_config:
  os-proc-sync-enabled: true
  os-proc-socket-min-lifetime: 0
"""
"""Every process is sent, and every connection, however young."""


@pytest.fixture
def live(tmp_path: Path) -> tuple[str, ...]:
    """The options to look at the live machine once."""
    path = tmp_path / "live.yaml"
    path.write_text(LIVE, encoding="utf-8")
    return ("-c", str(path), "--no-wait")


def ours(live: Sequence[str]) -> str:
    """What this process is called."""
    document = json.loads(call("scan", "--json", *live[:2]).out)
    (name,) = (one["gprocess"] for one in document["processes"] if one["pid"] == os.getpid())
    return str(name)


def by_psutil(*sockets: socket.socket) -> Iterator[Connection]:
    """The connections of these sockets, as the kernel shows them."""
    known = {one.fd: one for one in psutil.Process().net_connections("inet")}
    kinds = {socket.SOCK_STREAM: "tcp", socket.SOCK_DGRAM: "udp"}
    for each in sockets:
        one = known[each.fileno()]
        sides = (At(ip.removeprefix("::ffff:"), port) for ip, port in (one.laddr, one.raddr))
        yield Connection(socket.gethostname(), kinds[one.type], *sides)


def own_address() -> str | None:
    """An IPv4 address of this machine that is not loopback."""
    return next(
        (
            one.address
            for of_one in psutil.net_if_addrs().values()
            for one in of_one
            if one.family == socket.AF_INET and not one.address.startswith("127.")
        ),
        None,
    )


@pytest.mark.parametrize("form", ["deepflow-ndjson", "deepflow-csv", "zeek", "zeek-json"])
def test_the_machines_own_connections_are_those_of_this_process(
    live: tuple[str, ...], form: str
) -> None:
    with connected() as one, connected(own_address() or "127.0.0.9") as other, udp_pair() as udp:
        there = [
            turned for each in by_psutil(*one[1:], *other[1:]) for turned in (each, each.reversed)
        ]
        (datagrams,) = by_psutil(udp[1])
        content = FORMS[form].write([*there, datagrams, datagrams.reversed], time.time())

        found = FORMS[form].read(label(*live, stdin=content).out)

        *connections, to, back = found
        name = ours(live)
    assert [labels(record) for record in connections] == [("socket", "socket")] * 8
    assert names(connections) == [(name, name)] * 8
    assert (labels(to), labels(back)) == (("socket", "no-connection"), ("no-connection", "socket"))


def test_a_dual_stack_listener_has_its_clients_over_ipv4(live: tuple[str, ...]) -> None:
    with connected(dualstack_ipv6=True) as (_, client, accepted):
        content = FORMS["deepflow-ndjson"].write([*by_psutil(client, accepted)], time.time())

        assert names(objects(label(*live, stdin=content))) == [(ours(live), ours(live))] * 2


def test_a_capture_of_this_machine_names_the_pid(live: tuple[str, ...]) -> None:
    with connected() as (_, client, _accepted):
        (found,) = objects(label(*live, stdin=syns([*by_psutil(client)], time.time())))

    assert (found["pid_0"], found["pid_1"]) == (os.getpid(), os.getpid())
    assert (found["label_0"], found["label_1"]) == ("socket", "socket")


def test_a_connection_that_is_closed_is_nobodys(live: tuple[str, ...]) -> None:
    with connected() as (_, client, _accepted):
        content = FORMS["deepflow-ndjson"].write([*by_psutil(client)], time.time())

    assert labels(objects(label(*live, stdin=content))[0]) == ("no-connection", "no-connection")


def test_one_that_was_open_at_another_time_is_not_this_one(live: tuple[str, ...]) -> None:
    with connected() as (_, client, _accepted):
        content = FORMS["deepflow-ndjson"].write([*by_psutil(client)], time.time() - 3_600)

        assert labels(objects(label(*live, stdin=content))[0]) == ("other-time", "other-time")


def test_the_live_machine_may_stand_beside_recordings(
    live: tuple[str, ...], tmp_path: Path
) -> None:
    with connected() as (_, client, _accepted):
        content = FORMS["deepflow-ndjson"].write([*by_psutil(client)], time.time())
        mixed: list[Record] = objects(
            label(*live, "--live", *two_hosts(tmp_path)[2:], stdin=content + ndjson(flow()))
        )
        name = ours(live)

    assert names(mixed) == [(name, name), ("client", "server")]


def test_a_directory_is_a_source_like_others(live: tuple[str, ...], tmp_path: Path) -> None:
    """A copy of this process, of the kind that `cp -a` makes."""
    target = tmp_path / "proc" / str(os.getpid())
    (target / "net").mkdir(parents=True)
    (target / "fd").mkdir()
    boot_s, up_s = int(psutil.boot_time()), int(time.time() - psutil.boot_time())
    (target.parent / "stat").write_text(f"btime {boot_s}\n", encoding="utf-8")
    (target.parent / "uptime").write_text(f"{up_s}.00 1.00\n", encoding="utf-8")
    with connected() as (_, client, accepted):
        for name in ("cmdline", "stat", "net/tcp", "net/udp"):
            (target / name).write_bytes(Path(f"/proc/self/{name}").read_bytes())
        for one in (client, accepted):
            link = f"fd/{one.fileno()}"
            (target / link).symlink_to(os.readlink(f"/proc/self/{link}"))  # noqa: PTH115
        (there,) = by_psutil(client)
        name = ours(live)

    ran = label(*live[:2], "-s", str(target.parent), stdin=syns([there], boot_s + up_s))

    (found,) = objects(ran)
    assert names([found]) == [(name, name)]
    assert (found["pid_0"], found["pid_1"]) == (os.getpid(), os.getpid())


def test_without_a_configuration_nothing_is_sent_and_nothing_labelled(tmp_path: Path) -> None:
    """As the agent's defaults have it."""
    _, _, *sources = two_hosts(tmp_path)

    assert labels(objects(label(*sources, stdin=ndjson(flow())))[0]) == ("sync-disabled",) * 2
    assumed = label(*sources, "--assume-enabled", stdin=ndjson(flow()))
    assert labels(objects(assumed)[0]) == ("socket", "socket")
