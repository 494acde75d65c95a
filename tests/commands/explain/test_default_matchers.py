"""The built-in matchers of several releases on command lines as they occur on machines.

The witness is the crate itself, by FACTS, Generations and B5: each matcher searches its text, a
rename works on the matched part alone, and the last rename to another name stands.
"""

from __future__ import annotations

import functools
import json
from typing import NamedTuple

import pytest

from proccli.config.inputs_proc import MATCHERS, default_config
from proccli.versions import AGENTS
from tests.build import Machine, config, process
from tests.cli.runner import call
from tests.paths import DATA
from tests.rustregex.witness import Witness

CONTAINER = "0123456789ab" * 5 + "cdef"
LISTS = {"7.0.5": "four", "7.0.9": "ignore-and-four", "7.1.8": "six", "7.1": "seven"}
"""The matchers of each release. Source: FACTS, defaults per version."""
BLACKLISTING = ("7.1.8", "7.1")
BLACKLIST = ("sleep", "sh", "bash", "pause", "runc", "grep", "awk", "sed", "curl")
"""Names of processes that newer agents do not see. Source: FACTS B2."""


class Command(NamedTuple):
    """One line of the table."""

    comm: str
    expected: dict[str, str | None]
    """The names outside of a container, by agent."""
    argv: tuple[str, ...]

    @property
    def line(self) -> str:
        return " ".join(self.argv)


@functools.cache
def commands() -> tuple[Command, ...]:
    """All lines of the table."""
    text = (DATA / "agents" / "default-matchers.tsv").read_text()
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return tuple(
        Command(
            comm,
            {
                agent: None if name == "(none)" else name
                for agent, name in zip(("7.0.9", "7.1.8", "7.1"), names, strict=True)
            },
            tuple(cmdline.split(" ")) if cmdline else (),
        )
        for comm, *names, cmdline in lines
    )


def answered(agent: str, *, in_container: bool) -> list[str | None]:
    """The name of each command, as proccli answers."""
    defaults = default_config(config(agent=agent), AGENTS[agent])
    cgroup = f"12:pids:/docker/{CONTAINER}\n"
    machine = Machine(
        [
            process(
                pid, *command.argv, comm=command.comm, status_name=command.comm.partition(":")[0],
                exe="/usr/bin/x", cgroup=cgroup if in_container else "0::/\n",
            )
            for pid, command in enumerate(commands(), start=1)
        ],
        defaults,
    )  # fmt: skip
    outcomes = [machine.outcome(pid) for pid in range(1, len(commands()) + 1)]
    return [found.gprocess if found.status == "accepted" else None for found in outcomes]


@functools.cache
def witness(pattern: str) -> Witness:
    return Witness(pattern)


def named(command: Command, agent: str, *, in_container: bool) -> str | None:
    """The name that the crate leads to; None: no matcher takes the process."""
    raw = command.comm.partition(":")[0]
    if agent in BLACKLISTING and raw in BLACKLIST:
        return None
    name, taken, ignored = raw, False, False
    for matcher in MATCHERS[LISTS[agent]]:
        if matcher.only_in_container and not in_container:
            continue
        subject = raw if matcher.match_type == "process_name" else command.line
        asked = witness(matcher.match_regex)
        if not asked.is_match(subject):
            continue
        if matcher.ignore:
            ignored = True
            continue
        if ignored:
            continue
        taken = True
        if matcher.rewrite_name:
            part = asked.group(subject, 0) or ""
            renamed = asked.replace_all(part, matcher.rewrite_name)
            name = name if renamed == raw else renamed
    return name if taken else None


@pytest.mark.parametrize("in_container", [False, True])
@pytest.mark.parametrize("agent", LISTS)
def test_the_crate_gives_the_same_names(agent: str, in_container: bool) -> None:
    wanted = [named(command, agent, in_container=in_container) for command in commands()]

    assert len(wanted) >= 100
    assert answered(agent, in_container=in_container) == wanted


@pytest.mark.parametrize("agent", ["7.0.9", "7.1.8", "7.1"])
def test_each_command_gets_the_name_of_the_table(agent: str) -> None:
    wanted = [command.expected[agent] for command in commands()]

    assert answered(agent, in_container=False) == wanted


def test_explain_answers_without_a_configuration() -> None:
    """As a user asks: the defaults of the release are in effect."""
    ran = call("explain", "--cmdline", "node /srv/server.js", "--agent", "7.1.8", "--json")

    (found,) = json.loads(ran.out)["processes"]
    assert found["gprocess"] == "server.js"
