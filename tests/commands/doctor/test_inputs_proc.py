"""`doctor` for agents with which every matcher runs: their own steps, keys and causes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from proccli.commands.doctor import steps_sockets
from proccli.commands.sockets import output as sockets_output
from proccli.model.sockets import SocketReason
from proccli.versions import AGENTS, INPUTS_PROC_SINCE, STATIC_CONFIG_GONE
from tests.cli.runner import call

MATCHER = "{{match_regex: '.*', only_in_container: {inside}, enabled_features: [{features}]}}"


def config(
    tmp_path: Path,
    features: str = "proc.gprocess_info, proc.socket_list",
    inside: str = "false",
    more: str = "",
) -> str:
    path = tmp_path / "agent.yaml"
    matcher = MATCHER.format(features=features, inside=inside)
    path.write_text(
        f"inputs:\n  proc:\n    enabled: true\n{more}    process_matcher:\n    - {matcher}\n"
    )
    return str(path)


def steps(path: str, agent: str, *more: str) -> dict[str, Any]:
    ran = call("doctor", "-c", path, "--agent", agent, "--no-wait", "--json", *more)
    assert ran.code in (0, 1), ran.err
    return {gate["gate"]: gate for gate in json.loads(ran.out)["gates"]}


@pytest.mark.parametrize("agent", ["6.6.6", "6.6.8", "6.6.9", "7.0.1", "7.0.9", "7.1.8", "main"])
def test_every_agent_has_every_step(tmp_path: Path, agent: str) -> None:
    found = steps(config(tmp_path), agent)
    assert {"readable", "blacklist", "rules", "start-time", "min-lifetime"} <= set(found)
    assert "os-" not in found["sync-enabled"]["detail"] + found["min-lifetime"]["detail"]


def test_the_version_step_speaks_of_the_dialect(tmp_path: Path) -> None:
    detail = steps(config(tmp_path), "7.1.8")["agent-version"]["detail"]
    assert "proccli emulates agent 7.1.8" in detail
    assert "agents before 6.6.6 do not support inputs.proc" in detail
    assert "os-proc" not in detail


def test_the_versions_at_which_the_dialects_change_are_those_of_the_table() -> None:
    releases = [number for number in AGENTS if number.count(".") > 1]
    reading = [number for number in releases if AGENTS[number].inputs_proc is not None]
    assert reading[0] == INPUTS_PROC_SINCE
    gone = [number for number in releases if AGENTS[number].static_config is None]
    assert gone[0] == STATIC_CONFIG_GONE


@pytest.mark.parametrize(
    ("agent", "lost"), [("6.6.9", True), ("7.0.9", True), ("7.1.0", False), ("6.6", False)]
)
def test_the_socket_thread_of_some_generations_ends_at_once(
    tmp_path: Path, agent: str, lost: bool
) -> None:
    """FACTS B8."""
    step = steps(config(tmp_path), agent)["sockets"]
    assert ("never sends sockets" in step["detail"]) is lost


def test_no_sockets_without_a_matcher_of_their_feature(tmp_path: Path) -> None:
    """FACTS B9: no default matcher lists proc.socket_list."""
    step = steps(config(tmp_path, features="proc.gprocess_info"), "7.1.8")["sockets"]
    assert step["state"] == "fail"
    assert "no matcher lists proc.socket_list" in step["detail"]


def test_an_interval_of_zero_is_no_sockets(tmp_path: Path) -> None:
    step = steps(config(tmp_path), "7.1.8")["socket-interval"]
    assert (step["state"], step["hint"]) == ("fail", "write socket_info_sync_interval: 10s")
    on = config(tmp_path, more="    socket_info_sync_interval: 10s\n")
    assert steps(on, "7.1.8")["socket-interval"]["state"] == "pass"


def test_matchers_for_containers_are_named_where_processes_run_in_none(tmp_path: Path) -> None:
    step = steps(config(tmp_path, inside="true"), "7.1.8")["rules"]
    assert "only_in_container" in step["detail"]


def test_matchers_of_no_feature_do_nothing(tmp_path: Path) -> None:
    step = steps(config(tmp_path, features=""), "7.1.8")["rules-valid"]
    assert (step["state"], step["hint"]) == (
        "fail",
        "add proc.gprocess_info to enabled_features",
    )


def test_the_default_of_enabled_is_that_of_the_release(tmp_path: Path) -> None:
    """FACTS, defaults per version."""
    path = tmp_path / "agent.yaml"
    path.write_text("inputs: {proc: {}}\n")
    states = {
        agent: steps(str(path), agent)["sync-enabled"]["state"]
        for agent in ("6.6.9", "7.0.5", "7.0.6", "7.1.8")
    }
    assert states == {"6.6.9": "fail", "7.0.5": "fail", "7.0.6": "pass", "7.1.8": "pass"}


def test_a_broken_tag_output_loses_every_process(tmp_path: Path) -> None:
    """FACTS B7."""
    tags = tmp_path / "tags.yaml"
    tags.write_text("{")
    ran = call(*("scan", "-c", config(tmp_path), "--agent", "7.1.8", "--tags", str(tags)), "--json")
    document = json.loads(ran.out)
    assert document["summary"]["reported"] == 0
    (warning,) = (each for each in document["warnings"] if each["code"] == "tags-rejected")
    assert "the agent sends no process at all" in warning["message"]


def test_every_reason_of_a_socket_has_words() -> None:
    """One without them would end a command where a socket has it."""
    reasons = set(get_args(SocketReason))
    assert set(steps_sockets._WORDS) == reasons - {"process-not-accepted"}
    assert set(sockets_output._SKIPPED) == reasons


@pytest.mark.parametrize(
    ("agent", "restarts"), [("6.5", True), ("6.6.5", False), ("7.0.9", False), ("7.1.8", False)]
)
def test_a_restart_is_promised_only_of_agents_that_do_it(
    tmp_path: Path, agent: str, restarts: bool
) -> None:
    """FACTS, Generations and B2: 6.6.5 to 6.6.7 and N2 to N7 switch the sync on without one."""
    path = tmp_path / "agent.yaml"
    older = agent.startswith(("6.5", "6.6.5"))
    path.write_text("os-proc-root: /proc\n" if older else "inputs: {proc: {enabled: false}}\n")

    hint = steps(str(path), agent)["sync-enabled"]["hint"]

    assert ("agents restart to apply it" in hint) is restarts


def test_what_the_server_does_with_an_ended_process_depends_on_its_release(tmp_path: Path) -> None:
    """FACTS D2: main replaces what the agent reported before, unless a report is empty."""
    path = config(tmp_path)

    assert "an ended process is kept for a day" in steps(path, "7.0.1")["server-aging"]["detail"]
    newer = steps(path, "7.1.8")["server-aging"]["detail"]
    assert newer.startswith("a process that is missing from a report has ended")


@pytest.mark.parametrize(("agent", "restarts"), [("7.1.0", True), ("7.1.8", False)])
def test_a_restart_is_to_be_checked_only_where_it_is_needed(
    tmp_path: Path, agent: str, restarts: bool
) -> None:
    hint = steps(config(tmp_path), agent)["server-group"]["hint"]
    assert ("that the agent restarted" in hint) is restarts


def test_an_interval_is_no_help_where_no_socket_is_ever_sent(tmp_path: Path) -> None:
    """FACTS B8; and server 7.0.9 refuses to save 10s (B1)."""
    found = steps(config(tmp_path), "7.0.9")

    assert found["sockets"]["hint"] == "update the agent"
    assert found["socket-interval"]["hint"] == "update the agent"
    newer = steps(config(tmp_path), "7.1.8")["socket-interval"]
    assert newer["hint"] == "write socket_info_sync_interval: 10s"
