"""The steps over given processes, and over real agents."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proccli.agent.inputs import Inputs
from proccli.commands.doctor import steps_process as process_steps
from proccli.commands.doctor.doctor import STEPS, DoctorResult, doctor, examine
from proccli.commands.doctor.step import Step
from proccli.commands.doctor.steps_sockets import SERVER_STEPS
from proccli.commands.inputs import InputOptions
from proccli.commands.samples import NO_WAIT, take_sample
from proccli.commands.scan.scan import scan
from proccli.local import agent_process
from proccli.local.agent_process import MACHINES_PID_NAMESPACE, LiveMachine, ProcView, RunningAgent
from proccli.model.config import Config, Rule
from proccli.model.note import Note
from proccli.model.process import NO_TAGS, FieldError, Process, TagTable
from tests.agent.sockets.looking import REFUSED, fd, tcp, tcp6
from tests.build import (
    NO_ENVIRONMENT,
    NOW_S,
    UNKNOWN_TAGS,
    ListSource,
    config,
    host,
    net_tables,
    process,
    rule,
    tag_table,
)
from tests.commands.shop import inputs as shop_inputs
from tests.commands.shop import processes as shop_processes
from tests.commands.shop import rules
from tests.sources.procfs.processes import (
    NOBODY,
    as_nobody,
    forked,
    public_directory,
    root_only,
    running,
)
from tests.waiting import eventually

AGENT = RunningAgent(
    pid=71,
    exe="/usr/sbin/deepflow-agent",
    cmdline="/usr/sbin/deepflow-agent -f /etc/deepflow-agent.yaml",
    started_s=0.0,
    euid=0,
    capabilities=(1 << 41) - 1,
    shares_our_user_namespace=True,
)
WELL = LiveMachine(
    agents=(AGENT,),
    view=ProcView(path="/proc", filesystem="proc", pid_namespace=MACHINES_PID_NAMESPACE),
    own_pid_namespace=MACHINES_PID_NAMESPACE,
)
DROP_ALL = (".*", "process_name", "drop")


def inputs(
    *processes: Process,
    configuration: Config | None = None,
    tags: TagTable = NO_TAGS,
    notes: tuple[Note, ...] = (),
    **source: Any,
) -> Inputs:
    at = source.pop("at", host(kind="live"))
    return Inputs(
        config=configuration or config(),
        source=ListSource(processes or [process(7, "nginx")], at=at, **source),
        environment=NO_ENVIRONMENT,
        tags=tags,
        notes=notes,
    )


def examined(given: Inputs, around: LiveMachine | None = WELL) -> DoctorResult:
    return examine(take_sample(given), around, InputOptions())


def step(result: DoctorResult, name: str) -> Step:
    (found,) = (each for each in result.steps if each.name == name)
    return found


def states(result: DoctorResult) -> dict[str, str]:
    return {each.name: each.state for each in result.steps if each.state != "pass"}


# ---- all steps ---------------------------------------------------------------------------------


CONNECTED: dict[str, Any] = {
    "sockets": {7: [fd(3, 100)]},
    "nets": {0: net_tables(tcp=[tcp(100, "10.0.0.5:41000", "10.0.0.9:5432")])},
}


def test_without_failures_only_the_version_and_the_server_are_unknown() -> None:
    result = examined(inputs(**CONNECTED))

    assert result.first_failure is None
    assert states(result) == dict.fromkeys(("agent-version", *SERVER_STEPS), "unknown")
    assert all(each.hint for each in result.steps if each.state != "pass")


def test_every_step_is_reported_once_and_in_order(tmp_path: Path) -> None:
    broken, elsewhere = tmp_path / "broken.yaml", tmp_path / "elsewhere.yaml"
    broken.write_text("static_config:\n  os-proc-sync-enabled: -1\n", encoding="utf-8")
    elsewhere.write_text(f"os-proc-root: {tmp_path}/none\n", encoding="utf-8")
    results = (
        examined(shop_inputs()),
        examined(shop_inputs(), None),
        doctor(InputOptions(config=str(broken)), NO_WAIT),
        doctor(InputOptions(config=str(elsewhere)), NO_WAIT),
    )
    for result in results:
        assert tuple(each.name for each in result.steps) == STEPS


@pytest.mark.parametrize("around", [WELL, None])
@pytest.mark.parametrize(
    "configuration",
    [
        rules(),
        config(*rules().rules, sync_enabled=False),
        config(*rules().rules, tagged_only=True),
        config(),
        config(DROP_ALL),
        config(min_lifetime_s=10**9),
        config(("app:.*", "tag", "drop"), tagged_only=True),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_the_steps_remove_what_scan_counts(
    configuration: Config, around: LiveMachine | None, known: bool
) -> None:
    shop = shop_inputs(configuration)
    shop = shop if known else shop._replace(tags=UNKNOWN_TAGS)
    counted = scan(shop).summary
    result = examined(shop, around)

    removed = {each.name: each.removes for each in result.steps if each.removes is not None}
    assert result.summary == counted
    assert counted.reported is not None
    assert removed["rules"] == counted.dropped
    assert sum(removed[name] for name in process_steps.STEPS if name != "rules") == counted.skipped
    assert counted.reported is not None
    assert removed["sync-enabled"] == counted.accepted - counted.reported
    assert counted.reported == counted.total - sum(removed.values()) - counted.unknown


@settings(max_examples=60)
@given(
    processes=st.sets(st.sampled_from([item.pid for item in shop_processes()])),
    order=st.permutations(rules().rules),
    size=st.integers(0, 6),
    switches=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
)
def test_the_steps_remove_what_scan_counts_whatever_there_is(
    processes: set[int], order: list[Rule], size: int, switches: tuple[bool, ...]
) -> None:
    sync_enabled, tagged_only, privileged, known = switches
    shop = shop_inputs(config(*order[:size], sync_enabled=sync_enabled, tagged_only=tagged_only))
    there = [item for item in shop_processes() if item.pid in processes]
    source = ListSource(there, at=host(kind="live", privileged=privileged))
    given_inputs = shop._replace(source=source, tags=shop.tags if known else UNKNOWN_TAGS)
    counted = scan(given_inputs).summary
    result = examined(given_inputs)

    removed = {each.name: each.removes for each in result.steps if each.removes is not None}
    assert removed["rules"] == counted.dropped
    assert sum(removed[name] for name in process_steps.STEPS if name != "rules") == counted.skipped
    assert counted.reported == counted.total - sum(removed.values()) - counted.unknown
    nothing_left = not counted.accepted and not counted.unknown and counted.total
    one_by_one = [each.state for each in result.steps if each.name in process_steps.STEPS]
    assert ("fail" in one_by_one) == bool(nothing_left)


# ---- steps that processes pass one by one ------------------------------------------------------

DENIED = FieldError(field="cmdline", problem="denied", detail="EACCES")


@pytest.mark.parametrize(
    ("stopped", "name"),
    [
        (process(8, cmdline=None, errors=(DENIED,)), "readable"),
        (process(8), "command-line"),
        (process(8, cmdline=b"caf\xe9\0"), "utf-8"),
        (process(8, "/"), "process-name"),
        (process(8, "young", starttime_ticks=9_744_400), "min-lifetime"),
        (process(8, "future", starttime_ticks=99_744_400), "min-lifetime"),
        (process(8, "dropped"), "rules"),
        (process(8, "untagged"), "tagged-only"),
    ],
)
def test_a_process_is_counted_at_the_step_that_removes_it(stopped: Process, name: str) -> None:
    """With another process that passes, the step passes; alone, it fails."""
    configuration = config(
        ("^dropped$", "process_name", "drop"), tagged_only=True, tag_exec=("tags",)
    )
    tags = tag_table({7: [("a", "b")]})
    both = examined(inputs(process(7, "nginx"), stopped, configuration=configuration, tags=tags))
    alone = examined(inputs(stopped, configuration=configuration, tags=tags))

    assert {each.name: each.removes for each in both.steps if each.removes} == {name: 1}
    assert step(both, name).state == "pass"
    assert step(alone, name).state == "fail"
    assert alone.first_failure == step(alone, name)
    later = process_steps.STEPS[process_steps.STEPS.index(name) + 1 :]
    assert all(step(alone, after).state == "unknown" for after in later)


def test_the_rule_that_drops_most_is_shown_with_its_place() -> None:
    configuration = config(("^cron$", "process_name", "drop"), DROP_ALL)
    result = examined(
        inputs(process(1, "cron"), process(2, "a"), process(3, "b"), configuration=configuration)
    )

    dropped = step(result, "rules")
    assert (dropped.state, dropped.removes) == ("fail", 3)
    assert "rule 2 (agent.yaml:6, process_name ~ .*) drops 2 of them" in dropped.detail


def test_a_process_unreadable_only_for_us_is_not_counted_as_removed() -> None:
    ours = host(kind="live", privileged=False)
    denied = process(8, cmdline=None, errors=(DENIED,))
    result = examined(inputs(process(7, "nginx"), denied, at=ours, **CONNECTED))

    readable = step(result, "readable")
    assert (readable.state, readable.removes) == ("unknown", 0)
    assert "pid 8" in readable.detail
    assert result.first_failure is None


def test_an_undecided_process_may_pass_so_later_steps_are_unknown() -> None:
    ours = host(kind="live", privileged=False)
    denied = process(8, cmdline=None, errors=(DENIED,))
    given_inputs = inputs(process(7, "nginx"), denied, at=ours, configuration=config(DROP_ALL))
    rules_step = step(examined(given_inputs), "rules")

    assert (rules_step.state, rules_step.removes) == ("unknown", 1)


def test_a_hidden_ancestor_makes_the_rules_unknown() -> None:
    ours = host(kind="live", privileged=False)
    hidden = process(6, cmdline=None, errors=(DENIED,))
    child = process(8, "worker", ppid=6)
    configuration = config(("nginx", "parent_process_name", "drop"))
    result = examined(inputs(hidden, child, at=ours, configuration=configuration))

    assert "pid 6" in step(result, "readable").detail
    assert "1 undecided (first: pid 8)" in step(result, "rules").detail


def test_a_mount_that_hides_processes_makes_the_first_steps_unknown() -> None:
    result = examined(
        inputs(at=host(kind="live", privileged=False, sees_all=False)), replace(WELL, agents=())
    )

    assert step(result, "readable").state == "unknown"
    assert step(result, "agent-running").state == "unknown"


def test_a_machine_without_any_process_does_not_divide_by_zero() -> None:
    result = examine(
        take_sample(inputs()._replace(source=ListSource([], at=host()))), None, InputOptions()
    )

    assert result.summary is not None
    assert result.summary.total == 0
    assert step(result, "readable").state == "unknown"


# ---- rules, names, tags ------------------------------------------------------------------------


def test_ignored_rules_fail_with_their_places() -> None:
    lost = rule(1, "(?=a)", problem="look-ahead is not supported")
    result = examined(inputs(configuration=config(lost, ("nginx",)), **CONNECTED))

    ignored = step(result, "rules-valid")
    assert result.first_failure == ignored
    assert "1 of 2 rules: rule 1 (agent.yaml:3): invalid match-regex: look-ahead" in ignored.detail


@pytest.mark.parametrize(
    ("rewrite", "state"),
    [("x" * 256, "pass"), ("x" * 257, "fail"), ("é" * 128, "pass"), ("é" * 129, "fail")],
)
def test_names_longer_than_the_limit_of_the_server_fail(rewrite: str, state: str) -> None:
    result = examined(inputs(configuration=config((".*", "process_name", "accept", rewrite))))

    assert step(result, "name-length").state == state


def test_an_empty_name_fails() -> None:
    result = examined(inputs(configuration=config((".*", "process_name", "accept", "$none"))))

    assert step(result, "name-length").state == "fail"
    assert "pid 7" in step(result, "name-length").detail


@pytest.mark.parametrize(
    ("code", "state"),
    [("env-unknown", "unknown"), ("own-environment", "unknown"), ("env-unset", "fail")],
)
def test_variables_without_a_known_value_are_reported(code: str, state: str) -> None:
    configuration = config((".*", "process_name", "accept", "%ROLE%"))
    notes = (Note(code=code, text="about %ROLE%"),)
    result = examined(inputs(configuration=configuration, notes=notes))

    assert (step(result, "environment").state, step(result, "environment").detail) == (
        state,
        "about %ROLE%",
    )


@pytest.mark.parametrize(
    ("fields", "tags", "code", "state"),
    [
        ({}, NO_TAGS, None, "pass"),
        ({"tag_exec": ("x",)}, tag_table({7: []}), None, "pass"),
        ({"tag_exec": ("x",), "tag_exec_user": ""}, NO_TAGS, None, "fail"),
        ({"tag_exec": ("x",)}, NO_TAGS, "tag-exec-failed", "fail"),
        ({"tag_exec": ("x",)}, NO_TAGS, "tags-rejected", "fail"),
        ({"tag_exec": ("x",)}, UNKNOWN_TAGS, "tags-unknown", "unknown"),
    ],
)
def test_the_result_of_the_tag_command_is_reported(
    fields: dict[str, Any], tags: TagTable, code: str | None, state: str
) -> None:
    notes = (Note(code=code, text="so it went"),) if code else ()
    result = examined(inputs(configuration=config(**fields), tags=tags, notes=notes))

    assert step(result, "tag-command").state == state
    assert code is None or step(result, "tag-command").detail == "so it went"


def test_a_tag_command_whose_user_is_missing_fails(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text(
        "os-proc-sync-enabled: true\nos-app-tag-exec: [/bin/true]\nos-app-tag-exec-user: nosuch\n",
        encoding="utf-8",
    )
    result = doctor(InputOptions(config=str(path), run_tag_exec=True), NO_WAIT)

    assert step(result, "tag-command").state == "fail"
    assert "nosuch" in step(result, "tag-command").detail


def test_variables_are_unknown_in_a_directory() -> None:
    configuration = config((".*", "process_name", "accept", "%ROLE%"))
    notes = (Note(code="env-unset", text="about %ROLE%"),)
    at = host(kind="directory")
    result = examined(inputs(configuration=configuration, notes=notes, at=at), None)

    assert step(result, "environment").state == "unknown"


def test_tags_from_a_file_leave_the_tag_command_unknown() -> None:
    tagged = inputs(configuration=config(tag_exec=("x",)), tags=tag_table({7: []}))
    recorded = tagged._replace(source=ListSource([process(7, "nginx")], at=host(kind="recording")))

    for result in (
        examine(take_sample(tagged), WELL, InputOptions(tags="tags.yaml")),
        examined(recorded, None),
    ):
        assert step(result, "tag-command").state == "unknown"
        assert "tags for 1 process" in step(result, "tag-command").detail


# ---- sockets -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fds", "tables", "state", "told"),
    [
        ([fd(3, 1)], {"tcp": [tcp(1, "10.0.0.5:1", "10.0.0.9:2")]}, "pass", "1 connection"),
        ([fd(3, 1, age_s=1)], {"tcp": [tcp(1, "10.0.0.5:1", "10.0.0.9:2")]}, "fail", "1 too young"),
        ([fd(3, 1)], {"tcp6": [tcp6(1, "2001:db8::1:1", "2001:db8::2:2")]}, "fail", "1 IPv6"),
        ([fd(3, 1)], {"tcp": [tcp(1, "0.0.0.0:80")]}, "fail", "1 listening"),
        (
            [fd(3, 1)],
            {"tcp": [tcp(1, "10.0.0.5:1", "10.0.0.9:2", "CLOSE_WAIT")]},
            "fail",
            "1 not established",
        ),
        (
            [fd(3, 1, age_s=10)],
            {"tcp": [tcp(1, "10.0.0.5:1", "10.0.0.9:2")]},
            "unknown",
            "1 undecided",
        ),
        ([], {}, "fail", "no connection"),
    ],
)
def test_one_connection_that_is_sent_is_enough(
    fds: Any, tables: Any, state: str, told: str
) -> None:
    configuration = config(min_lifetime_s=20)
    at = host(kind="live", observed_since_ns=(NOW_S - 5) * 10**9)
    machine = inputs(
        configuration=configuration, at=at, sockets={7: fds}, nets={0: net_tables(**tables)}
    )
    result = examined(machine)

    assert step(result, "sockets").state == state
    assert told in step(result, "sockets").detail


def test_sockets_that_only_root_sees_are_unknown() -> None:
    ours = host(kind="live", privileged=False)

    assert step(examined(inputs(at=ours, sockets={7: REFUSED})), "sockets").state == "unknown"
    assert step(examined(inputs(sockets={7: REFUSED})), "sockets").state == "fail"


@pytest.mark.parametrize(
    ("every", "least", "told"),
    [
        (10, 3, "all connections of 20 s or more"),
        (10, 0, "all connections of 10 s or more"),
        (2, 3, "all connections of 6 s or more"),
        (0, 3, "without a pause"),
    ],
)
def test_the_minimum_age_of_a_connection_is_reported(every: int, least: int, told: str) -> None:
    configuration = config(socket_sync_interval_s=every, min_lifetime_s=least)
    found = step(examined(inputs(configuration=configuration)), "socket-interval")

    assert found.state == "pass"
    assert told in found.detail


def test_without_processes_the_sockets_are_unknown() -> None:
    result = examined(inputs(configuration=config(DROP_ALL)))

    assert step(result, "sockets").state == "unknown"


# ---- the agent ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "pass"),
        ({"euid": 1000}, "pass"),
        ({"capabilities": 0, "euid": 1000}, "fail"),
        ({"capabilities": 0x0000_00A8_0425_FB}, "fail"),  # docker's default
        ({"capabilities": (1 << 19) | (1 << 2), "euid": 1000}, "pass"),
        ({"capabilities": 1 << 19}, "fail"),
        ({"capabilities": None}, "unknown"),
        ({"shares_our_user_namespace": False}, "fail"),
        ({"shares_our_user_namespace": None}, "pass"),
        ({"shares_our_user_namespace": None, "euid": 1000}, "unknown"),
    ],
)
def test_the_agent_needs_root_privileges(fields: dict[str, Any], state: str) -> None:
    around = replace(WELL, agents=(replace(AGENT, **fields),))

    assert step(examined(inputs(), around), "agent-rights").state == state


def test_an_agent_that_cannot_run_as_the_tag_commands_user_fails() -> None:
    around = replace(WELL, agents=(replace(AGENT, capabilities=(1 << 19) | (1 << 2)),))
    result = examined(inputs(configuration=config(tag_exec=("x",))), around)

    assert step(result, "agent-rights").state == "fail"
    assert "CAP_SETUID" in step(result, "agent-rights").detail


@pytest.mark.parametrize(
    ("view", "state"),
    [
        ({}, "pass"),
        ({"problem": "No such file or directory"}, "fail"),
        ({"filesystem": "tmpfs"}, "fail"),
        ({"pid_namespace": 4_026_532_000}, "fail"),
        ({"filesystem": None}, "unknown"),
        ({"pid_namespace": None}, "unknown"),
    ],
)
def test_the_agent_must_see_the_machines_processes(view: dict[str, Any], state: str) -> None:
    around = replace(WELL, view=replace(WELL.view, **view))

    assert step(examined(inputs(), around), "proc-root").state == state


def test_an_agent_in_our_container_may_see_only_that() -> None:
    view = replace(WELL.view, pid_namespace=4_026_532_000)
    around = replace(WELL, view=view, own_pid_namespace=4_026_532_000)

    assert step(examined(inputs(), around), "proc-root").state == "pass"
    around = replace(around, agents=())
    assert step(examined(inputs(), around), "agent-running").state == "unknown"


def test_no_agent_fails_on_the_machine_itself_and_is_unknown_elsewhere() -> None:
    assert step(examined(inputs(), replace(WELL, agents=())), "agent-running").state == "fail"
    for kind in ("recording", "directory"):
        result = examined(inputs(at=host(kind=kind)), None)
        for name in ("agent-running", "agent-rights", "agent-version", "proc-root"):
            assert step(result, name).state == "unknown"
            assert kind in step(result, name).detail


# ---- real agents -------------------------------------------------------------------------------

NAME = f"doctored-{os.getpid()}"


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives the agent of this test a unique name, unlike a real agent or those of other tests."""
    monkeypatch.setattr(agent_process, "AGENT", NAME)


@contextlib.contextmanager
def through(*wrapper: str) -> Iterator[int]:
    """The pid of an agent that was started through other programs."""
    process = subprocess.Popen([*wrapper], stdin=subprocess.DEVNULL)
    try:
        eventually(
            lambda: agent_process.find_agents() or process.poll() is not None,
            what="the start of the agent",
        )
        found = agent_process.find_agents()
        if not found:
            pytest.skip(f"{wrapper[0]} can't do it here")
        yield found[0].pid
    finally:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("named")
def test_a_running_agent_is_found_with_its_rights() -> None:
    with running([NAME, "60"]) as pid:
        around = agent_process.inspect_machine("/proc", "/nowhere")

    (agent,) = around.agents
    assert (agent.pid, agent.euid, agent.cmdline) == (pid, os.geteuid(), f"{NAME} 60")
    assert agent.shares_our_user_namespace
    assert around.view.path == "/proc"
    assert around.view.filesystem == "proc"
    assert around.view.pid_namespace == around.own_pid_namespace
    assert agent_process.find_agents() == ()


@pytest.mark.usefixtures("named")
@root_only
def test_an_agent_with_privileges_is_preferred() -> None:
    """Any user can start a process with this name, and earlier than the agent."""
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv")
    with through(*command, "bash", "-c", f"exec -a {NAME} sleep 60") as impostor:
        (alone,) = agent_process.find_agents()
        assert (alone.pid, alone.euid, alone.reads_all) == (impostor, NOBODY, False)
        with running([NAME, "60"]) as pid:
            found = [agent.pid for agent in agent_process.find_agents()]
    assert found == [pid, impostor]


@pytest.mark.usefixtures("named")
@root_only
def test_an_agent_in_a_pid_namespace_of_its_own_sees_only_that() -> None:
    wrapper = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    with through(*wrapper, "bash", "-c", f"exec -a {NAME} sleep 60"):
        around = agent_process.inspect_machine("/proc", "/proc")
        result = examined(inputs(), around)

    assert around.view.pid_namespace not in (None, around.own_pid_namespace)
    assert step(result, "proc-root").state == "fail"
    assert "hostPID" in (step(result, "proc-root").hint or "")


@root_only
def test_an_agent_in_another_root_is_examined_in_its_own_proc(tmp_path: Path) -> None:
    """Links in that root do not work for us."""
    (tmp_path / "host").mkdir()
    (tmp_path / "link").symlink_to("/proc")
    with forked(lambda: os.chroot(tmp_path)) as pid:
        views = {path: agent_process.proc_view(path, pid) for path in ("/proc", "/host", "/link")}

    assert views["/proc"].problem == "No such file or directory"
    assert views["/host"].problem is None
    assert views["/host"].filesystem != "proc"
    assert views["/link"] == ProcView(path="/link")


@pytest.mark.parametrize("path", ["~", "relative", "/no/such", "a\0b", "", "/etc/passwd"])
def test_a_path_that_is_not_a_directory_is_a_problem(path: str) -> None:
    assert agent_process.proc_view(path).problem is not None
    assert agent_process.proc_view(path, os.getpid()).problem is not None


def test_a_view_never_leaves_its_root() -> None:
    assert agent_process.proc_view("/../proc", os.getpid()) == ProcView(path="/../proc")


def test_another_mount_is_recognized_by_its_file_system(tmp_path: Path) -> None:
    view = agent_process.proc_view(str(tmp_path), os.getpid())
    assert view.problem is None
    assert view.filesystem not in ("proc", None)


def test_an_agent_that_has_exited_has_no_view() -> None:
    with running(["sleep", "60"]) as pid:
        pass
    assert agent_process.proc_view("/proc", pid) == ProcView(path="/proc")


@pytest.mark.usefixtures("named")
@root_only
def test_without_privileges_a_root_agent_is_found_and_its_view_is_unknown() -> None:
    with running([NAME, "60"]) as pid:
        around = as_nobody(lambda: agent_process.inspect_machine("/proc", "/proc"))

    (agent,) = around.agents
    assert (agent.pid, agent.exe, agent.euid, agent.reads_all) == (pid, None, 0, True)
    assert around.view == ProcView(path="/proc")


@pytest.mark.usefixtures("named")
@root_only
def test_without_privileges_the_agents_environment_is_unknown() -> None:
    with public_directory() as folder, running([NAME, "60"]):
        path = folder / "agent.yaml"
        path.write_text(
            "os-proc-sync-enabled: true\nos-proc-regex: [{rewrite-name: '%ROLE%'}]\n",
            encoding="utf-8",
        )
        result = as_nobody(lambda: doctor(InputOptions(config=str(path)), NO_WAIT))

    assert step(result, "environment").state == "unknown"
    assert step(result, "agent-running").state == "pass"
    assert step(result, "proc-root").state == "unknown"
