"""`proccli doctor`."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from proccli.commands.doctor.doctor import STEPS
from proccli.commands.doctor.steps_sockets import SERVER_STEPS
from proccli.commands.schema.command import schema_text
from proccli.local import agent_process
from tests.cli.machine import write_config, write_machine
from tests.cli.runner import PROGRAM, Ran, call, environment, on_a_terminal
from tests.network import connected, wait_until_older_than
from tests.sources.procfs.processes import as_nobody, public_directory, root_only, running
from tests.waiting import LONG_S

NAME = f"patient-{os.getpid()}"
ON = "static_config:\n  os-proc-sync-enabled: true\n  os-proc-socket-min-lifetime: 0\n"
EXAMPLE = ("-c", "sample-configs/typical.yaml", "-s", "docs/example/web-1.jsonl")


@pytest.fixture(autouse=True)
def name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives the agent of this test a unique name, unlike a real agent or those of other tests."""
    monkeypatch.setattr(agent_process, "AGENT", NAME)


@pytest.fixture
def shop_without_a_variable(tmp_path: Path) -> tuple[str, ...]:
    proc = write_machine(tmp_path / "proc")
    return (
        "-c",
        write_config(tmp_path, ON + "  os-proc-regex: [{match-regex: .*}]"),
        "-s",
        str(proc),
    )


def document(*arguments: str, code: int, **settings: Any) -> dict[str, Any]:
    """The output of `--json`, validated against its schema."""
    ran = call("doctor", *arguments, "--json", **settings)
    assert ran.code == code, ran.err
    parsed: dict[str, Any] = json.loads(ran.out)
    Draft202012Validator(json.loads(schema_text("doctor"))).validate(parsed)
    assert [step["gate"] for step in parsed["gates"]] == list(STEPS)
    return parsed


def states(parsed: dict[str, Any]) -> dict[str, str]:
    return {step["gate"]: step["state"] for step in parsed["gates"]}


# ---- exit codes --------------------------------------------------------------------------------


def test_a_recording_without_failures_exits_with_0_and_the_machine_is_unknown() -> None:
    parsed = document(*EXAMPLE, code=0)

    assert parsed["first_failure"] is None
    for name in ("agent-running", "agent-rights", "agent-version", "proc-root"):
        (step,) = (step for step in parsed["gates"] if step["gate"] == name)
        assert step["state"] == "unknown"
        assert "recording" in step["detail"]
    assert parsed["summary"] == json.loads(call("scan", *EXAMPLE, "--json").out)["summary"]


def test_a_directory_without_sockets_does_not_fail(
    shop_without_a_variable: tuple[str, ...],
) -> None:
    parsed = document(*shop_without_a_variable, code=0)

    assert states(parsed)["sockets"] == "unknown"
    assert (
        parsed["summary"]
        == (json.loads(call("scan", *shop_without_a_variable, "--json").out)["summary"])
    )


def test_without_a_configuration_the_default_fails() -> None:
    parsed = document("--no-wait", code=1)

    assert states(parsed)["configuration"] == "unknown"
    assert parsed["first_failure"] == "sync-enabled"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("static_config:\n  os-proc-sync-enabled: -1\n", ":2:25: "),
        ("static_config:\n  os-proc-socket-min-lifetime: -5\n", "rejects the whole configuration"),
        ("static_config: [\n", "not valid YAML"),
        ("inputs:\n  proc: 5\n", "rejects the whole configuration"),
        ("", "no static_config"),
        ("other: 1\n", "no static_config"),
    ],
)
def test_a_rejected_configuration_is_the_first_failure(
    tmp_path: Path, text: str, told: str
) -> None:
    parsed = document("-c", write_config(tmp_path, text), "--no-wait", code=1)

    first, *later = parsed["gates"]
    assert parsed["first_failure"] == first["gate"] == "configuration"
    assert told in first["detail"]
    if parsed["config"] is None:
        assert {step["state"] for step in later} == {"unknown"}
        assert parsed["snapshot"] is parsed["summary"] is None


def test_a_configuration_may_come_from_standard_input() -> None:
    rejected = document("-c", "-", code=1, stdin=b"static_config:\n  os-proc-sync-enabled: 3\n")
    assert "<stdin>:2:25: " in rejected["gates"][0]["detail"]
    taken = document("-c", "-", *EXAMPLE[2:], code=0, stdin=ON.encode())
    assert taken["config"]["file"] == "<stdin>"


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c", "no-such.yaml"),
        ("-s", "no-such.jsonl"),
        ("--proc-root", "/no/such"),
        ("-c", "no-such.yaml", "-s", "docs/example/web-1.jsonl"),
        (*EXAMPLE, "--tags", "no-such.yaml"),
        ("-s", "docs/example/web-1.jsonl", "-c", "docs"),
    ],
)
def test_what_cannot_be_read_exits_with_3(arguments: tuple[str, ...]) -> None:
    ran = call("doctor", *arguments)

    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("proccli: error: ")
    assert ran.err.count("\n") == 1


def test_an_empty_directory_is_an_error(tmp_path: Path) -> None:
    assert call("doctor", "-s", str(tmp_path)).code == 3
    assert call("doctor", "--proc-root", str(tmp_path)).code == 3


@pytest.mark.parametrize("made", [True, False])
def test_an_os_proc_root_without_processes_is_a_failed_step(tmp_path: Path, made: bool) -> None:
    root = tmp_path / "proc"
    if made:
        root.mkdir()
    path = write_config(tmp_path, f"{ON}  os-proc-root: {root}\n")
    parsed = document("-c", path, code=1)

    found = states(parsed)
    assert found["proc-root"] == "fail"
    assert found["rules"] == found["sockets"] == "unknown"
    assert found["sync-enabled"] == found["rules-valid"] == "pass"
    assert parsed["summary"] is parsed["snapshot"] is None
    told = "not a proc mount" if made else "No such file"
    (step,) = (step for step in parsed["gates"] if step["gate"] == "proc-root")
    assert told in step["detail"]
    ran = call("doctor", "-c", path)
    assert ran.code == 1
    assert ran.out.startswith("It could not be determined what the agent would send.\n")


@root_only
def test_an_empty_proc_is_a_failed_step_too(tmp_path: Path) -> None:
    """Even if a rewrite-name uses the agent's environment."""
    rules = "  os-proc-regex: [{match-regex: .*, rewrite-name: '%ROLE%'}]\n"
    command = f"mount -t tmpfs none /proc || exit 99; exec {shlex.join(PROGRAM)} doctor --json -c "
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", command + write_config(tmp_path, ON + rules)],
        env=environment(),
        capture_output=True,
        check=False,
        timeout=LONG_S,
    )
    if done.returncode == 99 or b"unshare" in done.stderr:
        pytest.skip("needs a mount namespace")

    assert done.returncode == 1, done.stderr
    parsed = json.loads(done.stdout)
    assert parsed["first_failure"] in ("agent-running", "proc-root")
    assert states(parsed)["proc-root"] == "fail"


def test_contradicting_options_are_wrong_usage() -> None:
    assert call("doctor", "-s", "x", "--proc-root", "/proc").code == 2


# ---- what is printed ---------------------------------------------------------------------------


def live(*arguments: str, tmp_path: Path) -> Ran:
    return call("doctor", "-c", write_config(tmp_path, ON), "--no-wait", *arguments)


def test_a_machine_with_an_agent_and_a_connection_has_no_failure(tmp_path: Path) -> None:
    wait_until_older_than(3)
    with running([NAME, "60"]) as pid, connected():
        ran = live("--json", tmp_path=tmp_path)
    parsed = json.loads(ran.out)

    found = states(parsed)
    assert found["agent-running"] == found["sockets"] == "pass"
    (step,) = (step for step in parsed["gates"] if step["gate"] == "agent-running")
    assert f"pid {pid}" in step["detail"]
    if os.geteuid() == 0:
        assert found["agent-rights"] == found["readable"] == "pass"
        assert ran.code == 0, parsed["first_failure"]


def test_a_hostile_agent_is_shown_escaped(tmp_path: Path) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\u202e" + "A" * 100_000
    # A shell that waits for its input: sleep would end at once, with such an argument.
    with running([NAME, "-c", "read line", hostile], executable="/bin/sh"):
        table = live(tmp_path=tmp_path)
        as_json = live("-o", "jsonl", tmp_path=tmp_path)

    for text in (table.out, table.err, as_json.out):
        assert not set(text) & set("\x1b\x07\u202e")
        assert len(text) < 20_000
    assert len(as_json.out.splitlines()) == len(STEPS)


def test_the_outcome_is_printed_first_and_only_once(tmp_path: Path) -> None:
    text = "os-proc-regex: [{match-regex: '(?=a)'}, {match-regex: .*, action: drop}]\n"
    ran = call("doctor", "-c", write_config(tmp_path, text), *EXAMPLE[2:])

    first, second, *_ = ran.out.splitlines()
    assert first == "The agent would send 0 of 11 processes. With sync enabled, it would send 0."
    assert second.startswith("First failed step: sync-enabled: os-proc-sync-enabled is ")
    assert ran.out.count("the agent ignores 1 of 2 rules") == 1
    assert ran.err == ""


@pytest.mark.parametrize("columns", [40, 80])
def test_it_fits_a_terminal(columns: int) -> None:
    ran = on_a_terminal("doctor", *EXAMPLE, "--color", "never", columns=columns)

    assert ran.code == 0
    assert max(map(len, ran.out.splitlines())) <= columns


@root_only
def test_without_privileges_hidden_facts_are_unknown_not_failed() -> None:
    with public_directory() as folder, running([NAME, "60"]), connected():
        path = write_config(folder, ON)
        code, out, err = as_nobody(lambda: _outcome("doctor", "-c", path, "--no-wait", "--json"))
    parsed = json.loads(out)

    assert code in (0, 1), err
    found = states(parsed)
    assert found["agent-running"] == "pass"
    assert found["proc-root"] == "unknown"
    assert found["sockets"] in ("pass", "unknown")
    assert code == 0, parsed["first_failure"]


def _outcome(*arguments: str) -> tuple[int, str, str]:
    ran = call(*arguments)
    return ran.code, ran.out, ran.err


# ---- configurations that do not arrive as they were meant ----------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        (
            "os-proc-sync-enabled: true\nstatic_config:\n  os-proc-root: /proc\n",
            "agent.yaml:1:1",
            "indent it under static_config",
        ),
        (
            "static_config:\n  os_proc_sync_enabled: true\n",
            "agent.yaml:2:3",
            "write os-proc-sync-enabled",
        ),
    ],
)
def test_the_switch_in_the_wrong_place_is_not_called_missing(
    tmp_path: Path, text: str, place: str, hint: str
) -> None:
    parsed = document("-c", write_config(tmp_path, text), *EXAMPLE[2:], code=1)

    assert parsed["first_failure"] == "sync-enabled"
    (step,) = (step for step in parsed["gates"] if step["gate"] == "sync-enabled")
    assert place in step["detail"]
    assert step["hint"].startswith(hint)


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("static_config:\n  os-proc-sync-enabled: true\nos-proc-regex:\n- {}\n", "rules-valid"),
        ("static_config:\n  os_proc_regex:\n  - {}\n", "rules-valid"),
        ("static_config:\n  os_app_tag_exec: [tags]\n", "tag-command"),
        ("static_config: {}\nos-app-tag-exec: [tags]\n", "tag-command"),
    ],
)
def test_other_keys_in_the_wrong_place_fail_their_step(
    tmp_path: Path, text: str, gate: str
) -> None:
    parsed = document("-c", write_config(tmp_path, text), *EXAMPLE[2:], code=1)

    (step,) = (step for step in parsed["gates"] if step["gate"] == gate)
    assert step["state"] == "fail"
    assert "the agent ignores it" in step["detail"]


def test_a_switch_that_is_off_is_not_called_missing(tmp_path: Path) -> None:
    config = write_config(tmp_path, "static_config:\n  os-proc-sync-enabled: false\n")
    parsed = document("-c", config, *EXAMPLE[2:], code=1)

    (step,) = (step for step in parsed["gates"] if step["gate"] == "sync-enabled")
    assert "default" not in step["detail"]


def test_a_text_of_another_dialect_leaves_the_defaults(tmp_path: Path) -> None:
    config = write_config(tmp_path, "inputs:\n  proc:\n    enabled: true\n")
    parsed = document("-c", config, *EXAMPLE[2:], "--agent", "6.5", code=1)

    first, *others = parsed["gates"]
    assert (first["gate"], first["state"]) == ("configuration", "fail")
    assert "its built-in defaults apply" in first["detail"]
    assert "previous" not in json.dumps(parsed)
    assert all(len(step["detail"]) < 60 for step in others if step["gate"] not in SERVER_STEPS)


def test_every_command_in_a_hint_is_whole_and_runs(tmp_path: Path) -> None:
    """With the input options of the call, quoted for a shell."""
    folder = tmp_path / "my files"
    folder.mkdir()
    config = write_config(folder, ON + "  os-proc-regex: [{match-regex: .*}]\n  os_proc_root: /x\n")
    given = ("-c", config, "-s", EXAMPLE[3], "--agent", "6.5", "--via", "file", "--env", "A=b c")
    parsed = document(*given, code=0)

    hints = [step["hint"] or "" for step in parsed["gates"]]
    commands = [hint.partition("run ")[2] for hint in hints if "proccli" in hint]
    assert len(commands) >= 3
    for command in commands:
        words = shlex.split(command)
        assert words[:2] in (["proccli", "check"], ["sudo", "proccli"]), command
        assert words[words.index("-c") + 1] == config
        assert words[words.index("--env") + 1] == "A=b c"
        assert ("--agent" in words, "--via" in words) == (True, True)
        if words[0] == "proccli":
            assert call(*words[1:]).code in (0, 1)
