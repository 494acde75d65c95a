"""All measured cases of the socket code of `inputs.proc` agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.agent.sockets.listed import read_agent_sockets
from proccli.agent.sockets.result import sent_sockets
from proccli.model.process import NO_TAGS, Environment
from proccli.model.sockets import SyncedSocket
from proccli.versions import InputsProc
from tests.agent.measured import cases, config_of
from tests.agent.trees import TreeSource

CASES = cases("sockets.jsonl.gz")


@pytest.mark.parametrize("version", ["main", "7.0.9"])
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_agent_sends_the_rows_that_were_measured(case: Mapping[str, Any], version: str) -> None:
    """`7.0.9` is one pass of code that real agents leave before their first scan."""
    given = Inputs(
        config=config_of(case["config"], version)._replace(socket_sync_interval_s=10),
        source=TreeSource(case["tree"]),
        environment=Environment(values={}, complete=True, origin="a case"),
        tags=NO_TAGS,
        notes=(),
    )
    pipeline = Pipeline(given, frozenset({"netns", "fds"}))
    behaviour = pipeline.context.behaviour
    assert isinstance(behaviour, InputsProc)
    if version == "7.0.9":
        behaviour = behaviour._replace(socket_thread="leaves-early")
        pipeline.context = pipeline.context._replace(behaviour=behaviour)

    outcomes = pipeline.decided_all(given.source.pids())
    sent = sent_sockets(read_agent_sockets(pipeline, outcomes), behaviour)

    numbered = version != "main"
    got = [_row(socket, numbered=numbered) for socket in sent.synced]
    assert sorted(got, key=repr) == sorted(case["rows"][version], key=repr)


def _row(socket: SyncedSocket, *, numbered: bool) -> Mapping[str, object]:
    client, server = [socket.ip_0, socket.port_0], [socket.ip_1, socket.port_1]
    ours = socket.role == "client"
    row: dict[str, object] = {
        "protocol": socket.protocol,
        "role": socket.role,
        "pid": socket.pid_0 if ours else socket.pid_1,
        "local": client if ours else server,
        "remote": server if ours else client,
    }
    return row | ({"netns_idx": socket.netns_idx} if numbered else {})
