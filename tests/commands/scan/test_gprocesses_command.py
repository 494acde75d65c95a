"""`proccli scan --identity`, as people and scripts use it, and docs/identity.md."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from rich.cells import cell_len

from proccli.commands.schema.command import schema_text
from tests.cli.runner import call, on_a_terminal
from tests.commands.scan.test_command import Shop, pids, scanned
from tests.paths import ROOT

EXAMPLE = ("-s", str(ROOT / "docs" / "example" / "web-1.jsonl"))
PAGE = ROOT / "docs" / "identity.md"
WITH = ("--identity", "--server", "7.1")


def identity(document: Any, pid: int) -> Any:
    (found,) = [item["identity"] for item in document["processes"] if item["pid"] == pid]
    return found


def test_every_word_of_the_schema_is_explained() -> None:
    text = PAGE.read_text(encoding="utf-8")
    definitions = json.loads(schema_text("scan"))["$defs"]
    told = [*definitions["identity"]["properties"], *definitions["identities"]["properties"]]
    for name in ("doubts", "refused"):
        told += definitions["identity"]["properties"][name]["items"]["enum"]
    told += definitions["identity-key"]["properties"]["by"]["enum"]
    assert not [word for word in told if f"`{word}`" not in text]


def test_without_it_the_document_is_what_it_was(shop: Shop) -> None:
    plain, more = scanned(*shop), scanned(*shop, "--identity")

    assert list(more) == [*list(plain)[:-1], "identities", "warnings"]
    del more["identities"]
    for process in more["processes"]:
        assert list(process)[-1] == "identity"
        del process["identity"]
    assert more == plain


def test_only_accepted_processes_have_one(shop: Shop) -> None:
    given = scanned(*shop, *WITH)

    for process in given["processes"]:
        assert (process["identity"] is None) == (process["gprocess"] is None)
    assert given["identities"]["processes"] == given["summary"]["accepted"]
    assert given["identities"]["undecided"] == given["summary"]["unknown"]


def test_by_default_the_server_is_of_the_agents_version() -> None:
    given = scanned(*EXAMPLE, "--identity")
    found = identity(given, 16)

    assert given["identities"]["server"] == "6.5"
    assert found["key"] == {"by": "pid", "pid": 16, "name": None, "cmdline": None}
    assert (found["after_restart"], found["after_exec"]) == ("new", "same")
    assert given["identities"]["at_least"] == given["identities"]["at_most"] == 11
    assert given == scanned(*EXAMPLE, *WITH[:2], "6.5")


def test_workers_are_one_for_7_1() -> None:
    given = scanned(*EXAMPLE, *WITH)
    first, second = identity(given, 16), identity(given, 17)

    assert first == second
    assert first["key"]["cmdline"] == "nginx: worker process"
    assert (first["after_restart"], first["after_exec"]) == ("same", "new")
    assert given["identities"]["at_least"] == given["identities"]["at_most"] == 10
    assert {
        "name": "nginx: worker process",
        "pids": [16, 17],
        "groups": [first["group"]],
        "at_least": 1,
        "at_most": 1,
    } in given["identities"]["names"]


def test_masks_that_do_not_matter_do_no_harm() -> None:
    given = scanned(*EXAMPLE, *WITH)

    assert identity(given, 18)["key"]["cmdline"] == "/opt/shop/app.py"
    assert identity(given, 20)["key"]["cmdline"] == "/opt/pay/pay-1.4.jar"
    assert identity(given, 18)["doubts"] == []


@pytest.mark.parametrize(
    ("cmdline", "holes", "expected"),
    [
        (["mysqld", "--password=***"], [[18, 21]], None),
        (["", "mysqld", "--x"], [], "mysqld --x"),
        (["python3", "", "é***", "-m", "x"], [[11, 14]], "x"),
        (["python3", "é", "***"], [[11, 14]], "é"),
        (["python3", "***é"], [[8, 11]], None),
    ],
)
def test_masks_are_where_the_agent_sees_them(
    tmp_path: Path, cmdline: list[str], holes: list[list[int]], expected: str | None
) -> None:
    """Bytes of arguments are not characters of the command line, and empty arguments vanish."""
    lines = [json.loads(line) for line in (ROOT / EXAMPLE[1]).read_text().splitlines()]
    for line in lines:
        if line.get("pid") == 16:
            line |= {"cmdline": [*cmdline, ""], "holes": holes}
        if line["type"] == "end":
            line["masked_values"] += len(holes)
            line["masked_processes"] += bool(holes)
    path = tmp_path / "masked.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")

    found = identity(scanned("-s", str(path), *WITH), 16)
    assert found["key"]["cmdline"] == expected
    assert ("masked" in found["doubts"]) == (expected is None)


def test_containers_of_a_copied_directory_are_not_known(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "proc"
    shutil.copytree(shop[3], folder)
    (folder / "900" / "cgroup").write_text("0::/system.slice/shop.service\n", encoding="utf-8")
    (folder / "905" / "cgroup").write_text(f"0::/kubepods/{'a' * 64}\n", encoding="utf-8")
    given = scanned(*shop[:2], "-s", str(folder), *WITH)

    assert identity(given, 1)["doubts"] == ["container-unknown"]
    assert identity(given, 900)["doubts"] == []
    assert identity(given, 905)["doubts"] == ["pod"]
    assert identity(given, 905)["after_restart"] == "unknown"


def test_filters_limit_the_list_and_not_the_counts(shop: Shop) -> None:
    whole, some = scanned(*shop, *WITH), scanned(*shop, *WITH, "--rule", "2", "--reverse")

    assert pids(some) == [813, 812]
    assert some["identities"] == whole["identities"]
    assert identity(some, 813) == identity(whole, 813)


def test_lines_have_it_too(shop: Shop) -> None:
    lines = call("scan", *shop, *WITH, "-o", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == scanned(*shop, *WITH)["processes"]


def test_a_process_without_an_identity_is_no_such_document(shop: Shop) -> None:
    given = scanned(*shop, *WITH)
    known = Draft202012Validator(json.loads(schema_text("scan")))

    del given["processes"][0]["identity"]
    assert not known.is_valid(given)


def test_people_see_a_column_and_the_names(shop: Shop) -> None:
    by_key, by_pid = (
        call("scan", *EXAMPLE, "--identity", "--server", server).out for server in ("7.1", "6.5")
    )

    assert by_key.startswith("PID  OUTCOME    ID  NAME")
    assert "        2           1  nginx: worker process  g4 (16, 17)\n" in by_key
    assert "g5 (18) /opt/shop/app.py; g6 (19) /opt/shop/worker.py\n" in by_key
    assert "\n11 processes → 10 gprocesses on server 7.1, " in by_key
    assert "\nSeveral gprocesses share a name: 1 name.\n" in by_key
    assert "  ID  " not in by_pid
    assert "        2           2  nginx: worker process  16, 17: one gprocess each\n" in by_pid
    assert "\nSeveral gprocesses share a name: 2 names.\n" in by_pid
    for text in (by_key, by_pid):
        assert " 24 h" in text
        assert " 168 h " in text


def test_names_of_what_is_not_shown_are_left_out() -> None:
    ran = call("scan", *EXAMPLE, *WITH, "--name", "java")

    assert "GPROCESSES" not in ran.out
    assert "11 processes → 10 gprocesses" in ran.out


def test_of_nothing_there_is_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "proc"
    (folder / "2").mkdir(parents=True)
    (folder / "2" / "cmdline").write_bytes(b"")
    (folder / "stat").write_text("btime 1\n", encoding="utf-8")
    (folder / "uptime").write_text("9.00 9.00\n", encoding="utf-8")
    ran = call("scan", "-s", str(folder), *WITH)

    assert ran.code == 0
    assert "0 processes → 0 gprocesses" in ran.out
    counts = scanned("-s", str(folder), *WITH)["identities"]
    assert (counts["at_least"], counts["at_most"], counts["names"]) == (0, 0, [])


def test_a_server_without_it_is_the_one_that_passes_the_configuration_on() -> None:
    assert call("scan", *EXAMPLE, "--server", "7.1").code == 0
    assert call("scan", "--identity", "--server", "5").code == 2


def test_a_terminal_has_it_in_its_width(shop: Shop) -> None:
    ran = on_a_terminal("scan", *shop, *WITH, columns=60)

    table = re.sub(r"\x1b\[[0-9;]*m", "", ran.out.partition("proccli:")[0])
    assert ran.code == 0
    assert "gprocesses on server 7.1" in table
    assert max(map(cell_len, table.splitlines())) <= 60


def test_a_live_machine_has_it() -> None:
    given = scanned("--identity")
    assert given["identities"]["processes"] == given["summary"]["accepted"] > 0
