"""`proccli label` of captures: the lines of their connections, and damaged captures."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from proccli.commands.schema.command import schema_text
from tests.build import NOW_S
from tests.cli.runner import call
from tests.commands.label.flowfiles import syns
from tests.commands.label.labelling import (
    At,
    Connection,
    label,
    labels,
    objects,
    two_connections,
    two_hosts,
)
from tests.paths import DOCS, ROOT
from tests.traffic.captures.blocks import interface, packet, resolution, section, shift
from tests.traffic.captures.frames import ETHERNET, FRAMES, Frame
from tests.traffic.captures.witness import DATA
from tests.traffic.tot.segments import v1, v2


@pytest.mark.parametrize(
    ("ticks", "options", "told"),
    [
        (0, b"", "1970-01-01T00:00:00.000000Z"),
        (1_767_323_045_000_006, b"", "2026-01-02T03:04:05.000006Z"),
        (253_402_300_799_000_000, b"", "9999-12-31T23:59:59.000000Z"),
        (0, shift(-62_135_596_800), "0001-01-01T00:00:00.000000Z"),
        (0, shift(-62_135_596_801), None),
        (253_402_300_800_000_000, b"", None),
        (0, shift(2**63 - 1), None),
        (0, shift(-(2**63)), None),
        (2**64 - 1, b"", None),
        (2**64 - 1, resolution(0), None),
    ],
)
def test_times_are_told_from_the_first_year_to_the_last(
    ticks: int, options: bytes, told: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "x.pcapng"
    frame = packet(FRAMES["ethernet"], ticks)
    path.write_bytes(section() + interface(options=options) + frame)

    (found,) = objects(label(*two_hosts(tmp_path), str(path)))

    assert (found["start_time"], found["end_time"]) == (told, told)


SHORT = Connection("a", "tcp", At("10.0.0.1", 4999), At("10.0.0.2", 80))
"""Between the two hosts, and too short to be seen."""
TRANSLATED = SHORT._replace(one=At("192.0.2.1", 4999))
CLIENT_PID = 10


def side_0(hosts: tuple[str, ...], connection: Connection, options: bytes) -> list[Any]:
    """How it is labelled, and with whom."""
    (found,) = objects(label(*hosts, stdin=syns([connection], NOW_S, options)))
    return [found[f"{key}_0"] for key in ("label", "gprocess", "host", "pid")]


@pytest.mark.parametrize(
    ("options", "direct", "translated"),
    [
        (v1(CLIENT_PID, address="10.0.0.1", seq=1), "tot", "tot"),
        (v1(CLIENT_PID, address="10.0.0.1"), "tot", "tot"),
        (v1(CLIENT_PID, seq=1), "tot-likely", "no-host"),
        (v1(CLIENT_PID), "tot-likely", "no-host"),
        (v2(CLIENT_PID, 7), "tot-likely", "no-host"),
        (v1(CLIENT_PID, address="10.0.0.9", seq=1), "no-host", "no-host"),
        (v1(99, address="10.0.0.1", seq=1), "no-process", "no-process"),
        (v1(2**32 - 1, address="10.0.0.1"), "no-process", "no-process"),
        (v1(0, address="10.0.0.1", seq=1), "tot-no-pid", "tot-no-pid"),
        (b"\xfd\x04\xf9\x89", "no-connection", "no-host"),
    ],
)
def test_a_syn_says_whose_it_is(
    options: bytes, direct: str, translated: str, tmp_path: Path
) -> None:
    hosts = two_hosts(tmp_path)

    for connection, expected in ((SHORT, direct), (TRANSLATED, translated)):
        named = (
            ["client", "a", CLIENT_PID]
            if expected.startswith("tot-l") or expected == "tot"
            else [None] * 3
        )
        assert side_0(hosts, connection, options) == [expected, *named]


def test_an_agent_whose_host_is_told_is_as_good_as_an_address(tmp_path: Path) -> None:
    hosts = (*two_hosts(tmp_path), "--agent-id", "7=a", "--agent-id", "4294967295=b")
    client, server = (["tot", "client", "a", 10], ["tot", "server", "b", 10])

    for connection in (SHORT, TRANSLATED):
        assert side_0(hosts, connection, v2(CLIENT_PID, 7)) == client
        assert side_0(hosts, connection, v2(CLIENT_PID, 2**32 - 1)) == server


@pytest.mark.parametrize("seconds", [-100_000, 70, 100_000])
def test_a_pid_holds_for_the_time_of_its_process(seconds: int, tmp_path: Path) -> None:
    """Which started some hours before the recording, and is not known afterwards."""
    capture = syns([SHORT], NOW_S + seconds, v1(CLIENT_PID, address="10.0.0.1", seq=1))

    (found,) = objects(label(*two_hosts(tmp_path), stdin=capture))

    assert (found["label_0"], found["gprocess_0"], found["pid_0"]) == ("other-time", None, None)


def pcapng(capture: bytes) -> bytes:
    """The packets of a pcap file as another file."""
    content, at = section() + interface(), 24
    while at < len(capture):
        seconds, part, size = (
            int.from_bytes(capture[start : start + 4], "little") for start in range(at, at + 12, 4)
        )
        frame = Frame(ETHERNET, capture[at + 16 : at + 16 + size])
        content += packet(frame, seconds * 1_000_000 + part)
        at += 16 + size
    return content


@pytest.mark.parametrize("form", [bytes, pcapng, gzip.compress], ids=["pcap", "pcapng", "gzip"])
@pytest.mark.parametrize("option", [False, True])
def test_captures_of_every_kind_are_the_same(
    form: Callable[[bytes], bytes], tmp_path: Path, *, option: bool
) -> None:
    path = tmp_path / "x"
    path.write_bytes(form(syns(two_connections(), NOW_S)))
    given = (*two_hosts(tmp_path), *(["--format", "capture"] if option else []))

    by_name, by_pipe = label(*given, str(path)), label(*given, stdin=path.read_bytes())

    assert by_name == by_pipe
    assert by_name.err == (
        "proccli: warning: 2 sides of captured connections are in no source at that time, and the"
        " capture has no TOT options: record the hosts while the connections exist (proccli"
        " record), or run TCP option tracing on them\n"
    )
    assert list(map(labels, objects(by_name))) == [("socket", "socket"), ("no-connection",) * 2]


def test_a_line_has_its_keys_in_this_order(tmp_path: Path) -> None:
    (found, _) = objects(label(*two_hosts(tmp_path), stdin=syns(two_connections(), NOW_S)))

    assert found == {
        "start_time": "2026-01-02T03:04:05.000000Z",
        "end_time": "2026-01-02T03:04:05.000000Z",
        "protocol": "tcp",
        "ip_0": "10.0.0.1",
        "client_port": 4000,
        "ip_1": "10.0.0.2",
        "server_port": 80,
        "client_certain": True,
        "packets": 1,
        "pid_0": 10,
        "pid_1": 10,
        "host_0": "a",
        "host_1": "b",
        "gprocess_0": "client",
        "gprocess_1": "server",
        "auto_instance_0": "client",
        "auto_instance_1": "server",
        "label_0": "socket",
        "label_1": "socket",
    }
    assert list(found)[-2:] == ["label_0", "label_1"]


def test_labelled_output_can_be_labelled_again(tmp_path: Path) -> None:
    """As flow records: the names are theirs."""
    hosts = two_hosts(tmp_path)
    once = label(*hosts, stdin=syns(two_connections(), NOW_S)).out

    assert label(*hosts, stdin=once.encode()).out == once


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.glob("*.pcap*")))
def test_real_captures_of_other_hosts_get_no_label(name: str, tmp_path: Path) -> None:
    """Their addresses are of no source, whatever pids they name."""
    found = objects(label(*two_hosts(tmp_path), str(DATA / name)))

    assert found
    assert all({*labels(one)} <= {"no-host", "ipv6"} for one in found)


@given(st.data())
def test_a_damaged_capture_ends_as_such(data: st.DataObject) -> None:
    """Whatever the damage is: what is left of it comes out, and each line is JSON."""
    content = bytearray(data.draw(st.sampled_from([WHOLE, pcapng(WHOLE)])))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(content[: data.draw(st.integers(0, len(content)))])

    ran = call("label", "-s", SYNC, "--format", "capture", stdin=damaged)

    assert ran.code in (0, 3)
    assert "internal error" not in ran.err
    for line in ran.out.splitlines():
        json.loads(line)


WHOLE = syns([*two_connections(), SHORT], NOW_S, v1(CLIENT_PID, address="10.0.0.1", seq=1))
SYNC = str(DOCS / "example" / "shop-app-1.jsonl")


@pytest.mark.parametrize("path", sorted(DATA.glob("*.pcap*")), ids=lambda path: path.name)
def test_lines_are_as_their_schema_says_in_its_order(path: Path) -> None:
    known = json.loads(schema_text("label"))
    shop = ROOT / "docs" / "example"
    sources = [f"-s{shop / name}" for name in ("shop-app-1.jsonl", "shop-db-1.jsonl")]

    found = objects(label("-c", str(shop / "shop.yaml"), *sources, str(path)))

    assert found
    for line in found:
        Draft202012Validator(known).validate(line)
        fixed = [key for key in line if not key.startswith("os.app.")]
        assert fixed == list(known["properties"])
