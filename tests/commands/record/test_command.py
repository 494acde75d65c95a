"""`proccli record`: what it says, and that scan says of a recording what it said of the machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

from jsonschema import Draft202012Validator

from proccli.commands.schema.command import schema_text
from tests.cli.runner import call, spawn
from tests.sources.procfs.processes import running

Shop = tuple[str, ...]


def test_what_was_written_is_told_on_stderr(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "shop.jsonl"
    ran = call("record", *shop, str(path))

    assert (ran.code, ran.out) == (0, "")
    assert ran.err.splitlines()[0].startswith(f"proccli: {path}: recorded 22 processes, ")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_recording_is_not_replaced_unless_asked(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "shop.jsonl.gz"
    path.write_bytes(b"precious")

    ran = call("record", *shop, str(path))
    assert (ran.code, path.read_bytes()) == (3, b"precious")
    assert str(path) in ran.err
    assert call("record", *shop, str(path), "--force").code == 0
    assert path.read_bytes() != b"precious"


def test_a_scan_of_the_recording_says_the_same(shop: Shop, tmp_path: Path) -> None:
    path = str(tmp_path / "shop.jsonl.gz")
    assert call("record", *shop, "--no-redact", path).code == 0

    for command in (["scan"], ["explain", "900", "904", "910"]):
        seen, recorded = (
            json.loads(call(*command, "--json", *shop[:2], "-s", source).out)
            for source in (shop[3], path)
        )
        assert seen["processes"] == recorded["processes"]
        assert seen["config"] == recorded["config"]
        assert recorded["snapshot"]["kind"] == "recording"


def test_a_recording_goes_through_a_pipe(shop: Shop) -> None:
    written = spawn("record", *shop, "-")
    ran = call("scan", *shop[:2], "-s", "-", "--json", stdin=written.stdout.encode())

    assert written.returncode == 0
    assert "standard output: recorded 22 processes" in written.stderr
    assert json.loads(ran.out)["summary"]["total"] == 22


def test_a_secret_is_masked_and_told(tmp_path: Path) -> None:
    path = tmp_path / "live.jsonl"
    with running(["server", "-c", "read line", "--password=hunter2-is-secret"], "/bin/sh") as pid:
        told = spawn("record", str(path)).stderr
        assert Path(f"/proc/{pid}").exists()

    assert "hunter2" not in path.read_text(encoding="utf-8")
    assert ", masked " in told
    assert "; masking changes no outcome" in told


def test_a_recording_into_a_closed_pipe_ends_quietly(shop: Shop) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = spawn("record", *shop, "-", stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_recording_onto_a_full_disk_is_an_error(shop: Shop) -> None:
    with Path("/dev/full").open("wb") as full:
        done = spawn("record", *shop, "-", stdout=full)

    assert done.returncode == 3
    assert done.stderr.startswith("proccli: error: ")
    assert done.stderr.count("\n") == 1


def test_a_folder_that_is_not_there_is_an_error(shop: Shop, tmp_path: Path) -> None:
    ran = call("record", *shop, str(tmp_path / "none" / "x.jsonl"))

    assert (ran.code, ran.out) == (3, "")
    assert ran.err.count("\n") == 1


def test_json_has_what_was_recorded(shop: Shop, tmp_path: Path) -> None:
    path = str(tmp_path / "shop.jsonl")
    ran = call("record", *shop, "--json", path)
    document = json.loads(ran.out)

    assert ran.code == 0
    Draft202012Validator(json.loads(schema_text("record"))).validate(document)
    (host,) = document["hosts"]
    assert (host["host"], host["path"], host["processes"]) == (None, path, 22)
    assert host["failure"] is None
    line = json.loads(call("record", *shop, "-o", "jsonl", "--force", path).out)
    assert line == host


def test_a_format_of_the_environment_does_not_mix_with_a_recording(shop: Shop) -> None:
    ran = call("record", *shop, "-", env={"PROCCLI_OUTPUT": "json"})

    assert ran.code == 0
    assert json.loads(ran.out.splitlines()[-1])["type"] == "end"
