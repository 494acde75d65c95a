"""`proccli sync`: documents, files, states, locks and signals."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import pty
import random
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import psutil
import pytest
from jsonschema import Draft202012Validator

from proccli import __version__
from proccli.commands.schema.command import schema_text
from proccli.commands.sync.state.file import StateFile
from proccli.commands.sync.state.lock import locked
from tests.cli.machine import write_config, write_machine
from tests.cli.runner import (
    PROGRAM,
    TERMINAL,
    Ran,
    call,
    environment,
    on_a_terminal,
    spawn,
)
from tests.network import connected, netns_of, wait_until_older_than
from tests.sources.procfs.processes import (
    as_nobody,
    fork,
    in_child,
    mount_tmpfs,
    public_directory,
    root_only,
    running,
)
from tests.waiting import LONG_S, eventually, read_until

CONFIG = """\
static_config:
  os-proc-sync-enabled: {enabled}
  os-proc-socket-min-lifetime: {min_lifetime}
  os-proc-regex:
    - match-regex: ^(python|sleep).*
      rewrite-name: {name}
    - match-regex: .*
      action: drop
"""
VALIDATOR = Draft202012Validator(json.loads(schema_text("sync")))
ME = os.getpid


def write(folder: Path, *, enabled: bool = True, min_lifetime: int = 0, name: str = "t") -> str:
    path = folder / "agent.yaml"
    text = CONFIG.format(enabled=str(enabled).lower(), min_lifetime=min_lifetime, name=name)
    replace_text(path, text)
    return str(path)


def replace_text(path: Path, text: str) -> None:
    """Replace a file that a running program may read at any moment: it never sees half of it."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The living machine, where everything is old enough, and a state of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    return write(tmp_path)


def run(*arguments: str, code: int = 0, **more: Any) -> Ran:
    ran = call("sync", "--once", *arguments, **more)
    assert ran.code == code, ran.err
    return ran


def wrong(err: str) -> str:
    """What is said to be wrong, but for what a user without rights can't see of others' processes
    on the machine."""
    lines = err.splitlines(keepends=True)
    return "".join(line for line in lines if "without root" not in line)


def parsed(text: str) -> Any:
    given = json.loads(text)
    VALIDATOR.validate(given)
    assert list(given) == list(json.loads(schema_text("sync"))["properties"])
    return given


def document(*arguments: str, code: int = 0) -> Any:
    return parsed(run(*arguments, "--json", code=code).out)


def codes(given: Any) -> set[str]:
    return {one["code"] for one in given["warnings"]}


def until(lines: IO[str], holds: Callable[[Any], bool]) -> Any:
    """The first document that meets the condition, however many the loop prints before it."""

    def found() -> Any:
        given = parsed(lines.readline())
        return given if holds(given) else None

    return eventually(found, what="the condition on a document")


def states(folder: Path) -> list[Path]:
    return sorted((folder / "xdg" / "proccli").glob("*.json"))


# ---- one run after another --------------------------------------------------------------------


def test_a_run_reports_what_changed_since_the_last_one(config: str, tmp_path: Path) -> None:
    first = document("-c", config)
    assert (first["changed"], first["agent_sends"], first["enabled"]) == (True, True, True)
    with running(["/bin/sleep", "6666"]) as pid:
        created = psutil.Process(pid).create_time()
        second = document("-c", config)
        third = document("-c", config)
    assert pid in second["changes"]["processes"]["added"]
    assert second["agent_sends"] is True
    assert pid not in third["changes"]["processes"]["added"]
    (sleeper,) = (one for one in second["processes"] if one["pid"] == pid)
    assert sleeper == {
        "name": "t",
        "pid": pid,
        "process_name": "sleep",
        "cmdline": "/bin/sleep 6666",
        "user": sleeper["user"],
        "start_time": sleeper["start_time"],
        "os_app_tags": [],
        "netns_id": netns_of(ME()),
        "container_id": "",
        "rule": 1,
    }
    assert abs(sleeper["start_time"] - created) <= 1
    assert pid in document("-c", config)["changes"]["processes"]["removed"]
    (state,) = states(tmp_path)
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert stat.S_IMODE(state.parent.stat().st_mode) == 0o700


def test_connections_are_listed_from_both_sides(config: str) -> None:
    with connected() as (listener, client, _):
        given = document("-c", config)
        client_port, server_port = client.getsockname()[1], listener.getsockname()[1]
    found = [one for one in given["sockets"] if one["port_1"] == server_port]
    ends = {"protocol": "tcp", "ip_0": "127.0.0.1", "port_0": client_port, "ip_1": "127.0.0.1"}
    as_client, as_server = sorted(found, key=lambda one: str(one["role"]))
    assert as_client.items() >= {**ends, "role": "client", "pid_0": ME(), "pid_1": None}.items()
    assert as_server.items() >= {**ends, "role": "server", "pid_0": None, "pid_1": ME()}.items()
    assert as_client["netns_idx"] == as_server["netns_idx"]


def test_names_that_change_are_told_though_the_agent_does_not_notice(
    config: str, tmp_path: Path
) -> None:
    document("-c", config)
    write(tmp_path, name="renamed")
    given = document("-c", config)
    assert ME() in given["changes"]["processes"]["changed"]
    assert given["agent_sends"] is True  # it has restarted
    assert "config-changed" in codes(given)


def test_the_table_is_for_people(config: str) -> None:
    run("-c", config)
    with running(["/bin/sleep", "6666"]) as pid:
        out = run("-c", config).out
    assert f"+ {pid:>7}  t  ← sleep\n" in out
    assert "The agent would report " in out
    assert "Agent 6.5 would send its processes now." in out
    assert f"- {pid:>7}  t  ← sleep\n" in run("-c", config).out


def test_a_terminal_cuts_lines_and_tells_the_same(config: str) -> None:
    ran = on_a_terminal("sync", "--once", "-c", config, "--no-wait", columns=60)
    assert ran.code == 0
    assert "everything is new" in ran.out
    assert all(len(line) <= 60 for line in ran.out.splitlines() if line.startswith("+"))


def test_no_state_reports_no_changes_and_leaves_no_file(config: str, tmp_path: Path) -> None:
    for _ in range(2):
        given = document("-c", config, "--no-state")
        assert (given["changed"], given["agent_sends"], given["changes"]) == (None, None, None)
    assert not (tmp_path / "xdg").exists()
    assert "No state: changes are not reported." in run("-c", config, "--no-state").out


def test_if_changed_is_silent_about_the_same(config: str, tmp_path: Path) -> None:
    machine = str(write_machine(tmp_path / "proc"))
    again = ("-c", config, "-s", machine, "--state", str(tmp_path / "s"), "--if-changed")
    assert run(*again, "--json").out != ""
    assert run(*again, "--json").out == ""
    assert run(*again, "--exit-code").code == 0
    write(tmp_path, name="other")
    ran = run(*again, "--exit-code", "--json", code=1)
    assert parsed(ran.out)["changed"] is True


def test_recordings_are_compared_where_a_state_is_named(config: str, tmp_path: Path) -> None:
    record = str(tmp_path / "here.jsonl.gz")
    state = ("--state", str(tmp_path / "s"))
    with running(["/bin/sleep", "6666"]) as pid:
        assert call("record", "-c", config, record).code == 0
    given = document("-c", config, "-s", record)
    assert given["changed"] is None
    assert document("-c", config, "-s", record, *state)["changed"] is True
    assert document("-c", config, "-s", record, *state)["changed"] is False
    live = document("-c", config, *state)
    assert pid in live["changes"]["processes"]["removed"]
    assert ME() not in live["changes"]["processes"]["removed"]
    assert "another-boot" not in codes(live)


def test_disabled_lists_nothing_and_says_so_clearly(config: str, tmp_path: Path) -> None:
    write(tmp_path, enabled=False)
    ran = run("-c", config, "--json")
    given = parsed(ran.out)
    assert (given["enabled"], given["processes"], given["sockets"]) == (False, [], [])
    assert "os-proc-sync-enabled is false" in ran.err
    assert "--assume-enabled" in ran.err
    assert "The agent would send nothing" in run("-c", config).out
    assumed = document("-c", config, "--assume-enabled")
    assert assumed["enabled"] is True
    assert assumed["config"]["sync_enabled"] is False
    assert ME() in {one["pid"] for one in assumed["processes"]}


def test_disabled_no_tag_command_is_run(config: str, tmp_path: Path) -> None:
    with Path(config).open("a", encoding="utf-8") as file:
        file.write(f"  os-app-tag-exec: [touch, {tmp_path}/ran]\n  os-app-tag-exec-user: root\n")
    Path(config).write_text(Path(config).read_text().replace("enabled: true", "enabled: false"))
    run("-c", config, "--run-tag-exec")
    assert not (tmp_path / "ran").exists()


@root_only
def test_the_tag_command_is_named_on_a_terminal_but_not_to_cron(
    config: str, tmp_path: Path
) -> None:
    with Path(config).open("a", encoding="utf-8") as file:
        file.write("  os-app-tag-exec: [echo, '[]']\n  os-app-tag-exec-user: root\n")
    assert "running os-app-tag-exec" in run("-c", config, "--run-tag-exec").err
    ran = run("-c", config, "--run-tag-exec", "--out", str(tmp_path / "o"))
    assert ran.err == ""


def test_strict_counts_what_is_unknown(config: str, tmp_path: Path) -> None:
    with Path(config).open("a", encoding="utf-8") as file:
        file.write("  os-app-tag-exec: [echo, '[]']\n  os-app-tag-exec-user: root\n")
    ran = run("-c", config, "--no-tag-exec", "--strict", "--exit-code", "--json", code=4)
    given = parsed(ran.out)
    assert given["digest"] is None
    assert {one["os_app_tags"] is None for one in given["processes"]} == {True}
    assert "os_app_tags" in ran.err


def test_a_document_says_where_it_comes_from(config: str) -> None:
    given = document("-c", config, "--no-state")
    content = Path(config).read_bytes()
    assert given["proccli"] == __version__
    assert given["config"]["sha256"] == hashlib.sha256(content).hexdigest()
    snapshot = given["snapshot"]
    booted = datetime.fromisoformat(snapshot["boot_time"].replace("Z", "+00:00"))
    assert abs(booted.timestamp() - psutil.boot_time()) <= 1
    ours = {
        one.address
        for of_one in psutil.net_if_addrs().values()
        for one in of_one
        if one.family == socket.AF_INET and not one.address.startswith("127.")
    }
    assert ours <= set(snapshot["addresses"])
    piped = parsed(run("--no-state", "-c", "-", "--json", stdin=content).out)
    assert piped["config"] == given["config"] | {"file": "<stdin>"}
    assert document("--no-state")["config"]["sha256"] is None


def test_a_disabled_host_says_so_too(config: str, tmp_path: Path) -> None:
    """Which host fell out, and with which configuration, is known although it reports nothing."""
    enabled = document("-c", config, "--no-state")
    write(tmp_path, enabled=False)
    given = document("-c", config, "--no-state")
    assert (given["left_out"], given["processes_left_out"]) == ({}, {})
    assert set(given["snapshot"]["addresses"]) & set(enabled["snapshot"]["addresses"])
    assert given["snapshot"]["host_id"] == enabled["snapshot"]["host_id"]


def test_what_is_left_out_is_counted_with_its_reason(config: str, tmp_path: Path) -> None:
    record = str(tmp_path / "here.jsonl")
    with connected(), running(["/usr/bin/tail", "6666"]) as pid:
        assert call("record", "-c", config, record).code == 0
    write(tmp_path, min_lifetime=0)
    given = document("-c", config, "-s", record)
    scanned = json.loads(call("scan", "-c", config, "-s", record, "--json").out)["processes"]
    others = [one for one in scanned if one["status"] != "accepted"]
    assert pid in {one["pid"] for one in others if one["reason"] == "rule"}
    assert given["processes_left_out"] == Counter(one["reason"] for one in others)
    assert {one["pid"]: one["rule"] for one in given["processes"]} == {
        one["pid"]: one["rule"]["index"] for one in scanned if one["status"] == "accepted"
    }
    drawn = json.loads(call("topology", "-c", config, "-s", record, "--json").out)
    assert given["left_out"] == drawn["left_out"]


@pytest.mark.parametrize("agent", ["6.2", "6.5", "7.1"])
def test_what_an_agent_does_not_send_is_null_and_can_be_read_again(
    agent: str, config: str, tmp_path: Path
) -> None:
    given_config = () if agent == "7.1" else ("-c", config)
    state = ("--state", str(tmp_path / "s"), "--agent", agent, "--assume-enabled")
    given = document(*given_config, *state)
    numbers = {type(one["netns_id"]) for one in given["processes"]}
    assert numbers <= ({type(None)} if agent == "6.2" else {int})
    assert "state-damaged" not in codes(document(*given_config, *state))
    path = tmp_path / "sync.json"
    path.write_text(json.dumps(given))
    ran = call("topology", "-s", str(path), "--json")
    assert (ran.code, json.loads(ran.out)["hosts"][0]["source"]) == (0, str(path))


# ---- files, for cron --------------------------------------------------------------------------


def test_the_output_file_is_replaced_and_nothing_is_printed(config: str, tmp_path: Path) -> None:
    out = tmp_path / "sync.json"
    out.write_text("old")
    out.chmod(0o666)
    for _ in range(2):
        ran = run("-c", config, "--out", str(out))
        assert (ran.out, wrong(ran.err)) == ("", "")
        assert parsed(out.read_text())["snapshot"]["kind"] == "live"
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
    run("-c", config, "--out", str(out), "--out-mode", "0644", "-o", "jsonl")
    assert stat.S_IMODE(out.stat().st_mode) == 0o644
    assert out.read_text().count("\n") == 1
    parsed(out.read_text())
    run("-c", config, "--out", str(out), "-o", "table")
    assert "The agent would report" in out.read_text()
    left = {entry.name for entry in tmp_path.iterdir()}
    assert left == {"agent.yaml", "sync.json", "xdg"}


@pytest.mark.parametrize("name", ["sync.json.gz", "sync.jsonl.gz", "sync.jsonl", "sync.prom.gz"])
def test_the_name_of_the_file_decides_about_format_and_compression(
    name: str, config: str, tmp_path: Path
) -> None:
    out = tmp_path / name
    run("-c", config, "--out", str(out), "--no-state")
    content = out.read_bytes()
    assert content.startswith(b"\x1f\x8b") == name.endswith(".gz")
    text = (gzip.decompress(content) if name.endswith(".gz") else content).decode()
    if ".prom" in name:
        assert "\nproccli_sync_enabled 1\n" in text
    else:
        assert ME() in {one["pid"] for one in parsed(text)["processes"]}
        assert (text.count("\n") == 1) == (".jsonl" in name)
        ran = call("topology", "-s", str(out), "--json")
        assert (ran.code, json.loads(ran.out)["hosts"][0]["source"]) == (0, str(out))
    run("-c", config, "--out", str(out), "--no-state", "-o", "table")
    assert out.read_bytes().startswith(b"\x1f\x8b") == name.endswith(".gz")


def test_a_restart_is_a_change_of_processes_and_not_of_names(config: str, tmp_path: Path) -> None:
    write(tmp_path, name="t-$0")
    proc = tmp_path / "proc"
    write_machine(proc)
    again = ("-c", config, "-s", str(proc), "--state", str(tmp_path / "s"))
    assert run(*again, "--exit-on", "names", code=1).code == 1  # everything is new
    pid = max(one["pid"] for one in document(*again)["processes"])

    def restart(to: int) -> None:
        (proc / str(pid)).rename(proc / str(to))
        stat = proc / str(to) / "stat"
        stat.write_text(stat.read_text().replace(f"{pid} (", f"{to} (", 1))

    restart(77_000)
    ran = run(*again, "--exit-on", "names", "--json")
    changes = parsed(ran.out)["changes"]
    assert changes["processes"] == {"added": [77_000], "removed": [pid], "changed": []}
    assert changes["names"] == {"added": [], "removed": []}
    pid = 77_000
    restart(78_000)
    assert run(*again, "--exit-on", "sockets").code == 0
    pid = 78_000
    restart(79_000)
    run(*again, "--exit-on", "sockets", "--exit-on", "processes", code=1)
    write(tmp_path, name="u-$0")
    ran = run(*again, "--exit-on", "names", "--json", code=1)
    names = parsed(ran.out)["changes"]["names"]
    assert [one.replace("u-", "t-") for one in names["added"]] == names["removed"] != []


def test_what_is_wrong_is_said_once_and_again_when_it_returns(config: str, tmp_path: Path) -> None:
    """A mail from cron when something begins, not one a minute."""
    out = str(tmp_path / "sync.json")
    write(tmp_path, enabled=False)
    assert "os-proc-sync-enabled is false" in run("-c", config, "--out", out).err
    assert wrong(run("-c", config, "--out", out).err) == ""
    write(tmp_path)
    assert wrong(run("-c", config, "--out", out).err) == ""
    write(tmp_path, enabled=False)
    assert "os-proc-sync-enabled is false" in run("-c", config, "--out", out).err


def test_an_unchanged_file_is_left_alone_and_a_lost_one_is_written(
    config: str, tmp_path: Path
) -> None:
    machine = str(write_machine(tmp_path / "proc"))
    out, other = tmp_path / "sync.json", tmp_path / "other.json"
    again = ("-c", config, "-s", machine, "--state", str(tmp_path / "s"), "--if-changed")
    run(*again, "--out", str(out))
    before = out.stat()
    run(*again, "--out", str(out))
    assert (out.stat().st_ino, out.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    out.unlink()
    run(*again, "--out", str(out))
    assert parsed(out.read_text())["changed"] is False
    run(*again, "--out", str(other))
    assert other.exists()


def test_each_file_has_a_state_of_its_own(config: str, tmp_path: Path) -> None:
    """Who looks by hand does not take the news away from cron."""
    out = tmp_path / "sync.json"
    run("-c", config, "--out", str(out))
    run("-c", config)
    with running(["/bin/sleep", "6666"]) as pid:
        assert pid in document("-c", config)["changes"]["processes"]["added"]
        run("-c", config, "--out", str(out))
        assert pid in parsed(out.read_text())["changes"]["processes"]["added"]
    assert len(states(tmp_path)) == 2


def test_changes_are_reported_again_if_the_file_could_not_be_written(
    config: str, tmp_path: Path
) -> None:
    state = ("--state", str(tmp_path / "s"))
    run("-c", config, *state)
    with running(["/bin/sleep", "6666"]) as pid:
        ran = run("-c", config, *state, "--out", str(tmp_path / "none" / "o"), code=3)
        assert ran.err.count("\n") == 1
        assert "can't write" in ran.err
        given = document("-c", config, *state)
    assert pid in given["changes"]["processes"]["added"]


def test_changes_are_reported_again_if_the_reader_was_gone(config: str, tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "s"))
    run("-c", config, *state)
    reader, writer = os.pipe()
    os.close(reader)
    with running(["/bin/sleep", "6666"]) as pid:
        done = spawn("sync", "--once", "-c", config, *state, stdout=writer)
        os.close(writer)
        assert (done.returncode, done.stderr) == (0, "")
        assert pid in document("-c", config, *state)["changes"]["processes"]["added"]


def test_a_full_disk_harms_neither_file_nor_state(config: str, tmp_path: Path) -> None:
    """As `ulimit -f` makes one: no file may grow beyond some blocks."""
    out, state = tmp_path / "o.json", tmp_path / "s"
    run("-c", config, "--state", str(state), "--out", str(out))
    good = out.read_bytes()
    arguments = ["sync", "--once", "-c", config, "--state", str(state), "--out", str(out)]
    program = " ".join((*PROGRAM, *arguments))
    full = subprocess.run(
        ["sh", "-c", f"ulimit -f 0; exec {program}"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert full.returncode == 3, full.stderr
    assert full.stderr.startswith("proccli: error: ")
    assert full.stderr.count("\n") == 1
    assert out.read_bytes() == good
    run("-c", config, "--state", str(state), "--out", str(out))
    assert parsed(out.read_text())["changed"] is not None


@root_only
@pytest.mark.parametrize("room_kib", [0, 60])
def test_a_full_file_system_harms_neither(room_kib: int, tmp_path: Path) -> None:
    """In a child with a mount namespace of its own, so that nothing has to start anew."""
    config = write(tmp_path)
    disk = tmp_path / "disk"
    disk.mkdir()

    def work() -> tuple[Sequence[Ran], Sequence[str], Sequence[str]]:
        mount_tmpfs(disk, "size=16m")  # the document of a machine with thousands of processes fits
        arguments = ("-c", config, "--state", str(disk / "s"), "--out", str(disk / "o"))

        def sync() -> Ran:
            return call("sync", "--once", *arguments)

        documents = []
        runs = [sync()]
        documents.append((disk / "o").read_text())
        free = os.statvfs(disk)
        (disk / "filler").write_bytes(bytes(free.f_bavail * free.f_frsize - room_kib * 1024))
        runs += [sync(), sync()]
        documents.append((disk / "o").read_text())
        (disk / "filler").unlink()
        runs.append(sync())
        documents.append((disk / "o").read_text())
        return runs, documents, sorted(path.name for path in disk.iterdir())

    runs, documents, names = in_child(work)
    codes = [ran.code for ran in runs]
    assert (codes[0], codes[-1]) == (0, 0)
    assert set(codes) <= {0, 3}
    assert room_kib > 0 or codes[1:3] == [3, 3]
    assert all("Traceback" not in ran.err for ran in runs)
    for text in documents:
        parsed(text)
    assert names == ["o", "s", "s.lock"]


@root_only
def test_a_read_only_directory_is_one_line_that_says_what_to_do() -> None:
    def attempt() -> Ran:
        return call("sync", "--once", "--state", str(folder / "s"))

    with public_directory() as folder:
        ran = as_nobody(attempt)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.count("\n") == 1
    assert "use another file with --state FILE, or none with --no-state" in ran.err


def test_a_damaged_state_gives_a_warning_and_the_run_continues(config: str, tmp_path: Path) -> None:
    state, out = tmp_path / "s", tmp_path / "o"
    run("-c", config, "--state", str(state), "--out", str(out))
    state.write_bytes(b"damage" * 1000)
    ran = run("-c", config, "--state", str(state), "--out", str(out))
    assert f"it was moved to {state}.damaged" in ran.err
    given = parsed(out.read_text())
    assert given["changed"] is True
    assert "state-damaged" in codes(given)
    ran = run("-c", config, "--state", str(state), "--out", str(out))
    assert ran.err == ""


KILLS = pytest.mark.parametrize("killed_by", [signal.SIGKILL, signal.SIGTERM])


def killed_at(step: int, killed_by: signal.Signals, arguments: Sequence[str]) -> int | None:
    """Run in a child that sends itself a signal at a step of what it does to files and state.

    Steps: the files that it opens for writing, renames and removes, beginning with the lock. The
    exit code, negative for a signal; None if it has fewer steps.
    """
    events = ("tempfile.mkstemp", "os.rename", "os.link", "os.remove", "os.truncate")
    writing = os.O_WRONLY | os.O_RDWR
    reader, writer = os.pipe()
    pid = fork()
    if pid == 0:
        taken = 0

        def count(*_: object) -> None:
            nonlocal taken
            taken += 1
            if taken == step:
                os.write(writer, b".")
                os.kill(os.getpid(), killed_by)

        def hook(event: str, seen: tuple[Any, ...]) -> None:
            if event in events or (event == "open" and seen[2] & writing):
                count()

        code = 1
        try:
            os.close(reader)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            sys.addaudithook(hook)
            code = call("sync", "--once", *arguments).code
        finally:
            os._exit(code)
    os.close(writer)
    with open(reader, "rb") as came:  # noqa: PTH123 - a descriptor
        reached = came.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if reached else None


def check_whole(state: Path) -> None:
    loaded, notes = StateFile(state).load()
    assert loaded is not None
    assert notes == ()


@KILLS
def test_a_run_that_is_killed_at_any_step_leaves_file_and_state_whole(
    tmp_path: Path, killed_by: signal.Signals
) -> None:
    """Of a recorded machine, which takes no time to read, under two configurations in turn."""
    state, out = tmp_path / "s", tmp_path / "o"
    snapshot = str(write_machine(tmp_path / "proc"))
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    configs = [write(tmp_path / name, name=name) for name in ("one", "two")]
    where = ("-s", snapshot, "--state", str(state), "--out", str(out))
    run("-c", configs[1], *where)
    ended: list[int] = []
    while (code := killed_at(len(ended) + 1, killed_by, ("-c", configs[0], *where))) is not None:
        ended.append(code)
        written = {one["name"] for one in parsed(out.read_text())["processes"]}
        assert written in ({"one"}, {"two"})
        check_whole(state)
        # What is told anew is what the killed run did not deliver.
        run("-c", configs[1], *where)
        assert {one["name"] for one in parsed(out.read_text())["processes"]} == {"two"}
    assert not list(tmp_path.glob("*.damaged*"))
    if killed_by == signal.SIGKILL:
        assert set(ended) == {-signal.SIGKILL}
        assert len(ended) > 5
    else:
        assert set(ended) == {130}
        assert len(ended) > 3
        assert not list(tmp_path.glob(".proccli-*"))


def await_holder(lock: Path, pids: set[int]) -> None:
    """Wait until one of these processes has the lock."""
    held = {f"{pid}\n" for pid in pids}
    eventually(lambda: lock.read_text() in held, what="the lock to be held")


@KILLS
def test_two_runs_at_once_that_are_killed_leave_file_and_state_whole(
    config: str, tmp_path: Path, killed_by: signal.Signals
) -> None:
    """Pairs of programs on the live machine, of which one holds the lock when they are killed."""
    dice = random.Random(7)
    state, out = tmp_path / "s", tmp_path / "o"
    program = [*PROGRAM, "sync", "--once", "-c", config, "--state", str(state), "--out", str(out)]
    run(*program[4:])
    ended = []
    for _ in range(3):
        pair = [
            subprocess.Popen(program, env=environment(), stderr=subprocess.DEVNULL)
            for _ in range(2)
        ]
        await_holder(tmp_path / "s.lock", {one.pid for one in pair})
        time.sleep(dice.uniform(0, 0.1))
        for one in pair:
            one.send_signal(killed_by)
        ended += [one.wait(timeout=LONG_S) for one in pair]
        parsed(out.read_text())
        check_whole(state)
    ran = run("-c", config, "--state", str(state), "--json")
    parsed(ran.out)
    assert not list(tmp_path.glob("*.damaged*"))
    assert any(ended)
    if killed_by == signal.SIGTERM:
        assert not list(tmp_path.glob(".proccli-*"))


def test_two_at_once_take_turns_or_give_up_with_75(config: str, tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "s"))
    with looping("-c", config, *state, "-o", "jsonl") as (loop, lines):
        lines.readline()
        began = time.monotonic()
        ran = run("-c", config, *state, "--lock-timeout", "0.3", code=75)
        assert 0.3 <= time.monotonic() - began < LONG_S
        assert f"another sync (pid {loop.pid}) is using" in ran.err
        assert (ran.out, ran.err.count("\n")) == ("", 1)
        arguments = ("--once", "-c", config, *state, "--lock-timeout", str(LONG_S), "--json")
        waiting = subprocess.Popen(
            [*PROGRAM, "sync", *arguments],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        await_at_the_lock(waiting, tmp_path / "s.lock")
        assert waiting.poll() is None
        loop.terminate()
        assert loop.wait(timeout=LONG_S) == 0
        out, _ = waiting.communicate(timeout=LONG_S)
    assert waiting.returncode == 0
    assert parsed(out.decode())["changed"] is not None


# ---- the loop ---------------------------------------------------------------------------------


@contextmanager
def looping(*arguments: str, **settings: Any) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A loop that is at work, with its stdout; it is killed in the end."""
    with subprocess.Popen(
        [*PROGRAM, "sync", *arguments],
        env=settings.pop("env", None) or environment(),
        stdout=subprocess.PIPE,
        stderr=settings.pop("stderr", subprocess.PIPE),
        encoding="utf-8",
        **settings,
    ) as loop:
        assert loop.stdout is not None
        try:
            yield loop, loop.stdout
        finally:
            loop.kill()


def await_listening(loop: subprocess.Popen[str]) -> None:
    """Wait until the loop has its own answer to SIGTERM."""

    def listens() -> bool:
        assert loop.poll() is None
        status = Path(f"/proc/{loop.pid}/status").read_text()
        caught = re.search(r"^SigCgt:\s*(\w+)$", status, re.MULTILINE)
        return caught is not None and bool(int(caught[1], 16) & 1 << (signal.SIGTERM - 1))

    eventually(listens, what="a handler of SIGTERM")


def await_at_the_lock(waiting: subprocess.Popen[Any], lock: Path) -> None:
    """Wait until a program has opened the lock that another one holds."""

    def opened() -> bool:
        assert waiting.poll() is None
        links = Path(f"/proc/{waiting.pid}/fd").iterdir()
        with suppress(OSError):
            return any(link.readlink() == lock for link in links)
        return False

    eventually(opened, what="the lock to be open")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_loop_prints_a_document_a_line_until_it_is_told_to_stop(
    config: str, number: signal.Signals
) -> None:
    began = time.monotonic()
    with looping("-c", config, "--interval", "1", "-o", "jsonl") as (loop, lines):
        first = parsed(lines.readline())
        cycles = 1

        def changes(what: str, pid: int) -> bool:
            nonlocal cycles
            cycles += 1
            return pid in parsed(lines.readline())["changes"]["processes"][what]

        with running(["/bin/sleep", "6666"]) as pid:
            eventually(lambda: changes("added", pid))
        eventually(lambda: changes("removed", pid))
        # A cycle begins a second after the one before it, or later, never sooner.
        assert time.monotonic() - began >= cycles - 1
        loop.send_signal(number)
        loop.wait(timeout=LONG_S)
        for line in lines:  # of a cycle that ended before the signal came
            parsed(line)
        assert "Traceback" not in (loop.stderr.read() if loop.stderr else "")
    assert loop.returncode == 0
    assert first["changed"] is True


def test_the_loop_stops_at_once_while_waiting_for_the_second_sample(tmp_path: Path) -> None:
    """Had it waited to the end, there would be a document."""
    wait_until_older_than(10)
    config = write(tmp_path, min_lifetime=9)
    leader, follower = pty.openpty()
    with (
        connected(),
        looping(
            *("-c", config, "--no-state", "-o", "jsonl"),
            stderr=follower,
            env=environment(**TERMINAL),
        ) as (loop, lines),
    ):
        os.close(follower)
        read_until(leader, b"second sample")
        loop.terminate()
        assert loop.wait(timeout=LONG_S) == 0
        assert lines.read() == ""
    os.close(leader)


def test_the_loop_follows_its_configuration_and_survives_a_broken_one(
    config: str, tmp_path: Path
) -> None:
    with looping("-c", config, "--interval", "1", "-o", "jsonl") as (loop, lines):
        parsed(lines.readline())
        write(tmp_path, name="renamed")
        changed = until(lines, lambda given: "config-changed" in codes(given))
        assert ME() in changed["changes"]["processes"]["changed"]
        assert changed["agent_sends"] is True
        replace_text(Path(config), "static_config: [")
        broken = until(lines, lambda given: "config-rejected" in codes(given))
        Path(config).unlink()
        lost = until(lines, lambda given: "no such file" in str(given["warnings"]))
        write(tmp_path, name="back")
        back = until(lines, lambda given: "config-rejected" not in codes(given))
        loop.terminate()
        assert loop.wait(timeout=LONG_S) == 0
        said = loop.stderr.read() if loop.stderr else ""
    for given in (broken, lost):
        assert {one["name"] for one in given["processes"]} == {"renamed"}
    assert {one["name"] for one in back["processes"]} == {"back"}
    assert said.count("the agent keeps its previous configuration") == 2


def test_a_loop_that_begins_with_a_broken_configuration_does_not_begin(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text("static_config: [", encoding="utf-8")
    done = spawn("sync", "--no-state", "-c", str(tmp_path / "agent.yaml"))
    assert (done.returncode, done.stdout) == (3, "")


def test_a_closed_pipe_ends_the_loop_quietly_even_without_changes(
    config: str, tmp_path: Path
) -> None:
    write(tmp_path, enabled=False)
    arguments = ("-c", config, "--interval", "60", "--if-changed", "-o", "jsonl")
    with looping(*arguments) as (loop, lines):
        lines.readline()
        lines.close()
        assert loop.wait(timeout=LONG_S) == 0
        said = loop.stderr.read() if loop.stderr else ""
    assert said.count("\n") == 1  # that sync is disabled


def test_the_loop_keeps_a_file_current(config: str, tmp_path: Path) -> None:
    out = tmp_path / "o"
    with looping("-c", config, "--interval", "1", "--out", str(out)) as (loop, lines):
        seen: set[str] = set()

        def renewed_twice() -> bool:
            if out.exists():
                seen.add(parsed(out.read_text())["snapshot"]["taken_at"])
            return len(seen) == 3

        eventually(renewed_twice)
        loop.terminate()
        assert loop.wait(timeout=LONG_S) == 0
        assert lines.read() == ""
        assert wrong(loop.stderr.read() if loop.stderr else "") == ""


def test_a_configuration_from_stdin_lasts_for_the_whole_loop(config: str) -> None:
    text = Path(config).read_text()
    arguments = ("-c", "-", "--interval", "1", "--no-state", "-o", "jsonl")
    with looping(*arguments, stdin=subprocess.PIPE) as (loop, lines):
        assert loop.stdin is not None
        loop.stdin.write(text)
        loop.stdin.close()
        first, second = parsed(lines.readline()), parsed(lines.readline())
        loop.terminate()
        assert loop.wait(timeout=LONG_S) == 0
    assert first["config"] == second["config"]
    assert (first["changed"], second["changed"] in (True, False)) == (None, True)


def test_with_a_file_nobody_needs_to_read_stdout(config: str, tmp_path: Path) -> None:
    out = tmp_path / "o"
    with looping("-c", config, "--interval", "1", "--out", str(out)) as (loop, lines):
        lines.close()
        eventually(out.exists, what="the first document")
        before = out.stat()
        eventually(
            lambda: (
                (out.stat().st_ino, out.stat().st_mtime_ns) != (before.st_ino, before.st_mtime_ns)
            ),
            what="the next document",
        )
        loop.terminate()
        assert loop.wait(timeout=LONG_S) == 0


def test_an_interval_may_be_very_long(config: str) -> None:
    text = Path(config).read_text().replace("lifetime: 0", "lifetime: 0\n  PLACE: 4294967295")
    Path(config).write_text(text.replace("PLACE", "os-proc-socket-sync-interval"))
    with looping("-c", config, "--via", "file", "-o", "jsonl") as (loop, lines):
        parsed(lines.readline())
        with pytest.raises(subprocess.TimeoutExpired):
            loop.wait(timeout=1)
        loop.terminate()
        assert loop.wait(timeout=LONG_S) == 0


def test_a_loop_that_waits_for_the_lock_can_be_stopped(config: str, tmp_path: Path) -> None:
    with (
        locked(tmp_path / "s", 0),
        looping("-c", config, "--state", str(tmp_path / "s"), "--lock-timeout", str(LONG_S)) as (
            loop,
            _,
        ),
    ):
        await_listening(loop)
        await_at_the_lock(loop, tmp_path / "s.lock")
        loop.terminate()
        assert loop.wait(timeout=LONG_S) == 0


def test_a_loop_reports_every_change_once(config: str, tmp_path: Path) -> None:
    """Even what an earlier run has told, which was another reader's."""
    write(tmp_path, enabled=False)
    run("-c", config)
    with looping("-c", config, "--interval", "1", "-o", "jsonl") as (loop, lines):
        for _ in range(3):
            assert "sync-disabled" in codes(parsed(lines.readline()))
        loop.terminate()
        assert loop.wait(timeout=LONG_S) == 0
        said = loop.stderr.read() if loop.stderr else ""
    assert said.count("os-proc-sync-enabled is false") == 1


@root_only
def test_a_broken_configuration_does_not_cost_the_tags(config: str, tmp_path: Path) -> None:
    """The agent goes on with its command, too."""
    printed = tmp_path / "tags"
    printed.write_text(f"- pid: {ME()}\n  tags:\n  - key: owner\n    value: alice\n")
    printed.chmod(0o644)
    with Path(config).open("a", encoding="utf-8") as file:
        file.write(f"  os-app-tag-exec: [cat, {printed}]\n  os-app-tag-exec-user: root\n")
    with looping("-c", config, "--interval", "1", "-o", "jsonl") as (loop, lines):
        parsed(lines.readline())
        replace_text(Path(config), "static_config: [")
        given = until(lines, lambda given: "config-rejected" in codes(given))
        loop.terminate()
        assert loop.wait(timeout=LONG_S) == 0
    (one,) = (one for one in given["processes"] if one["pid"] == ME())
    assert one["os_app_tags"] == [{"key": "owner", "value": "alice"}]


def test_the_loop_keeps_no_descriptors_of_past_cycles(config: str) -> None:
    with looping("-c", config, "--interval", "1", "-o", "jsonl") as (loop, lines):

        def count() -> int:
            return len(list(Path(f"/proc/{loop.pid}/fd").iterdir()))

        lines.readline()
        time.sleep(0.3)  # most cycles are at rest then; one that is not has more, never fewer
        first = count()
        for _ in range(3):
            lines.readline()
        eventually(lambda: count() <= first, what="the number of descriptors of the first cycle")


# ---- the schema -------------------------------------------------------------------------------


def test_the_schema_is_strict_and_shares_what_it_shares() -> None:
    mine, scan = (json.loads(schema_text(name)) for name in ("sync", "scan"))
    for part in (mine, *mine["$defs"].values()):
        if part.get("type") == "object":
            assert part["additionalProperties"] is False
            assert part["required"] == list(part["properties"])
    shared = mine["$defs"].keys() & scan["$defs"].keys() - {"process", "tag"}
    assert shared == {"time", "snapshot", "config", "warning"}
    assert all(mine["$defs"][name] == scan["$defs"][name] for name in ("time", "warning"))
    for name in ("snapshot", "config"):  # with more about the origin
        ours, theirs = mine["$defs"][name]["properties"], scan["$defs"][name]["properties"]
        assert ours.items() > theirs.items()


# ---- wrong usage ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--exit-code"], "--exit-code requires --once"),
        (["--exit-on", "names"], "--exit-on requires --once"),
        (["--once", "--no-state", "--exit-on", "names"], "--exit-on cannot be combined"),
        (["--once", "--if-changed", "-o", "prometheus"], "cannot be combined with -o prometheus"),
        (["--once", "--if-changed", "--out", "x.prom"], "cannot be combined with -o prometheus"),
        (["--strict"], "--strict requires --once"),
        (["--once", "--interval", "5"], "mutually exclusive"),
        (["--interval", "0.5"], "range"),
        (["--interval", "nan"], "nan is not a number"),
        (["--lock-timeout", "nan"], "nan is not a number"),
        (["--lock-timeout", "-1"], "range"),
        (["--once", "--state", "x", "--no-state"], "mutually exclusive"),
        (["--once", "--no-state", "--if-changed"], "cannot be combined with --no-state"),
        (["--once", "--no-state", "--exit-code"], "cannot be combined with --no-state"),
        (["--once", "--out-mode", "rw"], "not an octal mode"),
        (["--once", "--out-mode", "0777"], "must not make it executable"),
        (["--tags", "-"], "--tags is read in every cycle"),
        (["--once", "--state", "agent.yaml", "-c", "./agent.yaml"], "name the same file"),
        (["--once", "--state", "s", "--out", "s.lock"], "name the same file"),
        (["--once", "--out", "agent.yaml", "-c", "./agent.yaml"], "name the same file"),
        (["--once", "--out", "t", "--tags", "t"], "name the same file"),
        (["-s", "."], "a snapshot does not change"),
    ],
)
def test_wrong_usage_is_an_error(arguments: list[str], problem: str) -> None:
    ran = call("sync", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert problem in ran.err
    assert ran.err.count("\n") == 1


def test_the_variable_names_a_state_that_no_state_overrides(config: str, tmp_path: Path) -> None:
    variable = {"PROCCLI_STATE": str(tmp_path / "s")}
    run("-c", config, "--no-state", env=variable)
    assert not (tmp_path / "s").exists()
    run("-c", config, env=variable)
    assert (tmp_path / "s").exists()


def test_help_is_quick() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "proccli", "sync", "--help"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"sqlite3", "yaml", "regex", "rich", "psutil"}


def test_the_shop_as_a_whole(tmp_path: Path) -> None:
    """A directory gives the same document again, byte for byte."""
    machine = ("-c", write_config(tmp_path), "-s", str(write_machine(tmp_path / "proc")))
    assert run(*machine, "--json").out == run(*machine, "--json").out
