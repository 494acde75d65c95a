"""Where a fleet is kept: in bounded memory, and on no disk when it is closed."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock, patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.errors import StateError
from proccli.model.hosts import ConnectionEnd, HostProcess, HostView
from proccli.model.sockets import Endpoint
from proccli.server import ends
from proccli.server.join import link_of
from proccli.server.store import Fleet
from tests.paths import ROOT
from tests.server.building import (
    end,
    endpoint,
    fleet,
    host_process,
    links,
    listener,
    refused,
    view,
    who,
)
from tests.server.fleets import fleets

CLIENT = "10.0.0.1:4000 > 10.0.0.2:80"
SERVER = "10.0.0.2:80 < 10.0.0.1:4000"


@dataclass(frozen=True, slots=True)
class Ends:
    """So many connections of ten processes, made one by one."""

    count: int
    port: int

    def __iter__(self) -> Iterator[ConnectionEnd]:
        for number in range(self.count):
            near = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            yield end(f"{near}:{self.port} > 192.0.2.1:80", 1 + number % 10)


def grown_by(count: int) -> int:
    """Bytes of Python's memory at its peak, for so many connections on each of two hosts."""
    tracemalloc.start()
    try:
        with Fleet() as made:
            for number in range(2):
                host = view(f"h{number}", processes=[host_process(pid) for pid in range(1, 11)])
                made.add(replace(host, ends=cast("Any", Ends(count, 4000 + number))))
            tracemalloc.reset_peak()
            assert sum(1 for _ in made.links()) == 2 * count
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak


def test_python_memory_does_not_grow_with_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ends, "_RUN_BYTES", 20_000)
    monkeypatch.setattr(ends, "_BLOCK", 16)
    grown_by(2_500)  # fills what is kept of addresses, of which there are only so many

    assert grown_by(2_500) < grown_by(500) + 40_000


@pytest.mark.parametrize(("run_bytes", "block"), [(1, 1), (100, 3)])
@given(several=fleets())
def test_how_ends_are_sorted_changes_nothing(
    run_bytes: int, block: int, several: Sequence[HostView]
) -> None:
    with fleet(*several) as made:
        expected = list(made.joined_connections())
    with (
        patch.object(ends, "_RUN_BYTES", run_bytes),
        patch.object(ends, "_BLOCK", block),
        Fleet() as made,
    ):
        for host in several:
            made.add(host)
            if run_bytes == 100:  # ends that come after all others have been sorted
                made.find("tcp", endpoint("10.0.0.1:4000"), endpoint("10.0.0.2:80"))

        assert list(made.joined_connections()) == expected
        for one in {known for host in several for known in host.ends}:
            found = made.find(one.protocol, one.client, one.server)
            expected_ends = [
                (number, known.pid)
                for number, its_host in enumerate(several)
                for known in its_host.ends
                if looked_up(known) == looked_up(one)
            ]
            assert sorted((known.host, known.pid) for known in found) == sorted(expected_ends)


def looked_up(known: ConnectionEnd) -> tuple[object, ...]:
    """What of an end is compared when it is looked up."""
    if known.server_ip.startswith("127."):
        return known.protocol, known.client_port, known.server_port
    return known.protocol, known.client, known.server


@given(fleets())
def test_links_are_the_joined_connections(several: Sequence[HostView]) -> None:
    with fleet(*several) as made:
        assert list(made.links()) == list(map(link_of, made.joined_connections()))


def pairs(count: int) -> Sequence[HostView]:
    """So many connections between two hosts."""
    ports = range(1, count + 1)
    return (
        view("a", *(end(f"10.0.0.1:{port} > 10.0.0.2:80", 1) for port in ports)),
        view("b", *(end(f"10.0.0.2:80 < 10.0.0.1:{port}", 2) for port in ports)),
    )


def test_a_connection_with_two_sent_ends_takes_no_objects_of_its_ends() -> None:
    with fleet(*pairs(300)) as made, patch.object(ends, "_host_end") as made_end:
        assert sum(1 for _ in made.links()) == 300

    made_end.assert_not_called()


def test_a_look_up_reads_as_little_in_a_large_fleet_as_in_a_small_one() -> None:
    """One or two blocks, and a few records to find the place in them."""
    for count in (300, 3_000):
        with fleet(*pairs(count)) as made:
            assert sum(1 for _ in made.links()) == count
            read = Mock(side_effect=ends._record)
            with patch.object(ends, "_record", read), patch.object(ends, "_split") as split:
                found = made.find("tcp", endpoint("10.0.0.1:200"), endpoint("10.0.0.2:80"))

        assert [(one.host, one.pid) for one in found] == [(0, 1), (1, 2)]
        assert read.call_count < 30
        split.assert_not_called()


SPILL = """
import os, sys
from dataclasses import replace
from proccli.server.store import Fleet
from tests.server.building import view
from tests.server.test_store import Ends

made = Fleet()
made._database.execute("PRAGMA cache_size = 50")  # pages: so that little is spilled already
for number in range(5):
    made.add(replace(view(f"h{number}"), ends=Ends(2_000, 4000 + number)))
assert sum(1 for _ in made.joined_connections()) == 10_000
spilled = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")[:-1]]
print(sum(path.startswith(os.environ["SQLITE_TMPDIR"]) for path in spilled))
print(os.listdir(os.environ["SQLITE_TMPDIR"]))
made.close()
print(os.listdir(os.environ["SQLITE_TMPDIR"]))
"""


def test_what_is_spilled_to_the_disk_has_no_name_there(tmp_path: Path) -> None:
    """So nothing of it stays, however the program ends."""
    done = subprocess.run(
        [sys.executable, "-c", SPILL],
        cwd=ROOT,
        env=os.environ | {"SQLITE_TMPDIR": str(tmp_path), "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    spilled, during, after = done.stdout.splitlines()
    assert (int(spilled) > 0, during, after) == (True, "[]", "[]")


def test_a_full_disk_is_an_error() -> None:
    host = replace(view("a"), ends=cast("Any", Ends(1_000, 4000)))
    with Fleet() as made:
        made._database.execute("PRAGMA max_page_count = 10")
        made.add(host)

        with pytest.raises(StateError, match=r"temporary database of connections: .* is full"):
            next(made.links())


def test_a_fleet_without_hosts_is_empty() -> None:
    with Fleet() as made:
        assert not [*made.joined_connections(), *made.processes(), *made.present]
        assert made.find("tcp", endpoint("10.0.0.1:1"), endpoint("10.0.0.2:2")) == []
        assert (made.count_collisions(), made.process(0, 1)) == (0, None)


def test_a_host_that_is_taken_out_is_gone() -> None:
    client = view("a", end(CLIENT, 1), listeners=[listener("0.0.0.0:80", 1)])
    with fleet(client, view("b", end(SERVER, 2)), client) as made:
        made.remove(0)

        (link,) = made.joined_connections()
        assert (who(link.client), who(link.server)) == ((2, 1), (1, 2))
        assert made.present == [1, 2]
        assert made.hosts_with("", "10.0.0.1") == [2]
        assert made.process(0, 1) is None
        assert made.listening(0, endpoint("10.0.0.1:80")) == []
        assert [(host, one.pid) for host, one in made.processes()] == [(1, 2), (2, 1)]


def test_lookups_work_during_an_iteration() -> None:
    """As it is done for UDP."""
    there, back = "10.0.0.1:1 > 10.0.0.2:2", "10.0.0.2:2 > 10.0.0.1:1"
    with fleet(view("a", *(end(text, 1, protocol="udp") for text in (there, back)))) as made:
        seen = []
        for link in made.joined_connections():
            seen.append(link.sent_end.client)
            assert len(made.find("udp", link.sent_end.server, link.sent_end.client)) == 1
            assert len(made.find("tcp", link.sent_end.server, link.sent_end.client)) == 0

    assert sorted(seen) == [Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 2)]


@pytest.mark.parametrize("text", ["0.0.0.0:1 > 0.0.0.0:2", "127.0.0.1:1 > 127.0.0.1:2"])
def test_loopback_and_the_address_of_all_are_not_mixed_up(text: str) -> None:
    with fleet(view("a", end(text, 1))) as made:
        for asked in ("0.0.0.0:1 > 0.0.0.0:2", "127.0.0.9:1 > 127.0.0.8:2"):
            client, server = map(endpoint, asked.split(" > "))
            same = text.startswith("127") == asked.startswith("127")
            assert len(made.find("tcp", client, server)) == same


def test_networks_that_collide_are_counted_by_pairs_of_addresses() -> None:
    hosts = [
        view("a", end(CLIENT, 1), end("10.0.0.1:1 > 10.0.0.2:2", 1), network="blue"),
        view("b", end(CLIENT, 1), end("127.0.0.1:1 > 127.0.0.1:2", 1), network="red"),
        view("c", end(SERVER, 2), end("127.0.0.1:1 > 127.0.0.1:2", 1)),
        view("d", end("10.0.0.1:1 > 10.0.0.2:2", 3, status="skipped", reason="no-owner")),
    ]

    with fleet(*hosts) as made:
        assert made.count_collisions() == 1


hostile = st.text(max_size=20)
processes = st.builds(
    HostProcess,
    pid=st.integers(0, 2**31 - 1),
    gprocess=st.none() | hostile,
    process_name=st.none() | hostile,
    tags=st.none() | st.lists(st.tuples(hostile, hostile), max_size=3).map(tuple),
    status=st.sampled_from(["accepted", "dropped", "skipped", "unknown"]),
    reason=st.none() | st.sampled_from(["rule", "masked"]),
    started_s=st.none() | st.integers(-(2**70), 2**70),
    cmdline=st.none() | hostile,
    masked_spans=st.lists(st.tuples(st.integers(), st.integers()), max_size=3).map(tuple),
    container_id=st.none() | hostile,
)


@given(processes)
def test_a_process_is_read_back_unchanged(one: HostProcess) -> None:
    """Half surrogate pairs and numbers beyond 64 bits included."""
    with fleet(view("a", processes=[one])) as made:
        assert made.process(0, one.pid) == one
        assert list(made.processes()) == [(0, one)]


@pytest.mark.parametrize("since_ns", [None, 0, -1, 2**63 - 1, 2**63, -(2**63), -(2**80), 2**80])
def test_any_time_can_be_kept(since_ns: int | None) -> None:
    (link,) = links(view("a", end(CLIENT, 1, since_ns=since_ns), processes=[refused(1)]))

    assert (link.sent_end.since_ns is None) == (since_ns is None)
    if since_ns is not None and abs(since_ns) < 2**63:
        assert link.sent_end.since_ns == since_ns


@given(
    st.ip_addresses(v=4).map(str),
    st.integers(0, 65_535),
    st.ip_addresses(v=4).map(str),
    st.integers(0, 65_535),
)
def test_any_address_and_port_is_read_back_and_found(
    client_ip: str, client_port: int, server_ip: str, server_port: int
) -> None:
    client, server = Endpoint(client_ip, client_port), Endpoint(server_ip, server_port)
    with fleet(view("a", end(f"{client_ip}:{client_port} > {server_ip}:{server_port}", 1))) as made:
        (found,) = made.find("tcp", client, server)
        (link,) = made.joined_connections()

    assert (found.client, found.server) == (client, server)
    assert link.client == found
