"""Zeek's logs, in columns and as JSON."""

from __future__ import annotations

import re

import pytest

from proccli.errors import FlowsError
from proccli.model.flows import SideLabel
from proccli.model.sockets import Endpoint
from proccli.traffic.flows.fields import parse_fields
from tests.traffic.flows.labelling import COLUMNS, NOBODY, SAMPLES, SHOP, Ran, label

LOG = (SAMPLES / "conn.log").read_bytes()
JSON = (SAMPLES / "conn.json.log").read_bytes()
LINES = LOG.splitlines(keepends=True)
SMALL = b"#fields\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\n10.0.0.5\t1\t10.0.0.9\t2\n"


def read_by_zeek(log: bytes) -> list[dict[str, str | None]]:
    """The rows as Zeek's own reader takes them, for fields of type string."""
    rows, fields = [], list[str]()
    for line in log.decode(errors="surrogateescape").split("\n")[:-1]:
        cells = line.split("\t")
        if cells[0] == "#fields":
            fields = cells[1:]
        elif not line.startswith("#"):
            assert len(cells) == len(fields)
            rows.append(dict(zip(fields, map(said, cells), strict=True)))
    return rows


def said(cell: str) -> str | None:
    if cell == "-":
        return None
    if cell == "(empty)":
        return ""
    raw = re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), cell.encode())
    return raw.decode()


def test_a_connection_log_is_read_whole() -> None:
    flows = label(LOG).flows

    assert [flow.protocol for flow in flows] == ["tcp", "udp", None, "tcp"]
    assert flows[0].side_0 == Endpoint("10.0.0.5", 41000)
    assert flows[0].side_1 == Endpoint("10.0.0.9", 5432)
    assert flows[0].start_s == 1709746801.214356
    assert flows[0].end_s == pytest.approx(1709746802.464356)
    assert flows[3].side_0 == Endpoint("2001:db8::5", 50412)
    assert (flows[2].start_s, flows[2].end_s) == (1709746803.5, None)
    assert {flow.problem for flow in flows} == {None}


def test_fields_and_types_get_the_columns_and_rows_the_cells() -> None:
    out = label(LOG).out.splitlines(keepends=True)

    assert len(out) == len(LINES)
    for before, after in zip(LINES, out, strict=True):
        if before.startswith(b"#fields"):
            assert after == before.rstrip() + b"\t" + "\t".join(COLUMNS).encode() + b"\n"
        elif before.startswith(b"#types"):
            assert after == before.rstrip() + b"\tstring" * len(COLUMNS) + b"\n"
        elif before.startswith(b"#"):
            assert after == before
        else:
            assert after == before[:-1] + (
                b"\tshop\t-\tshop\t-\talice\t-\tblue, or green\t-\tsocket\tno-socket\n"
            )


def test_logs_may_follow_each_other_with_other_fields() -> None:
    other = (
        b"#separator \\x7c\n#unset_field|NIL\n#empty_field|EMPTY\n#path|http\n"
        b"#fields|id.resp_p|id.resp_h|id.orig_p|id.orig_h\n"
        b"2|10.0.0.8|NIL|10.0.0.7\n"
    )
    ran = label(LOG + other + LOG, keys=(), sides=(NOBODY, SideLabel(label="a|b", gprocess="")))

    assert [flow.problem for flow in ran.flows] == [None] * 4 + ["no port_0"] + [None] * 4
    assert b"\n2|10.0.0.8|NIL|10.0.0.7|NIL|EMPTY|NIL|NIL|no-socket|a\\x7cb\n" in ran.out
    assert ran.notes == ()


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, b"-"),
        ("", b"(empty)"),
        ("-", b"\\x2d"),
        ("(empty)", b"\\x28empty)"),
        ("a\tb\nc\\", b"a\\x09b\\x0ac\\x5c"),
        ("#x", b"\\x23x"),
        ("a,b", b"a,b"),
        ("\x1b\x7f\x9b", b"\\x1b\\x7f\\xc2\\x9b"),
        ("é", "é".encode()),
        ("\udcff", b"\\x5cxff"),
    ],
)
def test_values_are_written_as_zeek_does(value: str | None, cell: bytes) -> None:
    side = SideLabel(label="x", gprocess=value)
    out = label(SMALL, keys=(), sides=(side, NOBODY)).out

    assert out.splitlines()[1].split(b"\t")[4] == cell
    made = read_by_zeek(out)[0]["gprocess_0"]
    assert made == (value if value != "\udcff" else "\\xff")


def test_columns_that_are_there_change_in_place() -> None:
    once = label(LOG, sides=(NOBODY, SHOP)).out
    assert label(once, sides=(SHOP, SHOP)).out == label(LOG, sides=(SHOP, SHOP)).out
    typed = SMALL.replace(b"id.orig_p", b"id.orig_p\tgprocess_0", 1).replace(b"\t1\t", b"\t1\t7\t")
    out = label(typed.replace(b"\n", b"\n#types\taddr\tport\tcount\taddr\tport\n", 1), keys=()).out
    assert b"#types\taddr\tport\tstring\taddr\tport\t" in out
    assert b"\n10.0.0.5\t1\tshop\t10.0.0.9\t2\t" in out


@pytest.mark.parametrize("row", [b"1\t2\t3\n", b"a\tb\tc\td\te\r\n", b"x\n", b"\xff\xfe"])
def test_a_row_of_another_width_goes_out_as_it_came_in(row: bytes) -> None:
    ran = label(SMALL + row)

    assert ran.out.endswith(row)
    assert ran.codes == ["flows-cells", "flows-no-protocol"]


def test_rows_before_any_fields_go_out_as_they_came_in() -> None:
    ran = label(b"#separator \\x09\n1.5\tx\n" + SMALL)

    assert ran.out.startswith(b"#separator \\x09\n1.5\tx\n#fields")
    assert ran.codes == ["flows-no-fields", "flows-no-protocol"]
    assert len(ran.flows) == 1


@pytest.mark.parametrize(
    "comment",
    [
        b"#",
        b"#\n",
        b"#close\t2024\n",
        b"# text\n",
        b"#fields",
        b"#types\tx\n",
        b"#separator \n",
        b"\n",
        b"#\xff\n",
    ],
)
def test_comments_and_odd_headers_change_nothing(comment: bytes) -> None:
    ran = label(SMALL + comment)

    assert ran.out.startswith(label(SMALL).out)
    assert ran.out.endswith(comment if comment != b"#fields" else b"label_1")


def test_what_is_written_for_nothing_need_not_be_utf_8() -> None:
    ran = label(
        b"#unset_field\t\xff\n#empty_field\t\xfe\n" + SMALL, keys=(), sides=(NOBODY, NOBODY)
    )

    assert ran.out.endswith(b"\t2\t\xff\t\xff\t\xff\t\xff\tno-socket\tno-socket\n")


@pytest.mark.parametrize("separator", [b"\\xe9", b"\xff", b"||", b"\\x2c", b" "])
def test_any_separator_will_do(separator: bytes) -> None:
    raw = {b"\\xe9": b"\xe9", b"\\x2c": b","}.get(separator, separator)
    log = b"#separator " + separator + b"\n" + SMALL.replace(b"\t", raw)
    ran = label(log, keys=(), sides=(SHOP, NOBODY))

    assert len(ran.flows) == 1
    assert ran.out.splitlines()[2].split(raw)[4:] == [
        b"shop",
        b"-",
        b"shop",
        b"-",
        b"socket",
        b"no-socket",
    ]


def test_line_ends_of_another_system_stay() -> None:
    out = label(SMALL.replace(b"\n", b"\r\n")).out

    assert out == label(SMALL).out.replace(b"\n", b"\r\n")


def test_a_log_of_something_else_is_told_about() -> None:
    ran = label(b"#separator \\x09\n#fields\tts\tmem\n1.5\t2\n")

    assert ran.codes == ["flows-no-addresses"]
    assert ran.flows[0].problem == "no ip_0"


def test_json_logs_have_the_same_flows() -> None:
    ran = label(JSON)

    assert without_end(ran) == without_end(label(LOG))[:3]
    assert ran.objects[0]["label_0"] == "socket"
    assert ran.flows[0].end_s == pytest.approx(1709746802.464356)


def without_end(ran: Ran) -> list[tuple[object, ...]]:
    return [(flow.protocol, flow.side_0, flow.side_1, flow.start_s) for flow in ran.flows]


def test_nested_ids_are_found_too() -> None:
    nested = b'{"id":{"orig_h":"10.0.0.5","orig_p":1,"resp_h":"10.0.0.9","resp_p":2},"ts":1.5e9}'
    flow = label(nested).flows[0]

    assert (flow.side_0, flow.side_1) == (Endpoint("10.0.0.5", 1), Endpoint("10.0.0.9", 2))
    assert flow.start_s == 1.5e9


DEEPFLOW = ["ip_0", "client_port", "ip_1", "server_port", "protocol"]
ROW = ["10.0.0.5", "1", "10.0.0.9", "2", "6"]
SIDES = (Endpoint("10.0.0.5", 1), Endpoint("10.0.0.9", 2))


@pytest.mark.parametrize("name", ["id", "id.orig", "id.resp_h", "src"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "#fields"])
def test_a_column_has_nothing_nested(name: str, delimiter: str) -> None:
    """A column called `id` is not the Zeek record `id`."""
    separator = "\t" if delimiter == "#fields" else delimiter
    header = separator.join([*(["#fields"] if delimiter == "#fields" else []), name, *DEEPFLOW])
    text = f"{header}\n{separator.join(['1', *ROW])}\n".encode()

    (flow,) = label(text).flows

    assert (flow.problem, flow.side_0, flow.side_1) == (None, *SIDES)


def test_names_of_fields_are_whole_columns() -> None:
    """A path in --fields means a key in JSON only."""
    header = ",".join(["src", *DEEPFLOW[1:]])
    text = f"{header}\n{','.join(ROW)}\n".encode()

    with pytest.raises(FlowsError, match=r"column 'src\.ip' .* does not exist"):
        label(text, fields=parse_fields("ip_0=src.ip"), form="csv")


@pytest.mark.parametrize("value", ["7", '"x"', "null", "{}", '{"orig_p": 1}', '[{"orig_h": 1}]'])
def test_a_nested_name_counts_only_where_it_is(value: str) -> None:
    record = f'{{"id": {value}, "ip_0": "10.0.0.5", "client_port": 1,'
    record += ' "ip_1": "10.0.0.9", "server_port": 2, "protocol": 6}\n'
    nested = '{"id":{"orig_h":"10.0.0.5","orig_p":1,"resp_h":"10.0.0.9","resp_p":2}}\n'

    for text in (record, record + nested, nested + record):
        for flow in label(text.encode()).flows:
            assert (flow.problem, flow.side_0, flow.side_1) == (None, *SIDES)


def test_the_users_names_come_before_zeeks() -> None:
    flow = label(LOG, fields=parse_fields("ip_0=id.resp_h,start=uid,host=service")).flows[0]

    assert flow.side_0 == Endpoint("10.0.0.9", 41000)
    assert (flow.start_s, flow.end_s) == (None, None)
    assert flow.host == "postgresql"
