"""`proccli migrate` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from proccli.commands.schema.command import schema_text
from proccli.versions import NEWEST_SERVER
from tests.paths import ROOT
from tests.waiting import LONG_S

TYPICAL = "sample-configs/typical.yaml"
BY_CHANCE = b"os-proc-sync-tagged-only: true\nos-proc-regex: [{match-regex: a}]\n"


def run(*arguments: str, given: bytes = b"", code: int = 0) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "proccli", "migrate", *arguments],
        cwd=ROOT,
        input=given,
        capture_output=True,
        check=False,
        timeout=LONG_S,
    )
    assert done.returncode == code, done.stderr
    return done


def as_json(*arguments: str, given: bytes = b"", code: int = 0) -> Any:
    document = json.loads(run("--json", *arguments, given=given, code=code).stdout)
    Draft202012Validator(json.loads(schema_text("migrate"))).validate(document)
    return document


def test_the_result_is_checked_without_errors(tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"

    assert run("--out", str(new), TYPICAL).stdout == b""

    done = subprocess.run(
        [sys.executable, "-m", "proccli", "check", str(new)],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=LONG_S,
    )
    assert done.returncode == 0, done.stdout


def test_a_file_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"
    new.write_text("mine")

    assert run("--out", str(new), TYPICAL, code=3).stdout == b""
    assert new.read_text() == "mine"


def test_the_differences_are_listed() -> None:
    document = as_json(TYPICAL)

    assert [outcome.keys() for outcome in document["outcomes"]] == [{"text"}]
    assert 3 in [difference["rule"] for difference in document["differences"]]
    assert document["changes"] is None


def test_both_outcomes_are_compared_on_real_processes() -> None:
    document = as_json("-s", "/proc", TYPICAL)

    assert document["unannounced"] == []
    assert b"compared" in run("-s", "/proc", TYPICAL).stderr


def test_the_vendors_text_and_the_other_outcomes() -> None:
    done = run("--as-vendor", NEWEST_SERVER, "-", given=BY_CHANCE)
    document = as_json("--as-vendor", NEWEST_SERVER, "-", given=BY_CHANCE)

    assert done.stdout == b"inputs:\n  proc:\n    process_matcher:\n      - match_regex: a\n"
    assert b"a panic" in done.stderr
    assert document["outcomes"] == [{"text": done.stdout.decode()}, {"panic": True}]


def test_an_upgrade_that_can_only_fail_prints_nothing() -> None:
    done = run("--as-vendor", NEWEST_SERVER, "-", given=b"os-proc-regex: [~]\n", code=1)

    assert done.stdout == b""
    assert b"can only fail" in done.stderr


def test_what_is_not_known_is_an_error_with_a_place() -> None:
    given = b"os-proc-root: /x\nebpf:\n  thread-num: 3\n"

    assert b":3:" in run("--as-vendor", NEWEST_SERVER, "-", given=given, code=3).stderr


def test_servers_and_agents_that_can_not_are_wrong_usage() -> None:
    run("--as-vendor", "6.5", TYPICAL, code=2)
    run("--agent", "6.5", TYPICAL, code=2)
    run("--as-vendor", NEWEST_SERVER, "-s", "/proc", TYPICAL, code=2)


def test_a_configuration_that_the_old_agent_rejects_is_an_error() -> None:
    assert run("-", given=b"os-proc-sync-enabled: 3\n", code=3).stdout == b""


def test_a_configuration_of_the_newer_dialect_needs_none() -> None:
    done = run("-", given=b"# new\ninputs:\n  proc: {enabled: true}\n", code=3)
    first = done.stderr.decode().splitlines()[0]

    assert first == (
        "proccli: error: <stdin>:2:1: nothing to migrate: inputs is what a static_config is"
        " migrated to"
    )
