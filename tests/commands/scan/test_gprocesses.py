"""What is handed to the server's side of things of each accepted process."""

from __future__ import annotations

import pytest

from proccli.agent.inputs import Inputs
from proccli.commands.scan.gprocesses import identify, reported
from proccli.commands.scan.scan import ScanResult, scan
from proccli.model.process import NO_TAGS, FieldError, Host, Problem, Process
from proccli.versions import SERVERS
from tests.build import NO_ENVIRONMENT, ListSource, config, host, process, tag_table

POD = "a" * 64
LIVE, AS_USER = host(kind="live"), host(kind="live", privileged=False)
DIRECTORY, RECORDING = host(kind="directory"), host(kind="recording")


def scanned(*processes: Process, at: Host = LIVE) -> ScanResult:
    source = ListSource(processes, at=at, users={0: "root"})
    tags = tag_table({1: [("owner", "alice")]})
    return scan(
        Inputs(
            config=config(("drop.*", "process_name", "drop"), ("x", "cmdline", "accept", "")),
            source=source,
            environment=NO_ENVIRONMENT,
            tags=tags,
            notes=(),
        )
    )


def test_all_that_is_compared_or_stored_is_handed_on() -> None:
    (outcome,) = scanned(process(1, "/bin/x", "", "y z", cgroup=f"0::/{POD}\n")).outcomes
    found = reported(outcome, LIVE, "agent 7")

    assert (found.pid, found.name, found.process_name, found.cmdline) == (1, "x", "x", "/bin/x y z")
    assert (found.user, found.tags, found.agent) == ("root", (("owner", "alice"),), "agent 7")
    assert (found.container_id, found.masked_spans) == (POD, ())


def test_masked_spans_count_characters_of_the_command_line() -> None:
    """The agent drops empty arguments; a hole of theirs is nowhere."""
    (outcome,) = scanned(process(1, "é", "", "pö***", masked_spans=((4, 4), (7, 10)))).outcomes
    found = reported(outcome, LIVE)
    assert [found.cmdline[start:end] for start, end in found.masked_spans] == ["***"]


@pytest.mark.parametrize(
    ("problem", "at", "expected"),
    [
        ("malformed", AS_USER, ""),
        ("denied", LIVE, ""),
        ("denied", AS_USER, None),
        ("missing", LIVE, ""),
        ("missing", DIRECTORY, None),
        ("missing", RECORDING, None),
        ("gone", LIVE, None),
        ("failed", LIVE, None),
    ],
)
def test_a_container_is_not_known_where_the_agent_may_see_one(
    problem: Problem, at: Host, expected: str | None
) -> None:
    error = FieldError(field="cgroup", problem=problem, detail="X")
    (outcome,) = scanned(process(1, "x", errors=(error,)), at=at).outcomes
    assert reported(outcome, at).container_id == expected


def test_only_what_is_accepted_is_counted_and_the_open_ones_apart() -> None:
    denied = FieldError(field="cmdline", problem="denied", detail="EACCES")
    result = scanned(
        process(9, "same"),
        process(3, "same"),
        process(4, "dropped"),
        process(5, cmdline=None, errors=(denied,)),
        at=AS_USER,
    )
    for server, counted in (("6.5", 2), ("7.1", 1)):
        found = identify(result.outcomes[::-1], AS_USER, SERVERS[server])
        assert list(found.by_pid) == [3, 9]
        assert [name.pids for name in found.names] == [(3, 9)]
        assert (found.at_least, found.at_most, found.undecided) == (counted, counted, 1)


def test_a_disabled_sync_changes_nothing() -> None:
    """As with the name it would have."""
    source = ListSource([process(1, "x")])
    result = scan(
        Inputs(
            config=config(sync_enabled=False),
            source=source,
            environment=NO_ENVIRONMENT,
            tags=NO_TAGS,
            notes=(),
        )
    )
    assert list(identify(result.outcomes, result.host, SERVERS["7.1"]).by_pid) == [1]
