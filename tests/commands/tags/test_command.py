"""`proccli tags`, and the tag command under `scan`, `explain` and `record`."""

from __future__ import annotations

import json
import os
import pwd
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from proccli.commands.schema.command import schema_text
from tests.cli.runner import Ran, call, spawn
from tests.otheruser import as_nobody_code
from tests.waiting import LONG_S, eventually

ME = pwd.getpwuid(os.geteuid()).pw_name
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root's rights")


def run(
    *arguments: str, stdin: bytes = b"", code: int = 0, env: Mapping[str, str] | None = None
) -> Ran:
    ran = call(*arguments, stdin=stdin, env=env)
    assert ran.code == code, ran.err
    return ran


def tags_json(*arguments: str, stdin: bytes = b"") -> Any:
    given = json.loads(run("tags", *arguments, "--json", stdin=stdin).out)
    Draft202012Validator(json.loads(schema_text("tags"))).validate(given)
    return given


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place that nobody can look into, on a way that only root and we can change."""
    path = Path(f"/tmp/proccli-tags-{os.getpid()}")
    path.mkdir(mode=0o755)
    path.chmod(0o755)
    try:
        yield path
    finally:
        subprocess.run(["rm", "-rf", str(path)], check=True)


@pytest.fixture
def shop() -> Iterator[subprocess.Popen[bytes]]:
    """A process with a child, to be tagged."""
    script = "sleep 300 & wait"
    process = subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True)
    try:
        eventually(lambda: children(process.pid), what="a child")
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def configured(
    folder: Path, *command: str, user: str = ME, more: Mapping[str, Any] | None = None
) -> str:
    """The path of a configuration with this tag command."""
    static = {
        "os-proc-sync-enabled": True,
        "os-proc-socket-min-lifetime": 0,
        "os-app-tag-exec": list(command),
        "os-app-tag-exec-user": user,
        **(more or {}),
    }
    path = folder / "agent.yaml"
    path.write_text(json.dumps({"static_config": static}))
    path.chmod(0o644)
    return str(path)


def printing(pid: int, *pairs: tuple[str, str]) -> str:
    """What a tag command prints for one process."""
    tags = [{"key": key, "value": value} for key, value in pairs]
    return json.dumps([{"pid": pid, "tags": tags}])


# ---- tags --------------------------------------------------------------------------------------


def test_live_tags_come_from_the_command_and_reach_the_child(
    folder: Path, shop: subprocess.Popen[bytes]
) -> None:
    (child,) = children(shop.pid)
    config = configured(folder, "echo", printing(shop.pid, ("owner", "alice"), ("a", "x, y")))
    given = tags_json("-c", config)

    assert given["origin"] == "os-app-tag-exec"
    told = [
        (tag["pid"], tag["key"], tag["from_pid"], tag["server"], tag["sent"])
        for tag in given["tags"]
    ]
    assert told == sorted(
        [
            (shop.pid, "owner", shop.pid, "kept", True),
            (shop.pid, "a", shop.pid, "cut", True),
            (child, "owner", shop.pid, "kept", True),
            (child, "a", shop.pid, "cut", True),
        ],
        key=lambda row: row[0],
    )
    assert {tag["process_name"] for tag in given["tags"]} == {"sh", "sleep"}


def test_the_command_is_named_on_stderr_and_only_there(folder: Path) -> None:
    done = run("tags", "-c", configured(folder, "echo", "[]"))

    assert done.err.splitlines()[0] == (f"proccli: running os-app-tag-exec as {ME}: echo '[]'")
    assert "running" not in done.out


def test_a_failed_command_is_one_also_where_the_end_of_children_is_ignored(folder: Path) -> None:
    printed = printing(os.getpid(), ("a", "b"))
    config = configured(folder, "sh", "-c", f"echo '{printed}'; exit 3")
    done = spawn(
        "tags", "-c", config, preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    )

    assert "os-app-tag-exec: it exits with status 3" in done.stderr
    assert "0 tags of 0 processes" in done.stdout


def test_a_pipe_gives_tags_where_nothing_is_configured() -> None:
    given = tags_json("--tags", "-", stdin=b"- {pid: 1, tags: [{key: a, value: b}]}\n")

    assert (given["tags"][0]["pid"], given["tags"][0]["exists"]) == (1, True)
    assert given["origin"] == "<stdin>"


def test_a_pid_that_is_not_there_is_told() -> None:
    printed = b"- {pid: 4194305, tags: [{key: a, value: b}]}\n"
    given = tags_json("--tags", "-", stdin=printed)

    (tag,) = given["tags"]
    assert (tag["exists"], tag["process_name"], tag["sent"]) == (False, None, False)
    assert "tags-without-process" in {warning["code"] for warning in given["warnings"]}


def test_filters_choose_and_the_counts_stay() -> None:
    printed = b"""
- {pid: 4194305, tags: [{key: owner, value: alice}, {key: url, value: 'http://x/'}]}
- {pid: 4194306, tags: [{key: owner, value: bob}]}
"""

    def keys(*arguments: str) -> list[tuple[int, str]]:
        given = tags_json("--tags", "-", *arguments, stdin=printed)
        assert given["summary"]["tags"] == 3
        return [(tag["pid"], tag["key"]) for tag in given["tags"]]

    assert keys("--pid", "4194306") == [(4194306, "owner")]
    assert keys("--key", "u*") == [(4194305, "url")]
    assert len(keys("--lost")) == len(keys("--own")) == 3


def test_the_server_is_chosen_by_its_version() -> None:
    printed = b"- {pid: 1, tags: [{key: url, value: 'http://x/'}]}\n"
    for server, outcome in (("6.5", "kept"), ("7.1", "lost")):
        given = tags_json("--tags", "-", "--own", "--server", server, stdin=printed)
        assert (given["server"], given["tags"][0]["server"]) == (server, outcome)


def test_a_line_of_jsonl_is_a_tag() -> None:
    printed = b"- {pid: 1, tags: [{key: a, value: b}, {key: c, value: d}]}\n"
    done = run("tags", "--tags", "-", "--own", "-o", "jsonl", stdin=printed)
    assert [json.loads(line)["key"] for line in done.out.splitlines()] == ["a", "c"]


def test_the_table_is_for_people() -> None:
    printed = b"- {pid: 4194305, tags: [{key: owner, value: alice}]}\n"
    lines = run("tags", "--tags", "-", stdin=printed).out.splitlines()
    assert lines[0].split() == ["PID", "PROCESS", "KEY", "VALUE", "RESULT"]
    assert " ".join(lines[1].split()) == "4194305 no such process owner alice not sent"


def test_unknown_tags_end_in_four_when_that_matters(folder: Path) -> None:
    config = configured(folder, "echo", "[]")
    done = run("tags", "-c", config, "--no-tag-exec", "--strict", code=4)
    assert "tags are unknown" in done.err
    assert run("tags", "-c", config, "--no-tag-exec").out == "Tags are unknown.\n"


def test_a_rejected_output_is_a_warning_and_costs_all_tags(folder: Path) -> None:
    given = tags_json("-c", configured(folder, "echo", "- {pid: 1}"))
    assert (given["tags"], given["known"]) == ([], True)
    assert "tags-rejected" in {warning["code"] for warning in given["warnings"]}


# ---- what must not run -------------------------------------------------------------------------


def touching(folder: Path) -> tuple[str, ...]:
    return ("/bin/sh", "-c", f"echo ran >> {folder}/trace; echo '[]'")


def test_a_configuration_from_stdin_starts_nothing_unasked(folder: Path) -> None:
    content = Path(configured(folder, *touching(folder))).read_bytes()
    done = run("tags", "-c", "-", stdin=content)

    assert "comes from standard input" in done.err
    assert not (folder / "trace").exists()
    run("tags", "-c", "-", "--run-tag-exec", stdin=content)
    assert (folder / "trace").exists()


def test_no_variable_weakens_what_protects(folder: Path) -> None:
    config = configured(folder, *touching(folder))
    Path(config).chmod(0o666)
    variables = {
        f"{prefix}{name}": value
        for prefix in ("PROCCLI_", "PROCCLI_TAGS_", "PROCCLI_SCAN_")
        for name in ("RUN_TAG_EXEC", "TAG_EXEC")
        for value in ("1",)
    }
    done = run("tags", env={**variables, "PROCCLI_CONFIG": config, "SUDO_UID": str(os.getuid())})

    assert "others can write to" in done.err
    assert not (folder / "trace").exists()


@pytest.mark.parametrize("name", ["PROCCLI_TAG_TIMEOUT", "PROCCLI_TAGS_TAG_TIMEOUT"])
def test_no_variable_makes_it_wait_longer(folder: Path, name: str) -> None:
    config = configured(folder, "sleep", "60")
    done = run("tags", "-c", config, "--tag-timeout", "0.2", env={name: "60"})
    assert "still running after 0.2 s" in done.err


def test_a_recording_starts_nothing_and_carries_the_tags(
    folder: Path, shop: subprocess.Popen[bytes]
) -> None:
    printed = printing(shop.pid, ("owner", "alice"))
    script = f"echo ran >> {folder}/trace; echo '{printed}'"
    config = configured(folder, "/bin/sh", "-c", script)
    recording = str(folder / "web-1.jsonl")
    done = run("record", "-c", config, recording)
    assert "running os-app-tag-exec" in done.err
    (folder / "trace").unlink()

    given = tags_json("-c", config, "-s", recording)

    assert {tag["from_pid"] for tag in given["tags"]} == {shop.pid}
    assert not (folder / "trace").exists()


def test_a_made_up_process_starts_nothing(folder: Path) -> None:
    config = configured(folder, *touching(folder))
    done = run("explain", "-c", config, "--argv", "nginx")
    assert not (folder / "trace").exists()
    assert "tag" not in done.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--run-tag-exec", "--no-tag-exec"), "contradict"),
        (("--run-tag-exec", "--tags", "/dev/null"), "two sources of tags"),
        (("--run-tag-exec", "-s", "x"), "live machine"),
        (("--tag-timeout", "0"), "--tag-timeout"),
        (("--tag-timeout", "nan"), "nan"),
        (("--tag-timeout", "inf"), "--tag-timeout"),
        (("--server", "9"), "--server"),
        (("--pid", "-1"), "--pid"),
    ],
)
def test_wrong_usage_is_an_error(arguments: tuple[str, ...], problem: str) -> None:
    done = run("tags", *arguments, code=2)
    assert problem in done.err
    assert done.err.count("\n") == 1


# ---- scan and explain --------------------------------------------------------------------------


def test_scan_shows_tags_and_their_origin(folder: Path, shop: subprocess.Popen[bytes]) -> None:
    (child,) = children(shop.pid)
    config = configured(folder, "echo", printing(shop.pid, ("owner", "alice")))
    given = json.loads(run("scan", "-c", config, "--json").out)

    tags = {item["pid"]: item["tags"] for item in given["processes"]}
    tag = {"name": "os.app.owner", "key": "owner", "value": "alice", "from_pid": shop.pid}
    assert tags[shop.pid] == tags[child] == [tag]


def test_explain_tries_tag_rules_on_what_the_command_says(
    folder: Path, shop: subprocess.Popen[bytes]
) -> None:
    rule = {"match-regex": "^owner:alice$", "match-type": "tag", "action": "drop"}
    printed = printing(shop.pid, ("owner", "alice"))
    config = configured(folder, "echo", printed, more={"os-proc-regex": [rule]})
    given = json.loads(run("explain", "-c", config, str(shop.pid), "--json").out)

    (item,) = given["processes"]
    assert (item["status"], item["rule"]["index"]) == ("dropped", 1)


def test_tagged_only_lists_who_is_tagged(folder: Path, shop: subprocess.Popen[bytes]) -> None:
    printed = printing(shop.pid, ("owner", "alice"))
    config = configured(folder, "echo", printed, more={"os-proc-sync-tagged-only": True})
    given = json.loads(run("scan", "-c", config, "--json").out)

    accepted = [item["pid"] for item in given["processes"] if item["status"] == "accepted"]
    assert accepted == [shop.pid]


def test_ctrl_c_ends_the_command_and_us(folder: Path) -> None:
    note = folder / "pids"
    script = f"sleep 60 & echo $$ $! > {note}.new; mv {note}.new {note}; wait"
    config = configured(folder, "/bin/sh", "-c", script)
    ours = subprocess.Popen(
        [sys.executable, "-m", "proccli", "scan", "-c", config],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    eventually(lambda: note.exists() or ours.poll() is not None, what="the tag command")
    pids = [int(word) for word in note.read_text().split()]
    ours.send_signal(signal.SIGINT)
    out, err = ours.communicate(timeout=LONG_S)

    assert ours.returncode == 130
    assert out == b""
    assert b"Traceback" not in err
    for pid in pids:
        path = Path(f"/proc/{pid}/stat")
        assert not path.exists() or b") Z " in path.read_bytes()


@AS_ROOT
@pytest.mark.root
def test_as_root_it_runs_as_nobody(folder: Path) -> None:
    script = "echo \"- {pid: 1, tags: [{key: ids, value: '$(id -u) $(id -G)'}]}\""
    config = configured(folder, "/bin/sh", "-c", script, user="nobody")
    given = tags_json("-c", config, "--own")
    assert given["tags"][0]["value"] == "65534 65534"


@AS_ROOT
@pytest.mark.root
def test_another_user_gets_a_hint_how_to_get_the_tags(folder: Path) -> None:
    config = configured(folder, "echo", "[]", user="root")
    code = as_nobody_code(
        "proccli.cli.main, proccli.commands.tags.command, proccli.commands.tags.tags,"
        " proccli.local.tag_command.run, yaml, rich.cells",
        f"sys.exit(proccli.cli.main.run(['tags', '-c', {config!r}]))\n",
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout == b"Tags are unknown.\n"
    assert b"it runs as root, and only root may run it as another user" in done.stderr
    assert b"--tags FILE" in done.stderr


def test_a_recording_with_tags_is_for_its_owner_only(folder: Path) -> None:
    recording = folder / "web-1.jsonl"
    run("record", "-c", configured(folder, "echo", "[]"), str(recording))
    assert stat.S_IMODE(recording.stat().st_mode) == 0o600
