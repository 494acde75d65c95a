"""The table of a topology: what it says, and that it fits."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from proccli.commands.topology.table import topology_table
from proccli.commands.topology.words import briefly, left_out_text, why_unknown
from proccli.model.outcome import Reason
from proccli.model.sockets import SocketReason
from proccli.model.topology import RemoteStatus
from proccli.terminal.view import ASCII, View
from tests.build import config
from tests.commands.topology.edges import (
    edge,
    empty,
    every_kind,
    fleet,
    host,
    hostile,
    node,
    small,
    topology,
)


def lines(width: int | None = None, **changes: object) -> list[str]:
    return topology_table(replace(every_kind(), **changes), View(width=width)).splitlines()  # type: ignore[arg-type]


def test_five_hundred_addresses_are_one_line() -> None:
    (line,) = [line for line in lines() if line.startswith("500 addresses")]

    assert re.split(r" {2,}", line) == [
        "500 addresses",
        "→ nginx @web-1",
        "80/tcp",
        "1,000",
        "server",
        "not in the recordings",
    ]


def test_a_line_says_who_to_whom_at_which_port_how_often_and_how_sure() -> None:
    text = re.sub(r" +", " ", topology_table(small(), View()))

    assert "nginx @web-1 → shop @web-1 8080/tcp 12 both ends\n" in text
    assert (
        "shop @web-1 → redis-server @db-1 6379/tcp 1 client not sent: dropped by the rules\n"
        in text
    )


def test_connections_of_one_client_stand_together_the_busiest_client_first() -> None:
    heads = [line.split("  ")[0] for line in lines()[1:17]]

    assert list(dict.fromkeys(heads)) == [
        "500 addresses",
        "203.0.113.7",
        "nginx @web-1",
        "shop @web-1",
        "postgres @db-1",
        "psql @web-1",
    ]
    assert [heads.count(head) for head in dict.fromkeys(heads)] == [1, 1, 2, 10, 1, 1]


def test_hosts_follow_with_the_time_at_which_each_was_taken() -> None:
    text = "\n".join(lines())

    assert "web-1  2026-01-02T03:04:05Z  web-1.jsonl.gz  10.0.0.5\n" in text
    assert "sampled up to 1m apart" in text


def test_the_table_ends_with_totals_and_what_was_left_out() -> None:
    total = (
        "1,062 connections, 4 processes in 3 nodes, 2 hosts: 22 seen at both ends, 8 seen at the"
        " client end, 1,032 seen at the server end"
    )

    assert lines()[-2:] == [
        total,
        "16 connection ends not sent: 12 IPv6, 4 too young.",
    ]


def test_a_selection_says_how_much_of_all_it_is() -> None:
    (line,) = [line for line in lines(connections=2_000) if "seen at" in line]

    assert line.startswith("1,062 of 2,000 connections shown, ")


def test_agents_that_are_switched_off_are_named() -> None:
    assert lines(config=config(sync_enabled=False))[-1] == (
        "The agents would send nothing: os-proc-sync-enabled is false."
    )


def test_outputs_of_sync_were_made_with_configurations_of_their_own() -> None:
    assert lines(config=None)[-3].startswith(
        "from the output of proccli sync · grouped by gprocess"
    )


def test_what_is_not_seen_may_be_sent_all_the_same() -> None:
    text = topology_table(replace(empty(), incomplete=True), View(width=80))

    assert text.splitlines()[-1] == "1 host: no connection is known to be sent."


@pytest.mark.parametrize(
    ("connections", "words"),
    [(0, "1 host: no connection is sent."), (7, "1 host: 0 of 7 connections shown.")],
)
def test_nothing_is_said_to_be_nothing(connections: int, words: str) -> None:
    text = topology_table(replace(empty(), connections=connections), View(width=80))

    assert text.splitlines()[-1] == words


@pytest.mark.parametrize("width", [1, 40, 50, 80, 120, 200])
@pytest.mark.parametrize("of", [small, every_kind, hostile, empty, lambda: fleet(500)])
def test_no_line_is_wider_than_a_terminal_of_forty_columns(width: int, of: object) -> None:
    assert callable(of)
    for line in topology_table(of(), View(width=width)).splitlines():
        assert cell_len(line) <= max(width, 40), line


def test_piped_nothing_is_shortened() -> None:
    text = topology_table(hostile(), View())

    assert "W" * 300 in text
    assert "漢" * 200 in text
    assert "…" not in text


def test_ascii_is_ascii() -> None:
    assert topology_table(every_kind(), View(width=80, glyphs=ASCII)).isascii()


def test_the_network_is_a_column_where_there_are_several() -> None:
    here = topology([host("a", network="eu"), host("b", kind="live", taken_at_ns=0)], [], [])
    text = topology_table(here, View())

    assert re.search(r"^HOST  NETWORK  TAKEN", text)
    assert re.search(r"^b +live +b\.jsonl\.gz", text, re.MULTILINE)


def test_the_output_of_sync_is_named_as_such() -> None:
    here = topology([host("a", kind="sync", source="a.json")], [], [])

    assert "sync: a.json" in topology_table(here, View())


def test_many_addresses_of_a_host_are_counted() -> None:
    here = topology([host("a", *(f"10.0.0.{at}" for at in range(9)))], [], [])

    assert "10.0.0.0, 10.0.0.1, 10.0.0.2 and 6 more" in topology_table(here, View())


def test_grouped_by_host_no_name_is_said_twice() -> None:
    nodes = [node(1, "web-1", "web-1", gprocess=None), node(2, "db-1", "db-1", gprocess=None)]
    here = topology([host("web-1"), host("db-1")], nodes, [edge(1, 2, 5432)], group_by="host")

    assert topology_table(here, View()).splitlines()[1].startswith("web-1   → db-1    5432/tcp")


@pytest.mark.parametrize("remote", get_args(RemoteStatus))
@pytest.mark.parametrize(
    "reason", [None, "dropped", "later", *get_args(SocketReason), *get_args(Reason)]
)
def test_every_reason_has_words_and_a_doubt_sounds_like_one(
    remote: RemoteStatus, reason: str | None
) -> None:
    one = edge(1, None, 80, remote=remote, remote_reason=reason, remote_host="h")
    words, brief = why_unknown(one), briefly(one)

    assert words
    assert 0 < len(brief) <= 22
    assert ("not sent" in words and "may" not in words) == (remote == "not-sent")
    assert words.startswith("may not be sent") == (remote == "undecided")
    assert brief.endswith("?") == (remote == "undecided")


def test_what_was_left_out_is_sorted_and_nothing_is_nothing() -> None:
    assert left_out_text({"ipv6": 0}) == ""
    assert left_out_text({"no-owner": 1, "ipv6": 3, "zzz": 1_000}) == (
        "1,004 connection ends not sent: 1,000 zzz, 3 IPv6, 1 owned by another process"
    )


@given(st.text(max_size=30), st.integers(20, 120))
def test_no_name_breaks_a_line(name: str, width: int) -> None:
    here = topology(
        [host(name)], [node(1, name, name), node(2, "h", name)], [edge(1, 2, 80), edge(2, None, 1)]
    )
    text = topology_table(here, View(width=width))

    assert len(text.splitlines()) == text.count("\n")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u200b]", text)


def test_very_many_hosts_are_counted() -> None:
    """What is above them would be out of sight."""

    def hosts_of(count: int) -> list[str]:
        many = replace(small(), hosts=tuple(host(f"h{number:03}") for number in range(count)))
        return [line for line in topology_table(many, View()).splitlines() if line[:2] == "h0"]

    assert len(hosts_of(40)) == 40
    assert len(hosts_of(41)) == 10
    many = replace(small(), hosts=tuple(host(f"h{number}") for number in range(1_041)))
    assert "\nand 1,031 more hosts (--json lists all)\n\n" in topology_table(many, View())
