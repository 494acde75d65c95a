"""JSON, one object per line."""

from __future__ import annotations

import json
import sys
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proccli.model.flows import SideLabel
from proccli.model.sockets import Endpoint
from proccli.terminal.warning_text import message as words_of
from proccli.traffic.flows.fields import parse_fields
from proccli.traffic.flows.ndjson import fast_parser, parse_line
from tests.traffic.flows.labelling import ADDED, COLUMNS, NOBODY, SAMPLES, SHOP, flow_of, label

RECORD = (
    b'{"ip_0":"10.0.0.5","client_port":41000,"ip_1":"10.0.0.9","server_port":5432,"protocol":6}'
)


def test_a_record_of_the_querier_is_read_whole() -> None:
    flow = label((SAMPLES / "l4_flow_log.jsonl").read_bytes()).flows[0]

    assert flow.protocol == "tcp"
    assert flow.side_0 == Endpoint("10.0.0.5", 41000)
    assert flow.side_1 == Endpoint("10.0.0.9", 5432)
    assert (flow.start_s, flow.end_s) == (1709746801.214356, 1709746859.999999)
    assert flow.host == "web-1-P3"
    assert (flow.instance_0, flow.instance_1) == ("other", "pod")
    assert flow.problem is None


def test_the_keys_are_appended_in_their_order() -> None:
    made = label(RECORD + b"\n").objects[0]

    assert list(made.items()) == [*json.loads(RECORD).items(), *ADDED.items()]
    assert tuple(ADDED) == COLUMNS


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":1.10,"b":18446744073709551616,"c":1e5,"d":-0.0,"e":1E+2}\n',
        b'{"b":2,"a":1}\n',
        b'\t{ "a" : [ 1 , { } ] }  \r\n',
        b'{"a":"\\u00e9\\/\\ud800"}',
        b'{"a":1,"a":2}\n',
        b'{"a":NaN}\n',
        '{"a":"\u2028é\U0001f600"}\n'.encode(),
        b'{"a":"caf\xe9 \xff\xfe"}\n',
        b'{"ip_0":' + b"9" * 5000 + b"}\n",
    ],
)
def test_everything_else_keeps_its_text(line: bytes) -> None:
    out = label(line, form="ndjson").out

    body = line.rstrip()
    begin, end = body[:-1], line[len(body) :]
    assert out.startswith(begin + b',"gprocess_0":"shop",')
    assert out.endswith(b'"label_1":"no-socket"}' + end)


@pytest.mark.parametrize("empty", [b"{}", b"{ }\r\n", b" { \t} \n"])
def test_an_empty_object_gets_no_comma(empty: bytes) -> None:
    ran = label(empty)

    assert ran.objects == [ADDED]
    assert ran.flows[0].problem == "no ip_0"


def test_keys_that_are_there_change_in_place() -> None:
    line = (
        b'{"label_0":"old", "x":{"label_0":"nested"}, "gprocess_0" : {"a":[1,"}"]} ,'
        b'"n":1.10, "label_1":"","auto_instance_0":5}\n'
    )
    out = label(line, keys=()).out

    assert out == (
        b'{"label_0":"socket", "x":{"label_0":"nested"}, "gprocess_0" : "shop" ,'
        b'"n":1.10, "label_1":"no-socket","auto_instance_0":"shop",'
        b'"gprocess_1":null,"auto_instance_1":null}\n'
    )


def test_labelling_twice_is_labelling_once() -> None:
    once = label(RECORD + b"\n" + RECORD).out

    assert label(once).out == once
    other = label(once, sides=(NOBODY, SHOP)).objects[0]
    assert (other["gprocess_0"], other["gprocess_1"]) == (None, "shop")


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        (b'{"label_0":1,"label_0":2}', b'{"label_0":"socket","label_0":"socket",'),
        (b'{"\\u006cabel_0":1}', b'{"\\u006cabel_0":"socket",'),
        (b'{"a":{"label_0":1},"\\u006cabel_0":2}', b'{"a":{"label_0":1},"\\u006cabel_0":"socket",'),
        (b'{"a":"\\"label_0\\":1","label_0":2}', b'{"a":"\\"label_0\\":1","label_0":"socket",'),
        (b'{"a":"label_0","label_0":"\\\\"}', b'{"a":"label_0","label_0":"socket",'),
        (b'{"a":["label_0",":"],"label_0":2}', b'{"a":["label_0",":"],"label_0":"socket",'),
        (b'{"caf\xe9":1,"label_0":2}', b'{"caf\xe9":1,"label_0":"socket",'),
    ],
)
def test_only_the_keys_of_the_object_itself_change(line: bytes, changed: bytes) -> None:
    assert label(line, form="ndjson").out.startswith(changed)


def test_a_records_own_instance_stays_where_the_label_has_none() -> None:
    own = RECORD[:-1] + b',"auto_instance_0":"node-1","auto_instance_1":"pg-0","gprocess_1":"x"}'
    made = label(own, sides=(NOBODY, SideLabel(label="socket", auto_instance="new"))).objects[0]

    assert (made["auto_instance_0"], made["auto_instance_1"]) == ("node-1", "new")
    assert made["gprocess_1"] is None


@pytest.mark.parametrize(
    "line",
    [b"garbage", b'{"ip_0":', b"[1]", b"1", b'"x"', b"null", b"{'a':1}", b'{"a":1},', b"\xff\xfe"],
)
def test_a_line_that_is_not_an_object_passes_unchanged(line: bytes) -> None:
    ran = label(RECORD + b"\n\n" + line + b"\r\n" + RECORD)

    assert ran.out.splitlines(keepends=True)[1:3] == [b"\n", line + b"\r\n"]
    assert len(ran.flows) == 2
    assert ran.codes == ["flows-not-json"]
    assert ":3: 1 line is not a JSON object" in words_of(ran.notes[0])


def test_of_many_broken_lines_the_first_are_named() -> None:
    ran = label(RECORD + b"\n" + b"x\n" * 10)

    assert ":2,3,4,…: 10 lines are not JSON objects" in words_of(ran.notes[0])


def test_what_is_nested_too_deeply_is_no_record() -> None:
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    ran = label(RECORD + b"\n" + deep + RECORD)

    assert deep in ran.out
    assert len(ran.flows) == 2


@pytest.mark.parametrize(
    "place", ["is_ipv4", "auto_instance_type_0", "protocol", "start_time", "agent"]
)
def test_a_nested_value_in_place_of_a_word_is_ignored(place: str) -> None:
    deep: object = 1
    for _ in range(400):
        deep = [deep]
    flow = flow_of({**json.loads(RECORD), place: deep})

    assert flow.side_0 == Endpoint("10.0.0.5", 41000)
    assert flow.protocol == (None if place == "protocol" else "tcp")
    assert (flow.start_s, flow.host) == (None, None)


def test_names_are_valid_json_whatever_is_in_them() -> None:
    nasty = SideLabel(
        label='a"b\\',
        gprocess="\udcff\ud800\x00\x1b[31m\x7f\x9b\u202e\u2028",
        tags=(("k\udc80", "v\n"),),
    )
    ran = label(RECORD, keys=["k\udc80"], sides=(nasty, NOBODY))
    made = ran.objects[0]

    assert made["gprocess_0"] == "\\xff\\ud800\x00\x1b[31m\x7f\x9b\u202e\u2028"
    assert made["label_0"] == 'a"b\\'
    assert made["os.app.k\\x80_0"] == "v\n"
    # Nothing in it acts on a terminal.
    assert all(0x20 <= byte < 0x7F for byte in ran.out)


def test_names_may_be_paths() -> None:
    fields = parse_fields(
        "ip_0=src.ip,port_0=src.port,ip_1=dst.addr.ip,port_1=dst.port,protocol=net.proto"
    )
    flow = flow_of(
        {
            "src": {"ip": "10.0.0.5", "port": "41000"},
            "dst": {"addr.ip": "10.0.0.9", "port": 5432},
            "net.proto": "udp",
            "net": {"proto": "tcp"},
        },
        fields,
    )

    assert flow.side_0 == Endpoint("10.0.0.5", 41000)
    assert flow.side_1 == Endpoint("10.0.0.9", 5432)
    assert flow.protocol == "udp"


@pytest.mark.parametrize("src", [None, 1, "x", [], {}, {"ip": None}, {"ip": {"a": 1}}])
def test_a_path_that_leads_nowhere_is_no_address(src: object) -> None:
    flow = flow_of({"src": src, "port_0": 1}, parse_fields("ip_0=src.ip"))

    assert flow.problem in ("no ip_0", "unreadable ip_0")


def test_records_of_different_keys_may_be_mixed() -> None:
    zeek = (
        b'{"id.orig_h":"10.0.0.7","id.orig_p":1,"id.resp_h":"10.0.0.8","id.resp_p":2,"proto":"udp"}'
    )
    ran = label(b"\n".join([RECORD, zeek, RECORD]))

    assert [flow.side_0 and flow.side_0.ip for flow in ran.flows] == [
        "10.0.0.5",
        "10.0.0.7",
        "10.0.0.5",
    ]


def test_a_byte_order_mark_is_taken_away() -> None:
    assert label(b"\xef\xbb\xbf" + RECORD).out.startswith(RECORD[:-1])


def test_records_without_addresses_give_one_warning() -> None:
    ran = label(b'{"src":"10.0.0.5","dst":"10.0.0.9"}\n' * 3)

    assert ran.codes == ["flows-no-addresses"]
    assert "among 'src', 'dst': name the fields with --fields ip_0=NAME" in words_of(ran.notes[0])
    assert [flow.problem for flow in ran.flows] == ["no ip_0"] * 3


_PIECES = (
    *("{", "}", "[", "]", ",", ":", '"', "\\", "\n", " ", "\t", "\r", "\x0b", "\x00", "\x1f"),
    *("0", "1", "-", "+", ".", "e", "E", "9" * 20, "9" * 400, "1e400", "NaN", "Infinity", "-0"),
    *("true", "nul", "null", '"a"', '"a":', '{"a":', "é", "\ufeff", "\x7f"),
    *("\\u0061", "\\ud800", "\\udc00", "\\x"),
)


@given(
    pieces=st.lists(st.sampled_from(_PIECES), max_size=12),
    braces=st.booleans(),
    damaged=st.booleans(),
)
@example(pieces=['"a":', "1", ",", '"a":', "2"], braces=True, damaged=False)
@example(pieces=['"a":', "9" * 400], braces=True, damaged=False)
@example(pieces=['"a":', "-0", ".", "1", "e", "9" * 20], braces=True, damaged=False)
@example(pieces=['"a":', '"', "\\ud800", "\\udc00", '"'], braces=True, damaged=False)
@example(pieces=['"a":', '"', "\x7f", "é", '"'], braces=True, damaged=True)
def test_the_faster_parser_parses_as_the_other(
    pieces: list[str], *, braces: bool, damaged: bool
) -> None:
    text = "".join(pieces)
    line = (f"{{{text}}}\n" if braces else text).encode()
    assert fast_parser() is not parse_line
    lines = (line[:-2], line[1:], line.replace("é".encode(), b"\xc3")) if damaged else (line,)
    for one in lines:
        found = []
        for parse in (parse_line, fast_parser()):
            try:
                found.append(repr(parse(one)))
            except ValueError:
                found.append("no object")
        assert found[0] == found[1]


def test_without_the_faster_parser_the_records_are_the_same() -> None:
    odd = b'{"ip_0":"10.0.0.5","client_port":1.0,"ip_1":"\xff","x":NaN,"x":1e999,"y":"\\ud800"}\n'
    records = b"".join((RECORD, b"\n", odd, b"[1]\n", b'{"a":1]\n')) * 100
    fast = label(records)
    fast_parser.cache_clear()
    try:
        with patch.dict(sys.modules, {"msgspec": None}):
            assert fast_parser() is parse_line
            slow = label(records)
    finally:
        fast_parser.cache_clear()

    assert (fast.out, fast.flows) == (slow.out, slow.flows)
    assert fast.codes == slow.codes == ["flows-not-json"]


@pytest.mark.parametrize("port", [True, 80.0, "80", " 80.0", None, [80], -1, 65_536, 1e999])
def test_equal_values_of_other_types_are_not_confused(port: object) -> None:
    """1, 1.0 and true are equal in Python."""
    plain = {"ip_0": "10.0.0.5", "client_port": 1, "ip_1": "10.0.0.9", "server_port": 80}
    records = [plain | {"protocol": 6}, plain | {"protocol": 6, "server_port": port}]
    first, second = label(b"".join(json.dumps(one).encode() + b"\n" for one in records)).flows

    assert first.side_1 == Endpoint("10.0.0.9", 80)
    if port in (80, "80", " 80.0"):
        assert second == first
    else:
        assert second.side_1 is None
