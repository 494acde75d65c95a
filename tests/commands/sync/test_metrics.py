"""`proccli sync -o prometheus`: valid metrics with the numbers of the document."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

from tests.cli.machine import write_machine
from tests.cli.runner import call
from tests.commands.sync.test_command import codes, config, document, run, write

SAMPLE = re.compile(r"(?P<name>[a-z_]+)(?:\{(?P<labels>.*)\})? (?P<value>[0-9]+)")
LABEL = re.compile(r'([a-z_0-9]+)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
ESCAPED = re.compile(r'\\(["\\n])')


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], int]:
    """The samples of a text in Prometheus' format, read as its grammar says; each once, and after
    the TYPE of its metric."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
    typed: list[str] = []
    assert text.endswith("\n")
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# "):
            assert re.fullmatch(r"# (HELP [a-z_]+ [^\\]+|TYPE [a-z_]+ gauge)", line)
            typed += [line.split(" ")[2]] if line.startswith("# TYPE") else []
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample is not None, line
        assert sample["name"] == typed[-1]
        written, labels = sample["labels"] or "", []
        while written:
            label = LABEL.match(written)
            assert label is not None, line
            value = ESCAPED.sub(lambda one: "\n" if one[1] == "n" else one[1], label[2])
            labels.append((label[1], value))
            written = written[label.end() :]
        key = (sample["name"], tuple(labels))
        assert key not in found
        found[key] = int(sample["value"])
    assert len(set(typed)) == len(typed)
    return found


def test_metrics_count_what_the_document_lists(tmp_path: Path) -> None:
    machine, config = str(write_machine(tmp_path / "proc")), str(tmp_path / "agent.yaml")
    rules = ['a"b\\\\d|\u202e|x{2}', "python.*", "[^", "cron"]
    text = {
        "static_config": {
            "os-proc-sync-enabled": True,
            "os-proc-regex": [
                *({"match-regex": rule} for rule in rules),
                {"match-regex": "nginx.*", "action": "drop"},
            ],
        }
    }
    Path(config).write_text(json.dumps(text))
    arguments = ("-c", config, "-s", machine, "--state", str(tmp_path / "s"))
    summary = json.loads(call("scan", "-c", config, "-s", machine, "--json").out)["summary"]
    got = samples(run(*arguments, "-o", "prometheus").out)
    given = document(*arguments)
    for status in ("accepted", "dropped", "skipped", "unknown"):
        assert got["proccli_processes", (("status", status),)] == summary[status]
    assert got["proccli_reported_processes", ()] == len(given["processes"]) > 0
    hits = {key[1]: value for key, value in got.items() if key[0] == "proccli_rule_hits"}
    assert {dict(key)["match_regex"] for key in hits} == {
        "",
        *(rule.replace("\u202e", "\\u202e") for rule in rules),
        "nginx.*",
    }
    assert sum(hits.values()) == summary["accepted"] + summary["dropped"]
    taken = datetime.fromisoformat(given["snapshot"]["taken_at"].replace("Z", "+00:00"))
    assert got["proccli_last_run_timestamp_seconds", ()] == taken.timestamp()
    codes_of_all = {dict(key[1])["code"] for key in got if key[0] == "proccli_warnings"}
    assert codes_of_all == codes(given)
    info = dict(next(key[1] for key in got if key[0] == "proccli_info"))
    assert (info["config_sha256"], info["config"]) == (given["config"]["sha256"], config)
    added = ("kind", "processes"), ("change", "added")
    assert got["proccli_changes", added] == len(given["processes"])


__all__ = ["config"]  # the fixture


def test_metrics_of_a_disabled_host_count_no_processes(config: str, tmp_path: Path) -> None:
    write(tmp_path, enabled=False)
    got = samples(run("-c", config, "-o", "prometheus").out)
    assert got["proccli_sync_enabled", ()] == 0
    assert got["proccli_warnings", (("code", "sync-disabled"),)] == 1
    assert not any(name in ("proccli_processes", "proccli_rule_hits") for name, _ in got)
