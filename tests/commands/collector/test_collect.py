"""The Python collector: what it writes is what proccli records of the same machine."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from proccli.commands.collector import collect
from tests.commands.collector.comparing import (
    Lines,
    collected,
    differences,
    lines_of,
    odd_processes,
    pythons,
    recorded,
)
from tests.sources.procfs.processes import public_directory, root_only


@pytest.mark.parametrize("python", pythons() or [pytest.param("", marks=pytest.mark.skip)])
def test_each_python_writes_what_proccli_records(python: str) -> None:
    with public_directory() as folder, odd_processes(folder) as ours:
        recorded()  # the first look at a socket makes it known
        reference, lines = recorded(), lines_of(collected([python], "python"))

        assert differences(reference, _exact(lines, reference), ours) == []


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
