"""What real agents answered, release by release, with `static_config`: trees, rules, tags.

The cases in `tests/data/agents/legacy` were measured on the agents' own code.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from proccli.agent.inputs import Inputs
from proccli.commands.samples import NO_WAIT
from proccli.commands.sync.sync import SyncResult, sync
from proccli.config.loading import load
from proccli.config.tag_output import parse_tag_output
from proccli.errors import ConfigError, TagsError
from proccli.model.process import NO_TAGS, Environment, TagTable
from proccli.sources.opening import open_source
from tests.lab.proc_tree import make_tree
from tests.paths import DATA
from tests.sources.procfs.processes import root_only

CASES = DATA / "agents" / "legacy" / "cases.jsonl.gz"
_SOCKET_KEYS = (
    "protocol",
    "role",
    "pid_0",
    "ip_0",
    "port_0",
    "pid_1",
    "ip_1",
    "port_1",
    "netns_idx",
)
EVERY_MATCHER = {"6.6.6", "6.6.7", "6.6.8"}
"""Releases that turn the rules into matchers."""


@cache
def cases() -> Sequence[Mapping[str, Any]]:
    """The cases, in the order of the file."""
    with gzip.open(CASES, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def alike(results: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The releases to ask, each with the measured answer: one per group of alike answers, or all
    of them in a full run."""
    for result in results:
        agents = [
            agent
            for agent in result["agents"]
            if agent not in EVERY_MATCHER and (agent in os.environ.get("ONLY", agent).split(","))
        ]
        wanted = agents if os.environ.get("PROCCLI_TESTS") == "full" else agents[:1]
        yield from ((agent, result) for agent in wanted)


def answer(case: Mapping[str, Any], agent: str, tree: Path) -> SyncResult:
    """What proccli says that this release sends. Raises: ConfigError."""
    config = load(case["config"].encode(), "agent.yaml", agent=agent, via="file")
    tags = NO_TAGS
    if case["tags"] is not None and config.tag_exec and config.tag_exec_user:
        tags = tag_table(case["tags"])
    return sync(
        Inputs(
            config=config,
            source=open_source(str(tree)),
            environment=Environment(values=case["env"], complete=True, origin="the case"),
            tags=tags,
            notes=(),
        ),
        None,
        NO_WAIT,
        remembering=False,
    )


def tag_table(output: str) -> TagTable:
    """The tags in the output of a tag command; none where it is refused."""
    try:
        entries = parse_tag_output(output.encode(), "tags")
    except TagsError:
        return NO_TAGS
    return TagTable(entries=entries, known=True, origin="the case")


def as_measured(result: SyncResult, measured: Mapping[str, Any]) -> Mapping[str, Any]:
    """An answer in the words of the cases; what a release does not send is null in both."""
    first = measured["processes"][0] if measured["processes"] else {}
    lacking = {key for key in ("netns_id", "container_id") if first.get(key, 0) is None}
    processes = []
    for process in result.processes:
        assert process.os_app_tags is not None
        told = {
            "name": process.name,
            "pid": process.pid,
            "process_name": process.process_name,
            "cmdline": process.cmdline,
            "start_time": process.start_time,
            "netns_id": process.netns_id,
            "container_id": process.container_id,
            "user": process.user,
            "os_app_tags": [{"key": key, "value": value} for key, value in process.os_app_tags],
        }
        told |= dict.fromkeys(lacking)
        if first and "user" not in first:
            del told["user"]
        processes.append(told)
    return {
        "enabled": result.enabled,
        "processes": processes,
        "sockets": None if measured["sockets"] is None else sorted_sockets(result),
    }


def sorted_sockets(result: SyncResult) -> list[Any]:
    """The connections as the cases list them."""
    return in_order(
        {key: socket._asdict()[key] for key in _SOCKET_KEYS} for socket in result.sockets
    )


def in_order(sockets: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Connections in an order of their own: releases differ in theirs, which means nothing."""
    return sorted(sockets, key=lambda socket: json.dumps(socket, sort_keys=True))


@root_only  # the files of the trees belong to whoever makes them, and to root in the cases
@pytest.mark.parametrize("number", range(527))
def test_each_release_sends_what_the_real_one_sent(number: int, tmp_path: Path) -> None:
    case = cases()[number]
    tree = make_tree(case["tree"], tmp_path / "proc")
    for agent, measured in alike(case["results"]):
        if "rejected" in measured:
            with pytest.raises(ConfigError):
                answer(case, agent, tree)
            continue
        assert as_measured(answer(case, agent, tree), measured) == {
            "enabled": measured["enabled"],
            "processes": measured["processes"],
            "sockets": measured["sockets"] and in_order(measured["sockets"]),
        }, (case["id"], agent)
