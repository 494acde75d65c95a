"""Lines as they are written are read in a faster way than others: with the same outcome."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proccli.errors import RecordingError
from proccli.model.process import FieldError
from proccli.model.sockets import AgeSource, SocketFd
from proccli.sources.recording import reader as reading
from proccli.sources.recording.lines import WrittenSockets, parse_written
from proccli.sources.recording.reader import Recording, parse_recording
from proccli.sources.recording.writer import write_recording
from tests.agent.sockets.looking import fd, tcp, tcp6, udp
from tests.build import ListSource, host, net_tables, process

NS = 4026531840


def recorded() -> bytes:
    out = io.BytesIO()
    source = ListSource(
        [
            process(7, "shop", "a:b", root_inode=2, netns=NS),
            process(8, "kernel", root_inode=2, netns=NS)._replace(cmdline=b""),
            process(
                9,
                "x",
                netns=NS,
                errors=(FieldError(field="exe", problem="denied", detail="EACCES"),),
            ),
        ],
        at=host(observed_since_ns=host().taken_at_ns - 3_000_000_123),
        sockets={
            7: [fd(3, 900, age_s=61.25), SocketFd(4, 901, 1_767_225_600_000_000_001, "observed")],
            8: [fd(5, 902, age_s=None), SocketFd(2**31 - 1, 2**64 - 1, 0, "state")],
        },
        nets={
            NS: net_tables(
                tcp=[tcp(900, "10.0.0.5:1", "10.0.0.9:65535"), tcp(0, "0.0.0.0:80")],
                tcp6=[tcp6(901, "2001:db8::1:1", "::1:2", "FIN_WAIT2"), tcp6(902, "10.0.0.5:0")],
                udp=[udp(903, "0.0.0.0:53")],
            )
        },
        users={0: "root"},
    )
    write_recording(out, source)
    return out.getvalue()


WHOLE = recorded()
LINES = WHOLE.splitlines(keepends=True)


@contextmanager
def only_the_careful_way() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "parse_written", lambda _line: None)
        yield


def outcome(raw: bytes) -> Recording | str:
    try:
        return parse_recording(io.BytesIO(raw), "web-1.jsonl")
    except RecordingError as error:
        return str(error)


def assert_same_outcome(raw: bytes) -> Recording | str:
    found = outcome(raw)
    with only_the_careful_way():
        assert outcome(raw) == found
    return found


def test_what_the_writer_writes_is_read_in_the_faster_way() -> None:
    """Else nothing here tests anything."""
    unusual = [line for line in LINES if parse_written(line) is None]
    kinds = [json.loads(line)["type"] for line in unusual]
    # A number of 20 digits is unusual, a value that could not be read, and an empty table.
    assert sorted(kinds) == ["end", "header", "net", "process", "process", "users"]
    assert isinstance(assert_same_outcome(WHOLE), Recording)


@given(
    st.integers(0, len(WHOLE) - 1),
    st.integers(0, 2),
    st.sampled_from(sorted(b'"{}[],:09aA \\\xff')),
)
def test_damaged_text_has_one_outcome(position: int, length: int, instead: int) -> None:
    assert_same_outcome(WHOLE[:position] + bytes([instead]) + WHOLE[position + length :])


VALUES: list[object] = [
    *(None, True, False, 0, 1, -1, 1.0, 7, 2**31 - 1, 2**31, 2**32, 2**64 - 1, 2**64),
    *("", "x", "1", "\ud800", "a\0b", "process", "sockets", "net"),
    *([], [[]], [0], [None], ["x"], ["a\0b", "c"], ["\ud800"], [[0, 1]]),
    *([{"base64": "AA=="}], [{"base64": "/w=="}, "x"], {}, {"x": 1}),
    [["LISTEN", "0.0.0.0", 80, "0.0.0.0", 0, 1]],
    [{"fd": 1, "inode": 2, "since": None, "age_source": "unknown"}],
    {"field": "fds", "problem": "denied", "detail": ""},
]
KEYS = sorted({key for line in LINES for key in json.loads(line)} | {"more"})


@given(
    st.integers(0, len(LINES) - 1), st.sampled_from(KEYS), st.sampled_from(VALUES), st.booleans()
)
def test_a_changed_value_has_one_outcome(
    number: int, key: str, value: object, in_front: bool
) -> None:
    document = json.loads(LINES[number])
    document = {key: value, **document} if in_front else document
    document[key] = value
    changed = json.dumps(document, separators=(",", ":")).encode() + b"\n"
    assert_same_outcome(b"".join([*LINES[:number], changed, *LINES[number + 1 :]]))


SOCKET = '{"fd":3,"inode":900,"since":null,"age_source":"unknown"}'
ROW = '["LISTEN","0.0.0.0",80,"0.0.0.0",0,1]'


def sockets_line(items: str) -> str:
    return f'{{"type":"sockets","pid":7,"sockets":[{items}]}}'


def net_line(items: str, *, table: str = "tcp", tail: str = ',"error":null}') -> str:
    return f'{{"type":"net","net":1,"netns":{NS},"table":"{table}","rows":[{items}]{tail}'


@pytest.mark.parametrize(
    "line",
    [
        sockets_line(f"{SOCKET},{SOCKET}"),
        sockets_line(SOCKET),
        sockets_line(SOCKET + ","),
        sockets_line("," + SOCKET),
        sockets_line(f"{SOCKET} {SOCKET}"),
        sockets_line(SOCKET + "]"),
        sockets_line(SOCKET).replace("}]", "}]}"),
        sockets_line(SOCKET).replace('"pid"', '"sockets":[],"pid"'),
        sockets_line(SOCKET).replace("]", f'],"sockets":[{SOCKET}]'),
        sockets_line(SOCKET).replace('"sockets":[', '"x":{"y":1,"sockets":['),
        sockets_line(SOCKET).replace('"sockets":[', '"x":{"y":1,"sockets":[') + "}",
        sockets_line("").replace("]", f'],"x":{{"y":1,"sockets":[{SOCKET}]}}'),
        sockets_line(SOCKET).replace("7,", '"7,'),
        sockets_line(SOCKET).replace("7,", '"7,').replace("]", ']"'),
        sockets_line(SOCKET).replace('7,"sockets":', r'"7,\"sockets\":').replace("]", ']"'),
        sockets_line(SOCKET).replace('{"type":', '["type",', 1),
        sockets_line(SOCKET.replace("3", "03")),
        sockets_line(SOCKET.replace("3", "3e0")),
        sockets_line(SOCKET.replace("3", "\u0663")),
        sockets_line(SOCKET.replace("}", ',"fd":3}')),
        sockets_line(SOCKET.replace("unknown", "state")),
        net_line(ROW),
        net_line(ROW, table="udp"),
        net_line(ROW, table="raw"),
        net_line(ROW + ",1"),
        net_line(ROW, tail="}"),
        net_line(ROW, tail=',"error":"}"}'),
        net_line(ROW, tail=',"error":"}'),
        net_line(ROW.replace("80", "65536")),
        net_line(ROW.replace("0.0.0.0", "0.0.0.256")),
        net_line(ROW.replace("1", "9" * 20)),
    ],
)
def test_a_line_beside_the_written_form_has_one_outcome(line: str) -> None:
    end = json.loads(LINES[-1])
    for sockets, rows in ((1, 0), (2, 0), (0, 1), (0, 0)):  # one of them is right
        counts = {**end, "sockets": end["sockets"] + sockets, "rows": end["rows"] + rows}
        last = json.dumps(counts).encode()
        assert_same_outcome(b"".join([*LINES[:-1], line.encode(), b"\n", last, b"\n"]))


@given(st.integers(0, 10**20), st.integers(0, 10**10), st.sampled_from(["unknown", "state"]))
@example(10**19 - 1, 10**9 - 1, "state")
def test_written_numbers_are_in_range(inode: int, number: int, age_source: AgeSource) -> None:
    since = "null" if age_source == "unknown" else '"2026-01-02T03:04:05.000000006Z"'
    item = f'{{"fd":{number},"inode":{inode},"since":{since},"age_source":"{age_source}"}}'
    found = parse_written(sockets_line(item).encode() + b"\n")
    if inode >= 10**19 or number >= 10**9:
        assert found is None
    else:
        since_ns = None if since == "null" else 1_767_323_045_000_000_006
        assert found == WrittenSockets(7, [SocketFd(number, inode, since_ns, age_source)])


@pytest.mark.parametrize(("count", "faster"), [(10_000, True), (10_001, False)])
def test_many_escapes_are_read_the_careful_way(count: int, faster: bool) -> None:
    """The faster one remembers each: four million take a gigabyte."""
    out = io.BytesIO()
    cmdline = b"\x01" * count
    write_recording(out, ListSource([process(7, "x", netns=NS)._replace(cmdline=cmdline)]))
    (line,) = (one for one in out.getvalue().splitlines(True) if b'"type":"process"' in one)

    assert (parse_written(line) is not None) == faster
    found = assert_same_outcome(out.getvalue())
    assert isinstance(found, Recording)
    assert found.read(7).cmdline == cmdline
