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


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--within", "-1"], "-1.0 is not in the range"),
        (["--within", "nan"], "nan is no number of seconds"),
        (["--within", "soon"], "'soon' is not a valid float"),
        (["--format", "xml"], "'xml' is not one of 'ndjson', 'csv', 'tsv', 'zeek', 'capture'"),
        (["--fields", "ip_0"], "'ip_0' is not PART=NAME"),
        (["--fields", ""], "'' is not PART=NAME"),
        (["--fields", "ip_0=a,ip_0=b"], "'ip_0' is there twice"),
        (["--fields", "ip_2=a"], "no part of a flow is called 'ip_2'"),
        (["--fields", "zone=Mars"], "'Mars' is no time zone"),
        (["--server", "9"], "'9' is not one of"),
        (["--agent-id", "7"], "'7' is not ID=HOST"),
        (["--agent-id", "=a"], "'=a' is not ID=HOST"),
        (["--agent-id", "x=a"], "'x' is no agent's id"),
        (["--agent-id", "-1=a"], "'-1' is no agent's id"),
        (["--agent-id", "\u0667=a"], "is no agent's id"),
        (
            ["--agent-id", "4294967296=a"],
            "'4294967296' is no agent's id, a number up to 4294967295",
        ),
        (["--agent-id", "9" * 5_000 + "=a"], "is no agent's id"),
        (["--agent-id", "7=a", "--agent-id", "07=b"], "agent 7 is on one host, and not on two"),
        (["--agent-id", "7=nobody"], "no source is of the host 'nobody' of --agent-id (a, b)"),
        (["--agent-id", "7="], "no source is of the host '' of --agent-id (a, b)"),
        (["--in-network", "blue"], "no source is in the network 'blue' of --in-network"),
        (["--network", "blue"], "--network blue holds for the sources behind it: there are none"),
        (["--tags", "x"], "--tags is the output of one host's command"),
        (["-s", "-"], "only one of the sources, FLOWS, -c and --tags can read standard input"),
        (["-c", "-"], "only one of the sources, FLOWS, -c and --tags can read standard input"),
        (["-", "-"], "unexpected extra argument"),
        (["--nope"], "no such option"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], problem: str, tmp_path: Path) -> None:
    ran = label(*two_hosts(tmp_path), *arguments, stdin=ndjson(flow()), code=2)

    assert problem in ran.err
    assert (ran.out, ran.err.count("\n")) == ("", 1)


def test_an_agent_may_be_named_again(tmp_path: Path) -> None:
    again = ("--agent-id", "7=a", "--agent-id", "07=a", "--agent-id", "4294967295=a")

    assert len(objects(label(*two_hosts(tmp_path), *again, stdin=ndjson(flow())))) == 1
