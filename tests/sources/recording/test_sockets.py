"""Sockets and socket tables in recordings: whole, and damaged."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proccli.errors import Location, RecordingError
from proccli.model.process import FieldError
from proccli.model.sockets import (
    KINDS,
    STATE_NAMES,
    TABLES,
    Endpoint,
    Protocol,
    SocketFd,
    SocketRow,
)
from proccli.sources.recording import sockets as nets
from proccli.sources.recording.format import Checked
from proccli.sources.recording.reader import Recording, parse_recording
from proccli.sources.recording.writer import write_recording
from tests.agent.sockets.looking import REFUSED, fd, tcp, tcp6, udp
from tests.build import ListSource, host, net_tables, process

NS = 4026531840
SOURCE = ListSource(
    [process(7, "shop", netns=NS), process(8, "nginx", netns=NS), process(9, "hidden", netns=NS)],
    at=host(observed_since_ns=host().taken_at_ns - 3_000_000_123),
    sockets={
        7: [fd(3, 900, age_s=61.25), SocketFd(4, 901, 1_767_225_600_000_000_001, "observed")],
        8: [fd(5, 902, age_s=None), SocketFd(2**31 - 1, 2**64 - 1, 0, "state")],
        9: REFUSED,
    },
    nets={
        NS: net_tables(
            tcp=[tcp(900, "10.0.0.5:1", "10.0.0.9:65535"), tcp(0, "0.0.0.0:80")],
            tcp6=[tcp6(901, "2001:db8::1:1", "::1:2", "FIN_WAIT2"), tcp6(902, "10.0.0.5:0")],
            udp=[udp(903, "0.0.0.0:53")],
            udp6=FieldError(field="net/udp6", problem="denied", detail="EACCES"),
        )
    },
)


def written(source: ListSource) -> bytes:
    out = io.BytesIO()
    write_recording(out, source)
    return out.getvalue()


def parse(raw: bytes) -> Recording:
    return parse_recording(io.BytesIO(raw), "web-1.jsonl")


def test_sockets_and_tables_come_back_as_they_were() -> None:
    recording = parse(written(SOURCE))
    for pid in (7, 8):
        assert recording.socket_fds(pid) == tuple(SOURCE.sockets[pid])
        assert recording.net_tables(pid) == SOURCE.nets[NS]
    assert recording.socket_fds(9) == REFUSED
    assert recording.host.observed_since_ns == SOURCE.host.observed_since_ns


def test_a_namespace_is_not_opened_through_an_unreadable_process() -> None:
    recording = parse(written(SOURCE))
    assert {table.error and table.error.problem for table in recording.net_tables(9)} == {"gone"}


def test_a_process_that_is_not_there_has_no_sockets() -> None:
    found = parse(written(SOURCE)).socket_fds(4242)
    assert isinstance(found, FieldError)
    assert found.problem == "gone"


def test_a_recording_of_a_recording_is_the_same() -> None:
    once = written(SOURCE)
    out = io.BytesIO()
    write_recording(out, parse(once))
    again = parse(out.getvalue())
    assert again.sockets == parse(once).sockets
    assert again.net_tables_by_number == parse(once).net_tables_by_number


def test_each_namespace_is_written_once() -> None:
    lines = [json.loads(line) for line in written(SOURCE).splitlines()]
    assert [line["table"] for line in lines if line["type"] == "net"] == list(TABLES)


def test_long_tables_take_several_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nets, "ROWS_PER_LINE", 3)
    rows = [tcp(inode, f"10.0.0.5:{inode}", "10.0.0.9:5432") for inode in range(1, 12)]
    source = ListSource(
        [process(7, "shop", netns=NS)], sockets={7: []}, nets={NS: net_tables(tcp=rows)}
    )
    raw = written(source)
    assert sum(b'"table":"tcp"' in line for line in raw.splitlines()) == 4
    assert parse(raw).net_tables(7)[0].rows == tuple(rows)


class Nameless(ListSource):
    """Processes whose `ns` can't be read: 7 and 9 show the same tables, 8 others."""

    def net_tables(self, pid: int):  # type: ignore[no-untyped-def]
        return net_tables(tcp=[tcp(pid % 2, "0.0.0.0:80")])


def test_processes_without_a_namespace_keep_their_own_tables() -> None:
    source = Nameless([process(pid, "x") for pid in (7, 8, 9)])
    raw = written(source)
    recording = parse(raw)
    assert sum(b'"table":"tcp"' in line for line in raw.splitlines()) == 2
    for pid in (7, 8, 9):
        assert recording.net_tables(pid) == source.net_tables(pid)


class FirstIsGone(ListSource):
    """A source whose process 7 exits before its tables are read."""

    def net_tables(self, pid: int):  # type: ignore[no-untyped-def]
        if pid != 7:
            return super().net_tables(pid)
        gone = {
            name: FieldError(field=f"net/{name}", problem="gone", detail="ENOENT")
            for name in TABLES
        }
        return net_tables(**gone)


def test_the_tables_of_a_namespace_are_those_of_a_process_that_is_still_there() -> None:
    rows = [tcp(900, "0.0.0.0:80")]
    source = FirstIsGone(
        [process(7, "x", netns=NS), process(8, "x", netns=NS)],
        at=host(kind="live"),
        nets={NS: net_tables(tcp=rows)},
    )
    assert parse(written(source)).net_tables(7)[0].rows == tuple(rows)


class Differing(ListSource):
    """A copy of /proc in which each process shows tables of its own."""

    def net_tables(self, pid: int):  # type: ignore[no-untyped-def]
        if pid == 9:
            return net_tables(tcp=FieldError(field="net/tcp", problem="malformed", detail="x"))
        return net_tables(tcp=[tcp(900 + pid % 2, "0.0.0.0:80")])

    def addresses(self, pid: int) -> list[str]:
        return [f"10.0.0.{pid % 2}"]


def test_tables_that_differ_within_a_namespace_are_all_kept() -> None:
    """Which of them the agent reads depends on the rules."""
    source = Differing([process(pid, "x", netns=NS) for pid in (6, 7, 8, 9)])
    raw = written(source)
    recording = parse(raw)
    for pid in (6, 7, 8, 9):
        assert recording.net_tables(pid) == source.net_tables(pid)
        assert recording.addresses(pid) == tuple(source.addresses(pid))
    assert sum(b'"table":"tcp"' in line for line in raw.splitlines()) == 3
    assert len(written(recording)) == len(raw)  # type: ignore[arg-type]  # any source


def test_more_sockets_than_fit_into_a_line_take_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nets, "SOCKETS_PER_LINE", 3)
    held = [fd(number, 900 + number) for number in range(10)]
    source = ListSource([process(7, "x", netns=NS), process(8, "y")], sockets={7: held})
    raw = written(source)

    assert raw.count(b'"type":"sockets"') == 3
    assert parse(raw).socket_fds(7) == tuple(held)
    with pytest.raises(RecordingError, match="process 8 has no line"):
        parse(
            raw.replace(b'"sockets","pid":7', b'"sockets","pid":8').replace(
                b'"pid":8,"ppid"', b'"pid":9,"ppid"'
            )
        )


# ---- damage -----------------------------------------------------------------------------------


def damaged(kind: str, change: Callable[[dict[str, Any]], object]) -> str:
    """What is said of the recording whose first line of a kind was changed."""
    lines = [json.loads(line) for line in written(SOURCE).splitlines()]
    change(next(line for line in lines if line["type"] == kind))
    raw = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    with pytest.raises(RecordingError) as caught:
        parse(raw)
    return str(caught.value)


def put(*path: Any, value: Any) -> Callable[[dict[str, Any]], object]:
    """A change of one value, however deep."""

    def change(line: dict[str, Any]) -> None:
        place: Any = line
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


@pytest.mark.parametrize(
    "row",
    [
        [],
        "a row",
        ["ESTABLISHED", "10.0.0.5", 1, "10.0.0.9", 2],
        ["ESTABLISHED", "10.0.0.5", 1, "10.0.0.9", 2, 3, 4],
        ["established", "10.0.0.5", 1, "10.0.0.9", 2, 3],
        ["UNCONNECTED", "10.0.0.5", 1, "10.0.0.9", 2, 3],
        ["ESTABLISHED", "10.0.0.256", 1, "10.0.0.9", 2, 3],
        ["ESTABLISHED", "10.0.0.5", 1, "localhost", 2, 3],
        ["ESTABLISHED", "10.0.0.5\u0000", 1, "10.0.0.9", 2, 3],
        ["ESTABLISHED", "\u001b[2J", 1, "10.0.0.9", 2, 3],
        ["ESTABLISHED", "::ffff:10.0.0.5%eth0", 1, "10.0.0.9", 2, 3],
        ["ESTABLISHED", "2001:DB8::1", 1, "10.0.0.9", 2, 3],
        ["ESTABLISHED", "\ud800:", 1, "10.0.0.9", 2, 3],
        ["ESTABLISHED", "10.0.0.5", -1, "10.0.0.9", 2, 3],
        ["ESTABLISHED", "10.0.0.5", 65536, "10.0.0.9", 2, 3],
        ["ESTABLISHED", "10.0.0.5", True, "10.0.0.9", 2, 3],
        ["ESTABLISHED", "10.0.0.5", 1.0, "10.0.0.9", 2, 3],
        ["ESTABLISHED", "10.0.0.5", 1, "10.0.0.9", 2, 2**64],
        ["ESTABLISHED", None, 1, "10.0.0.9", 2, 3],
    ],
)
def test_a_row_that_is_none_is_refused(row: Any) -> None:
    assert "a row is not a state" in damaged("net", put("rows", 0, value=row))


@pytest.mark.parametrize(
    ("kind", "path", "value", "says"),
    [
        ("net", ["table"], "raw", "not a table"),
        ("net", ["netns"], 5, "not a table of this namespace"),
        ("net", ["net"], 0, "net is not between"),
        ("net", ["rows"], None, "rows is not an array"),
        ("net", ["error"], {"field": "net/udp", "problem": "denied", "detail": ""}, "not an error"),
        ("net", ["error"], {"field": "net/tcp", "problem": "denied", "detail": ""}, "both rows"),
        ("process", ["sockets"], None, "either sockets or sockets_error"),
        ("process", ["sockets_error"], {}, "either sockets or sockets_error"),
        ("process", ["sockets", 0, "fd"], -1, "fd is not between"),
        ("process", ["sockets", 0, "inode"], "900", "inode is not a whole number"),
        ("process", ["sockets", 0, "since"], None, "contradict each other"),
        ("process", ["sockets", 0, "since"], "yesterday", "since is not a time"),
        ("process", ["sockets", 0, "age_source"], "guess", "contradict each other"),
        ("process", ["sockets", 0, "age_source"], "unknown", "contradict each other"),
        ("process", ["sockets", 0, "more"], 1, "unknown key"),
        ("process", ["net"], "1", "net is not a whole number"),
        ("header", ["watched_since"], 5, "watched_since is not a string"),
        ("header", ["watched_since"], "2026", "watched_since is not a time"),
        ("end", ["sockets"], 3, "states 3 sockets"),
        ("end", ["rows"], 6, "states 6 rows"),
    ],
)
def test_damage_is_named(kind: str, path: list[Any], value: Any, says: str) -> None:
    assert says in damaged(kind, put(*path, value=value))


ADDRESSES = st.ip_addresses(v=4).map(str) | st.sampled_from(["::", "::1", "2001:db8::5", "fe80::1"])
ENDS = st.builds(Endpoint, ADDRESSES, st.integers(min_value=0, max_value=65535))


@st.composite
def any_rows(draw: st.DrawFn) -> dict[str, list[SocketRow]]:
    tables: dict[str, list[SocketRow]] = {}
    for name in TABLES:
        protocol: Protocol = KINDS[name][0]
        states = st.sampled_from(sorted(STATE_NAMES[protocol].values()))
        tables[name] = [
            SocketRow(protocol, KINDS[name][1], draw(states), draw(ENDS), draw(ENDS), inode)
            for inode in draw(st.lists(st.integers(min_value=0, max_value=2**64 - 1), max_size=3))
        ]
    return tables


@given(any_rows())
def test_any_tables_come_back(tables: dict[str, list[SocketRow]]) -> None:
    source = ListSource([process(7, "x", netns=NS)], nets={NS: net_tables(**tables)})
    assert parse(written(source)).net_tables(7) == source.nets[NS]


def is_kept(address: str) -> bool:
    """Whether a row with this address is a row."""
    row = ["LISTEN", address, 80, "0.0.0.0", 0, 1]
    line = {"type": "net", "net": 1, "netns": NS, "table": "tcp", "rows": [row], "error": None}
    try:
        nets.NetReader().add(Checked(line, Location("x", 1, 1), "net"))
    except RecordingError:
        return False
    return True


def is_address(text: str) -> bool:
    """Whether the C library reads this text as an address and writes it so."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, text)) == text
    except (OSError, ValueError):
        return False


@given(
    st.from_regex(r"[0-9]{1,4}(\.0?[0-9]{1,3}){2,4}[ .]?", fullmatch=True)
    | st.ip_addresses().map(str)
    | st.text("0123456789.:af \0\u0663", max_size=16)
)
@example("1.2.3.4\n")
@example("::1")
@example("::ffff:10.0.0.1")
@example("0::1")
@example("\u0661.2.3.4")
def test_an_address_is_what_the_c_library_writes(text: str) -> None:
    assert is_kept(text) == is_address(text)
