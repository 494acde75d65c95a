"""The environment of a running deepflow-agent."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from proccli.local import agent_process
from proccli.model.process import Environment
from tests.sources.procfs.processes import as_nobody, forked, root_only, set_comm

NAME = f"agent-{os.getpid()}"


@pytest.fixture(autouse=True)
def name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that run beside these, and a real agent, must not be mistaken for one another."""
    monkeypatch.setattr(agent_process, "AGENT", NAME)


@contextlib.contextmanager
def agent(
    env: Mapping[bytes, bytes], argv0: str = NAME, executable: str = "/bin/sleep"
) -> Iterator[int]:
    process = subprocess.Popen([argv0, "60"], executable=executable, env=env)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def find(root: str = "/proc") -> Environment | None:
    return agent_process.find_environment(root)


def test_agent_is_called_deepflow_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert agent_process.AGENT == "deepflow-agent"


ROOTS = ["/proc", "/proc/../proc", "/proc/self/root/proc"]


def test_no_agent_has_no_environment() -> None:
    assert find() is None


@pytest.mark.parametrize("root", ROOTS)
def test_running_agent_tells_its_environment(root: str) -> None:
    with agent({b"HOSTNAME": b"web-1", b"EMPTY": b"", b"A": b"b=c"}) as pid:
        found = find(root)
    assert found == Environment(
        values={"HOSTNAME": "web-1", "EMPTY": "", "A": "b=c"},
        complete=True,
        origin=f"{NAME} (pid {pid})",
    )


def test_agent_is_known_by_its_program(tmp_path: Path) -> None:
    program = tmp_path / NAME
    shutil.copy("/bin/sleep", program)
    with agent({b"A": b"1"}, argv0="renamed", executable=str(program)):
        found = find()
    assert found is not None
    assert found.values == {"A": "1"}


@pytest.mark.parametrize("root", ["/proc", "/proc/self/root/proc"])
def test_agent_that_was_upgraded_under_its_feet_is_known(tmp_path: Path, root: str) -> None:
    program = tmp_path / NAME
    shutil.copy("/bin/sleep", program)
    with agent({b"A": b"1"}, argv0="renamed", executable=str(program)):
        program.unlink()
        assert find(root) is not None


def test_agent_is_known_by_its_comm() -> None:
    with forked(lambda: set_comm(NAME.encode())) as pid:
        found = find()
    assert found is not None
    assert found.origin == f"{NAME} (pid {pid})"


@pytest.mark.parametrize("argv0", ["{}-ctl", "x{}", "{}: x", "sh {}"])
@pytest.mark.parametrize("root", ["/proc", "/proc/self/root/proc"])
def test_other_names_are_not_the_agent(argv0: str, root: str) -> None:
    with agent({}, argv0=argv0.format(NAME)):
        assert find(root) is None


def test_agent_with_a_path_is_known() -> None:
    with agent({}, argv0=f"/usr/sbin/{NAME}"):
        assert find() is not None


def test_of_several_agents_the_lowest_pid_answers() -> None:
    with agent({b"A": b"1"}) as first, agent({b"A": b"2"}) as second:
        found = find()
    assert found is not None
    assert found.origin == f"{NAME} (pid {min(first, second)})"
    assert found.values == {"A": "1" if first < second else "2"}


@pytest.mark.parametrize("root", ["/proc", "/proc/self/root/proc"])
def test_agent_that_has_ended_is_none(root: str) -> None:
    with forked(lambda: set_comm(NAME.encode()), stays=False):
        assert find(root) is None


def test_values_that_are_not_utf8_are_as_good_as_unset() -> None:
    with agent({b"BAD": b"\xff", b"B\xffD": b"x", b"GOOD": "数".encode()}):
        found = find()
    assert found is not None
    assert found.values == {"GOOD": "数"}
    assert found.knows("BAD")


@root_only
@pytest.mark.parametrize("root", ["/proc", "/proc/self/root/proc"])
def test_agent_of_root_is_not_readable_for_others(root: str) -> None:
    # psutil is loaded before the child loses the right to read it.
    agent_process.find_environment()
    with agent({b"A": b"1"}) as pid:
        found = as_nobody(lambda: agent_process.find_environment(root))
    assert found is not None
    assert (found.values, found.complete) == ({}, False)
    assert found.origin == f"{NAME} (pid {pid}), not readable for us"
    assert not found.knows("A")


def test_directory_that_is_no_proc_has_no_agent(tmp_path: Path) -> None:
    assert find(str(tmp_path)) is None
    assert find(str(tmp_path / "missing")) is None


@pytest.mark.parametrize(
    ("block", "values"),
    [
        (b"", {}),
        (b"A=1\0", {"A": "1"}),
        (b"A=1\0A=2\0", {"A": "1"}),
        (b"A=\xff\0A=2\0", {}),
        (b"A\0=x\0\0B=2", {"B": "2"}),
        (b"A==\0", {"A": "="}),
        (b"A=x\ny\0", {"A": "x\ny"}),
    ],
)
def test_block_is_read_as_getenv_reads_it(block: bytes, values: dict[str, str]) -> None:
    assert agent_process.parse_environ(block) == values


def test_own_environment_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCCLI_TEST", "数")
    monkeypatch.setitem(os.environb, b"PROCCLI_BAD", b"\xff")
    own = agent_process.own_environment()
    assert own.values["PROCCLI_TEST"] == "数"
    assert "PROCCLI_BAD" not in own.values
    assert own.complete
