"""docs/sync.md: what it tells people to type."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from proccli.commands.sync.command import command
from tests.cli.runner import PROGRAM, call, environment
from tests.paths import ROOT
from tests.sources.procfs.processes import root_only

DOCUMENT = (ROOT / "docs" / "sync.md").read_text(encoding="utf-8")
BINARY = "/usr/local/bin/proccli"
CONFIG = "static_config: {os-proc-sync-enabled: true, os-proc-socket-min-lifetime: 0}\n"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


RECIPES = blocks("sh")


def process(pid: int, name: str, container: str = "", **tags: str) -> dict[str, Any]:
    return {
        "name": name,
        "pid": pid,
        "process_name": "python3",
        "cmdline": "python3",
        "user": "",
        "start_time": 0,
        "os_app_tags": [{"key": key, "value": value} for key, value in tags.items()],
        "netns_id": 1,
        "container_id": container,
    }


def connection(pid: int, port: int) -> dict[str, Any]:
    ends = {"pid_0": pid, "ip_0": "10.0.0.5", "port_0": 4}
    ends |= {"pid_1": None, "ip_1": "10.0.0.9", "port_1": port}
    return {"protocol": "tcp", "role": "client", **ends, "netns_idx": 1}


SYNC = {
    "snapshot": {"taken_at": "2026-01-02T03:04:05Z"},
    "enabled": True,
    "changed": True,
    "agent_sends": False,
    "processes": [
        process(7, "shop", owner="alice"),
        process(8, "shop", "c" * 64),
        process(9, "cron"),
    ],
    "sockets": [connection(7, 5432), connection(8, 5432), connection(9, 80)],
    "changes": {"processes": {"added": [8], "removed": [], "changed": [7]}, "sockets": {}},
}
ANSWERS = [
    "1\tcron\n2\tshop\n",
    "8\tshop\n",
    "cron\nshop\n",
    "shop 10.0.0.9\n",
    "-\tcron, shop\ncccccccccccc\tshop\n",
    json.dumps({"at": "2026-01-02T03:04:05Z", "changes": SYNC["changes"]}, separators=(",", ":"))
    + "\n",
]


def cooked(recipe: str, folder: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("jq") is None:
        pytest.skip("no jq here")
    return subprocess.run(
        ["sh", "-c", recipe], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("recipe", "answer"), list(zip(RECIPES, ANSWERS, strict=True)))
def test_a_recipe_answers_its_question(recipe: str, answer: str, tmp_path: Path) -> None:
    quiet = SYNC | {"changed": False}
    (tmp_path / "sync.json").write_text(json.dumps(SYNC), encoding="utf-8")
    (tmp_path / "sync.jsonl").write_text(f"{json.dumps(quiet)}\n{json.dumps(SYNC)}\n")
    done = cooked(recipe, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == answer


def test_the_recipes_accept_what_sync_really_prints(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text(CONFIG, encoding="utf-8")
    once = ("sync", "--once", "-c", str(tmp_path / "agent.yaml"), "--state", str(tmp_path / "s"))
    (tmp_path / "sync.json").write_text(call(*once, "--json").out, encoding="utf-8")
    (tmp_path / "sync.jsonl").write_text(call(*once, "-o", "jsonl").out, encoding="utf-8")
    for recipe in RECIPES:
        done = cooked(recipe, tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), recipe
    assert str(os.getpid()) in cooked(RECIPES[1], tmp_path).stdout


def here(line: str, folder: Path) -> str:
    """A command line of the document, with this program and a folder of ours."""
    assert BINARY in line
    return (
        line.replace(BINARY, " ".join(PROGRAM))
        .replace("/etc/deepflow", str(folder))
        .replace("/var/lib/proccli", str(folder))
        .replace("%S/proccli", str(folder))
    )


def command_lines() -> list[str]:
    (crontab,) = blocks("crontab")
    service = blocks("ini")[0]
    (started,) = re.findall(r"^ExecStart=(.*)$", service, re.MULTILINE)
    fields = crontab.strip().split(None, 6)
    assert fields[:5] == ["*"] * 5
    assert fields[5] == "root"
    assert "%" not in fields[6]  # cron would make it the end of the line
    return [fields[6], started]


@root_only
@pytest.mark.parametrize("line", command_lines(), ids=["cron", "systemd"])
def test_the_jobs_run_and_are_silent(line: str, tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text(CONFIG, encoding="utf-8")
    for _ in range(2):
        done = subprocess.run(
            ["sh", "-c", here(line, tmp_path)],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": environment().get("PYTHONPATH", "")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    given = json.loads((tmp_path / "sync.json").read_text(encoding="utf-8"))
    assert os.getpid() in {one["pid"] for one in given["processes"]}


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    for unit in blocks("ini"):
        name = re.match(r"# /etc/systemd/system/(.*)", unit)
        assert name is not None
        (tmp_path / name[1]).write_text(unit.replace(BINARY, "/bin/true"), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "proccli" in line]
    assert ours == []


def test_every_option_that_is_named_exists() -> None:
    known = {flag for parameter in command.params for flag in parameter.opts}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", DOCUMENT))
    assert named <= known
    own = {"--once", "--interval", "--out", "--out-mode", "--if-changed", "--exit-code"}
    assert own | {"--state", "--no-state", "--lock-timeout", "--assume-enabled"} <= named
