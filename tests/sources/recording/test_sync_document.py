"""What `proccli sync` printed, read again: whole, and damaged."""

from __future__ import annotations

import contextlib
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.errors import Location, RecordingError
from proccli.model.sockets import SyncedSocket
from proccli.sources.opening import open_source_or_output
from proccli.sources.recording import sync_document
from proccli.sources.recording.format import Checked
from proccli.sources.recording.reader import Recording
from proccli.sources.recording.sync_document import SyncOutput, parse_sync_output
from tests.cli.runner import call

RECORDING = "docs/example/web-1.jsonl"
CONFIG = "sample-configs/java-python.yaml"


def printed(*more: str) -> bytes:
    ran = call("sync", "--once", "--no-state", "-c", CONFIG, "-s", RECORDING, *more)
    assert ran.code == 0, ran.err
    return ran.out.encode()


def changed(**values: Any) -> bytes:
    return json.dumps(json.loads(printed("--json")) | values).encode()


def rows(found: SyncOutput) -> list[tuple[object, ...]]:
    """Its sockets one by one."""
    return list(zip(*found.sockets, strict=True))


@pytest.mark.parametrize("output", ["json", "jsonl"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_sync_prints_is_read_as_it_was(output: str, pack: Any, tmp_path: Path) -> None:
    path = tmp_path / "sync.out"
    path.write_bytes(pack(printed("-o", output)))
    found = open_source_or_output(str(path))
    assert isinstance(found, SyncOutput)
    document = json.loads(printed("--json"))
    assert found.host == "web-1"
    assert [process.pid for process in found.processes] == [
        process["pid"] for process in document["processes"]
    ]
    assert rows(found) == [
        (
            socket["protocol"],
            socket["role"],
            socket["ip_0"],
            socket["port_0"],
            socket["ip_1"],
            socket["port_1"],
            socket["netns_idx"],
            socket["pid_0"] or socket["pid_1"],
        )
        for socket in document["sockets"]
    ]
    assert rows(found)


@pytest.mark.parametrize("indent", [None, 0, 2, "\t"])
def test_what_jq_makes_of_it_is_read_as_well(indent: Any, tmp_path: Path) -> None:
    separators = (",", ":") if indent is None else None
    path = tmp_path / "sync.out"
    path.write_text(
        "\n" + json.dumps(json.loads(printed("--json")), indent=indent, separators=separators)
    )
    found = open_source_or_output(str(path))
    assert found == parse_sync_output(printed("--json"), "x")


def test_what_is_neither_is_told_what_would_be(tmp_path: Path) -> None:
    path = tmp_path / "sync.out"
    path.write_bytes(printed("-o", "table"))
    with pytest.raises(RecordingError) as raised:
        open_source_or_output(str(path))
    assert raised.value.hint == (
        "written by proccli record FILE, or proccli sync --once --out FILE; the output of ps has no"
        " sockets"
    )


def test_of_several_cycles_the_last_one_counts() -> None:
    cycles = printed("-o", "jsonl") + changed(sockets=[]) + b"\n\n"
    assert rows(parse_sync_output(cycles, "x")) == []


def test_a_recording_is_no_output() -> None:
    assert isinstance(open_source_or_output(RECORDING), Recording)


SOCKET = SyncedSocket("tcp", "client", 7, "10.0.0.5", 4000, None, "10.0.0.9", 80, 1)._asdict()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"schema": "proccli/sync/v2"}, "schema is not"),
        ({"snapshot": None}, "snapshot is null"),
        ({"snapshot": {"host": None, "taken_at": "yesterday"}}, "taken_at is not a time"),
        ({"enabled": 1}, "neither true nor false"),
        ({"processes": [{"name": "x"}]}, "no os_app_tags"),
        ({"sockets": [SOCKET | {"protocol": "sctp"}]}, "not one of tcp, udp"),
        ({"sockets": [SOCKET | {"role": "server"}]}, "pid_1 is not a whole number"),
        ({"sockets": [SOCKET | {"ip_1": "::1"}]}, "not an IPv4 address"),
        ({"sockets": [SOCKET | {"port_0": 65536}]}, "not between 0 and 65535"),
        ({"left_out": []}, "left_out: not a JSON object"),
        ({"left_out": {"ipv6": -1}}, "ipv6 is not between"),
    ],
)
def test_a_damaged_document_is_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(RecordingError, match=problem):
        parse_sync_output(changed(**values), "x")


@pytest.mark.parametrize(
    ("text", "place"),
    [(b"", "1:1"), (b'{"schema": "proccli/sync/v1", "sn', "1:"), (b"[" * 10_000, "1:1")],
)
def test_what_is_cut_short_or_too_deep_is_refused_with_its_place(text: bytes, place: str) -> None:
    with pytest.raises(RecordingError) as caught:
        parse_sync_output(text, "x")
    assert str(caught.value).startswith(f"x:{place}")


@given(st.integers(0, 5_000), st.binary(max_size=3))
def test_damage_anywhere_ends_in_an_answer_or_a_refusal(at: int, what: bytes) -> None:
    with contextlib.suppress(RecordingError):
        parse_sync_output(PRINTED[:at] + what + PRINTED[at + len(what) :], "x")


PRINTED = printed("--json")


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_gzip_file_that_is_cut_short_is_refused(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "sync.json.gz"
    path.write_bytes(gzip.compress(PRINTED)[:-cut])
    with pytest.raises(RecordingError):
        open_source_or_output(str(path))


ODD_VALUES: st.SearchStrategy[object] = st.sampled_from(
    [None, True, 0, -1, 1, 80, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 1.0, [], {}, ""]
) | st.sampled_from(["tcp", "udp", "client", "server", "10.0.0.1", "010.0.0.1", "\ud800", "::1"])


DOCUMENT = Checked({}, Location("x", 1, 1), "the document")


@given(
    st.dictionaries(st.sampled_from([*SOCKET, "more"]), ODD_VALUES, max_size=2),
    st.sets(st.sampled_from(sorted(SOCKET)), max_size=1),
    st.booleans(),
)
def test_sockets_as_sync_writes_them_are_read_as_any_others(
    odd: dict[str, object], missing: set[str], is_server: bool
) -> None:
    """They are read in a shorter way, which must reject and accept the same."""
    turned = {"role": "server", "pid_0": None, "pid_1": 7} if is_server else {}
    value = {key: one for key, one in (SOCKET | turned | odd).items() if key not in missing}
    values = [SOCKET, value]
    try:
        slow = [sync_document._socket(Checked(dict(one), DOCUMENT.at, "it")) for one in values]
    except RecordingError:
        with pytest.raises((TypeError, LookupError, ValueError)):
            sync_document._socket_columns(values)
        return
    with contextlib.suppress(TypeError, LookupError, ValueError):
        assert list(zip(*sync_document._socket_columns(values), strict=True)) == slow
    if not odd:
        sync_document._socket_columns(values)
    assert list(zip(*sync_document._sockets(values, DOCUMENT), strict=True)) == slow


PROCESS: dict[str, object] = {
    "name": "shop",
    "pid": 7,
    "process_name": "python3",
    "cmdline": "python3 shop.py",
    "user": "",
    "start_time": 1,
    "os_app_tags": [{"key": "owner", "value": "alice"}],
    "netns_id": 1,
    "container_id": "",
}
ODD_TAGS: st.SearchStrategy[object] = st.sampled_from(
    [None, [], {}, "", [{}], [{"key": "a"}], [{"key": "a", "value": 1}], [{"key": 0, "value": ""}]]
)


@given(
    st.dictionaries(st.sampled_from([*PROCESS, "more"]), ODD_VALUES | ODD_TAGS, max_size=2),
    st.sets(st.sampled_from(sorted(PROCESS)), max_size=1),
)
def test_processes_as_sync_writes_them_are_read_as_any_others(
    odd: dict[str, object], missing: set[str]
) -> None:
    value = {key: one for key, one in (PROCESS | odd).items() if key not in missing}
    values = [PROCESS | {"pid": 8}, value]
    try:
        slow = [sync_document._process(Checked(dict(one), DOCUMENT.at, "it")) for one in values]
    except RecordingError:
        with pytest.raises((TypeError, LookupError, ValueError)):
            list(sync_document._process_columns(values))
        return
    with contextlib.suppress(TypeError, LookupError, ValueError):
        assert list(sync_document._process_columns(values)) == slow
    if not odd:
        assert list(sync_document._process_columns(values)) == slow
    assert list(sync_document._processes(values, DOCUMENT)) == slow


@pytest.mark.parametrize("value", [None, [], "tcp", 7])
def test_a_socket_that_is_no_object_is_named(value: object) -> None:
    with pytest.raises(RecordingError, match=r"sockets\[1\]: not a JSON object"):
        parse_sync_output(changed(sockets=[SOCKET, value]), "x")
