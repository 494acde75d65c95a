"""`proccli label` of real connections that were too short to be seen, captured by tcpdump, whose
segments say which real process has sent them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runner import call
from tests.commands.label.labelling import label, objects
from tests.lab.recorded import CONFIG, lab_or_skip, with_lifetime
from tests.lab.recorder import Recorder
from tests.topology.traced import (
    DESK,
    FAR_ROUTER,
    PORT,
    STORE,
    Labelled,
    Network,
    Program,
    end,
    give_away,
    start,
    traced_network,
)

pytestmark = pytest.mark.root

VARIANTS = ("v1", "v1-address", "v1-seq", "v1-bare", "v2")
DESK_PORTS = dict(zip(VARIANTS, range(41_000, 41_005), strict=True))
TILL_PORTS = dict(zip(VARIANTS, range(42_000, 42_005), strict=True))
PLAIN, KEPT, DATA_ONLY, NOBODYS, ANSWERED = 41_010, 41_011, 41_012, 41_013, 41_014
DROPPED, GONE, RECYCLED = 41_020, 41_030, 41_040
AGENTS = ("--agent-id", "7=desk-1", "--agent-id", "8=till-1")
"""The agents that version 2 names."""
ALL = ("till-1", "desk-1", "store-1")
TAGS = "  os-app-tag-exec: [/opt/tags.sh]\n  os-app-tag-exec-user: nobody\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The capture, and recordings of the hosts by their names."""

    capture: Path
    config: Path
    paths: Mapping[str, Path]
    programs: Mapping[str, Program]

    def labelled(self, *names: str, options: Sequence[str] = ()) -> Labelled:
        """What is said of each connection, by the recordings of these hosts."""
        sources = [f"-s{self.paths[name]}" for name in names]
        ran = label("-c", str(self.config), *sources, *options, str(self.capture))
        return {record["client_port"]: record for record in objects(ran)}

    def side(self, how: str, called: str) -> tuple[Any, ...]:
        """What a side is that is labelled so with this program."""
        program = self.programs[called]
        return how, called, program.host.name, program.pid, program.owner


CUT_OFF_S = 3.2
"""Start times are up to two seconds early: the machine's, and a process's own, are whole ones."""


def side(record: Mapping[str, Any], n: int = 0) -> tuple[Any, ...]:
    keys = ("label", "gprocess", "host", "pid", "os.app.owner")
    return tuple(record[f"{key}_{n}"] for key in keys)


def unlabelled(why: str) -> tuple[Any, ...]:
    return why, None, None, None, None


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with lab_or_skip(), traced_network() as network:
        yield record(network, tmp_path_factory.mktemp("traced"))


def record(network: Network, folder: Path) -> Recorded:
    """Short connections, which are long closed when their hosts are recorded."""
    programs = start_programs(network)
    mark(network, programs)
    time.sleep(CUT_OFF_S)
    with network.captured(folder / "x.pcap"):
        for called in ("till", "desk", "second", "backup", "gone", "recycled"):
            programs[called].tell("USR1")
        programs["desk"].tell("USR2")
    desk = network.desk.host
    for called in ("gone", "recycled"):
        end(desk, programs[called].pid)
    time.sleep(CUT_OFF_S)
    give_away(desk, programs["recycled"].pid)
    programs["impostor"] = start(desk, "caller", f"{STORE}:{PORT}", "41050", called="impostor")
    text = with_lifetime(CONFIG.read_text(encoding="utf-8"), 0) + TAGS
    for host in network.hosts:
        its = [one for one in programs.values() if one.host is host and host.is_running(one.pid)]
        tags = [{"pid": one.pid, "tags": [{"key": "owner", "value": one.owner}]} for one in its]
        host.write("/opt/tags.sh", f"#!/bin/sh\necho '{json.dumps(tags)}'\n", mode=0o755)
    config = folder / "agent.yaml"
    config.write_text(text, encoding="utf-8")
    return Recorded(
        capture=folder / "x.pcap",
        config=config,
        paths=Recorder(config=text).record(network.hosts, folder),
        programs=programs,
    )


def start_programs(network: Network) -> dict[str, Program]:
    """By their names. Pids are as equal on all hosts as they can be: whoever takes one for
    another's is found out by that."""
    to = f"{STORE}:{PORT}"
    desk, till = network.desk.host, network.till.host
    others = (*DESK_PORTS.values(), PLAIN, DATA_ONLY, NOBODYS, KEPT)
    answer = start(network.store.host, "answer", str(PORT), str(PORT + 1), called="answer")
    programs = [answer]
    for host, called, ports in ((till, "till", TILL_PORTS.values()), (desk, "desk", others)):
        give_away(host, answer.pid)
        programs.append(start(host, "caller", to, *map(str, ports), called=called))
    give_away(network.router, answer.pid)
    programs.append(start(network.router, "caller", to, "1", called="decoy"))
    for called, port in (("backup", DROPPED), ("gone", GONE), ("recycled", RECYCLED)):
        programs.append(start(desk, "caller", to, str(port), called=called))
    second = start(desk, "caller", f"{STORE}:{PORT + 1}", str(ANSWERED), called="second")
    return {one.called: one for one in (*programs, second)}


def mark(network: Network, programs: Mapping[str, Program]) -> None:
    """Whose segments are sent from which port, as the kernels know it."""
    desk = network.desk
    for traced, called, agent, ports in (
        (desk, "desk", 7, DESK_PORTS),
        (network.till, "till", 8, TILL_PORTS),
    ):
        for variant, port in ports.items():
            traced.mark(port, variant, programs[called].pid, agent=agent)
    desk.mark(DATA_ONLY, "v1", programs["desk"].pid, of=["data"])
    desk.mark(NOBODYS, "v1", 0)
    for called, port in (
        ("desk", KEPT),
        ("second", ANSWERED),
        ("backup", DROPPED),
        ("gone", GONE),
        ("recycled", RECYCLED),
    ):
        desk.mark(port, "v1", programs[called].pid)
    network.store.mark(PORT, "v1", programs["answer"].pid, of=["data"])
    # What answers a SYN is marked with whoever runs.
    network.store.mark(PORT + 1, "v1", programs["answer"].pid, of=["syn-ack"])


def test_the_kernels_took_them_for_connections(recorded: Recorded) -> None:
    """Each was opened and answered in front of tcpdump, once."""
    found = recorded.labelled(*ALL)

    others = {PLAIN, DATA_ONLY, NOBODYS, KEPT, ANSWERED, DROPPED, GONE, RECYCLED}
    assert found.keys() == {*DESK_PORTS.values(), *TILL_PORTS.values()} | others
    assert {record["client_certain"] for record in found.values()} == {True}
    for port, record in found.items():
        assert record["ip_0"] == (FAR_ROUTER if port in TILL_PORTS.values() else DESK)
        assert record["ip_1"] == STORE


def test_equal_pids_are_other_processes_on_other_hosts(recorded: Recorded) -> None:
    """Or nothing would be proved by a label."""
    programs = recorded.programs

    assert len({programs[called].pid for called in ("till", "desk", "answer", "decoy")}) == 1


def test_each_short_connection_is_its_process(recorded: Recorded) -> None:
    found = recorded.labelled(*ALL)

    assert {variant: side(found[port]) for variant, port in DESK_PORTS.items()} == {
        "v1": recorded.side("tot", "desk"),
        "v1-address": recorded.side("tot", "desk"),
        "v1-seq": recorded.side("tot-likely", "desk"),
        "v1-bare": recorded.side("tot-likely", "desk"),
        "v2": recorded.side("tot-likely", "desk"),
    }
    by_agent = recorded.labelled(*ALL, options=AGENTS)
    assert side(by_agent[DESK_PORTS["v2"]]) == recorded.side("tot", "desk")


def test_what_is_masqueraded_is_seen_through_where_the_option_says_so(recorded: Recorded) -> None:
    """The address of the segment is the router's, which no source has."""
    found = recorded.labelled(*ALL)

    assert {variant: side(found[port]) for variant, port in TILL_PORTS.items()} == {
        "v1": recorded.side("tot", "till"),
        "v1-address": recorded.side("tot", "till"),
        "v1-seq": unlabelled("no-host"),
        "v1-bare": unlabelled("no-host"),
        "v2": unlabelled("no-host"),
    }
    by_agent = recorded.labelled(*ALL, options=AGENTS)
    assert side(by_agent[TILL_PORTS["v2"]]) == recorded.side("tot", "till")


def test_a_router_that_is_recorded_is_never_certainly_the_sender(recorded: Recorded) -> None:
    """It has a process of the very pid, and its address stands in the segments."""
    found = recorded.labelled(*ALL, "router-1", options=AGENTS)

    assert {variant: side(found[port])[:2] for variant, port in TILL_PORTS.items()} == {
        "v1": ("tot", "till"),
        "v1-address": ("tot", "till"),
        "v1-seq": ("tot-likely", "decoy"),
        "v1-bare": ("tot-likely", "decoy"),
        "v2": ("tot", "till"),
    }


@pytest.mark.parametrize("others", [(), ("desk-1",), ("desk-1", "router-1")])
def test_a_host_that_is_not_recorded_is_not_another(
    recorded: Recorded, others: Sequence[str]
) -> None:
    """Although they all have a process of that pid."""
    found = recorded.labelled("store-1", *others)

    for variant in ("v1", "v1-address"):
        assert side(found[TILL_PORTS[variant]]) == unlabelled("no-host")


def test_of_a_socket_that_is_still_there_the_server_knows(recorded: Recorded) -> None:
    found = recorded.labelled(*ALL)[KEPT]

    assert side(found) == recorded.side("socket", "desk")
    assert side(found, 1) == recorded.side("socket", "answer")


def test_a_server_is_only_likely_the_one_that_its_data_name(recorded: Recorded) -> None:
    """It sends no SYN; and what its kernel answers to one names whoever runs."""
    found = recorded.labelled(*ALL)

    for port in (*DESK_PORTS.values(), *TILL_PORTS.values(), PLAIN):
        assert side(found[port], 1) == recorded.side("tot-likely", "answer")
    assert side(found[ANSWERED], 1) == unlabelled("tot-syn-ack")


def test_what_no_option_says_is_not_made_up(recorded: Recorded) -> None:
    found = recorded.labelled(*ALL)

    assert side(found[PLAIN]) == unlabelled("no-connection")
    assert side(found[NOBODYS]) == unlabelled("tot-no-pid")
    assert side(found[DATA_ONLY]) == recorded.side("tot-likely", "desk")


def test_a_process_that_is_dropped_gets_no_label(recorded: Recorded) -> None:
    found = recorded.labelled(*ALL)[DROPPED]

    assert side(found) == ("dropped", None, "desk-1", recorded.programs["backup"].pid, None)


def test_a_pid_that_is_anothers_by_now_is_nobodys(recorded: Recorded) -> None:
    """Of one process that has ended, and of one whose pid was given out again."""
    found = recorded.labelled(*ALL)

    assert recorded.programs["impostor"].pid == recorded.programs["recycled"].pid
    assert side(found[GONE]) == unlabelled("no-process")
    assert side(found[RECYCLED]) == unlabelled("other-time")


def test_tot_shows_the_same_senders(recorded: Recorded) -> None:
    ran = call("tot", "-o", "jsonl", "--unique", str(recorded.capture))

    told = {(one["src"]["port"], one["pid"]) for one in map(json.loads, ran.out.splitlines())}
    desk, till = (recorded.programs[called].pid for called in ("desk", "till"))
    assert told >= {(port, desk) for port in DESK_PORTS.values()}
    assert told >= {(port, till) for port in TILL_PORTS.values()}
    assert (PLAIN, desk) not in told
