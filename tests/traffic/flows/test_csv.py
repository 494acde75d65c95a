"""CSV, with commas, semicolons or tabs."""

from __future__ import annotations

import csv
import io
from unittest.mock import patch

import pytest

from proccli.errors import FlowsError
from proccli.model.flows import SideLabel
from proccli.model.sockets import Endpoint
from proccli.terminal.warning_text import message as words_of
from proccli.traffic.flows import csv as delimited
from proccli.traffic.flows.detect import FlowFormat
from proccli.traffic.flows.fields import parse_fields
from tests.traffic.flows.labelling import ADDED, COLUMNS, NOBODY, SAMPLES, SHOP, label

HEADER = b"ip_0,client_port,ip_1,server_port,protocol\n"
ROW = b"10.0.0.5,41000,10.0.0.9,5432,tcp\n"
ADDED_CELLS = b',shop,,shop,,alice,,"blue, or green",,socket,no-socket'


def test_columns_of_clickhouse_are_read_whole() -> None:
    data = (SAMPLES / "l4_flow_log.csv").read_bytes()
    ran = label(data, fields=parse_fields("zone=Asia/Shanghai"))

    first, second = ran.flows
    assert (first.protocol, second.protocol) == ("tcp", "udp")
    assert first.side_0 == Endpoint("10.0.0.5", 41000)
    assert second.side_1 == Endpoint("2001:db8::9", 53)
    assert (first.start_s, first.end_s) == (1709746801.214356, 1709746859.999999)
    assert (first.instance_0, first.instance_1) == ("other", "pod")
    assert first.host is None
    assert ran.notes == ()
    assert ran.rows()[0]["request_resource"] == 'select "a,b"\nfrom t'
    assert ran.rows()[0]["label_0"] == "socket"


def test_times_without_a_zone_are_not_used_with_a_warning() -> None:
    ran = label((SAMPLES / "l4_flow_log.csv").read_bytes())

    assert {flow.start_s for flow in ran.flows} | {flow.end_s for flow in ran.flows} == {None}
    assert ran.codes == ["flows-zone"]
    assert "4 times without a time zone are not used" in words_of(ran.notes[0])


def test_cells_are_appended_to_the_text_as_it_is() -> None:
    row = b'"10.0.0.5",41000, 10.0.0.9 ,"54""32"x,"a,b"\r\n'
    out = label(HEADER + row).out

    assert out == (
        HEADER.rstrip()
        + b","
        + ",".join(COLUMNS).encode()
        + b"\n"
        + row.rstrip()
        + ADDED_CELLS
        + b"\r\n"
    )


def test_the_last_line_needs_no_end() -> None:
    assert label(HEADER + ROW.rstrip()).out.endswith(b"tcp" + ADDED_CELLS)


@pytest.mark.parametrize(
    ("delimiter", "form"), [(",", None), (";", None), ("\t", None), ("\t", "tsv")]
)
def test_the_delimiter_is_that_of_the_header(delimiter: str, form: None) -> None:
    data = (HEADER + ROW).decode().replace(",", delimiter).encode()
    side = SideLabel(label="socket", gprocess=f"a{delimiter}b")
    ran = label(data, form=form, sides=(side, NOBODY))

    assert ran.flows[0].side_1 == Endpoint("10.0.0.9", 5432)
    assert ran.rows(delimiter)[0]["gprocess_0"] == f"a{delimiter}b"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, b""),
        ("", b'""'),
        ("plain", b"plain"),
        ("=1+1", b"=1+1"),
        ("a,b", b'"a,b"'),
        ('a"b', b'"a""b"'),
        ("a\nb", b'"a\nb"'),
        ("a\rb", b'"a\rb"'),
        ("\udcff", b"\\xff"),
        ("é\x1b", "é\x1b".encode()),
    ],
)
def test_a_value_is_quoted_where_it_must_be(value: str | None, cell: bytes) -> None:
    out = label(HEADER + ROW, sides=(SideLabel(label="x", gprocess=value), NOBODY)).out

    assert b",tcp," + cell + b",," in out


def test_columns_that_are_there_change_in_place() -> None:
    header = b'label_0,ip_0,"gprocess_0",client_port,auto_instance_1,ip_1,server_port,label_0\n'
    row = b'old,"10.0.0.5","x,""y""",1,pg-0,10.0.0.9,2,older\n'
    out = label(header + row, keys=()).out

    assert out == (
        header.rstrip() + b",gprocess_1,auto_instance_0,label_1\n"
        b'socket,"10.0.0.5",shop,1,pg-0,10.0.0.9,2,socket,,shop,no-socket\n'
    )


def test_labelling_twice_is_labelling_once() -> None:
    once = label(HEADER + ROW * 2).out

    assert label(once).out == once


def test_a_key_with_a_comma_is_a_quoted_name() -> None:
    side = SideLabel(label="socket", tags=(("a,b", "c"),))
    ran = label(HEADER + ROW, keys=["a,b"], sides=(side, NOBODY))

    assert ran.rows()[0]["os.app.a,b_0"] == "c"


@pytest.mark.parametrize("row", [b"1,2,3\n", b"1,2,3,4,5,6\n", b"x\n", b"\xff\n", b'a,"b\nc"\n'])
def test_a_row_of_another_width_goes_out_as_it_came_in(row: bytes) -> None:
    ran = label(HEADER + row + ROW)

    assert ran.out.split(b"\n", 1)[1] == row + ROW.rstrip() + ADDED_CELLS + b"\n"
    assert ran.codes == ["flows-cells"]
    assert ":2: 1 row has" in words_of(ran.notes[0])


def test_blank_lines_are_none_of_our_business() -> None:
    ran = label(b"\n \r\n" + HEADER + b"\n" + ROW + b"\r\n\t\n")

    assert ran.out.startswith(b"\n \r\nip_0,")
    assert ran.out.endswith(b"\n\r\n\t\n")
    assert (len(ran.flows), ran.notes) == (1, ())


def test_a_row_of_empty_cells_is_a_row() -> None:
    ran = label((HEADER + b",,,,\n").replace(b",", b"\t"))

    assert [flow.problem for flow in ran.flows] == ["no ip_0"]


def test_what_follows_a_quote_that_is_never_closed_are_rows_again() -> None:
    ran = label(HEADER + ROW + b'"10.0.0.5,1,10.0.0.9,2,tcp\n' + ROW * 3)

    assert b'\n"10.0.0.5,1,10.0.0.9,2,tcp\n' in ran.out
    assert len(ran.flows) == 4
    assert ran.codes == ["flows-open-quote"]
    assert ":3: 1 row opens a quote" in words_of(ran.notes[0])


def test_the_line_of_a_row_is_counted_in_lines_not_in_rows() -> None:
    long = b'10.0.0.5,1,10.0.0.9,2,"a\nb\n\nc"\n'
    ran = label(HEADER + long + b"odd\n")

    assert len(ran.flows) == 1
    assert ":6: 1 row has" in words_of(ran.notes[0])


def test_a_record_of_endless_lines_is_refused_with_its_first_line() -> None:
    with (
        patch.object(delimited, "MAX_LINE_BYTES", 1 << 20),
        pytest.raises(FlowsError, match=r":3:1: record exceeds 1 MiB: is a quote not closed"),
    ):
        label(HEADER + ROW + b'"' + ROW * 40_000)


def test_many_quotes_take_no_longer_than_many_letters() -> None:
    # What is tried again for every quote would take minutes.
    row = b'"' + b'""' * 1_000_000 + b"\n"
    ran = label(HEADER + row + b'""",' * 500_000 + b"\n" + ROW)

    assert len(ran.flows) <= 1
    assert row in ran.out


def test_bytes_that_are_not_utf_8_stay() -> None:
    ran = label(HEADER.replace(b"protocol", b"caf\xe9,label_0") + b"10.0.0.5,1,10.0.0.9,2,\xff,x\n")

    assert b",caf\xe9,label_0," in ran.out
    assert b",\xff,socket,shop," in ran.out


def test_a_byte_order_mark_stays_and_is_no_part_of_a_name() -> None:
    ran = label(b'\xef\xbb\xbf"ip_0"' + HEADER[4:] + ROW)

    assert ran.out.startswith(b'\xef\xbb\xbf"ip_0",client_port')
    assert ran.flows[0].problem is None


@pytest.mark.parametrize("null", ["", "\\N", "NULL", '""'])
def test_what_databases_write_for_nothing_is_nothing(null: str) -> None:
    header = HEADER.rstrip() + b",pod_0,start_time\n"
    ran = label(header + ROW.rstrip() + f",{null},{null}\n".encode())

    assert ran.flows[0].instance_0 == "none"
    assert ran.notes == ()


@pytest.mark.parametrize("form", [None, "csv"])
@pytest.mark.parametrize(
    ("header", "fields"),
    [(HEADER, "ip_0=src"), (b"source;destination\n", "ip_0=src,ip_1=destination")],
)
def test_a_column_that_the_user_names_must_be_there(
    header: bytes, fields: str, form: FlowFormat | None
) -> None:
    with pytest.raises(
        FlowsError, match=r":1:1: column 'src' \(--fields ip_0=src\) does not exist"
    ):
        label(header + ROW, form=form, fields=parse_fields(fields))


def test_a_header_without_addresses_is_refused_with_its_names() -> None:
    with pytest.raises(FlowsError, match=r"among 'a', 'b' \(name the fields with --fields "):
        label(b"a,b\n1,2\n", form="csv")


def test_a_header_with_one_address_is_refused_with_its_names() -> None:
    with pytest.raises(
        FlowsError,
        match=r":1:1: no address column among 'ip_0', 'b' "
        r"\(name the fields with --fields ip_0=NAME",
    ):
        label(b"ip_0,b\n1,2\n")


def test_a_header_that_never_ends_is_refused() -> None:
    with pytest.raises(FlowsError, match="a quote in the header is not closed"):
        label(b'"ip_0\n' + ROW, form="csv")


def test_a_header_may_go_over_several_lines() -> None:
    ran = label(HEADER.replace(b"protocol", b'"a\nb"') + ROW)

    assert ran.flows[0].side_0 == Endpoint("10.0.0.5", 41000)
    assert csv.DictReader(io.StringIO(ran.out.decode(), newline="")).fieldnames == [
        "ip_0", "client_port", "ip_1", "server_port", "a\nb", *ADDED,
    ]  # fmt: skip


def test_the_users_names_are_found_whatever_the_others_are() -> None:
    fields = parse_fields("ip_0=Src IP,port_0=sport,ip_1=dst.ip,port_1=dport,start=t,zone=+08:00")
    ran = label(
        b"Src IP;sport;dst.ip;dport;t;time\n::ffff:10.0.0.5;1;10.0.0.9;2;2024-03-07 01:40:01;5\n",
        fields=fields,
        sides=(SHOP, SHOP),
    )

    flow = ran.flows[0]
    assert flow.side_0 == Endpoint("10.0.0.5", 1)
    assert (flow.start_s, flow.end_s) == (1709746801.0, None)
