"""`proccli label` on the command line: how it begins, and how it ends."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.cli.labelling import flow, label, labels, ndjson, objects, two_hosts


@pytest.mark.parametrize("piped", [False, True], ids=["file", "pipe"])
@pytest.mark.parametrize("records", [1, 3, 5_000])
def test_what_comes_before_a_damage_is_printed(
    records: int, tmp_path: Path, *, piped: bool
) -> None:
    """However little of it there is, and although it was packed."""
    path = tmp_path / "flows.gz"
    packed = gzip.compress(ndjson(*(flow(n=n) for n in range(records))))
    path.write_bytes(packed[:-8])
    hosts = two_hosts(tmp_path)

    ran = label(*hosts, *([] if piped else [str(path)]), stdin=path.read_bytes(), code=3)

    found = objects(ran)
    assert [record["n"] for record in found] == [*range(records)]
    assert {labels(record) for record in found} == {("socket", "socket")}
    where = "<stdin>" if piped else path
    assert ran.err == (
        f"proccli: error: {where}:{records + 1}:1: cut short: the gzip data end too early\n"
    )
