"""`proccli fleet`, as a user calls it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from proccli.commands.schema.command import schema_text
from tests.cli.runner import call
from tests.paths import ROOT


def answer(name: str, *arguments: str, code: int = 0) -> Any:
    """The JSON document of a command, which its schema describes."""
    done = call("fleet", name, *arguments, "--json")
    assert done.code == code, done.err
    document = json.loads(done.out)
    Draft202012Validator(json.loads(schema_text(f"fleet-{name}"))).validate(document)
    return document


def test_a_load_names_what_it_refuses_and_loads_the_rest(
    store: str, files: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.jsonl").write_bytes((files / "web.jsonl").read_bytes()[:-40])
    other = str(files / "db.jsonl")

    found = answer("load", "--store", store, str(tmp_path), other, "/etc/hostname", code=3)

    assert (found["documents"], found["known"]) == (0, 1)
    assert [one["source"] for one in found["refused"]] == [
        f"{tmp_path}/broken.jsonl:1:1",
        "/etc/hostname:1:1",
    ]
    assert [one["code"] for one in found["warnings"]] == ["document-refused"] * 2


def test_names_by_rule_and_host(store: str) -> None:
    found = answer("names", "--store", store)

    rows = [
        (n["gprocess"], n["rule"], n["hosts"], n["processes"], n["examples"])
        for n in found["names"]
    ]
    assert rows == [
        ("app", 2, 1, 2, ["web-1"]),
        ("nginx", 0, 1, 1, ["web-1"]),
        ("postgres\x1b[31m", None, 1, 1, ["db-1"]),
    ]
    assert found["names"][0]["config_sha256"] == "ab" * 32
    assert found["names"][2]["config_file"] is None
    assert [one["code"] for one in found["warnings"]] == ["hosts-silent"]
    assert "old-1" in found["warnings"][0]["message"]


def test_files_and_store_have_the_same_answer(store: str, files: Path) -> None:
    stored = answer("names", "--store", store, "--max-age", "30d")
    direct = answer("names", str(files))

    assert stored["names"] == direct["names"]
    assert direct["store"] is None
    assert direct["from"] is None


def test_an_earlier_moment(store: str) -> None:
    found = answer("names", "--store", store, "--at", "2026-01-01T03:04:05Z", "--max-age", "2d")

    assert [(one["gprocess"], one["rule"]) for one in found["names"]] == [("app", None), ("app", 1)]


def test_filters_of_names(store: str) -> None:
    by_name = answer("names", "--store", store, "--gprocess", "ng*", "--gprocess", "post*")
    by_host = answer("names", "--store", store, "--host", "db-?")

    assert [one["gprocess"] for one in by_name["names"]] == ["nginx", "postgres\x1b[31m"]
    assert [one["gprocess"] for one in by_host["names"]] == ["postgres\x1b[31m"]
    assert answer("names", "--store", store, "--gprocess", "x'); DROP")["names"] == []
    assert answer("names", "--store", store, "--host", "none")["names"] == []


def test_hosts_and_which_are_silent(store: str) -> None:
    found = answer("hosts", "--store", store)

    assert [(one["host"], one["silent"]) for one in found["hosts"]] == [
        ("db-1", False),
        ("old-1", True),
        ("web-1", False),
    ]
    assert found["summary"] == {"hosts": 3, "silent": 1, "disabled": 0}
    web = found["hosts"][2]
    assert (web["left_out"], web["proccli"]) == ({"min-lifetime": 3}, "1.2.3")
    assert found["hosts"][0]["left_out"] is None


@pytest.mark.parametrize(
    ("filters", "hosts"),
    [
        (["--silent"], ["old-1"]),
        (["--host", "*b-1"], ["db-1", "web-1"]),
        (["--gprocess", "app"], ["old-1", "web-1"]),
        (["--without", "app"], ["db-1"]),
        (["--without", "nothing"], ["db-1", "old-1", "web-1"]),
        (["--gprocess", "nothing"], []),
        (["--gprocess", "app", "--without", "nginx"], ["old-1"]),
    ],
)
def test_filters_of_hosts(filters: list[str], hosts: list[str], store: str) -> None:
    found = answer("hosts", "--store", store, *filters)

    assert [one["host"] for one in found["hosts"]] == hosts


def test_tables_are_safe_to_print(store: str) -> None:
    names = call("fleet", "names", "--store", store)
    hosts = call("fleet", "hosts", "--store", store)

    assert "\x1b" not in names.out
    assert "postgres\\x1b[31m" in names.out
    assert "3 names up to 2026-01-02T03:05:05Z" in names.out
    assert "old-1  2025-12-31T03:04:05Z (2d 0h behind)" in hosts.out
    assert hosts.out.endswith("3 hosts up to 2026-01-02T03:05:05Z, 1 silent.\n")
    assert hosts.err == ""


def test_lines(store: str) -> None:
    done = call("fleet", "names", "--store", store, "-o", "jsonl")

    assert [json.loads(line)["gprocess"] for line in done.out.splitlines()][:2] == ["app", "nginx"]


def test_several_machines_of_one_name_are_reported(tmp_path: Path) -> None:
    from tests.store.documents import NOW_S, document, lines, process

    made = [
        document("a", [process(1, "x")], at_s=NOW_S + at, snapshot={"host_id": machine})
        for at, machine in ((0, "one"), (10, "two"), (20, "one"))
    ]
    renewed = [
        document("b", [process(1, "x")], at_s=NOW_S + at, snapshot={"host_id": machine})
        for at, machine in ((0, "one"), (10, "two"), (20, "two"))
    ]
    (tmp_path / "x.jsonl").write_bytes(lines(*made, *renewed))

    found = answer("hosts", str(tmp_path / "x.jsonl"))

    assert [one["code"] for one in found["warnings"]] == ["host-confused"]
    assert "named a:" in found["warnings"][0]["message"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["names"], "give --store, or files"),
        (["names", "--store", "chdb:///x", "file"], "give one of them"),
        (["names", "--store", "chdb:///x", "-c", "x.yaml"], "-c is for recordings"),
        (["names", "-c", "-", "-"], "standard input"),
        (["load", "--store", "chdb:///x"], "missing argument"),
        (["load", "x.jsonl"], "missing option '--store'"),
        (["names", "--max-age", "1y", "x"], "duration"),
        (["names", "--at", "today", "x"], "time such as"),
        (["nothing"], "no such command"),
        (["names", "--store", "chdb://me:pw@/x"], "absolute path"),
        (["names", "--store", "clickhouse://me:pw@host"], "must not contain a password"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str) -> None:
    done = call("fleet", *arguments)

    assert done.code == 2
    assert words in done.err
    assert "pw" not in done.err.replace("--password-file", "")


def test_files_without_documents_are_an_error(tmp_path: Path) -> None:
    done = call("fleet", "names", str(tmp_path))

    assert (done.code, done.out) == (3, "")
    assert "there are no documents" in done.err


def test_what_changed_since_yesterday(tmp_path: Path) -> None:
    """A name and its connection are new, another one is gone; a restart is no change."""
    from tests.store.documents import NOW_S, Link, document, lines, process

    ends = ("10.0.0.1", 4000), ("10.0.0.2", 5432)
    before = NOW_S - 86_400
    made = [
        document("web", [process(1, "app"), process(2, "old")], at_s=before),
        document("db", [process(1, "postgres")], at_s=before),
        document("gone", [process(1, "app")], at_s=before),
        document(
            "web",
            [process(7, "app"), process(8, "new")],
            [Link("tcp", "client", 7, *ends)],
            at_s=NOW_S,
            config={"sha256": "cd" * 32},
        ),
        document("db", [process(1, "postgres")], [Link("tcp", "server", 1, *ends)], at_s=NOW_S),
        document("more", [process(1, "app")], at_s=NOW_S),
    ]
    (tmp_path / "x.jsonl").write_bytes(lines(*made))

    found = answer("changes", str(tmp_path / "x.jsonl"), "--max-age", "1h")

    rows = [(one["kind"], one["change"], one["subject"], one["server"]) for one in found["changes"]]
    assert rows == [
        ("host", "removed", "gone", None),
        ("host", "added", "more", None),
        ("config", "removed", "agent.yaml agent 6.5", None),
        ("config", "added", "agent.yaml cdcdcdcdcdcd agent 6.5", None),
        ("name", "added", "new", None),
        ("name", "removed", "old", None),
        ("connection", "added", "app", "postgres tcp/5432"),
    ]
    assert found["since"] == "2026-01-01T03:04:05Z"
    files = [str(tmp_path / "x.jsonl"), "--max-age", "1h"]
    text = call("fleet", "changes", *files, "--exit-code")
    assert text.code == 1
    assert "+ connection  app" in text.out
    assert "7 changes from 2026-01-01T03:04:05Z to 2026-01-02T03:04:05Z." in text.out
    none = call("fleet", "changes", *files, "--since", "0s", "--exit-code")
    assert (none.code, none.out[:9]) == (0, "0 changes")
    early = call("fleet", "changes", *files, "--since", "9d")
    assert early.code == 3
    assert "there is no document up to" in early.err


def test_a_clock_that_is_ahead_hides_and_drops_nothing(files: Path, tmp_path: Path) -> None:
    from tests.store.documents import document, lines, process

    wrong = document("ahead-1", [process(1, "app")], at_s=int(time.time()) + 30 * 86_400)
    (tmp_path / "ahead.jsonl").write_bytes(lines(wrong))
    address = f"chdb://{tmp_path}/store"
    loading = ("fleet", "load", "--store", address, str(files), str(tmp_path / "ahead.jsonl"))
    assert call(*loading).code == 0

    found = answer("hosts", "--store", address)
    dropped = answer("prune", "--store", address, "--keep", "2d")
    later = answer("hosts", "--store", address, "--at", wrong["snapshot"]["taken_at"])

    assert [one["host"] for one in found["hosts"]] == ["db-1", "old-1", "web-1"]
    assert [one["silent"] for one in found["hosts"]] == [False, True, False]
    (ahead,) = [one for one in found["warnings"] if one["code"] == "hosts-ahead"]
    assert "ahead-1" in ahead["message"]
    assert dropped["days"] == []
    assert [one["host"] for one in later["hosts"] if not one["silent"]] == ["ahead-1"]
    assert "hosts-ahead" not in [one["code"] for one in later["warnings"]]


def test_prune_drops_whole_days(files: Path, tmp_path: Path) -> None:
    address = f"chdb://{tmp_path}/store"
    assert call("fleet", "load", "--store", address, str(files)).code == 0

    tried = answer("prune", "--store", address, "--keep", "1d", "--dry-run")
    kept = answer("hosts", "--store", address)["hosts"]
    done = call("fleet", "prune", "--store", address, "--keep", "1d")
    left = answer("hosts", "--store", address)["hosts"]
    again = answer("prune", "--store", address, "--keep", "1d")

    assert tried["days"] == [{"day": "20251231", "documents": 1}]
    assert [one["host"] for one in kept] == ["db-1", "old-1", "web-1"]
    assert done.out == "Dropped 1 document of 1 day before 2026-01-01.\n"
    assert [one["host"] for one in left] == ["db-1", "web-1"]
    assert again["days"] == []


SHOP = ("-c", str(ROOT / "docs" / "example" / "shop.yaml"))
RECORDINGS = [str(ROOT / "docs" / "example" / f"shop-{name}-1.jsonl") for name in ("app", "db")]


@pytest.mark.parametrize("cores", [1, 2])
def test_recordings_are_loaded_as_sync_prints_them(
    cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the configuration that says what their agents would send; by workers or without."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    synced, recorded = (f"chdb://{tmp_path}/{name}" for name in ("synced", "recorded"))
    outputs = []
    for path in RECORDINGS:
        outputs.append(str(tmp_path / Path(path).name))
        made = call("sync", "--once", "--no-state", *SHOP, "-s", path, "--out", outputs[-1])
        assert made.code == 0
    broken = tmp_path / "broken.jsonl"
    broken.write_bytes(Path(RECORDINGS[0]).read_bytes()[:-99])

    assert call("fleet", "load", "--store", synced, *outputs).code == 0
    loaded = call("fleet", "load", "--store", recorded, *SHOP, *RECORDINGS, str(broken))

    assert loaded.code == 3
    assert "Loaded 2 documents of 2 hosts" in loaded.out
    assert f"{broken}:" in loaded.err
    for question in (["fleet", "names"], ["fleet", "hosts"], ["topology"]):
        answers = [
            json.loads(call(*question, "--json", "--store", store).out.replace(store, "store"))
            for store in (synced, recorded)
        ]
        for answer in answers:
            for host in answer.get("hosts", ()):
                host.pop("source", None)
        assert answers[0] == answers[1]
    again = call("fleet", "load", "--store", recorded, *SHOP, *RECORDINGS)
    assert (again.code, "2 documents in the store already" in again.out) == (0, True)


def test_a_recording_without_a_configuration_is_refused_with_what_to_do() -> None:
    ran = call("fleet", "names", *RECORDINGS)

    assert (ran.code, ran.out) == (3, "")
    assert ran.err.count("-c agent.yaml says what its agent would send") == len(RECORDINGS)
    asked = json.loads(call("fleet", "names", "--json", *SHOP, *RECORDINGS).out)
    assert {name["gprocess"] for name in asked["names"]} >= {"app", "postgres"}
