"""Real connections, captured by tcpdump and read by proccli."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from proccli.model.sockets import Endpoint
from proccli.traffic.tot.connections import assemble_connections
from tests.cli.runner import call
from tests.paths import ROOT
from tests.traffic.captures.rawclient import CLIENT, KERNEL, PID, PORT, VARIANTS
from tests.traffic.captures.reading import read
from tests.traffic.captures.witness import by_tshark


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """The capture, and what the kernel's listener saw."""
    for program in ("tcpdump", "ip", "unshare"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} here")
    path = tmp_path_factory.mktemp("live") / "x.pcap"
    unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-r", "-n"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no network namespace to be had")
    done = subprocess.run(
        [*unshare, sys.executable, "-m", "tests.traffic.captures.rawclient", str(path)],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=120,
    )
    if b"Operation not permitted" in done.stderr or b"not supported" in done.stderr:
        pytest.skip(f"no interfaces to be had: {done.stderr.decode().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr.decode()
    return path, json.loads(done.stdout)


def test_the_kernel_took_them_for_connections(captured: tuple[Path, list[Any]]) -> None:
    """An option that it doesn't know changes nothing for it."""
    assert captured[1] == [
        {"peer": [CLIENT, 41_000 + number], "said": "hello", "end": ""}
        for number in range(len(VARIANTS))
    ]


def test_segments_are_those_that_tshark_sees(captured: tuple[Path, list[Any]]) -> None:
    assert read(captured[0])[0] == by_tshark(captured[0])


def test_each_connection_has_the_option_of_its_client(
    captured: tuple[Path, list[Any]],
) -> None:
    found = sorted(
        assemble_connections(read(captured[0])[0]), key=lambda each: each.flow.side_0 or ()
    )
    told = {}
    for variant, connection in zip(VARIANTS, found, strict=True):
        assert connection.client_certain
        assert connection.flow.side_1 == Endpoint(KERNEL, PORT)
        assert connection.options_1 == ()
        told[variant] = {
            (
                each.option.version,
                each.option.pid,
                each.option.address,
                each.option.seq == each.seq,
                each.option.agent_id,
                each.option.ambiguous,
            )
            for each in connection.options_0
        }

    assert told == {
        "v1": {(1, PID, CLIENT, True, None, False)},
        "v1-without-seq": {(1, PID, CLIENT, False, None, False)},
        "v1-without-address": {(1, PID, None, True, None, False)},
        "v1-bare": {(1, PID, None, False, None, False)},
        "v1-translated": {(1, PID, None, False, None, True)},
        "v2": {(2, PID, None, False, 7, False)},
        "none": set(),
    }


def test_the_command_shows_it(captured: tuple[Path, list[Any]]) -> None:
    ran = call("tot", str(captured[0]), "--json")

    summary = json.loads(ran.out)["summary"]
    assert ran.code == 0
    assert (summary["options"], summary["v1"], summary["v2"]) == (12, 10, 2)
    assert (summary["ambiguous"], summary["translated"], summary["other_253"]) == (2, 0, 0)
    assert summary["syns"] == 2 * len(VARIANTS)
