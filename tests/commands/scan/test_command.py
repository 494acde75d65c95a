"""`proccli scan`, as people and scripts use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from proccli.commands.schema.command import schema_text
from tests.cli.machine import CONFIG, write_config
from tests.cli.runner import call, on_a_terminal, spawn
from tests.sources.procfs.processes import running

SCHEMA = json.loads(schema_text("scan"))
Shop = tuple[str, ...]


def scanned(*arguments: str) -> Any:
    """The document, which must be valid."""
    ran = call("scan", "--json", *arguments)
    assert ran.code == 0, ran.err
    given = json.loads(ran.out)
    Draft202012Validator(SCHEMA).validate(given)
    return given


def pids(document: Any) -> list[int]:
    return [process["pid"] for process in document["processes"]]


def test_every_process_is_listed_in_order_of_pid(shop: Shop) -> None:
    given = scanned(*shop)

    assert pids(given) == sorted(pids(given))
    assert given["summary"]["total"] == len(given["processes"]) == 22
    keys = "schema snapshot config processes summary snapshots groups warnings"
    assert list(given) == keys.split()


def test_filters_limit_the_list_and_not_the_counts(shop: Shop) -> None:
    whole, some = scanned(*shop), scanned(*shop, "--status", "dropped")

    assert {process["status"] for process in some["processes"]} == {"dropped"}
    assert 0 < len(some["processes"]) < len(whole["processes"])
    assert some["summary"] == whole["summary"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--rule", "2"], [812, 813]),
        (["--rule", "1", "--rule", "3"], [900, 903, 904, 915]),
        (["--rule", "3", "--status", "accepted"], []),
        (["--name", "sleep"], [903]),
        (["--name", "nginx-", "--name", "*/app-py-script*"], [812, 813, 900]),
        (["--name", "*/app-py-script*", "--name", "python3"], [900, 915]),
        (["--user", "nobody"], []),
        (["--sort", "name", "--rule", "1"], [900, 915]),
        (["--sort", "uptime", "--rule", "0", "--name", "[iy]*"], [1]),
        (["--sort", "pid", "--reverse", "--rule", "2"], [813, 812]),
    ],
)
def test_filters_combine(shop: Shop, filters: list[str], expected: list[int]) -> None:
    assert pids(scanned(*shop, *filters)) == expected


def test_unmatched_processes_can_be_selected(shop: Shop) -> None:
    found = scanned(*shop, "--unmatched")

    assert {process["reason"] for process in found["processes"]} == {"implicit-accept"}
    assert pids(found) == pids(scanned(*shop, "--rule", "0"))


def test_tags_are_shown_and_filtered_by(shop: Shop, tmp_path: Path) -> None:
    tags = tmp_path / "tags.yaml"
    tags.write_text("- pid: 900\n  tags:\n  - key: owner\n    value: alice\n", encoding="utf-8")

    for wanted in ("owner", "owner=al*", "os.app.owner=alice"):
        found = scanned(*shop, "--tags", str(tags), "--tag", wanted)
        assert pids(found) == [900, 901]
        assert found["processes"][1]["tags"] == [
            {"name": "os.app.owner", "key": "owner", "value": "alice", "from_pid": 900}
        ]
    assert pids(scanned(*shop, "--tags", str(tags), "--tag", "owner=bob")) == []


def test_a_rule_that_is_not_there_is_wrong_usage(shop: Shop) -> None:
    ran = call("scan", *shop, "--rule", "5")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == ("proccli: error: there is no rule 5: the configuration has rules 1 to 4\n")


def test_lines_are_the_elements_of_the_list(shop: Shop) -> None:
    lines = call("scan", *shop, "-o", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == scanned(*shop)["processes"]


def test_the_last_output_asked_for_counts(shop: Shop) -> None:
    document, table = (call("scan", *shop, *how).out for how in (["--json"], ["-o", "table"]))

    assert call("scan", *shop, "-o", "table", "--json").out == document
    assert call("scan", *shop, "--json", "-o", "table").out == table
    assert call("scan", *shop, env={"PROCCLI_OUTPUT": "json"}).out == document
    assert call("scan", *shop, "-o", "table", env={"PROCCLI_OUTPUT": "json"}).out == table
    assert call("scan", *shop, "--json", env={"PROCCLI_OUTPUT": "jsonl"}).out == document


def test_variables_stand_for_options(shop: Shop) -> None:
    variables = {"PROCCLI_CONFIG": shop[1], "PROCCLI_SNAPSHOT": shop[3]}
    assert call("scan", env=variables).out == call("scan", *shop).out


def test_a_configuration_is_read_from_standard_input(shop: Shop) -> None:
    ran = call("scan", "-c", "-", *shop[2:], "--json", stdin=CONFIG.encode())

    assert json.loads(ran.out)["config"]["file"] == "<stdin>"
    assert json.loads(ran.out)["summary"] == scanned(*shop)["summary"]


def test_without_a_configuration_stderr_says_so(shop: Shop) -> None:
    ran = call("scan", *shop[2:])

    assert ran.code == 0
    assert "proccli: warning: no configuration given" in ran.err
    assert call("scan", *shop).err.count("no configuration") == 0


def test_what_stderr_says_is_in_the_document(shop: Shop) -> None:
    ran = call("scan", *shop[2:], "--json")
    told = [warning["message"] for warning in json.loads(ran.out)["warnings"]]

    assert [f"proccli: warning: {message}" for message in told] == ran.err.splitlines()


def test_a_disabled_sync_gives_a_warning(shop: Shop, tmp_path: Path) -> None:
    config = write_config(tmp_path, CONFIG.replace("enabled: true", "enabled: false"))
    ran = call("scan", "-c", config, *shop[2:])

    assert "The agent would send nothing: os-proc-sync-enabled is false." in ran.out
    assert scanned("-c", config, *shop[2:])["summary"]["reported"] == 0


def test_an_ignored_rule_is_shown(shop: Shop, tmp_path: Path) -> None:
    config = write_config(tmp_path, CONFIG.replace("bash", "(?=bash)"))
    ran = call("scan", "-c", config, *shop[2:])

    assert "ignored (invalid): " in ran.out
    assert "rule 3" in ran.err


def test_an_incomplete_view_is_an_exit_code_when_asked(shop: Shop, tmp_path: Path) -> None:
    tagged = CONFIG + "  os-app-tag-exec: [/bin/echo]\n  os-proc-sync-tagged-only: true\n"
    config = write_config(tmp_path, tagged)
    arguments = ("scan", "-c", config, *shop[2:], "--no-tag-exec")

    assert call(*arguments).code == 0
    assert call(*arguments, "--strict").code == 4
    assert call("scan", *shop, "--strict").code == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("static_config: [", "agent.yaml:"),
        ("static_config:\n  os-proc-regex: 5\n", "agent.yaml:2:"),
    ],
)
def test_a_configuration_that_no_agent_takes_is_exit_code_3(
    shop: Shop, tmp_path: Path, text: str, problem: str
) -> None:
    ran = call("scan", "-c", write_config(tmp_path, text), *shop[2:])

    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("proccli: error: ")
    assert problem in ran.err.splitlines()[0]


@pytest.mark.parametrize("option", ["-c", "-s", "--tags"])
def test_a_missing_file_is_named(shop: Shop, option: str) -> None:
    others = {"-c": shop[2:], "-s": shop[:2]}.get(option, shop)
    ran = call("scan", *others, option, "/no/such\x1bfile")

    assert (ran.code, ran.out) == (3, "")
    assert "/no/such\\x1bfile" in ran.err
    assert ran.err.count("\n") == 1


def test_a_live_process_is_there_with_its_rule(tmp_path: Path) -> None:
    config = write_config(tmp_path, CONFIG + "  os-proc-socket-min-lifetime: 0\n")
    argv = ["python3", "-c", "read line", "/opt/app.py", "naïve 注文"]
    with running(argv, "/bin/sh") as pid:
        given = json.loads(spawn("scan", "-c", config, "--json").stdout)
    (found,) = [process for process in given["processes"] if process["pid"] == pid]

    Draft202012Validator(SCHEMA).validate(given)
    assert found["argv"] == argv
    assert (found["reason"], found["rule"]["index"]) == ("rule", 1)


@pytest.mark.parametrize(("columns", "whole"), [(80, False), (200, True)])
def test_a_wide_terminal_shows_more_of_a_name_that_is_not_sent(
    tmp_path: Path, columns: int, whole: bool
) -> None:
    name = "a-process-with-a-rather-long-name"
    config = write_config(tmp_path, "os-proc-regex: [{match-regex: .*, action: drop}]")
    (tmp_path / "proc" / "1").mkdir(parents=True)
    (tmp_path / "proc" / "1" / "cmdline").write_bytes(f"/opt/{name}".encode() + b"\0-x" * 90)

    shown = on_a_terminal(
        "scan", "-c", config, "-s", str(tmp_path / "proc"), columns=columns, env={"NO_COLOR": "1"}
    )

    row = shown.out.splitlines()[1]
    assert (f"  {name}  " in row) == whole
    assert len(row) <= columns
