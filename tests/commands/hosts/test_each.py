"""Commands on several sources: one document, with the host of each element."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from proccli.agent.decision import Context
from proccli.agent.process import AgentProcess
from proccli.agent.trace import trace_rules
from proccli.commands.schema.command import schema_text
from proccli.model.explanation import RuleTrace
from tests.cli.runner import call

APP, DB, WEB = (f"docs/example/shop-{name}-1.jsonl" for name in ("app", "db", "web"))
CONFIG = "docs/example/shop.yaml"
LISTS = {"scan": "processes", "sockets": "sockets", "tags": "tags", "doctor": "gates"}
COMMANDS = pytest.mark.parametrize("command", list(LISTS))


def document(command: str, *arguments: str, code: int | None = 0) -> Any:
    ran = call(command, "-c", CONFIG, *arguments, "--json")
    assert code is None or ran.code == code, ran.err
    given = json.loads(ran.out)
    Draft202012Validator(json.loads(schema_text(command))).validate(given)
    return given


@COMMANDS
def test_the_document_of_several_sources_is_that_of_each_one_after_the_other(command: str) -> None:
    key = LISTS[command]
    together = document(command, APP, DB, WEB, code=None)
    each = [document(command, source, code=None) for source in (APP, DB, WEB)]

    assert together[key] == [element for one in each for element in one[key]]
    assert together["snapshots"] == [one["snapshot"] for one in each]
    assert together["snapshot"] is None
    assert [one["snapshots"] for one in each] == [[one["snapshot"]] for one in each]
    assert Counter(together["summary"]) == sum(
        (Counter(one["summary"]) for one in each), Counter()
    ) | Counter(together["summary"])
    hosts = [one["snapshot"]["host"] for one in each]
    assert list(dict.fromkeys(one["host"] for one in together[key])) in ([], hosts)


@COMMANDS
def test_lines_are_the_elements(command: str) -> None:
    ran = call(command, "-c", CONFIG, APP, DB, "-o", "jsonl")
    given = document(command, APP, DB, code=None)
    assert [json.loads(line) for line in ran.out.splitlines()] == given[LISTS[command]]


@COMMANDS
def test_one_broken_source_is_named_and_the_others_are_answered(
    command: str, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_bytes(Path(APP).read_bytes()[:-500])
    ran = call(command, "-c", CONFIG, APP, str(broken), str(tmp_path / "none"), DB, "--json")

    assert ran.code == 3
    given, without = json.loads(ran.out), document(command, APP, DB, code=None)
    assert given[LISTS[command]] == without[LISTS[command]]
    unread = [one["message"] for one in given["warnings"] if one["code"] == "source-unreadable"]
    assert [str(broken) in unread[0], str(tmp_path / "none") in unread[1]] == [True, True]
    errors = [line for line in ran.err.splitlines() if line.startswith("proccli: error: ")]
    assert len(errors) == 2
    table = call(command, "-c", CONFIG, APP, str(broken))
    assert table.code == 3
    assert str(broken) in table.err


def test_an_output_of_sync_among_recordings_is_named_with_what_reads_it(tmp_path: Path) -> None:
    synced = str(tmp_path / "synced.jsonl")
    made = call("sync", "--once", "--no-state", "-c", CONFIG, "-s", APP, "--out", synced)
    assert made.code == 0
    ran = call("scan", "-c", CONFIG, synced, DB)
    assert ran.code == 3
    assert f"{synced}:1:1: the output of proccli sync" in ran.err
    assert "topology, label, audit and fleet read it" in ran.err


def test_nothing_is_printed_if_no_source_can_be_read(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"none-{number}") for number in range(8)]
    ran = call("scan", *paths, "--json")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.splitlines()[-1] == "proccli: error: 3 more sources not read"


@COMMANDS
def test_a_folder_stands_for_its_recordings(command: str, tmp_path: Path) -> None:
    for path in (APP, DB):
        shutil.copy(path, tmp_path)
    (tmp_path / "notes.txt").write_text("not a recording")
    (tmp_path / ".hidden.jsonl").write_text("not finished")
    (tmp_path / "inner").mkdir()
    shutil.copy(WEB, tmp_path / "inner")

    given = document(command, str(tmp_path), code=None)

    assert [one["host"] for one in given["snapshots"]] == ["app-1", "db-1"]


def test_a_folder_without_recordings_or_processes_is_an_error(tmp_path: Path) -> None:
    ran = call("scan", str(tmp_path))
    assert ran.code == 3
    assert "*.jsonl" in ran.err


def test_hosts_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl"
    shutil.copy(APP, again)
    given = document("scan", APP, f"lab={again}", str(again))
    names = list(dict.fromkeys(one["host"] for one in given["processes"]))
    assert names == ["app-1", "app-1 (lab)", f"app-1 [{again}]"]


def test_the_table_sums_up_and_names_one_host_of_many(tmp_path: Path) -> None:
    for number in range(40):
        text = Path(APP).read_text().replace('"host":"app-1"', f'"host":"app-{number + 1}"')
        (tmp_path / f"{number:02}.jsonl").write_text(text)
    ran = call("scan", "-c", CONFIG, str(tmp_path), "--name", "nothing-is-called-this")
    total = document("scan", APP)["summary"]
    assert "40 hosts, e.g. app-1 · " in ran.out
    assert f"0 of {40 * total['total']:,} shown" in ran.out
    assert f"The agents would send {40 * total['reported']:,} processes." in ran.out
    assert ran.err.count("proccli: warning:") == call("scan", "-c", CONFIG, APP).err.count(
        "proccli: warning:"
    )
    doctor = call("doctor", "-c", CONFIG, str(tmp_path), DB).out
    assert "40 of 41 hosts, e.g. app-1" in doctor or "41 hosts, e.g. app-1" in doctor
    assert len(doctor.splitlines()) < 80


def test_sorting_by_name_is_over_all_hosts() -> None:
    given = document("scan", APP, DB, WEB, "--status", "accepted", "--sort", "name")
    names = [one["gprocess"] for one in given["processes"]]
    assert names == sorted(names)
    assert len({one["host"] for one in given["processes"]}) == 3


def test_a_pid_that_no_source_has_is_an_error() -> None:
    assert document("sockets", APP, DB, "--pid", "1")["snapshots"]
    ran = call("sockets", APP, DB, "--pid", "999999")
    assert ran.code == 3
    assert "no process 999999 in 2 sources" in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("scan", APP, DB, "--identity"), "--identity takes only one source"),
        (("scan", APP, DB, "--tags", "tags.yaml"), "--tags is the output of one host's command"),
        (("sync", "--once", "-s", APP, "-s", DB), "can be given only once"),
        (("record", "-s", APP, "-s", DB, "x"), "can be given only once"),
        (("scan", APP, "--proc-root", "/proc"), "two sources"),
        (("scan", "-", "-s", "-"), "standard input"),
    ],
)
def test_what_takes_only_one_source_refuses_a_second(
    arguments: tuple[str, ...], message: str
) -> None:
    ran = call(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_the_live_machine_can_be_one_of_the_sources() -> None:
    given = document("scan", APP, "--live")
    assert [one["kind"] for one in given["snapshots"]] == ["recording", "live"]


def test_a_rejected_configuration_fails_once_for_all_hosts(tmp_path: Path) -> None:
    config = tmp_path / "agent.yaml"
    config.write_text("static_config:\n  os-proc-sync-enabled: maybe\n")
    ran = call("doctor", "-c", str(config), APP, DB, "--json")
    given = json.loads(ran.out)
    assert (ran.code, given["config"], given["first_failure"]) == (1, None, "configuration")
    assert call("scan", "-c", str(config), APP, DB, "--json").out == ""


@pytest.mark.parametrize("sources", [(APP,), (APP, DB, WEB)])
def test_groups_count_the_processes_and_hosts_of_each_name(sources: tuple[str, ...]) -> None:
    given = document("scan", *sources, "--group")
    keys = ("status", "reason")
    counted: Counter[tuple[Any, ...]] = Counter()
    hosts: dict[tuple[Any, ...], list[str]] = {}
    for one in given["processes"]:
        rule = one["rule"]["index"] if one["rule"] else None
        name = one["gprocess"] or one["process_name"] or f"[{one['comm']}]"
        key = (name, *(one[key] for key in keys), rule)
        counted[key] += 1
        hosts.setdefault(key, []).append(one["host"])
    found = {
        (one["name"], one["status"], one["reason"], one["rule"]): one for one in given["groups"]
    }
    assert {key: one["processes"] for key, one in found.items()} == counted
    assert all(one["hosts"] == list(dict.fromkeys(hosts[key])) for key, one in found.items())
    lines = call("scan", "-c", CONFIG, *sources, "--group", "-o", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == given["groups"]
    table = call("scan", "-c", CONFIG, *sources, "--group").out
    assert ("HOSTS" in table) == (len(sources) > 1)
    assert document("scan", *sources)["groups"] is None


def test_two_recordings_of_a_host_are_not_called_two_hosts(tmp_path: Path) -> None:
    later = str(tmp_path / "later.jsonl")
    shutil.copy(APP, later)

    assert "2 sources of 1 host by name, each counted: app-1 · " in call("scan", APP, later).out
    assert "3 sources of 2 hosts by name, each counted: app-1 and db-1 · " in (
        call("doctor", "-c", CONFIG, APP, later, DB).out
    )


def test_groups_of_kernel_threads_are_one_per_kind(tmp_path: Path) -> None:
    """Each host has dozens of kworkers, with names of their own."""
    comms = ["kworker/0:1-events", "kworker/1:0H", "kthreadd", "irq/24-ahci", "app/x"]
    for pid, comm in enumerate(comms, start=2):
        process = tmp_path / "proc" / str(pid)
        process.mkdir(parents=True)
        (process / "cmdline").write_bytes(b"app/x\0" if comm == "app/x" else b"")
        (process / "stat").write_text(f"{pid} ({comm}) S 0 0 0 0 {'0 ' * 13} 100 0\n")
    (tmp_path / "proc" / "stat").write_text("btime 1767225600\n")
    (tmp_path / "proc" / "uptime").write_text("97445.00 1.00\n")

    table = call("scan", "--group", str(tmp_path / "proc")).out
    groups = json.loads(call("scan", "--group", "--json", str(tmp_path / "proc")).out)["groups"]

    rows = {
        line.split()[-1]: line.split()[0] for line in table.splitlines() if "  skipped (" in line
    }
    assert rows == {"[kworker/*]": "2", "[kthreadd]": "1", "[irq/24-ahci]": "1"}
    assert sorted(one["name"] for one in groups) == sorted([*(f"[{n}]" for n in comms[:4]), "x"])


def test_an_outcome_is_explained_once_for_all_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An explanation takes longer than the outcomes of a whole host."""
    paths = [path for number in range(6) for path in ("-s", f"{tmp_path}/{number}.jsonl")]
    for path in paths[1::2]:
        shutil.copy(APP, path)
    traced: list[int] = []

    def counted(process: AgentProcess, context: Context) -> tuple[RuleTrace, ...]:
        traced.append(process.process.pid)
        return trace_rules(process, context)

    monkeypatch.setattr("proccli.commands.explain.explain.trace_rules", counted)
    ran = call("explain", "-c", CONFIG, *paths, "python3*")

    assert ran.code == 0
    assert "on 6 hosts" in ran.out or "app-1" in ran.out
    outcomes = [
        line for line in ran.out.splitlines() if re.match(r" +\d+  (accepted|dropped)", line)
    ]
    assert len(traced) == len(outcomes) >= 1
