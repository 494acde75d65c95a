"""Warnings about processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from proccli.commands.warnings import outcome_notes
from proccli.model.note import Note
from proccli.model.outcome import Outcome
from proccli.model.process import FieldError, Process
from proccli.terminal.warning_text import message
from tests.build import Machine, config, host, process
from tests.cli.runner import call
from tests.paths import DATA


def cycles(parents: Mapping[int, int], agent: str = "6.5") -> list[Note]:
    processes = [process(pid, "x", ppid=ppid) for pid, ppid in parents.items()]
    return [note for note in notes(processes, agent) if note.code == "parent-cycle"]


def notes(processes: Iterable[Process], agent: str) -> tuple[Note, ...]:
    outcomes = [
        Outcome(
            process=found,
            status="accepted",
            reason="implicit-accept",
            process_name="x",
            cmdline="x",
            rule=None,
            hits=(),
            gprocess="x",
            tags=(),
            start_s=0,
            uptime_s=100,
            agent_uptime_s=100,
            agent_start_s=0,
            user="root",
        )
        for found in processes
    ]
    return outcome_notes(config()._replace(agent=agent), host(), outcomes)


@pytest.mark.parametrize(
    ("parents", "number", "first"),
    [
        ({5: 5}, 1, 5),
        ({2: 3, 3: 2}, 2, 2),
        ({9: 3, 3: 4, 4: 3, 5: 9, 1: 0}, 2, 3),
        ({1: 1, 2: 3, 3: 4, 4: 2}, 4, 1),
    ],
)
def test_processes_that_are_their_own_ancestors_kill_the_agent(
    parents: Mapping[int, int], number: int, first: int
) -> None:
    """Source: FACTS A4, run."""
    (note,) = cycles(parents)
    assert (note.number("processes"), note.number("first_pid")) == (number, first)
    assert "agent 6.5" in message(note)
    assert "it dies" in message(note)


def test_a_family_without_a_circle_is_nothing_to_note() -> None:
    assert cycles({0: 0, 1: 0, 2: 1, 3: 2, 4: 2, 5: 77}) == []


@pytest.mark.parametrize(
    ("agent", "number"), [("6.2.5", 0), ("6.2.6", 1), ("6.6.5", 1), ("6.6.6", 0)]
)
def test_only_agents_that_walk_without_a_guard_die(agent: str, number: int) -> None:
    assert len(cycles({2: 2}, agent)) == number


@pytest.mark.parametrize(("agent", "number"), [("6.2.6.4", 0), ("6.3.0", 2), ("6.5", 1)])
def test_a_control_group_at_whose_name_the_agent_ends_is_named(agent: str, number: int) -> None:
    """Source: FACTS A0, A8, run."""
    within = "cri-containerd-0" + "é" * 33 + "123"
    cgroups = {7: "1:cpu:/cri-containerd.service\n", 5: f"1:cpu:/{within}\n", 3: "0::/\n"}
    processes = [process(pid, "x")._replace(cgroup=text) for pid, text in cgroups.items()]

    found = [note for note in notes(processes, agent) if note.code == "container-id-cut"]

    assert [note.number("processes") for note in found] == [number] * bool(number)
    for note in found:
        assert note.number("first_pid") == 5
        assert f"at which agent {agent} ends" in message(note)


@pytest.mark.parametrize(
    ("agent", "field"),
    [("6.2.0", "exe"), ("6.5", "cmdline"), ("7.1.8", "status"), ("6.6.8", "exe")],
)
def test_what_can_not_be_read_is_not_blamed_on_an_ancestor(agent: str, field: str) -> None:
    given = config()._replace(agent=agent)
    if agent > "6.6.5":
        given = given._replace(dialect="inputs.proc", feature="proc.gprocess_info")
    error = FieldError(field=field, problem="denied", detail="EACCES")
    unread = process(9, "x")._replace(status_name="x", errors=(error,))
    unread = unread._replace(exe=None) if field == "exe" else unread._replace(cmdline=None)
    seen_by = host(privileged=False)

    outcome = Machine([unread], given, at=seen_by).outcome(9)
    found = [n for n in outcome_notes(given, seen_by, [outcome]) if n.code == "unreadable-for-us"]

    assert [note.counts("problems") for note in found] == [(("denied", 1),)]


@pytest.mark.parametrize(
    ("agent", "interval", "expected"),
    [("6.5", 10, False), ("6.6.5", 10, False), ("6.6.6", 10, True), ("6.6.8", 0, False)],
)
def test_agents_that_stop_looking_for_sockets_are_named(
    agent: str, interval: int, expected: bool
) -> None:
    """Source: FACTS A10, B8; run."""
    text = f"os-proc-sync-enabled: true\nos-proc-socket-sync-interval: {interval}\n"
    snapshot = str(DATA / "snapshots" / "odd-arguments.jsonl")

    ran = call("sockets", "-s", snapshot, "-c", "-", "--agent", agent, stdin=text.encode())

    assert ran.code == 0
    assert (f"agent {agent} stops looking for sockets" in ran.err) is expected
