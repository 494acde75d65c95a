"""`proccli diff` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from proccli.commands.schema.command import schema_text
from tests.paths import ROOT
from tests.waiting import LONG_S

RECORDING = "docs/example/web-1.jsonl"
TYPICAL = "sample-configs/typical.yaml"
COMMENT = "sample-configs/yaml-comment.yaml"


def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "proccli", "diff", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=LONG_S,
    )
    assert done.returncode == code, done.stderr
    return done


def as_json(*arguments: str) -> Any:
    given = json.loads(run("--json", *arguments).stdout)
    Draft202012Validator(json.loads(schema_text("diff"))).validate(given)
    return given


def test_the_changes_on_a_recording_are_listed_by_kind() -> None:
    given = as_json("-s", RECORDING, "--env", "HOSTNAME=web-1", TYPICAL, COMMENT)

    by_kind: dict[str, set[int]] = {}
    for change in given["changes"]:
        by_kind.setdefault(change["change"], set()).add(change["pid"])
    assert 14 in by_kind["gained"]
    assert {16, 17} <= by_kind["renamed"]
    assert given["processes"] == 11
    assert given["equivalent"] is False


def test_the_same_configuration_is_proven_equivalent() -> None:
    assert run(TYPICAL, TYPICAL).stdout == (b"proven: no process is treated differently\n")
    assert as_json(TYPICAL, TYPICAL)["equivalent"] is True


def test_the_exit_code_shows_differences_only_with_the_option() -> None:
    run(TYPICAL, COMMENT)
    run("--exit-code", TYPICAL, COMMENT, code=1)
    run("--exit-code", TYPICAL, TYPICAL)


def test_the_live_machine_can_be_compared_too() -> None:
    given = as_json("--live", TYPICAL, TYPICAL)

    assert given["processes"] > 0
    assert given["changes"] == []


def test_jsonl_is_a_line_per_change() -> None:
    lines = run("-o", "jsonl", "-s", RECORDING, TYPICAL, COMMENT).stdout.splitlines()

    assert all(json.loads(line)["snapshot"] == RECORDING for line in lines)


def test_a_missing_configuration_is_one_line_and_exit_code_3() -> None:
    done = run(TYPICAL, "no-such-file.yaml", code=3)

    assert done.stderr.decode().count("\n") == 1


def test_a_recording_can_come_from_standard_input() -> None:
    with (ROOT / RECORDING).open("rb") as recording:
        done = subprocess.run(
            [sys.executable, "-m", "proccli", "diff", "--json", "-s", "-", TYPICAL, COMMENT],
            cwd=ROOT,
            stdin=recording,
            capture_output=True,
            check=True,
            timeout=LONG_S,
        )

    assert json.loads(done.stdout)["processes"] == 11


def test_a_configuration_can_come_from_standard_input() -> None:
    with (ROOT / TYPICAL).open("rb") as typical:
        done = subprocess.run(
            [sys.executable, "-m", "proccli", "diff", "-s", RECORDING, "-", TYPICAL],
            cwd=ROOT,
            stdin=typical,
            capture_output=True,
            check=True,
            timeout=LONG_S,
        )

    assert b"no change" in done.stdout
    assert b"proven: no process is treated differently" in done.stdout


def test_without_a_machine_os_proc_root_need_not_exist(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text("static_config: {os-proc-root: /no/such/proc}\n", encoding="utf-8")

    run(str(elsewhere), str(elsewhere))


def test_two_configurations_can_not_both_come_from_standard_input() -> None:
    run("-", "-", code=2)
