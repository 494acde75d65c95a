"""The Python collector: what it writes is what proccli records of the same machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Final

import pytest

from tests.commands.collector.comparing import (
    Lines,
    alone,
    busybox_only,
    collected,
    differences,
    lines_of,
    odd_processes,
    pythons,
    recorded,
)
from tests.sources.procfs.processes import public_directory

COMMANDS: Final[Mapping[str, Sequence[str]]] = {
    **{python: (python, "-") for python in pythons()},
    "dash": ("dash", "-s"),
    "bash": ("bash", "-s"),
    "busybox": ("sh", "-s"),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """What each interpreter that is here has otherwise than proccli has."""

    def run(reference: Lines, ours: Sequence[int], name: str) -> list[str]:
        applets = busybox_only(tmp_path_factory.mktemp("busybox")) if name == "busybox" else None
        path = str(applets) if applets else os.environ["PATH"]
        command = [shutil.which(COMMANDS[name][0], path=path) or "", *COMMANDS[name][1:]]
        return differences(reference, _exact(lines_of(collected(command, path)), reference), ours)

    def run_all() -> Mapping[str, list[str]]:
        with public_directory() as folder, odd_processes(folder) as ours:
            recorded()  # the first look at a socket makes it known
            reference = recorded()
            return {name: run(reference, ours, name) for name in COMMANDS if shutil.which(name)}

    return alone(run_all)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_interpreter_writes_what_proccli_records(
    name: str, found: Mapping[str, list[str]]
) -> None:
    if name not in found:
        pytest.skip(f"no {name} here")
    assert found[name] == []


def _exact(lines: Lines, exact: Lines) -> Lines:
    """The same, with the times of sockets that differ by a microsecond made equal.

    Python 2 has times as floating point numbers.
    """
    times = {
        (line["pid"], item["fd"], item["inode"]): item["since"]
        for line in exact
        if line["type"] in ("process", "sockets")
        for item in line.get("sockets") or ()
    }
    for line in lines:
        for item in line["sockets"] or () if line["type"] in ("process", "sockets") else ():
            known = times.get((line["pid"], item["fd"], item["inode"]), "")
            if known[:-4] == item["since"][:-4]:
                item["since"] = known
    return lines
