"""`proccli sockets`, and what `scan` and `record` say of sockets."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from proccli.commands.schema.command import schema_text
from tests.cli.runner import PROGRAM, TERMINAL, Ran, call, environment, on_a_terminal, spawn
from tests.network import connected, inode_of, netns_of, wait_until_older_than
from tests.sources.procfs.processes import as_nobody, root_only
from tests.waiting import LONG_S, read_until

CONFIG = """\
static_config:
  os-proc-sync-enabled: true
  os-proc-socket-min-lifetime: {min_lifetime}
  os-proc-regex:
    - match-regex: ^python.*
      rewrite-name: tested
"""
ME = os.getpid


@pytest.fixture(autouse=True, scope="module")
def _grown_up() -> None:
    """Sockets of a process that is too young are not worth a wait."""
    wait_until_older_than(3)


def configured(folder: Path, min_lifetime: int = 0) -> str:
    path = folder / f"agent-{min_lifetime}.yaml"
    path.write_text(CONFIG.format(min_lifetime=min_lifetime), encoding="utf-8")
    return str(path)


@pytest.fixture
def here(tmp_path: Path) -> tuple[str, str]:
    """The living machine, where everything is old enough."""
    return "-c", configured(tmp_path)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, ...]]:
    """A listener, a client, and the listener's side of the connection."""
    with connected() as sockets:
        yield sockets


def run(*arguments: str, code: int = 0, stdin: bytes = b"") -> Ran:
    ran = call("sockets", *arguments, stdin=stdin)
    assert ran.code == code, ran.err
    return ran


def document(*arguments: str, code: int = 0, stdin: bytes = b"") -> Any:
    given = json.loads(run(*arguments, "--json", code=code, stdin=stdin).out)
    Draft202012Validator(json.loads(schema_text("sockets"))).validate(given)
    return given


def mine(given: Any, one: socket.socket) -> Any:
    """What the document says of a socket of this process."""
    (found,) = (
        each for each in given["sockets"] if each["pid"] == ME() and each["inode"] == inode_of(one)
    )
    return found


def test_a_connection_is_told_from_both_sides(
    here: tuple[str, str], pair: tuple[socket.socket, ...]
) -> None:
    listener, client, accepted = pair
    given = document(*here)

    port = listener.getsockname()[1]
    local, remote = (
        {"ip": "127.0.0.1", "port": number} for number in (client.getsockname()[1], port)
    )
    name = mine(given, client)["gprocess"]
    assert mine(given, client) == {
        "host": os.uname().nodename,
        "pid": ME(),
        "gprocess": name,
        "protocol": "tcp",
        "family": "ipv4",
        "state": "ESTABLISHED",
        "local": local,
        "remote": remote,
        "role": "client",
        "netns": netns_of(ME()),
        "inode": inode_of(client),
        "fd": client.fileno(),
        "age_s": mine(given, client)["age_s"],
        "age_source": "fd-ctime",
        "status": "synced",
        "reason": None,
        "peer": {"pid": ME(), "gprocess": name},
    }
    server = mine(given, accepted)
    assert (server["role"], server["local"], server["remote"]) == ("server", remote, local)
    assert mine(given, listener)["reason"] == "listening"
    assert given["summary"]["total"] == len(given["sockets"])


def test_sockets_are_sorted_by_pid_then_fd(
    here: tuple[str, str], pair: tuple[socket.socket, ...]
) -> None:
    assert pair
    order = [(each["pid"], each["fd"]) for each in document(*here)["sockets"]]
    assert order == sorted(order)
    assert len(order) >= 3


def test_filters_choose_and_the_summary_counts_all(
    here: tuple[str, str], pair: tuple[socket.socket, ...]
) -> None:
    listener, client, accepted = pair
    port, pid = str(listener.getsockname()[1]), str(ME())

    def chosen(*filters: str) -> set[int]:
        given = document(*here, "--pid", pid, *filters)
        assert given["summary"]["total"] >= 3
        return {each["inode"] for each in given["sockets"]} & {inode_of(one) for one in pair}

    assert chosen("--port", port) == {inode_of(one) for one in pair}
    assert chosen("--port", port, "--role", "server") == {inode_of(accepted)}
    assert chosen("--role", "client", "--role", "server") == {inode_of(client), inode_of(accepted)}
    assert chosen("--listen") == chosen("--skipped") == {inode_of(listener)}
    assert chosen("--protocol", "udp") == set()
    assert chosen("--gprocess", "no such name") == set()
    assert chosen("--gprocess", "*") == {inode_of(one) for one in pair}


def test_json_lines_are_the_elements_of_the_document(
    here: tuple[str, str], pair: tuple[socket.socket, ...]
) -> None:
    pid = ("--pid", str(ME()), "--port", str(pair[0].getsockname()[1]))
    lines = [json.loads(line) for line in run(*here, *pid, "-o", "jsonl").out.splitlines()]
    given = document(*here, *pid)["sockets"]
    for each in (*lines, *given):
        each.pop("age_s")
    assert lines == given
    assert len(lines) == 3


def test_the_table_names_both_ends_and_the_outcome(
    here: tuple[str, str], pair: tuple[socket.socket, ...]
) -> None:
    _, client, _accepted = pair
    out = run(*here, "--pid", str(ME())).out
    ends = f"127.0.0.1:{client.getsockname()[1]}"
    assert any(ends in line and "synced" in line for line in out.splitlines())
    assert "The agent would send " in out


def test_a_pid_that_is_not_there_is_an_input_error(here: tuple[str, str]) -> None:
    ran = run(*here, "--pid", "999999999", code=3)
    assert ran.out == ""
    assert ran.err.count("\n") == 1
    assert "999999999" in ran.err


@pytest.mark.parametrize(
    "wrong",
    [
        ("--pid", "0"),
        ("--pid", "x"),
        ("--port", "70000"),
        ("--role", "both"),
        ("--max-wait", "-1"),
        ("--protocol", "sctp"),
    ],
)
def test_wrong_options_are_wrong_usage(wrong: tuple[str, str]) -> None:
    assert call("sockets", *wrong).code == 2


# ---- looking twice ----------------------------------------------------------------------------


@pytest.mark.usefixtures("pair")
def test_no_wait_samples_once_with_a_warning(tmp_path: Path) -> None:
    given = document("-c", configured(tmp_path, 2), "--no-wait", "--pid", str(ME()))
    # A second sample would show their age.
    assert [each["reason"] for each in given["sockets"] if each["status"] == "undecided"] == [
        "min-lifetime",
        "min-lifetime",
    ]
    (said,) = (one for one in given["warnings"] if one["code"] == "age-unknown")
    assert "--no-wait" in said["message"]


def test_two_samples_sync_what_is_in_both(tmp_path: Path, pair: tuple[socket.socket, ...]) -> None:
    listener, client, accepted = pair
    ran = run("-c", configured(tmp_path, 2), "--json")
    given = json.loads(ran.out)
    assert mine(given, listener)["reason"] == "listening"
    for one in (client, accepted):
        assert mine(given, one)["status"] == "synced"
        assert mine(given, one)["age_s"] >= 2
    assert "second sample" not in ran.err
    assert "age-unknown" not in {warning["code"] for warning in given["warnings"]}


@pytest.mark.usefixtures("pair")
def test_past_max_wait_ages_stay_open_and_strict_counts_that(tmp_path: Path) -> None:
    ran = run("-c", configured(tmp_path, 2), "--max-wait", "0.5", "--strict", code=4)
    assert "--max-wait 0.5 s" in ran.err
    assert "age?" in ran.out


@pytest.mark.usefixtures("pair")
def test_a_terminal_shows_what_is_waited_for(tmp_path: Path) -> None:
    ran = on_a_terminal("sockets", "-c", configured(tmp_path, 2), "--pid", str(ME()))
    assert ran.code == 0
    progress, _, result = ran.out.partition("\r\x1b[K")
    assert "unknown: second sample in " in progress
    assert "second sample" not in result.splitlines()[-1]
    assert "SOCKET" in result


@pytest.mark.usefixtures("pair")
def test_off_a_terminal_the_wait_is_silent(tmp_path: Path) -> None:
    ran = spawn("sockets", "-c", configured(tmp_path, 2), "--pid", str(ME()))
    assert ran.returncode == 0
    assert "\x1b" not in ran.stderr
    assert "\r" not in ran.stderr
    assert all(line.startswith("proccli: ") for line in ran.stderr.splitlines())


@pytest.mark.usefixtures("pair")
def test_an_interrupted_wait_ends_at_once(tmp_path: Path) -> None:
    wait_until_older_than(4)
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, "sockets", "-c", configured(tmp_path, 3)],
        stdout=subprocess.PIPE,
        stderr=follower,
        env=environment(**TERMINAL),
    ) as started:
        os.close(follower)
        said = read_until(leader, b"second sample")
        started.send_signal(signal.SIGINT)
        assert started.wait(timeout=LONG_S) == 130
        assert started.stdout is not None
        assert started.stdout.read() == b""
    with suppress(OSError):  # EIO: the other end is closed
        while piece := os.read(leader, 4096):
            said += piece
    os.close(leader)
    assert b"Traceback" not in said


# ---- recordings, pipes, other users -----------------------------------------------------------


def test_a_recording_contains_the_ages_found_by_two_samples(
    tmp_path: Path, pair: tuple[socket.socket, ...]
) -> None:
    config = configured(tmp_path, 2)
    path = str(tmp_path / "here.jsonl.gz")
    assert call("record", "-c", config, path).code == 0
    given = document("-c", config, "-s", path)
    assert given["snapshot"]["kind"] == "recording"
    assert [mine(given, one)["status"] for one in pair] == ["skipped", "synced", "synced"]
    assert {mine(given, one)["age_source"] for one in pair} <= {"observed", "fd-ctime"}


def test_record_can_do_without_a_second_look(
    tmp_path: Path, pair: tuple[socket.socket, ...]
) -> None:
    config = configured(tmp_path, 2)
    path = str(tmp_path / "here.jsonl")
    ran = call("record", "-c", config, "--no-wait", path)
    assert "--no-wait" in ran.err
    given = document("-c", config, "-s", path)
    assert mine(given, pair[1])["status"] == "undecided"


def test_a_recording_comes_through_a_pipe(
    here: tuple[str, str], pair: tuple[socket.socket, ...]
) -> None:
    recorded = spawn("record", *here, "-")
    assert recorded.returncode == 0
    given = document(*here, "-s", "-", stdin=recorded.stdout.encode())
    assert mine(given, pair[1])["status"] == "synced"


@root_only
def test_another_user_is_told_what_is_not_to_be_seen(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for above in tmp_path.parents:
        if above.owner() == "root" and above.name.startswith(("pytest", "popen")):
            above.chmod(0o755)
    config = configured(tmp_path)

    def look() -> tuple[int, Any, int]:
        given = call("sockets", "-c", config, "--json", "--strict")
        scanned = call("scan", "-c", config, "--strict", "--json")
        return given.code, json.loads(given.out), scanned.code

    with connected():
        code, given, scan_code = as_nobody(look)
    codes = [warning["code"] for warning in given["warnings"]]
    assert codes.count("sockets-unreadable-for-us") == 1
    assert (code, scan_code) == (4, 4)
    assert ME() not in {each["pid"] for each in given["sockets"]}


def test_scan_counts_sockets(here: tuple[str, str], pair: tuple[socket.socket, ...]) -> None:
    assert pair
    scanned = json.loads(call("scan", *here, "--json").out)["processes"]
    explained = json.loads(call("explain", *here, str(ME()), "--json").out)["processes"]
    (counts,) = (each["sockets"] for each in scanned if each["pid"] == ME())
    assert counts["synced"] >= 2
    assert counts["skipped"] >= 1
    assert counts["undecided"] == 0
    assert explained[0]["sockets"] == counts
