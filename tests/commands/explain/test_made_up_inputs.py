"""Made-up processes under inputs.proc: named by comm, with an exe link and a container."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runner import call

ID = "0123456789abcdef" * 4
CONFIG = """inputs:
  proc:
    enabled: true
    process_matcher:
    - {match_regex: '^java$', match_type: cmdline, enabled_features: [proc.gprocess_info]}
    - match_regex: '^worker$'
      only_in_container: false
      enabled_features: [proc.gprocess_info]
"""


def explained(tmp_path: Path, *arguments: str, agent: str = "7.1.8") -> Any:
    config = tmp_path / "agent.yaml"
    config.write_text(CONFIG)
    ran = call("explain", "-c", str(config), "--agent", agent, *arguments, "--json")
    assert ran.code == 0, ran.err
    (process,) = json.loads(ran.out)["processes"]
    return process


@pytest.mark.parametrize("agent", ["6.6.8", "6.6.9", "7.0.9", "7.1.8", "main"])
def test_a_process_is_named_by_its_program(tmp_path: Path, agent: str) -> None:
    """FACTS B4: comm is the program's file name, cut at 15 bytes by the kernel."""
    process = explained(tmp_path, "--argv", "/opt/a-very-long-program-name", agent=agent)
    assert (process["process_name"], process["reason"]) == ("a-very-long-pro", "no-match")


def test_a_colon_ends_the_name_and_half_a_character_hides_the_process(tmp_path: Path) -> None:
    """FACTS B4."""
    assert explained(tmp_path, "--argv", "x", "--comm", "worker:1")["gprocess"] == "worker"
    cut = explained(tmp_path, "--argv", "x", "--comm", "a" * 14 + "é")
    assert (cut["status"], cut["reason"]) == ("skipped", "invisible")


def test_a_matcher_for_containers_takes_a_process_with_a_container_id(tmp_path: Path) -> None:
    java = ("--argv", "/usr/bin/java", "--argv", "-jar", "--argv", "app.jar")
    (held, _) = explained(tmp_path, *java)["trace"]
    assert (held["outcome"], held["requirement"]) == ("held-back", "container")
    inside = explained(tmp_path, *java, "--container-id", ID)
    assert (inside["status"], inside["container_id"]) == ("accepted", ID)
    assert call("explain", "--argv", "x", "--container-id", "abc").code == 2


def test_the_exe_link_is_what_cmdline_matches(tmp_path: Path) -> None:
    process = explained(
        tmp_path, "--argv", "tool", "--exe", "/jre/java", "--comm", "t", "--container-id", ID
    )
    assert (process["process_name"], process["hits"]) == ("t", [1])
