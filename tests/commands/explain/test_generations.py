"""One machine, one configuration, many releases: each disagreement, explained.

Source: FACTS, Generations; B3 to B5.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runner import call

NEWER = """inputs:
  proc:
    enabled: true
    process_matcher:
    - {match_regex: '^redis', ignore: true, only_in_container: false,
       enabled_features: [proc.gprocess_info]}
    - {match_regex: 'gin', rewrite_name: GIN, only_in_container: false,
       enabled_features: [proc.gprocess_info]}
    - {match_regex: '.*', only_in_container: false,
       enabled_features: [proc.gprocess_info, proc.socket_list, ebpf.profile.on_cpu]}
"""
OLDER = """static_config:
  os-proc-sync-enabled: true
  os-proc-regex:
  - {match-regex: 'gin', match-type: process_name, rewrite-name: GIN, action: accept}
"""


def explained(tmp_path: Path, agent: str, *process: str) -> Any:
    config = tmp_path / "agent.yaml"
    config.write_text(OLDER if agent.startswith(("6.2", "6.5")) else NEWER)
    ran = call("explain", "-c", str(config), "--agent", agent, "--json", *process)
    assert ran.code == 0, ran.err
    (found,) = json.loads(ran.out)["processes"]
    return found


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("6.2.2", "nGINx"),  # every match in the whole subject, with the old dialect
        ("6.5", "nGINx"),
        ("6.6.9", "nGINx"),  # up to N3 the whole subject
        ("7.0.9", "GIN"),  # from N4 on the matched part
        ("7.1.8", "GIN"),
        ("main", "GIN"),
    ],
)
def test_what_a_rewrite_replaces(tmp_path: Path, agent: str, name: str) -> None:
    assert explained(tmp_path, agent, "--argv", "/usr/sbin/nginx")["gprocess"] == name


@pytest.mark.parametrize(
    ("agent", "status", "reason"),
    [
        ("6.2.2", "dropped", "no-match"),  # before the implicit accept
        ("6.5", "accepted", "implicit-accept"),
        ("6.6.9", "accepted", "rule"),  # ignore does not remove before N5
        ("7.0.9", "dropped", "ignore-matcher"),
        ("7.1.8", "dropped", "ignore-matcher"),
        ("main", "dropped", "ignore-matcher"),
    ],
)
def test_what_happens_to_a_process_that_no_rule_names(
    tmp_path: Path, agent: str, status: str, reason: str
) -> None:
    found = explained(tmp_path, agent, "--argv", "/usr/bin/redis-server")
    assert (found["status"], found["reason"]) == (status, reason)


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        ("6.6.9", "rule"),
        ("7.0.9", "rule"),
        ("7.1.8", "blacklisted"),
        ("main", "blacklisted"),
    ],
)
def test_the_blacklist_hides_shells(tmp_path: Path, agent: str, reason: str) -> None:
    assert explained(tmp_path, agent, "--argv", "/bin/bash")["reason"] == reason


def test_the_other_features_are_told(tmp_path: Path) -> None:
    """FACTS B3: features are independent; ignore acts within the features that it lists."""
    found = explained(tmp_path, "7.1.8", "--argv", "/usr/bin/redis-server")
    assert found["gprocess"] is None
    assert found["features"] == [
        {"feature": "proc.socket_list", "taken": True, "gprocess": "redis-server"},
        {"feature": "ebpf.profile.on_cpu", "taken": True, "gprocess": "redis-server"},
    ]
    assert explained(tmp_path, "6.5", "--argv", "x")["features"] == []
    text = call("explain", "-c", str(tmp_path / "agent.yaml"), "--agent", "6.5", "--argv", "x")
    assert "proc.socket_list" not in text.out


def test_a_matcher_is_called_a_matcher(tmp_path: Path) -> None:
    explained(tmp_path, "7.1.8", "--argv", "nginx")
    config = str(tmp_path / "agent.yaml")
    text = call("explain", "-c", config, "--agent", "7.1.8", "--argv", "nginx").out
    assert "accepted by matcher 2" in text


def test_a_match_that_depends_on_the_text_around_it(tmp_path: Path) -> None:
    """FACTS B5: from N4 on, the matched part is searched again, by itself."""
    text = NEWER.replace("'gin'", r"'\Bginx'")
    (tmp_path / "agent.yaml").write_text(text)

    ran = call("explain", "-c", str(tmp_path / "agent.yaml"), "--agent", "7.1.8", "--argv", "nginx")

    assert "ginx" in ran.out
    assert "searched again by itself, does not match" in ran.out


def test_which_match_types_rename_nothing(tmp_path: Path) -> None:
    """FACTS B5: `parent_process_name` and `tag`. A matcher that is held back or comes after an
    ignore matcher names nothing here, but its match type does."""
    matcher = "only_in_container: {}, rewrite_name: X, enabled_features: [proc.gprocess_info]"
    (tmp_path / "agent.yaml").write_text(f"""inputs:
  proc:
    process_matcher:
    - {{match_regex: gin, match_type: cmdline, {matcher.format("true")}}}
    - {{match_regex: init, match_type: parent_process_name, {matcher.format("false")}}}
    - {{match_regex: gin, ignore: true, {matcher.format("false")}}}
    - {{match_regex: gin, {matcher.format("false")}}}
""")
    config = str(tmp_path / "agent.yaml")
    made_up = ("--argv", "nginx", "--parent", "init")
    ran = call("explain", "-c", config, "--agent", "7.1.8", *made_up)

    assert ran.out.count("rewrites no names by") == 1
    assert "rewrites no names by parent_process_name" in ran.out
    assert "ignored by #3" in ran.out
    assert "no container" in ran.out
