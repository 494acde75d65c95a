"""Two agents on one machine: what an upgrade changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.runner import call
from tests.lab.proc_tree import make_tree

NEWER = """inputs:
  proc:
    enabled: true
    process_matcher:
    - {match_regex: nginx, rewrite_name: web, only_in_container: false,
       enabled_features: [proc.gprocess_info]}
    - {match_regex: '.*', only_in_container: false, enabled_features: [proc.gprocess_info]}
"""
OLDER = """static_config:
  os-proc-sync-enabled: true
  os-proc-regex:
  - {match-regex: nginx, match-type: process_name, rewrite-name: web}
"""


def written(tmp_path: Path, **texts: str) -> list[str]:
    paths = []
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
        paths.append(str(tmp_path / f"{name}.yaml"))
    return paths


def compared(*arguments: str) -> Any:
    ran = call(*arguments, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_each_configuration_is_read_by_its_own_agent(tmp_path: Path) -> None:
    old, new = written(tmp_path, old=OLDER, new=NEWER)
    found = compared("diff", old, new, "--agent", "6.5", "--agent-new", "7.1.8")

    assert found["agents"] == {"old": "6.5", "new": "7.1.8"}
    assert found["equivalent"] in (False, None)


def test_the_new_agent_must_speak_the_dialect_of_the_new_configuration(tmp_path: Path) -> None:
    (old,) = written(tmp_path, old=OLDER)
    ran = call("diff", old, old, "--agent", "6.5", "--agent-new", "7.1.8")

    assert (ran.code, ran.out) == (3, "")
    assert "agent 7.1.8 does not know static_config" in ran.err
    assert call("diff", old, old, "--agent-new", "8").code == 2


def test_matchers_that_only_one_gate_tells_apart_are_not_proven_equal(tmp_path: Path) -> None:
    """FACTS B5: only_in_container holds a process back."""
    inside = NEWER.replace("only_in_container: false, enabled", "enabled")
    old, new = written(tmp_path, old=NEWER, new=inside)

    assert compared("diff", old, new)["equivalent"] is not True
    assert compared("diff", old, old)["equivalent"] is True


def test_the_same_matchers_on_other_agents_are_not_proven_equal(tmp_path: Path) -> None:
    """FACTS, Generations: 7.0.3 renames in the whole subject, 7.0.4 the matched part."""
    (new,) = written(tmp_path, new=NEWER)
    found = compared("diff", new, new, "--agent", "7.0.3", "--agent-new", "7.0.4")

    assert found["equivalent"] is not True


def test_scan_compares_two_agents_and_takes_no_other(tmp_path: Path) -> None:
    (new,) = written(tmp_path, new=NEWER)
    assert call("scan", "-c", new, "--compare", "7.1.8").code == 2
    assert call("scan", "-c", new, "--compare", "7.1.8,8").code == 2
    assert call("scan", "-c", new, "--compare", "7.1.8,main", "--agent", "7.1").code == 2
    document = compared("scan", "-c", new, "--compare", "7.0.3,7.0.4")
    assert document["schema"] == "proccli/diff/v1"
    text = call("scan", "-c", new, "--compare", "6.6.9,7.1.8").out
    assert "agent 6.6.9 and agent 7.1.8" in text


def test_what_neither_agent_sends_is_no_change(tmp_path: Path) -> None:
    """6.5 skips a process without arguments, and no matcher takes it: not sent either way."""
    old, new = written(tmp_path, old=OLDER, new=NEWER.replace("'.*'", "'^shop$'"))
    thread = {"pid": 2, "ppid": 0, "kthread": True, "comm": "kthreadd", "start": 1}
    shell = {"pid": 7, "ppid": 0, "argv": ["shop"], "comm": "shop", "start": 1}
    tree = make_tree({"processes": [thread, shell]}, tmp_path / "proc")

    found = compared("diff", old, new, "-s", str(tree), "--agent", "6.5", "--agent-new", "7.1.8")

    assert [change["pid"] for change in found["changes"]] == [7]


def test_two_reasons_for_not_sending_a_process_are_no_change(tmp_path: Path) -> None:
    """A kernel thread has no program for 6.2.0, and no command line for 6.5; no rule decides."""
    (old,) = written(tmp_path, old=OLDER)
    thread = {"pid": 2, "ppid": 0, "kthread": True, "comm": "kthreadd", "start": 1}
    shell = {"pid": 7, "ppid": 0, "argv": ["sh"], "exe": "/bin/dash", "comm": "sh", "start": 1}
    tree = make_tree({"processes": [thread, shell]}, tmp_path / "proc")

    found = compared("scan", "-c", old, "-s", str(tree), "--compare", "6.2.3,6.5")

    assert [(one["pid"], one["change"]) for one in found["changes"]] == [(7, "renamed")]
